"""Certificates for tests of TLS, made by the openssl command in a directory of their own; remove() deletes it."""
import os
import shutil
import subprocess
import tempfile


class Certificates:
    """An authority, the server's certificate, clients' certificates, and a stranger's authority."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="kappa-tls-")
        self.authority("ca")
        self.authority("stranger")
        self.issue("server", "localhost", names="subjectAltName=DNS:localhost,IP:127.0.0.1")

    def path(self, name):
        return os.path.join(self.dir, name)

    def openssl(self, *arguments):
        subprocess.run(["openssl"] + list(arguments), cwd=self.dir, check=True, capture_output=True)

    def authority(self, name):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=" + name,
                     "-keyout", name + ".key", "-out", name + ".crt")

    def issue(self, name, common_name, names=None, authority="ca"):
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + common_name,
                     "-keyout", name + ".key", "-out", name + ".csr")
        with open(self.path(name + ".ext"), "w") as file:
            file.write((names or "basicConstraints=CA:FALSE") + "\n")
        self.openssl("x509", "-req", "-in", name + ".csr", "-CA", authority + ".crt", "-CAkey", authority + ".key", "-days", "2",
                     "-extfile", name + ".ext", "-out", name + ".crt")

    def options(self, *more):
        return ["--tls-cert-file", self.path("server.crt"), "--tls-key-file", self.path("server.key")] + list(more)

    def remove(self):
        shutil.rmtree(self.dir)
