"""Fails when a client of these tests sends a version of an API that tests/golden has no bytes of: they pass a Counter (kafka_recorder.py)."""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from kafka_recorder import unrecorded

OURS = []  # the file, if nobody else has asked for one


def pytest_configure(config):
    if "KAPPA_TEST_FRAMES" not in os.environ:  # workers inherit it
        descriptor, path = tempfile.mkstemp(prefix="kappa-frames-")
        os.close(descriptor)
        os.environ["KAPPA_TEST_FRAMES"] = path
        OURS.append(path)


def pytest_sessionfinish(session):
    for path in OURS:
        found = unrecorded(path)
        if found:
            print("\nnot in tests/golden, see record_golden.py: " + "; ".join(found))
            session.exitstatus = 1
        os.unlink(path)
