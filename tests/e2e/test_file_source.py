"""`kappa produce --file`: every line of a file is in the topic exactly once and in order, whatever is killed, rotated or restarted."""
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from appliance import PROGRAM, Appliance  # noqa: E402

SEED = int(os.environ.get("KAPPA_SEED", "20260102"))


@pytest.fixture(scope="module")
def kappa():
    with Appliance() as appliance:
        yield appliance


def lines_of(kappa, topic):
    code, out, errors = kappa.cli("consume", "--topic", topic, "--from-beginning", "--timeout-ms", "300")
    assert code == 0, errors
    return out.splitlines()


def wait_for_lines(kappa, topic, count, timeout=30):
    """The topic's lines once there are as many; more are returned, too."""
    until = time.time() + timeout
    while time.time() < until:
        status, answer = kappa.http("GET", "/topics/%s" % topic)
        if status == 200 and sum(p["high_watermark"] for p in answer["partitions"]) >= count:
            break
        time.sleep(0.05)
    return lines_of(kappa, topic)


class Follower:
    """A `kappa produce --follow` of its own."""

    def __init__(self, kappa, *arguments):
        self.process = subprocess.Popen(
            [PROGRAM, "produce", *arguments, "--follow"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "KAPPA_HTTP": "127.0.0.1:%d" % kappa.http_port})

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def interrupt(self):
        """^C: returns the exit code and what it said."""
        self.process.send_signal(signal.SIGINT)
        out, errors = self.process.communicate(timeout=20)
        return self.process.returncode, out, errors


def append(path, lines):
    with open(path, "a", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)


def numbered(first, count):
    return ["line %d" % n for n in range(first, first + count)]


def test_a_file_is_sent_once_and_growth_after_it(kappa, tmp_path):
    path = str(tmp_path / "a.log")
    kappa.cli("topic", "create", "once")
    append(path, numbered(0, 5))
    code, out, _ = kappa.cli("produce", "--topic", "once", "--file", path)
    assert (code, out) == (0, "produced 5 records to once (offsets 0–4)\n")
    code, out, _ = kappa.cli("produce", "--topic", "once", "--file", path)
    assert code == 0 and out.startswith("produced 0 records to once")
    append(path, numbered(5, 1))
    code, out, _ = kappa.cli("produce", "--topic", "once", "--file", path)
    assert (code, out) == (0, "produced 1 record to once (offset 5)\n")
    assert lines_of(kappa, "once") == numbered(0, 6)


def test_another_source_id_sends_the_file_again(kappa, tmp_path):
    path = str(tmp_path / "a.log")
    kappa.cli("topic", "create", "again")
    append(path, ["x"])
    for name in ("one", "two", "one"):
        assert kappa.cli("produce", "--topic", "again", "--file", path, "--source-id", name)[0] == 0
    assert lines_of(kappa, "again") == ["x", "x"]


def test_growth_is_followed_until_interrupted(kappa, tmp_path):
    path = str(tmp_path / "a.log")
    kappa.cli("topic", "create", "grows")
    follower = Follower(kappa, "--topic", "grows", "--file", path)  # the file comes later
    try:
        time.sleep(0.2)
        for first in range(0, 100, 10):
            append(path, numbered(first, 10))
            time.sleep(0.02)
        with open(path, "a", encoding="utf-8") as file:
            file.write("not yet ended")
        assert wait_for_lines(kappa, "grows", 100) == numbered(0, 100)
    finally:
        code, out, errors = follower.interrupt()
    assert (code, out, errors) == (0, "produced 100 records to grows (offsets 0–99)\n", "")


def test_rotation_while_following_loses_nothing(kappa, tmp_path):
    path = str(tmp_path / "a.log")
    kappa.cli("topic", "create", "rotates")
    append(path, numbered(0, 10))
    follower = Follower(kappa, "--topic", "rotates", "--file", path)
    try:
        assert len(wait_for_lines(kappa, "rotates", 10)) == 10
        append(path, numbered(10, 10))
        os.rename(path, path + ".1")
        append(path, numbered(20, 10))
        assert wait_for_lines(kappa, "rotates", 30) == numbered(0, 30)
    finally:
        follower.interrupt()


def test_rotation_while_stopped_loses_nothing(kappa, tmp_path):
    path = str(tmp_path / "a.log")
    kappa.cli("topic", "create", "stopped")
    append(path, numbered(0, 10))
    assert kappa.cli("produce", "--topic", "stopped", "--file", path)[0] == 0
    append(path, numbered(10, 5))
    os.rename(path, path + ".1")
    time.sleep(0.02)
    append(path, numbered(15, 5))
    os.rename(path + ".1", path + ".2")
    os.rename(path, path + ".1")
    time.sleep(0.02)
    append(path, numbered(20, 5))
    assert kappa.cli("produce", "--topic", "stopped", "--file", path)[0] == 0
    assert lines_of(kappa, "stopped") == numbered(0, 25)


