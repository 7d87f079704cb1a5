"""Foreign programs for tests/peers: fetched by their ordinary clients into build/peers, versions pinned beside this file.

What cannot be had (no runtime, no registry) skips the test and says so. What was fetched once for a pin stays.
"""
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CACHE = os.path.join(ROOT, "build", "peers")
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))


def need(program):
    if shutil.which(program) is None:
        pytest.skip("%s is not installed" % program)
    return program


def fetched(name, pins, fetch):
    """The directory build/peers/<name>-<hash of the pins>; `fetch(directory)` fills it when it is not there."""
    digest = hashlib.sha256(b"".join(open(os.path.join(HERE, pin), "rb").read() for pin in pins)).hexdigest()[:12]
    final = os.path.join(CACHE, "%s-%s" % (name, digest))
    if os.path.isdir(final):
        return final
    work = final + ".%d.part" % os.getpid()
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    try:
        fetch(work)
        try:
            os.rename(work, final)
        except OSError:
            assert os.path.isdir(final)  # somebody else was quicker
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as problem:
        said = (problem.stdout or b"").decode("utf-8", "replace")
        pytest.skip("%s cannot be fetched: %s" % (name, said.strip()[-300:] or problem))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return final


def command(arguments, cwd, timeout=600, env=None):
    subprocess.run(arguments, cwd=cwd, check=True, timeout=timeout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                   env={**os.environ, **(env or {})})


def jars(profile):
    """Class path of a profile of pom.xml."""
    need("java")
    need("mvn")

    def fetch(directory):
        command(["mvn", "-q", "-B", "-f", os.path.join(HERE, "pom.xml"), "-P", profile, "dependency:copy-dependencies",
                 "-DincludeScope=runtime", "-DoutputDirectory=" + directory], HERE)

    return os.path.join(fetched("maven-" + profile, ["pom.xml"], fetch), "*")


def interruptible():
    """In the child: a background job of a shell ignores SIGINT, and so would what it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Program:
    """A running Java program (or any command) whose output is collected."""

    def __init__(self, arguments, cwd=None, env=None):
        self.process = subprocess.Popen(arguments, cwd=cwd, env={**os.environ, **(env or {})}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, preexec_fn=interruptible)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.output = ""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.read()
        if exc[0] is not None:
            print("---- the program said\n" + self.output[-6000:])

    def read(self):
        piece = self.process.stdout.read()
        if piece:
            self.output += piece.decode("utf-8", "replace")
        return self.output

    def type(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def wait_for(self, text, timeout=60):
        until = time.time() + timeout
        while text not in self.read():
            assert self.process.poll() is None or text in self.read(), "ended with %s: %s" % (self.process.poll(), self.output[-3000:])
            assert time.time() < until, "no %r in: %s" % (text, self.output[-3000:])
            time.sleep(0.05)

    def signal(self, number):
        self.process.send_signal(number)

    def end(self, timeout=60):
        """Waits for its end; returns the exit code. `output` is complete."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        until = time.time() + timeout
        while self.process.poll() is None:
            self.read()
            assert time.time() < until, "does not end: " + self.output[-3000:]
            time.sleep(0.02)
        self.read()
        return self.process.returncode


JAVA_OPTIONS = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]


def java(class_path, main, *arguments, options=()):
    """The command line of a Java program; short-lived ones start fastest so."""
    return ["java"] + JAVA_OPTIONS + list(options) + ["-cp", class_path, main] + list(arguments)


def compiled(class_path, source):
    """The class path with the compiled program of tests/peers/java."""
    need("javac")

    def compile_it(directory):
        command(["javac", "-nowarn", "-cp", class_path, "-d", directory, os.path.join(HERE, "java", source)], HERE)

    name = os.path.splitext(source)[0].lower()
    return class_path + ":" + fetched("java-" + name, [os.path.join("java", source), "pom.xml"], compile_it)


def run(arguments, timeout=120, stdin=None, cwd=None, env=None):
    """(exit code, output and errors)"""
    done = subprocess.run(arguments, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, cwd=cwd,
                          env={**os.environ, **(env or {})})
    return done.returncode, done.stdout
