"""tests/golden/generated/messages.txt is what Apache Kafka's own descriptions of its messages make of every API and version we advertise.

The units read and write what stands there without Java (tests/ingest/test_kafka_messages.c); here it is made anew.
"""
import csv
import os
import subprocess

import peers
from appliance import PROGRAM

FILE = os.path.join(peers.ROOT, "tests", "golden", "generated", "messages.txt")


def made_by(profile, wanted):
    program = peers.compiled(peers.jars("kafka-new"), "Messages.java").rsplit(":", 1)[1]
    code, output = peers.run(peers.java(peers.jars(profile) + ":" + program, "Messages"), stdin="".join("%d %d\n" % pair for pair in wanted))
    assert code == 0, output[-3000:]
    return [(tuple(map(int, line.split()[:2])), line) for line in output.splitlines()]


def messages():
    """The file's text: the current release's; of versions that it has dropped the old one's."""
    table = subprocess.run([PROGRAM, "version", "--api", "-o", "csv"], stdout=subprocess.PIPE, text=True, check=True).stdout
    wanted = [(int(row["key"]), version) for row in csv.DictReader(table.splitlines())
              for version in range(int(row["version_min"]), int(row["version_max"]) + 1)]
    made = made_by("kafka-new", wanted)
    made += made_by("kafka-old", sorted(set(wanted) - {pair for pair, _ in made}))
    return "".join(line + "\n" for _, line in sorted(made, key=lambda entry: entry[0]))


def test_the_generated_messages_are_what_kafka_makes():
    with open(FILE) as file:
        assert file.read() == messages(), "run record_golden.py messages"
