"""Foreign programs for tests/peers: fetched by their ordinary clients into build/peers, versions pinned beside this file.

A test is skipped for one reason only: a package registry cannot be reached; it says which. A command that is missing, a package that the
registry does not have, a program that cannot be built are failures. What was fetched or built once for its pins stays.
"""
import hashlib
import os
import re
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


# What the clients of registries say when nobody answers them, or only a gateway that cannot reach the registry.
UNREACHED = re.compile("|".join([
    "ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH", "ERR_SOCKET_TIMEOUT",  # npm
    "Unknown host", "UnknownHostException", "Connect(?:ion)? (?:to \\S+ .*)?(?:refused|timed out|reset)", "Network is unreachable",  # mvn
    "No route to host", "Temporary failure in name resolution", "Name or service not known",
    r"dial tcp", "no such host", "i/o timeout", "TLS handshake timeout",  # go
    "NewConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ProxyError",  # pip
    r"\b50[234] (?:Bad Gateway|Service (?:Temporarily )?Unavailable|Gateway Time-?out)"]), re.IGNORECASE)


def need(program):
    if shutil.which(program) is None:
        pytest.fail("%s is not installed; script/bootstrap --peers installs it" % program)
    return program


def said_by(arguments, cwd, timeout, env=None):
    """None when the command went well, else what it said."""
    try:
        done = subprocess.run(arguments, cwd=cwd, timeout=timeout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})})
        return None if done.returncode == 0 else done.stdout.decode("utf-8", "replace").strip()[-3000:]
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode("utf-8", "replace").strip()[-3000:] + "\n(i/o timeout: killed after %d s)" % timeout


def download(registry, arguments, cwd, timeout=600):
    """Runs a registry's ordinary client: the registry is the one thing that may not be there."""
    said = said_by(arguments, cwd, timeout)
    unreached = [line for line in (said or "").split("\n") if UNREACHED.search(line)]
    if unreached:
        pytest.skip("the package registry of %s cannot be reached: %s" % (registry, unreached[0][:300]))
    if said is not None:
        pytest.fail("%s failed: %s" % (" ".join(arguments), said))


def command(arguments, cwd, timeout=600, env=None):
    said = said_by(arguments, cwd, timeout, env)
    if said is not None:
        pytest.fail("%s failed: %s" % (" ".join(arguments), said))


def kept(name, pins, fill):
    """The directory build/peers/<name>-<hash of the pins>; `fill(directory)` fills it when it is not there."""
    digest = hashlib.sha256(b"".join(open(os.path.join(HERE, pin), "rb").read() for pin in pins)).hexdigest()[:12]
    final = os.path.join(CACHE, "%s-%s" % (name, digest))
    if os.path.isdir(final):
        return final
    work = final + ".%d.part" % os.getpid()
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    try:
        fill(work)
        try:
            os.rename(work, final)
        except OSError:
            assert os.path.isdir(final)  # somebody else was quicker
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return final


def jars(profile):
    """Class path of a profile of pom.xml."""
    need("java")
    need("mvn")

    def fetch(directory):
        goal = "org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies"
        download("maven", ["mvn", "-q", "-B", "-f", os.path.join(HERE, "pom.xml"), "-P", profile, goal, "-DincludeScope=runtime",
                           "-DoutputDirectory=" + directory], HERE)

    return os.path.join(kept("maven-" + profile, ["pom.xml"], fetch), "*")


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
    return class_path + ":" + kept("java-" + name, [os.path.join("java", source), "pom.xml"], compile_it)


def run(arguments, timeout=120, stdin=None, cwd=None, env=None):
    """(exit code, output and errors)"""
    done = subprocess.run(arguments, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, cwd=cwd,
                          env={**os.environ, **(env or {})})
    return done.returncode, done.stdout