def test_truncation_in_place_begins_anew(kappa, tmp_path):
    path = str(tmp_path / "a.log")
    kappa.cli("topic", "create", "truncated")
    append(path, numbered(0, 10))
    assert kappa.cli("produce", "--topic", "truncated", "--file", path)[0] == 0
    with open(path, "w", encoding="utf-8") as file:
        file.write("new\n")
    code, _, errors = kappa.cli("produce", "--topic", "truncated", "--file", path)
    assert code == 0 and "truncated" in errors
    assert lines_of(kappa, "truncated") == numbered(0, 10) + ["new"]


def test_two_followers_of_one_source_end_with_one(kappa, tmp_path):
    path = str(tmp_path / "a.log")
    kappa.cli("topic", "create", "rivals")
    append(path, numbered(0, 3))
    first = Follower(kappa, "--topic", "rivals", "--file", path)
    wait_for_lines(kappa, "rivals", 3)
    second = Follower(kappa, "--topic", "rivals", "--file", path)
    try:
        time.sleep(0.5)
        append(path, numbered(3, 3))
        assert wait_for_lines(kappa, "rivals", 6) == numbered(0, 6)
        _, errors = first.process.communicate(timeout=20)
        assert first.process.returncode == 4 and "open" in errors
    finally:
        assert second.interrupt()[0] == 0


def test_wrong_uses_are_refused(kappa, tmp_path):
    path = str(tmp_path / "a.log")
    code, _, errors = kappa.cli("produce", "--topic", "once", "--file", path)
    assert code == 2 and path in errors
    append(path, ["x"])
    code, _, errors = kappa.cli("produce", "--topic", "no_such_topic", "--file", path)
    assert code == 4 and "no_such_topic" in errors
    assert kappa.cli("produce", "--topic", "once", "--follow")[0] == 2
    assert kappa.cli("produce", "--topic", "once", "--file", str(tmp_path))[0] == 2


class Writer(threading.Thread):
    """Writes numbered lines, in pieces that do not end with lines, and rotates the file now and then as logrotate does."""

    def __init__(self, path, rng):
        super().__init__()
        self.path, self.rng, self.written, self.stopping, self.rotations = path, rng, 0, False, 0

    def run(self):
        file = open(self.path, "a", encoding="utf-8")
        pending = ""
        while not self.stopping:
            for _ in range(self.rng.randrange(1, 200)):
                pending += "line %d\n" % self.written
                self.written += 1
            cut = self.rng.randrange(len(pending) + 1)
            file.write(pending[:cut])
            file.flush()
            pending = pending[cut:]
            if self.rng.random() < 0.05:
                file.close()
                for number in range(self.rotations, 0, -1):
                    os.rename("%s.%d" % (self.path, number), "%s.%d" % (self.path, number + 1))
                # A line that rotation cut in two stays two lines: the writer finishes it first.
                append_text(self.path, pending)
                pending = ""
                os.rename(self.path, self.path + ".1")
                self.rotations += 1
                file = open(self.path, "a", encoding="utf-8")
            time.sleep(0.01)
        file.write(pending)
        file.close()


def append_text(path, text):
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)


def test_killing_either_side_loses_and_repeats_nothing(tmp_path):
    print("seed", SEED)
    rng = random.Random(SEED)
    path = str(tmp_path / "a.log")
    with Appliance() as kappa:  # the same ports in every life
        kappa.cli("topic", "create", "killed")
        append(path, ["first"])
        assert kappa.cli("produce", "--topic", "killed", "--file", path)[0] == 0
        writer = Writer(path, rng)
        writer.start()
        follower = Follower(kappa, "--topic", "killed", "--file", path)
        try:
            for _ in range(12):
                time.sleep(rng.uniform(0.05, 0.6))
                if rng.random() < 0.5:
                    follower.kill()
                    time.sleep(rng.uniform(0, 0.3))
                    follower = Follower(kappa, "--topic", "killed", "--file", path)
                else:
                    kappa.kill()
                    time.sleep(rng.uniform(0, 0.5))
                    kappa.start()
        finally:
            writer.stopping = True
            writer.join()
        expected = ["first"] + numbered(0, writer.written)
        got = wait_for_lines(kappa, "killed", len(expected))
        code, out, _ = follower.interrupt()
        assert code == 0 and re.match(r"produced \d+ records? to killed", out)
        assert writer.rotations > 0
        assert got == expected
