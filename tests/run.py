"""Runs the test suites and adds up what they say. Called by script/test.

Each suite yields (passed, failed) and prints one line per program; output of a failing program is shown in full. Programs, and files of
end-to-end tests, run side by side, as many as there are cores.
"""
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DEFAULT = ["unit", "tidy", "sql", "e2e", "crash"]
CI = DEFAULT + ["asan", "tsan", "fuzz", "peers"]
CORES = os.cpu_count() or 1
PROGRAM_SECONDS_MAX = 900
FUZZ_SECONDS = int(os.environ.get("KAPPA_FUZZ_SECONDS", "60"))


def say(text):
    print(text, flush=True)


def run(command, timeout, env=None):
    """Returns (exit code, output). A program that outlives its time is killed and has failed."""
    try:
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout,
                              env={**os.environ, **(env or {})})
        return done.returncode, done.stdout.decode("utf-8", "replace")
    except subprocess.TimeoutExpired as late:
        return 124, (late.stdout or b"").decode("utf-8", "replace") + "\nkilled after %d s" % timeout


def build(preset, targets):
    began = time.time()
    code, output = run(["script/build", preset] + targets, 1800)
    say("build %-8s %5.1f s%s" % (preset, time.time() - began, "" if code == 0 else "  FAILED"))
    if code != 0:
        say(output)
    return code == 0


def cmocka_program(preset, program, env):
    """Runs one; returns (passed, failed, what to print)."""
    began = time.time()
    code, output = run([program], PROGRAM_SECONDS_MAX, env)
    ok = sum(int(n) for n in re.findall(r"\[  PASSED  \] (\d+) test", output))
    bad = sum(int(n) for n in re.findall(r"\[  FAILED  \] .*?(\d+) test", output))
    if code != 0 and bad == 0:
        bad = 1
    if code == 0 and ok == 0:
        bad = 1
        output += "\nran no test"
    line = "%-5s %-40s %3d passed%s  %5.1f s" % (preset[:5], os.path.basename(program), ok, ", %d FAILED" % bad if bad else "",
                                                 time.time() - began)
    return ok, bad, line + ("\n" + output[-12000:] if bad else "")


def cmocka(preset, env=None):
    """All unit test programs of a preset."""
    if not build(preset, ["all"]):
        return 0, 1
    programs = [program for program in sorted(glob.glob(os.path.join(ROOT, "build", preset, "tests", "*_test_*")))
                if os.access(program, os.X_OK) and not os.path.isdir(program)]
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(CORES) as pool:
        for ok, bad, text in pool.map(lambda program: cmocka_program(preset, program, env), programs):
            passed += ok
            failed += bad
            say(text)
    return passed, failed


def unit(seeds):
    """`seeds`: of each simulator; None = its default."""
    return cmocka("release", {"KAPPA_SIM_SEEDS": seeds} if seeds else None)


def asan():
    return cmocka("asan", {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1", "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"})


def tsan():
    # Debian's RocksDB is not instrumented: what happens inside it cannot be judged
    options = "halt_on_error=1:second_deadlock_stack=1:ignore_noninstrumented_modules=1:suppressions=%s" % os.path.join(
        ROOT, "tests", "views", "tsan.supp")
    return cmocka("tsan", {"TSAN_OPTIONS": options})


def pytest(path, timeout, env=None, parallel=True):
    if not build("release", ["kappa"]):
        return 0, 1
    began = time.time()
    code, output = run(["/usr/bin/python3", "-m", "pytest", "-q", "-x" if env and env.get("KAPPA_FAIL_FAST") else "-ra",
                        "-p", "no:cacheprovider"] + (["-n", str(CORES), "--dist", "loadfile"] if parallel else []) + [path], timeout, env)
    passed = sum(int(n) for n in re.findall(r"(\d+) passed", output))
    failed = sum(int(n) for n in re.findall(r"(\d+) (?:failed|error)", output))
    if code != 0 and failed == 0:
        failed = 1
    say("%-46s %3d passed%s  %5.1f s" % (path, passed, ", %d FAILED" % failed if failed else "", time.time() - began))
    if failed:
        say(output[-20000:])
    for reason in re.findall(r"^SKIPPED .*$", output, re.M):
        say("  " + reason)
    return passed, failed


def tidy():
    code, output = run(["/usr/bin/python3", "tests/tidy.py"], 300)
    passed = output.count("\nok ") + output.startswith("ok ")
    failed = len(re.findall(r"^FAILED ", output, re.M))
    if code != 0 and failed == 0:
        failed = 1
    say("%-46s %3d passed%s" % ("tests/tidy.py", passed, ", %d FAILED" % failed if failed else ""))
    if failed:
        say(output)
    return passed, failed


def sql():
    return pytest("tests/sql", 1200, parallel=False)  # one file


def e2e():
    return pytest("tests/e2e", 1200)


def crash(kills):
    return pytest("tests/crash", 3600, {"KAPPA_KILLS": str(kills)})


def fuzz():
    if not build("fuzz", ["all"]):
        return 0, 1
    passed = failed = 0
    for program in sorted(glob.glob(os.path.join(ROOT, "build", "fuzz", "tests", "fuzz_*"))):
        if not os.access(program, os.X_OK) or os.path.isdir(program):
            continue
        name = os.path.basename(program)
        seeds = os.path.join(ROOT, "tests", "fuzz", "corpus", name)
        found = os.path.join(ROOT, "build", "fuzz", "found", name)
        os.makedirs(found, exist_ok=True)
        corpus = [found] + ([seeds] if os.path.isdir(seeds) else [])
        code, output = run([program, "-max_total_time=%d" % FUZZ_SECONDS, "-timeout=20", "-rss_limit_mb=4096",
                            "-artifact_prefix=%s/" % found] + corpus, FUZZ_SECONDS + 300)
        execs = re.findall(r"^#(\d+)\s", output, re.M)
        say("fuzz  %-40s %s, %s runs" % (name, "ok" if code == 0 else "FAILED", execs[-1] if execs else "no"))
        if code == 0 and execs:
            passed += 1
        else:
            failed += 1
            say(output[-8000:])
    return passed, failed


def peers():
    if not glob.glob(os.path.join(ROOT, "tests", "peers", "test_*.py")):
        return 0, 0
    return pytest("tests/peers", 1800)


def main(arguments):
    kills = 500 if "--long" in arguments else 25
    seeds = os.environ.get("KAPPA_SIM_SEEDS", "10000" if "--long" in arguments or "--ci" in arguments else None)
    names = [name for name in arguments if not name.startswith("--")] or (CI if "--ci" in arguments else DEFAULT)
    suites = {"unit": lambda: unit(seeds), "tidy": tidy, "sql": sql, "e2e": e2e, "crash": lambda: crash(kills), "asan": asan,
              "tsan": tsan, "fuzz": fuzz, "peers": peers}
    passed = failed = 0
    began = time.time()
    for name in names:
        if name not in suites:
            say("unknown suite %s; there are: %s" % (name, " ".join(suites)))
            return 2
        ok, bad = suites[name]()
        passed += ok
        failed += bad
    say("%.0f s" % (time.time() - began))
    say("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


sys.exit(main(sys.argv[1:]))
