"""Every way in which Apache Kafka's kafka-consumer-groups sets a group's offsets, and what it says of a group's state.

What was committed before, and what is committed afterwards, is another client's word (librdkafka's).
"""
import datetime
import re
import time

import confluent_kafka
import confluent_kafka.admin
import pytest
from test_kafka_tools import kappa, release, said, server  # noqa: F401

HOUR_MS = 3600000
ENDS = {0: 10, 1: 4}
STARTS = {0: 5, 1: 2}  # committed before each


@pytest.fixture(scope="module")
def begin_ms(kappa):
    """The topic `dated`: record i of each partition was written i hours after what is returned, ten hours and a half ago."""
    began = int(time.time() * 1000) - 10 * HOUR_MS - HOUR_MS // 2
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": kappa.bootstrap})
    admin.create_topics([confluent_kafka.admin.NewTopic("dated", len(ENDS), 1)])["dated"].result(10)
    producer = confluent_kafka.Producer({"bootstrap.servers": kappa.bootstrap, "acks": "all"})
    for partition, end in ENDS.items():
        for i in range(end):
            producer.produce("dated", b"%d" % i, partition=partition, timestamp=began + i * HOUR_MS)
    assert producer.flush(30) == 0
    return began


def member(kappa, group):
    return confluent_kafka.Consumer({"bootstrap.servers": kappa.bootstrap, "group.id": group, "enable.auto.commit": False})


def partitions(offsets):
    return [confluent_kafka.TopicPartition("dated", partition, offset) for partition, offset in offsets.items()]


def commit(kappa, group, offsets):
    consumer = member(kappa, group)
    consumer.commit(offsets=partitions(offsets), asynchronous=False)
    consumer.close()


def committed(kappa, group):
    consumer = member(kappa, group)
    found = {part.partition: part.offset for part in consumer.committed(partitions(ENDS), timeout=10)}
    consumer.close()
    return found


def iso(time_ms):
    return datetime.datetime.fromtimestamp(time_ms / 1000, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]


# name: the options, what is committed then. Of `dated` if the options name no topic of their own.
RESETS = {
    "to-earliest": (["--to-earliest"], {0: 0, 1: 0}),
    "to-latest": (["--to-latest"], ENDS),
    "to-offset": (["--to-offset", "3"], {0: 3, 1: 3}),
    "to-offset-past-the-end": (["--to-offset", "7"], {0: 7, 1: 4}),
    "to-current": (["--to-current"], STARTS),
    "shift-by-backwards": (["--shift-by", "-2"], {0: 3, 1: 0}),
    "shift-by-of-one-partition": (["--shift-by", "3", "--topic", "dated:0"], {0: 8, 1: 2}),
    "by-duration": (["--by-duration", "PT9H"], {0: 2, 1: 2}),
    "by-duration-of-days": (["--by-duration", "P2DT1H"], {0: 0, 1: 0}),
    "to-datetime": (lambda began: ["--to-datetime", iso(began + 3 * HOUR_MS)], {0: 3, 1: 3}),
    "to-datetime-past-some": (lambda began: ["--to-datetime", iso(began + 5 * HOUR_MS + 1)], {0: 6, 1: 4}),
}


@pytest.mark.parametrize("kind", RESETS)
def test_offsets_are_reset(release, kappa, begin_ms, kind):
    options, expected = RESETS[kind]
    options = options(begin_ms) if callable(options) else options
    commit(kappa, kind, STARTS)
    scope = [] if "--topic" in options else ["--topic", "dated"]
    output = release.run("groups", *server(release, kappa), "--group", kind, "--reset-offsets", *options, *scope, "--execute")
    assert committed(kappa, kind) == expected, output


def test_offsets_are_exported_and_reset_from_a_file(release, kappa, begin_ms, tmp_path):
    commit(kappa, "filed", STARTS)
    exported = release.run("groups", *server(release, kappa), "--group", "filed", "--reset-offsets", "--to-latest", "--all-topics", "--dry-run", "--export")
    assert committed(kappa, "filed") == STARTS
    rows = [line for line in said(exported) if re.search(r'dated"?,', line)]
    assert len(rows) == len(ENDS), exported
    (tmp_path / "offsets.csv").write_text("".join(row + "\n" for row in rows))
    release.run("groups", *server(release, kappa), "--group", "filed", "--reset-offsets", "--from-file", str(tmp_path / "offsets.csv"), "--execute")
    assert committed(kappa, "filed") == ENDS
    (tmp_path / "offsets.csv").write_text("dated,0,8\ndated,1,1\n")
    release.run("groups", *server(release, kappa), "--group", "filed", "--reset-offsets", "--from-file", str(tmp_path / "offsets.csv"), "--execute")
    assert committed(kappa, "filed") == {0: 8, 1: 1}


def state(release, kappa, group):
    """(state, number of members)"""
    lines = said(release.run("groups", *server(release, kappa), "--describe", "--state", "--group", group))
    row = [line for line in lines if kappa.bootstrap in line]
    assert len(row) == 1, lines
    return tuple(row[0].split()[-2:])


def test_a_groups_state_is_described_and_only_of_an_empty_one_are_offsets_reset(release, kappa, begin_ms):
    commit(kappa, "stated", STARTS)
    assert state(release, kappa, "stated") == ("Empty", "0")
    consumer = member(kappa, "stated")
    consumer.subscribe(["dated"])
    until = time.time() + 30
    while not consumer.assignment():
        consumer.poll(0.2)
        assert time.time() < until
    assert state(release, kappa, "stated") == ("Stable", "1")
    output = release.run("groups", *server(release, kappa), "--group", "stated", "--reset-offsets", "--to-earliest", "--topic", "dated", "--execute",
                         fails=None)
    assert "inactive" in output and "Stable" in output, output
    consumer.close()
    assert committed(kappa, "stated") == STARTS
