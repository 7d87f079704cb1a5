"""A running appliance for tests: start, stop, kill -9, restart on the same data; SQL, HTTP, the command line.

    with Appliance() as kappa:            # a new data directory, deleted at the end
        kappa.sql("SELECT 1")             # -> list of tuples, over psycopg
        kappa.http("GET", "/livez")       # -> (status, decoded JSON or text)
        kappa.cli("status")               # -> (exit code, output, errors)
        kappa.kill(); kappa.start()       # kill -9 and again on the same data, on the same ports

A test that fails leaves the data directory and the program's diagnostics behind when KAPPA_KEEP is set.
"""
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import psycopg

from kafka_recorder import Counter

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get("KAPPA_PROGRAM", os.path.join(ROOT, "build", "release", "kappa"))


def free_ports(count):
    """Ports nobody listens on, below those the kernel gives to outgoing connections: a client that reconnects while the server is
    down can then not be given the server's port as its own."""
    found = []
    while len(found) < count:
        port = random.SystemRandom().randrange(12000, 32000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


class NotStarted(AssertionError):
    """The program ended, or hung, before it was ready. `code`: its exit code, None if it hung."""

    def __init__(self, code, errors):
        super().__init__("not ready, exit code %s\n%s" % (code, errors))
        self.code = code
        self.errors = errors


class Appliance:
    def __init__(self, options=(), data_dir=None, env=None, wrapper=()):
        """`wrapper`: a command put before the program that becomes it, such as `strace -D` with its options."""
        self.options = list(options)
        self.own_dir = data_dir is None
        self.data_dir = data_dir or tempfile.mkdtemp(prefix="kappa-test-")
        self.env = {**os.environ, **(env or {})}
        self.wrapper = list(wrapper)
        self.process = None
        self.connection = None
        self.ports = None
        self.counter = None  # see kafka_recorder.py
        self.wanted = True  # `with` starts it
        self.ended = True   # not running, and that is as it should be
        self.errors_path = os.path.join(self.data_dir, "stderr.txt") if self.own_dir else self.data_dir.rstrip("/") + ".stderr.txt"

    @classmethod
    def unstarted(cls, *arguments, **options):
        """For `with`: the test starts it."""
        appliance = cls(*arguments, **options)
        appliance.wanted = False
        return appliance

    @classmethod
    def on_copy(cls, directory, options=(), **more):
        """On a copy of a data directory, not yet started."""
        appliance = cls.unstarted(options, **more)
        shutil.copytree(directory, appliance.directory)
        return appliance

    def __enter__(self):
        return self.start() if self.wanted else self

    def __exit__(self, kind, error, trace):
        """Kills the program. One that has ended by itself fails the test, with its last words."""
        code = None if self.ended or self.process is None else self.process.poll()
        if code is None and not self.ended and self.process is not None:
            self.kill()
        if self.counter is not None:
            self.counter.__exit__(None, None, None)
        if kind is not None or code is not None:
            print("---- the program's last words\n" + self.stderr()[-6000:])
        if self.own_dir and not os.environ.get("KAPPA_KEEP"):
            shutil.rmtree(self.data_dir, ignore_errors=True)
        assert code is None, "the program ended by itself, exit code %d" % code

    def start(self, timeout=60):
        """Starts the program and waits for its ready line; NotStarted. Its ports may be taken for a moment by somebody else."""
        for attempt in range(25):
            self.spawn()
            try:
                self.await_ready(timeout)
                return self
            except NotStarted as problem:
                if "address already in use" not in str(problem) or attempt == 24:
                    raise
                time.sleep(0.2)

    def spawn(self):
        """Starts the program; anything may happen before await_ready()."""
        if self.ports is None:
            self.ports = free_ports(3)
        self.kafka_port, self.pg_port, self.http_port = self.ports
        if self.counter is None and os.environ.get("KAPPA_TEST_FRAMES") and "--tls-cert-file" not in self.options:
            self.counter = Counter(self, os.environ["KAPPA_TEST_FRAMES"]).__enter__()
        self.errors_begin = os.path.getsize(self.errors_path) if os.path.exists(self.errors_path) else 0
        with open(self.errors_path, "ab") as errors:
            self.process = subprocess.Popen(
                self.wrapper + [PROGRAM, "serve", "--data-dir", self.directory, "--kafka-port", str(self.kafka_port),
                                "--pg-port", str(self.pg_port), "--http-port", str(self.http_port)] + self.options,
                stdout=subprocess.PIPE, stderr=errors, env=self.env)
        self.ended = False

    def await_ready(self, timeout=60):
        until = time.time() + timeout
        line = b""
        while not line.endswith(b"\n") and time.time() < until:
            if select.select([self.process.stdout], [], [], max(0, until - time.time()))[0]:
                piece = os.read(self.process.stdout.fileno(), 1000)
                if not piece:
                    break
                line += piece
        expected = "ready kafka=127.0.0.1:%d pg=127.0.0.1:%d http=127.0.0.1:%d\n" % (self.kafka_port, self.pg_port, self.http_port)
        if line.decode() != expected:
            hung = time.time() >= until
            if hung:
                self.process.kill()
            code = self.process.wait()
            self.ended = True
            raise NotStarted(None if hung else code, self.stderr()[-4000:])

    def start_refused(self, timeout=60):
        """Starts a program that must not start; returns its exit code and what it said this time."""
        try:
            self.start(timeout)
        except NotStarted as refused:
            assert refused.code is not None and refused.code > 0, refused
            return refused.code, self.stderr(self.errors_begin)
        self.kill()
        raise AssertionError("the program started, but should have refused to")

    @property
    def directory(self):
        """The appliance's own data directory."""
        return os.path.join(self.data_dir, "data")

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    @property
    def bootstrap(self):
        return self.counter.bootstrap if self.counter else "127.0.0.1:%d" % self.kafka_port

    def stderr(self, begin=0):
        if not os.path.exists(self.errors_path):
            return ""
        with open(self.errors_path, "rb") as file:
            file.seek(begin)
            return file.read().decode("utf-8", "replace")

    def kill(self):
        self.close_connection()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.ended = True

    def stop(self, timeout=30):
        """SIGTERM; returns the exit code."""
        self.close_connection()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout)
        self.process.stdout.close()
        self.ended = True
        return code

    def close_connection(self):
        if self.connection is not None:
            try:
                self.connection.close()
            except psycopg.Error:
                pass
            self.connection = None

    def connect(self, **options):
        return psycopg.connect(host="127.0.0.1", port=self.pg_port, user="kappa", dbname="kappa", autocommit=True, **options)

    def sql(self, text, parameters=None):
        if self.connection is None or self.connection.closed:
            self.connection = self.connect()
        cursor = self.connection.execute(text, parameters)
        return cursor.fetchall() if cursor.description else []

    def http(self, method, path, body=None, headers=None):
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers = {"Content-Type": "application/json", **(headers or {})}
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (self.http_port, path), method=method,
                                         data=body.encode() if isinstance(body, str) else body, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                status, data, kind = response.status, response.read(), response.headers.get("Content-Type", "")
        except urllib.error.HTTPError as error:
            status, data, kind = error.code, error.read(), error.headers.get("Content-Type", "")
        text = data.decode("utf-8", "replace")
        return status, json.loads(text) if "json" in kind and "ndjson" not in kind else text

    def cli(self, *arguments, stdin=None, timeout=120):
        done = subprocess.run([PROGRAM] + list(arguments), input=stdin, capture_output=True, text=True, timeout=timeout,
                              env={**self.env, "KAPPA_HTTP": "127.0.0.1:%d" % self.http_port,
                                   "KAPPA_KAFKA": self.bootstrap, "KAPPA_PG": "127.0.0.1:%d" % self.pg_port})
        return done.returncode, done.stdout, done.stderr

    def produce(self, topic, lines, partition=None):
        """JSON objects or text lines over HTTP; returns the answer's JSON."""
        body = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
        status, answer = self.http("POST", "/topics/%s%s" % (topic, "" if partition is None else "?partition=%d" % partition),
                                   body.encode(), {"Content-Type": "application/x-ndjson"})
        assert status == 200, (status, answer)
        return answer

    def delete_derived(self):
        """Deletes everything but the log, while the program does not run."""
        for name in os.listdir(self.directory):
            if name != "log":
                target = self.path(name)
                shutil.rmtree(target) if os.path.isdir(target) else os.unlink(target)

    def wait_caught_up(self, timeout=60):
        """Until no version replays and every one has read all of the log."""
        self.wait("SELECT count(*) FROM kappa.versions WHERE state IN ('replaying', 'paused') OR (state <> 'failed' AND lag_records > 0)",
                  [(0,)], timeout)

    def wait(self, query, expected, timeout=30):
        """Repeats the query until it answers `expected`."""
        until = time.time() + timeout
        while True:
            try:
                got = self.sql(query)
            except psycopg.Error as error:
                got = error
            if got == expected:
                return got
            if time.time() > until:
                raise AssertionError("%s: got %r, expected %r" % (query, got, expected))
            time.sleep(0.02)
