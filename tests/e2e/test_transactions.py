"""Transactions with Debian's confluent_kafka (librdkafka): commit, abort, fencing, timeouts, kill -9, offsets in
transactions, and views over what was committed."""

import json
import os
import sys
import time

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from appliance import Appliance  # noqa: E402

TRANSACTION_TIMEOUT_MS = 60000


@pytest.fixture
def appliance():
    with Appliance() as running:
        yield running


def topic_create(appliance, name, partitions=1):
    admin = AdminClient({"bootstrap.servers": appliance.bootstrap})
    for future in admin.create_topics([NewTopic(name, partitions, 1)]).values():
        future.result(timeout=30)


def producer(appliance, transactional_id="t", **settings):
    settings = {
        "bootstrap.servers": appliance.bootstrap,
        "transactional.id": transactional_id,
        "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
        "linger.ms": 1,
        **settings,
    }
    made = Producer(settings)
    made.init_transactions(30)
    return made


def values(appliance, topic, isolation="read_committed", partitions=1, timeout_s=30):
    """All values up to where each partition ends for this isolation level."""
    consumer = Consumer(
        {
            "bootstrap.servers": appliance.bootstrap,
            "group.id": "unused",
            "isolation.level": isolation,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
    found, ended, until = [], set(), time.time() + timeout_s
    while len(ended) < partitions and time.time() < until:
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error():
            assert message.error().name() == "_PARTITION_EOF", message.error()
            ended.add(message.partition())
        else:
            found.append(message.value().decode())
    consumer.close()
    assert len(ended) == partitions
    return found


def test_committed_is_seen_and_aborted_is_not(appliance):
    topic_create(appliance, "t", 2)
    writer = producer(appliance)
    expected = []
    for number in range(10):
        writer.begin_transaction()
        for i in range(5):
            writer.produce("t", f"{number}.{i}", partition=i % 2)
        if number % 3 == 0:
            writer.flush(30)  # what is not sent yet would not be aborted, but dropped
            writer.abort_transaction(30)
        else:
            writer.commit_transaction(30)
            expected += [f"{number}.{i}" for i in range(5)]
    assert sorted(values(appliance, "t", partitions=2)) == sorted(expected)
    assert len(values(appliance, "t", "read_uncommitted", 2)) == 50


def test_read_committed_waits_for_the_marker(appliance):
    topic_create(appliance, "t")
    writer = producer(appliance)
    writer.begin_transaction()
    writer.produce("t", "first")
    writer.flush(30)
    plain = Producer({"bootstrap.servers": appliance.bootstrap})
    plain.produce("t", "plain")
    plain.flush(30)
    assert values(appliance, "t") == []
    assert values(appliance, "t", "read_uncommitted") == ["first", "plain"]
    writer.commit_transaction(30)
    assert values(appliance, "t") == ["first", "plain"]


def test_an_empty_transaction_ends(appliance):
    writer = producer(appliance)
    for _ in range(3):
        writer.begin_transaction()
        writer.commit_transaction(30)
        writer.begin_transaction()
        writer.abort_transaction(30)


def test_a_zombie_is_fenced(appliance):
    topic_create(appliance, "t")
    zombie = producer(appliance)
    zombie.begin_transaction()
    zombie.produce("t", "zombie")
    zombie.flush(30)
    heir = producer(appliance)  # aborts what the zombie has under way
    heir.begin_transaction()
    heir.produce("t", "heir")
    heir.commit_transaction(30)
    with pytest.raises(KafkaException) as caught:
        zombie.produce("t", "zombie again")
        zombie.commit_transaction(30)
    assert caught.value.args[0].fatal() or caught.value.args[0].name() in ("_FENCED", "INVALID_PRODUCER_EPOCH")
    assert values(appliance, "t") == ["heir"]


def test_a_transaction_that_takes_too_long_is_aborted(appliance):
    topic_create(appliance, "t")
    slow = producer(appliance, **{"transaction.timeout.ms": 1000})
    slow.begin_transaction()
    slow.produce("t", "slow")
    slow.flush(30)
    plain = Producer({"bootstrap.servers": appliance.bootstrap})
    plain.produce("t", "plain")
    plain.flush(30)
    until = time.time() + 20
    while values(appliance, "t") != ["plain"]:
        assert time.time() < until
        time.sleep(0.2)
    with pytest.raises(KafkaException):
        slow.commit_transaction(30)


def test_kill_in_between_loses_nothing_committed_and_shows_nothing_aborted(appliance):
    topic_create(appliance, "t")
    expected = []
    for life in range(4):
        writer = producer(appliance)
        for number in range(5):
            writer.begin_transaction()
            name = f"{life}.{number}"
            writer.produce("t", name)
            if number % 2 == 0:
                writer.commit_transaction(30)
                expected.append(name)
            else:
                writer.abort_transaction(30)
        writer.begin_transaction()
        writer.produce("t", f"{life}.open")
        writer.flush(30)
        appliance.kill()
        appliance.start()
        if life % 2 == 0:
            # The same producer goes on: its transaction survived the server.
            writer.produce("t", f"{life}.after")
            writer.commit_transaction(60)
            expected += [f"{life}.open", f"{life}.after"]
    producer(appliance)  # aborts the last one that is open
    assert values(appliance, "t") == expected


def test_consume_transform_produce_is_exactly_once(appliance):
    topic_create(appliance, "in", 1)
    topic_create(appliance, "out", 1)
    source = Producer({"bootstrap.servers": appliance.bootstrap})
    for i in range(100):
        source.produce("in", str(i))
    source.flush(30)
    done = 0
    for attempt in range(40):
        consumer = Consumer(
            {
                "bootstrap.servers": appliance.bootstrap,
                "group.id": "transform",
                "session.timeout.ms": 6000,
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
            }
        )
        consumer.subscribe(["in"])
        writer = producer(appliance, "transform")
        writer.begin_transaction()
        taken = 0
        until = time.time() + 15
        while taken < 20 and time.time() < until and done + taken < 100:
            message = consumer.poll(1)
            if message is None or message.error():
                continue
            writer.produce("out", "-" + message.value().decode())
            taken += 1
        writer.send_offsets_to_transaction(
            consumer.position(consumer.assignment()), consumer.consumer_group_metadata(), 30
        )
        if attempt % 3 == 1:
            writer.abort_transaction(30)
        elif attempt % 3 == 2:
            appliance.kill()
            appliance.start()
            writer.commit_transaction(60)
            done += taken
        else:
            writer.commit_transaction(30)
            done += taken
        consumer.close()
        if done == 100:
            break
    assert values(appliance, "out") == [f"-{i}" for i in range(100)]


def test_a_view_counts_what_was_committed_live_and_redeployed(appliance):
    appliance.sql("CREATE TABLE t (v int) WITH (topic = 't', format = 'json')")
    appliance.sql("CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS n, sum(v) AS s FROM t")
    writer = producer(appliance)
    committed = []
    for number in range(30):
        writer.begin_transaction()
        writer.produce("t", json.dumps({"v": number}))
        if number % 4 == 3:
            writer.abort_transaction(30)
        else:
            writer.commit_transaction(30)
            committed.append(number)
    expected = [(len(committed), sum(committed))]
    appliance.wait("SELECT n, s FROM totals", expected)
    appliance.wait("SELECT count(*), sum(v) FROM t", expected)
    appliance.sql("CREATE OR REPLACE MATERIALIZED VIEW totals AS SELECT count(*) AS n, sum(v + 0) AS s FROM t")
    appliance.wait('SELECT n, s FROM "totals@2"', expected)
    appliance.wait_caught_up()
