"""A running appliance for tests: start, stop, kill -9, restart on the same data; SQL, HTTP, the command line.

    with Appliance() as kappa:            # a new data directory, deleted at the end
        kappa.sql("SELECT 1")             # -> list of tuples, over psycopg
        kappa.http("GET", "/livez")       # -> (status, decoded JSON or text)
        kappa.cli("status")               # -> (exit code, output, errors)
        kappa.kill(); kappa.start()       # kill -9 and again on the same data
"""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import psycopg

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get("KAPPA_PROGRAM", os.path.join(ROOT, "build", "release", "kappa"))


class Appliance:
    def __init__(self, options=(), data_dir=None, env=None, wrapper=()):
        """`wrapper`: a command put before the program, such as strace with its options."""
        self.options = list(options)
        self.own_dir = data_dir is None
        self.data_dir = data_dir or tempfile.mkdtemp(prefix="kappa-test-")
        self.env = {**os.environ, **(env or {})}
        self.wrapper = list(wrapper)
        self.process = None
        self.connection = None
        self.errors_path = os.path.join(self.data_dir, "stderr.txt") if self.own_dir else self.data_dir.rstrip("/") + ".stderr.txt"

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        if self.process and self.process.poll() is None:
            self.kill()
        if self.own_dir and not os.environ.get("KAPPA_KEEP"):
            shutil.rmtree(self.data_dir, ignore_errors=True)

    def start(self, timeout=60):
        """Starts the program and waits for its ready line."""
        self.errors = open(self.errors_path, "ab")
        self.process = subprocess.Popen(
            self.wrapper + [PROGRAM, "serve", "--data-dir", os.path.join(self.data_dir, "data"), "--kafka-port", "0", "--pg-port", "0",
                            "--http-port", "0"] + self.options,
            stdout=subprocess.PIPE, stderr=self.errors, env=self.env, text=True)
        line = self.process.stdout.readline()
        match = re.match(r"ready kafka=127\.0\.0\.1:(\d+) pg=127\.0\.0\.1:(\d+) http=127\.0\.0\.1:(\d+)\n", line)
        if not match:
            self.process.kill()
            raise AssertionError("not ready: %r\n%s" % (line, self.stderr()))
        self.kafka_port, self.pg_port, self.http_port = (int(port) for port in match.groups())
        return self

    @property
    def bootstrap(self):
        return "127.0.0.1:%d" % self.kafka_port

    def stderr(self):
        with open(self.errors_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def kill(self):
        self.close_connection()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, timeout=30):
        """SIGTERM; returns the exit code."""
        self.close_connection()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

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
