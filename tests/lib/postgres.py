"""A throw-away PostgreSQL 15 cluster: the oracle. Debian's postgresql-15; C collation, UTC."""
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time

import psycopg

BIN = "/usr/lib/postgresql/15/bin"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Postgres:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="kappa-oracle-")
        self.port = free_port()
        # PostgreSQL refuses to run as root
        self.user = "postgres" if os.getuid() == 0 else None
        if self.user:
            owner = pwd.getpwnam(self.user)
            os.chown(self.dir, owner.pw_uid, owner.pw_gid)

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()

    def run(self, *command):
        subprocess.run(command, check=True, user=self.user, cwd=self.dir, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env={"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": self.dir})

    def start(self):
        data = os.path.join(self.dir, "data")
        self.run(BIN + "/initdb", "-D", data, "-U", "oracle", "--lc-collate=C", "--lc-ctype=C.UTF-8", "--encoding=UTF8", "-A", "trust")
        self.run(BIN + "/pg_ctl", "-D", data, "-w", "-l", os.path.join(self.dir, "log"), "-o",
                 "-p %d -k %s -c listen_addresses=127.0.0.1 -c fsync=off -c timezone=UTC" % (self.port, self.dir), "start")
        until = time.time() + 30
        while True:
            try:
                self.connect().close()
                return self
            except psycopg.OperationalError:
                if time.time() > until:
                    raise
                time.sleep(0.1)

    def connect(self):
        return psycopg.connect(host="127.0.0.1", port=self.port, user="oracle", dbname="postgres", autocommit=True)

    def stop(self):
        try:
            self.run(BIN + "/pg_ctl", "-D", os.path.join(self.dir, "data"), "-m", "immediate", "stop")
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)
