"""What administrators do with Apache Kafka's programs: groups and their offsets, configurations, partitions, records deleted."""
import re
import signal
import time

import pytest
from test_kafka_tools import create, kappa, produce, release, said, server  # noqa: F401


def test_partitions_are_added(release, kappa):
    create(release, kappa, "grown")
    release.run("topics", "--alter", *server(release, kappa), "--topic", "grown", "--partitions", "3")
    assert re.search(r"PartitionCount:\s*3", release.run("topics", "--describe", *server(release, kappa), "--topic", "grown"))


@pytest.mark.parametrize("release", ["4.2.0"], indirect=True)  # 2.3.0's kafka-configs speaks to ZooKeeper
def test_configurations_are_altered_and_described(release, kappa):
    create(release, kappa, "configured")
    target = (*server(release, kappa), "--entity-type", "topics", "--entity-name", "configured")
    release.run("configs", *target, "--alter", "--add-config", "retention.ms=86400000,max.message.bytes=200000")
    described = release.run("configs", *target, "--describe")
    assert "retention.ms=86400000" in described and "max.message.bytes=200000" in described
    release.run("configs", *target, "--alter", "--delete-config", "retention.ms")
    assert "retention.ms=86400000" not in release.run("configs", *target, "--describe")


def test_records_are_deleted(release, kappa, tmp_path):
    create(release, kappa, "trimmed")
    produce(release, kappa, "trimmed", "".join("%d\n" % i for i in range(10)))
    (tmp_path / "offsets.json").write_text('{"partitions": [{"topic": "trimmed", "partition": 0, "offset": 7}], "version": 1}')
    assert "low_watermark: 7" in release.run("delete-records", *server(release, kappa), "--offset-json-file", str(tmp_path / "offsets.json"))
    output = release.run("consumer", *server(release, kappa), "--topic", "trimmed", "--partition", "0", "--offset", "earliest", "--max-messages", "3")
    assert said(output)[:3] == ["7", "8", "9"]


def described(release, kappa, group):
    """{partition: (current offset, end offset, lag)} as texts."""
    output = release.run("groups", *server(release, kappa), "--describe", "--group", group)
    rows = [line.split() for line in said(output)]
    found = {}
    for row in rows:
        if len(row) >= 5 and row[2 if row[0] == group else 1].isdigit():
            shift = 1 if row[0] == group else 0
            found[int(row[1 + shift])] = tuple(row[2 + shift:5 + shift])
    return found


def consume_by_group(release, kappa, topic, group, count):
    with release.start("consumer", *server(release, kappa), "--topic", topic, "--group", group, "--from-beginning") as consumer:
        until = time.time() + 60
        while len(said(consumer.read())) < count:
            assert time.time() < until and consumer.process.poll() is None, consumer.output[-3000:]
            time.sleep(0.05)
        consumer.signal(signal.SIGINT)
        consumer.end()
        return [line for line in said(consumer.output) if not line.startswith("Processed")]


def test_groups_keep_their_offsets_and_are_administered(release, kappa):
    create(release, kappa, "grouped", 2)
    produce(release, kappa, "grouped", "".join("line %d\n" % i for i in range(20)))
    assert sorted(consume_by_group(release, kappa, "grouped", "readers", 20)) == sorted("line %d" % i for i in range(20))
    produce(release, kappa, "grouped", "one more\n")
    assert consume_by_group(release, kappa, "grouped", "readers", 1) == ["one more"]
    assert "readers" in said(release.run("groups", *server(release, kappa), "--list"))
    state = described(release, kappa, "readers")
    assert sorted(state) == [0, 1] and all(current == end and lag == "0" for current, end, lag in state.values()), state
    assert sum(int(end) for _, end, _ in state.values()) == 21
    # The group is empty: its offsets can be set back, and the records come again, also after a kill.
    release.run("groups", *server(release, kappa), "--group", "readers", "--topic", "grouped", "--reset-offsets", "--to-earliest", "--execute")
    kappa.kill()
    kappa.start()
    state = described(release, kappa, "readers")
    assert all(current == "0" and lag == end for current, end, lag in state.values()), state
    assert len(consume_by_group(release, kappa, "grouped", "readers", 21)) == 21
    if release.version != "2.3.0":
        release.run("groups", *server(release, kappa), "--group", "readers", "--topic", "grouped:0", "--delete-offsets")
        assert sorted(partition for partition, row in described(release, kappa, "readers").items() if row[0] != "-") == [1]
    release.run("groups", *server(release, kappa), "--delete", "--group", "readers")
    assert "readers" not in said(release.run("groups", *server(release, kappa), "--list"))


def test_a_group_shares_partitions_among_its_members(release, kappa):
    create(release, kappa, "shared", 4)
    members = [release.start("consumer", *server(release, kappa), "--topic", "shared", "--group", "sharers") for _ in range(2)]
    try:
        until = time.time() + 60
        while True:
            output = release.run("groups", *server(release, kappa), "--describe", "--group", "sharers", "--members")
            counts = sorted(int(line.split()[-1]) for line in said(output) if line.split()[-1:] and line.split()[-1].isdigit())
            if counts == [2, 2]:
                break
            assert time.time() < until, output
        produce(release, kappa, "shared", "".join("line %d\n" % i for i in range(40)))
        while sum(len(said(member.read())) for member in members) < 40:
            assert time.time() < until, [member.output for member in members]
            time.sleep(0.1)
        got = sorted(line for member in members for line in said(member.output))
        assert got == sorted("line %d" % i for i in range(40))
        # One dies: the other takes over all partitions.
        members[0].signal(signal.SIGINT)
        members[0].end()
        produce(release, kappa, "shared", "".join("again %d\n" % i for i in range(10)))
        while len([line for line in said(members[1].read()) if line.startswith("again")]) < 10:
            assert time.time() < until + 60, members[1].output
            time.sleep(0.1)
    finally:
        for member in members:
            member.__exit__(None, None, None)
