"""Consumer groups with real clients: kcat (librdkafka 2.0), python3-confluent-kafka, python3-kafka 2.0.2, as Debian packages them.

Members share partitions, die, come back; offsets and groups survive kill -9 of the appliance; tools list, describe, reset, delete.
"""
import collections
import contextlib
import os
import re
import subprocess
import sys
import threading
import time

import confluent_kafka
import confluent_kafka.admin
import kafka as python_kafka
import kafka.admin
import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from appliance import Appliance  # noqa: E402
from kafka_client import kcat  # noqa: E402

SESSION_MS = 6000  # the least that is allowed


@pytest.fixture(scope="module")
def kappa():
    with Appliance() as appliance:
        yield appliance


def create(kappa, name, partitions):
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": kappa.bootstrap})
    admin.create_topics([confluent_kafka.admin.NewTopic(name, partitions, 1)])[name].result(10)
    return name


def produce(kappa, topic, partitions, values):
    producer = confluent_kafka.Producer({"bootstrap.servers": kappa.bootstrap})
    for index, value in enumerate(values):
        producer.produce(topic, value=str(value), partition=index % partitions)
    assert producer.flush(20) == 0


def consumer(kappa, group, **options):
    return confluent_kafka.Consumer({"bootstrap.servers": kappa.bootstrap, "group.id": group, "auto.offset.reset": "earliest",
                                     "session.timeout.ms": SESSION_MS, "heartbeat.interval.ms": 500, "enable.auto.commit": False,
                                     **{name.replace("_", "."): value for name, value in options.items()}})


def consume(member, count, wait_s=20):
    """Values of `count` messages, or of fewer when the time is up."""
    values, until = [], time.time() + wait_s
    while len(values) < count and time.time() < until:
        message = member.poll(0.1)
        if message is not None:
            assert message.error() is None, message.error()
            values.append(int(message.value()))
    return values


def eventually(check, wait_s=30):
    until = time.time() + wait_s
    while True:
        found = check()
        if found or time.time() > until:
            return found
        time.sleep(0.1)


def offsets(kappa, group):
    return {(topic, partition): (offset, lag) for topic, partition, offset, lag in kappa.sql(
        "SELECT topic, partition, committed_offset, lag_records FROM kappa.groups WHERE group_id = '%s' AND topic IS NOT NULL" % group)}


def state(kappa, group):
    rows = kappa.sql("SELECT DISTINCT state, member_count FROM kappa.groups WHERE group_id = '%s'" % group)
    return rows[0] if rows else None


