"""Style as a test: the include arrows, who may use which library, sizes, words that do not belong, formatting.

The arrows are those of docs/ARCHITECTURE.md; a folder may include itself, base and what its arrow points to.
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDERS = ["base", "log", "ingest", "zset", "processors", "views", "replay", "server"]
ARROWS = {
    "base": set(),
    "log": {"base"},
    "ingest": {"base", "log"},
    "zset": {"base"},
    "processors": {"base", "zset"},
    "views": {"base", "zset"},
    "replay": {"base", "zset", "log", "processors", "views"},
    "server": set(FOLDERS),
}
# header prefix -> folders that may include it
CONFINED = {
    "rocksdb/": {"views"},
    "uv.h": {"server"},
    "pg_query": {"processors"},
    "jansson.h": {"log", "ingest", "replay", "server"},
    "http_parser.h": {"server"},
    "ini.h": {"server"},
    "lz4": {"log"},
    "zstd": {"log"},
    "snappy": {"log"},
    "zlib.h": {"log"},
    "openssl/": {"base", "server"},
}
LINES_MAX = 800
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
problems = {}


def problem(check, text):
    problems.setdefault(check, []).append(text)


def tracked():
    out = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return [p for p in out.stdout.decode().split("\n") if p and os.path.exists(os.path.join(ROOT, p))]


def check_includes(path, text):
    folder = path.split("/")[0]
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        quoted, target = match.group(1) == '"', match.group(2)
        if quoted:
            to = target.split("/")[0]
            if to not in ARROWS[folder] | {folder}:
                problem("arrows", "%s:%d: %s may not include %s" % (path, number, folder, target))
        for prefix, allowed in CONFINED.items():
            if target.startswith(prefix) and folder not in allowed:
                problem("confinement", "%s:%d: %s belongs to %s" % (path, number, target, ", ".join(sorted(allowed))))


def main():
    checks = ["arrows", "confinement", "sizes", "head comments", "unfinished", "words", "format"]
    sources = []
    for path in tracked():
        top = path.split("/")[0]
        is_c = path.endswith((".c", ".h", ".cpp"))
        if not is_c and not path.endswith((".py", ".md", ".txt", ".sh")) and top != "script":
            continue
        with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as file:
            text = file.read()
        if re.search(r"/work/(main|shared|\.library)|\.\./shared/(?!data)", text) and path != "tests/tidy.py":
            problem("words", "%s: a path of one machine" % path)
        if not is_c:
            continue
        sources.append(path)
        if top in FOLDERS:
            check_includes(path, text)
            if not text.lstrip().startswith("/*") and path.endswith(".h"):
                problem("head comments", "%s: a header opens with what it is" % path)
        if text.count("\n") > LINES_MAX:
            problem("sizes", "%s: %d lines, more than %d" % (path, text.count("\n"), LINES_MAX))
        for number, line in enumerate(text.split("\n"), 1):
            if UNFINISHED.search(line):
                problem("unfinished", "%s:%d: %s" % (path, number, line.strip()))
    formatter = "clang-format-14"
    try:
        done = subprocess.run([formatter, "--dry-run", "-Werror"] + sources, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            bad = sorted(set(re.findall(r"^([^:\s]+):\d+", done.stdout.decode(), re.M)))
            problem("format", "clang-format-14 would change: " + " ".join(bad))
    except FileNotFoundError:
        problem("format", "%s is not installed; script/bootstrap --test installs it" % formatter)
    for check in checks:
        if check in problems:
            print("FAILED %s" % check)
            for text in problems[check]:
                print("  " + text)
        else:
            print("ok %s" % check)
    return 1 if problems else 0


sys.exit(main())