@contextlib.contextmanager
def kcat_member(kappa, group, topic, *options):
    """kcat as a member; `assigned()` is what it last said it owns."""
    process = subprocess.Popen(["kcat", "-b", kappa.bootstrap, "-u", "-X", "session.timeout.ms=%d" % SESSION_MS, "-X", "heartbeat.interval.ms=500",
                                "-X", "auto.offset.reset=earliest", *options, "-G", group, topic], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lines, said = [], []

    def drain(stream, to):
        for line in stream:
            to.append(line.decode().strip())

    threads = [threading.Thread(target=drain, args=(stream, to), daemon=True) for stream, to in ((process.stdout, lines), (process.stderr, said))]
    for thread in threads:
        thread.start()

    def assigned():
        for line in reversed(said):
            if "assigned:" in line:
                return sorted(int(number) for number in re.findall(r"\[(\d+)\]", line.split("assigned:")[1]))
            if "revoked:" in line:
                return []
        return []

    process.lines, process.said, process.assigned = lines, said, assigned
    try:
        yield process
    finally:
        process.kill()
        process.wait()


# ---- sharing ----

def test_two_consumers_share_the_partitions_and_one_takes_over_from_the_dead(kappa):
    topic = create(kappa, "shared", 4)
    produce(kappa, topic, 4, range(40))
    with kcat_member(kappa, "sharing", topic) as first, kcat_member(kappa, "sharing", topic) as second:
        assert eventually(lambda: len(first.assigned()) == 2 and len(second.assigned()) == 2)
        assert sorted(first.assigned() + second.assigned()) == [0, 1, 2, 3]
        assert eventually(lambda: len(first.lines) + len(second.lines) == 40)
        assert sorted(int(value) for value in first.lines + second.lines) == list(range(40))
        second.kill()  # no LeaveGroup: its session has to end
        assert eventually(lambda: first.assigned() == [0, 1, 2, 3])
        before = len(first.lines)
        produce(kappa, topic, 4, range(40, 60))
        assert eventually(lambda: set(range(40, 60)) <= {int(value) for value in first.lines[before:]})
    # kcat leaves the group when it is told to end; killed ones die by themselves
    assert eventually(lambda: state(kappa, "sharing") == ("Empty", 0))


def test_a_member_that_leaves_is_replaced_at_once(kappa):
    topic = create(kappa, "left", 2)
    first, second = consumer(kappa, "leaving"), consumer(kappa, "leaving")
    owned = collections.defaultdict(set)
    for name, member in (("first", first), ("second", second)):
        member.subscribe([topic], on_assign=lambda _, parts, name=name: owned[name].update(p.partition for p in parts),
                         on_revoke=lambda _, parts, name=name: owned[name].difference_update(p.partition for p in parts))
    assert eventually(lambda: first.poll(0.05) or second.poll(0.05) or (len(owned["first"]) == 1 and len(owned["second"]) == 1))
    began = time.time()
    second.close()
    assert eventually(lambda: first.poll(0.05) or owned["first"] == {0, 1})
    assert time.time() - began < SESSION_MS / 1000
    first.close()


def test_sync_group_with_an_empty_assignment(kappa):
    """More members than partitions: who gets nothing stays a member, and takes over."""
    topic = create(kappa, "scarce", 1)
    with kcat_member(kappa, "scarcity", topic) as first:
        assert eventually(lambda: first.assigned() == [0])
        with kcat_member(kappa, "scarcity", topic) as second:
            assert eventually(lambda: state(kappa, "scarcity") == ("Stable", 2))
            assert eventually(lambda: sorted(first.assigned() + second.assigned()) == [0])
            owner, other = (first, second) if first.assigned() else (second, first)
            owner.kill()
            assert eventually(lambda: other.assigned() == [0])


def test_cooperative_members_keep_what_they_have(kappa):
    topic = create(kappa, "cooperative", 4)
    with kcat_member(kappa, "cooperating", topic, "-X", "partition.assignment.strategy=cooperative-sticky") as first:
        assert eventually(lambda: state(kappa, "cooperating") == ("Stable", 1))
        with kcat_member(kappa, "cooperating", topic, "-X", "partition.assignment.strategy=cooperative-sticky"):
            assert eventually(lambda: state(kappa, "cooperating") == ("Stable", 2))
            produce(kappa, topic, 4, range(8))
            assert eventually(lambda: len(first.lines) > 0)


def test_assignors_that_do_not_meet_are_refused(kappa):
    topic = create(kappa, "disagreeing", 1)
    with kcat_member(kappa, "disagreement", topic, "-X", "partition.assignment.strategy=range") as first:
        assert eventually(lambda: first.assigned() == [0])
        other = consumer(kappa, "disagreement", partition_assignment_strategy="roundrobin")
        other.subscribe([topic])
        message = eventually(lambda: other.poll(0.2))
        assert message is not None and message.error().code() == confluent_kafka.KafkaError.INCONSISTENT_GROUP_PROTOCOL
        other.close()
        assert first.assigned() == [0]


def test_kafka_python_and_librdkafka_are_members_of_one_group(kappa):
    topic = create(kappa, "mixed", 4)
    with kcat_member(kappa, "mixture", topic, "-X", "partition.assignment.strategy=range") as other:
        assert eventually(lambda: other.assigned() == [0, 1, 2, 3])
        member = python_kafka.KafkaConsumer(topic, group_id="mixture", bootstrap_servers=kappa.bootstrap, auto_offset_reset="earliest",
                                            session_timeout_ms=SESSION_MS, heartbeat_interval_ms=500, enable_auto_commit=False)
        assert eventually(lambda: member.poll(100) or (len(member.assignment()) == 2 and len(other.assigned()) == 2))
        produce(kappa, topic, 4, range(12))
        seen = set()
        assert eventually(lambda: seen.update(int(record.value) for records in member.poll(100).values() for record in records) or
                          seen | {int(value) for value in other.lines} == set(range(12)))
        member.commit()
        member.close()
        assert eventually(lambda: other.assigned() == [0, 1, 2, 3])


def test_a_group_does_not_get_stuck_preparing_after_disconnects(kappa):
    """Members that vanish in the middle of a rebalance, again and again: whoever stays gets everything."""
    topic = create(kappa, "vanishing", 3)
    with kcat_member(kappa, "vanish", topic) as stays:
        assert eventually(lambda: stays.assigned() == [0, 1, 2])
        for delay_s in (0.02, 0.05, 0.1, 0.2, 0.4):
            with kcat_member(kappa, "vanish", topic):
                time.sleep(delay_s)
        assert eventually(lambda: state(kappa, "vanish") == ("Stable", 1) and stays.assigned() == [0, 1, 2])


# ---- static members ----

def test_a_static_member_comes_back_without_a_rebalance(kappa):
    topic = create(kappa, "static", 2)
    with kcat_member(kappa, "statics", topic, "-X", "group.instance.id=a") as first:
        with kcat_member(kappa, "statics", topic, "-X", "group.instance.id=b") as second:
            assert eventually(lambda: len(first.assigned()) == 1 and len(second.assigned()) == 1)
            owned, rebalances = second.assigned(), len([line for line in first.said if "rebalanced" in line])
            second.kill()
            with kcat_member(kappa, "statics", topic, "-X", "group.instance.id=b") as again:
                assert eventually(lambda: again.assigned() == owned)
                time.sleep(1.5)  # three heartbeats: a rebalance would be known by now
                assert len([line for line in first.said if "rebalanced" in line]) == rebalances


def test_a_second_process_with_the_same_instance_id_fences_the_first(kappa):
    topic = create(kappa, "fencing", 1)
    first = consumer(kappa, "fence", group_instance_id="only")
    first.subscribe([topic])
    assert eventually(lambda: first.poll(0.1) or first.assignment())
    with kcat_member(kappa, "fence", topic, "-X", "group.instance.id=only") as second:
        assert eventually(lambda: second.assigned() == [0])

        def fenced():
            message = first.poll(0.2)
            return message is not None and message.error() is not None and message.error().code() in (
                confluent_kafka.KafkaError.FENCED_INSTANCE_ID, confluent_kafka.KafkaError._FATAL)
        assert eventually(fenced)
        assert second.assigned() == [0]


# ---- offsets ----

def test_committed_offsets_are_where_the_next_member_begins(kappa):
    topic = create(kappa, "resumed", 2)
    produce(kappa, topic, 2, range(20))
    first = consumer(kappa, "resume")
    first.subscribe([topic])
    assert len(consume(first, 20)) == 20
    first.commit(offsets=[confluent_kafka.TopicPartition(topic, 0, 7), confluent_kafka.TopicPartition(topic, 1, 10)], asynchronous=False)
    first.close()
    assert offsets(kappa, "resume") == {(topic, 0): (7, 3), (topic, 1): (10, 0)}
    second = consumer(kappa, "resume")
    second.subscribe([topic])
    assert consume(second, 3) == [14, 16, 18]
    second.close()


def test_no_commit_is_offset_minus_one_and_metadata_is_never_null(kappa):
    topic = create(kappa, "uncommitted", 1)
    member = consumer(kappa, "uncommitted")
    found = member.committed([confluent_kafka.TopicPartition(topic, 0)], timeout=10)[0]
    assert found.offset == confluent_kafka.OFFSET_INVALID and found.error is None
    member.commit(offsets=[confluent_kafka.TopicPartition(topic, 0, 5)], asynchronous=False)
    assert member.committed([confluent_kafka.TopicPartition(topic, 0)], timeout=10)[0].offset == 5
    member.close()
    admin = kafka.admin.KafkaAdminClient(bootstrap_servers=kappa.bootstrap)
    assert admin.list_consumer_group_offsets("uncommitted") == {
        python_kafka.TopicPartition(topic, 0): python_kafka.structs.OffsetAndMetadata(5, "")}
    admin.close()


def test_a_topic_created_anew_has_no_committed_offsets(kappa):
    topic = create(kappa, "renewed", 1)
    member = consumer(kappa, "renewal")
    member.commit(offsets=[confluent_kafka.TopicPartition(topic, 0, 9)], asynchronous=False)
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": kappa.bootstrap})
    admin.delete_topics([topic])[topic].result(10)
    create(kappa, topic, 1)
    assert member.committed([confluent_kafka.TopicPartition(topic, 0)], timeout=10)[0].offset == confluent_kafka.OFFSET_INVALID
    member.close()


def test_offsets_and_members_survive_kill_9_of_the_appliance():
    with Appliance() as kappa:
        topic = create(kappa, "survivors", 2)
        produce(kappa, topic, 2, range(10))
        member = consumer(kappa, "survival")
        assigned = []
        member.subscribe([topic], on_assign=lambda _, parts: assigned.append(sorted(p.partition for p in parts)))
        seen = consume(member, 10)
        assert sorted(seen) == list(range(10))
        member.commit(asynchronous=False)
        member_id = member.memberid() if hasattr(member, "memberid") else None
        kappa.kill()
        kappa.start()
        assert offsets(kappa, "survival") == {(topic, 0): (5, 0), (topic, 1): (5, 0)}
        assert state(kappa, "survival") == ("Stable", 1)
        produce(kappa, topic, 2, range(10, 20))
        assert sorted(consume(member, 10)) == list(range(10, 20))  # nothing twice, nothing lost
        member.commit(asynchronous=False)
        # the member went on as it was: the appliance knew its generation and its assignment
        assert assigned == [[0, 1]]
        assert member_id is None or member.memberid() == member_id
        member.close()
        kappa.kill()
        kappa.start()
        assert offsets(kappa, "survival") == {(topic, 0): (10, 0), (topic, 1): (10, 0)}
        assert state(kappa, "survival") == ("Empty", 0)


def test_acknowledged_commits_survive_kills_at_any_time():
    with Appliance() as kappa:
        topic = create(kappa, "killed", 1)
        produce(kappa, topic, 1, range(1))
        acknowledged = 0
        for round_ in range(4):
            member = consumer(kappa, "kills")
            stop, failed = threading.Event(), []

            def commit_on(member=member, round_=round_):
                nonlocal acknowledged
                number = (round_ + 1) * 1000000
                try:
                    while not stop.is_set():
                        number += 1
                        member.commit(offsets=[confluent_kafka.TopicPartition(topic, 0, number)], asynchronous=False)
                        acknowledged = number
                except confluent_kafka.KafkaException as error:
                    failed.append(error)

            thread = threading.Thread(target=commit_on)
            thread.start()
            assert eventually(lambda: acknowledged > (round_ + 1) * 1000000 + 20)
            kappa.kill()
            stop.set()
            kappa.start()
            thread.join(60)
            found = offsets(kappa, "kills")[(topic, 0)][0]
            assert found in (acknowledged, acknowledged + 1), (found, acknowledged)
            member.close()


# ---- tools ----

def test_groups_are_listed_described_and_their_lag_is_told(kappa):
    topic = create(kappa, "toolbox", 2)
    produce(kappa, topic, 2, range(6))
    member = python_kafka.KafkaConsumer(topic, group_id="tools", bootstrap_servers=kappa.bootstrap, auto_offset_reset="earliest",
                                        client_id="hammer", session_timeout_ms=SESSION_MS, heartbeat_interval_ms=500, enable_auto_commit=False)
    assert eventually(lambda: member.poll(100) or member.assignment())
    member.commit({python_kafka.TopicPartition(topic, 0): python_kafka.structs.OffsetAndMetadata(1, "one")})
    admin = kafka.admin.KafkaAdminClient(bootstrap_servers=kappa.bootstrap)
    assert ("tools", "consumer") in admin.list_consumer_groups()
    described = admin.describe_consumer_groups(["tools"])[0]
    assert (described.state, described.protocol_type, described.protocol) == ("Stable", "consumer", "range")
    assert [(who.client_id, who.client_host) for who in described.members] == [("hammer", "/127.0.0.1")]
    assert admin.list_consumer_group_offsets("tools") == {
        python_kafka.TopicPartition(topic, 0): python_kafka.structs.OffsetAndMetadata(1, "one")}
    assert admin.describe_consumer_groups(["nobody"])[0].state == "Dead"
    assert offsets(kappa, "tools") == {(topic, 0): (1, 2)}
    listed = confluent_kafka.admin.AdminClient({"bootstrap.servers": kappa.bootstrap}).list_groups("tools", timeout=10)[0]
    assert (listed.state, len(listed.members), listed.members[0].client_host) == ("Stable", 1, "/127.0.0.1")
    code, metrics = kappa.http("GET", "/metrics")
    assert code == 200 and 'kappa_group_members{group="tools"} 1\n' in metrics
    assert 'kappa_group_lag_records{group="tools",topic="toolbox",partition="0"} 2\n' in metrics
    # a group with members is neither deleted nor reset
    assert [error.errno for _, error in admin.delete_consumer_groups(["tools"])] == [68]
    outsider = consumer(kappa, "tools")
    with pytest.raises(confluent_kafka.KafkaException) as refused:
        outsider.commit(offsets=[confluent_kafka.TopicPartition(topic, 0, 0)], asynchronous=False)
    assert refused.value.args[0].code() == confluent_kafka.KafkaError.UNKNOWN_MEMBER_ID
    member.close()
    # without members it is
    outsider.commit(offsets=[confluent_kafka.TopicPartition(topic, 0, 0)], asynchronous=False)
    assert offsets(kappa, "tools") == {(topic, 0): (0, 3)}
    outsider.close()
    assert [error.errno for _, error in admin.delete_consumer_groups(["tools"])] == [0]
    assert [error.errno for _, error in admin.delete_consumer_groups(["tools"])] == [69]
    assert "tools" not in [name for name, _ in admin.list_consumer_groups()]
    assert state(kappa, "tools") is None
    admin.close()


def test_the_groups_topic_is_internal(kappa):
    assert b"__kappa_groups" not in kcat(kappa.bootstrap, "-L")
    assert kappa.sql("SELECT is_internal FROM kappa.topics WHERE topic = '__kappa_groups'") == [(True,)]
