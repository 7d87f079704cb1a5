"""Kafka's real clients write and read, and what one has written another reads, byte for byte; views see the same records.

Clients: kcat (librdkafka 2.0), python3-confluent-kafka, python3-kafka 2.0.2, as Debian packages them.
"""
import concurrent.futures
import json
import os
import random
import re
import sys

import confluent_kafka
import confluent_kafka.admin
import kafka as python_kafka
import kafka.admin
import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from appliance import Appliance  # noqa: E402
from kafka_client import (CODECS, Failed, Record, confluent_consume, confluent_produce, confluent_producer, kcat,  # noqa: E402
                          kcat_consume, python_consume, python_produce)

SEED = int(os.environ.get("KAPPA_SEED", "20260101"))
BASE_MS = 1767225600000  # 2026-01-01


@pytest.fixture(scope="module")
def kappa():
    with Appliance(["--segment-bytes", "200000"]) as appliance:  # small: tests read across segment rolls
        yield appliance


@pytest.fixture(scope="module")
def admin(kappa):
    return confluent_kafka.admin.AdminClient({"bootstrap.servers": kappa.bootstrap})


def create(admin, name, partitions=1):
    admin.create_topics([confluent_kafka.admin.NewTopic(name, partitions, 1)])[name].result(10)
    return name


def random_bytes(rng, size_max):
    kind = rng.randrange(4)
    if kind == 0:
        return None
    if kind == 1:
        return b""
    if kind == 2:
        return b"repeated " * rng.randrange(1, size_max // 9 + 2)  # something to compress
    return rng.randbytes(rng.randrange(1, size_max + 1))


def random_records(rng, count, size_max=200):
    """Null, empty, binary and repetitive keys and values; headers that are absent, doubled, null, empty; timestamps out of order."""
    records = []
    for _ in range(count):
        headers = [(rng.choice(["a", "b", "trace-id", "é"]), rng.choice([b"", b"x", rng.randbytes(20)])) for _ in range(rng.randrange(4))]
        records.append(Record(None, random_bytes(rng, 30), random_bytes(rng, size_max), headers, BASE_MS + rng.randrange(-10**9, 10**9)))
    return records


# ---- administration ----

def test_created_topics_are_listed_with_their_partitions(kappa, admin):
    create(admin, "listed", 4)
    metadata = admin.list_topics(timeout=10)
    assert sorted(metadata.topics["listed"].partitions) == [0, 1, 2, 3]
    assert [broker.id for broker in metadata.brokers.values()] == [metadata.controller_id]
    listing = json.loads(kcat(kappa.bootstrap, "-L", "-J"))
    topic = [topic for topic in listing["topics"] if topic["topic"] == "listed"]
    assert len(topic) == 1 and len(topic[0]["partitions"]) == 4
    assert all(partition["leader"] == listing["brokers"][0]["id"] for partition in topic[0]["partitions"])
    assert not any(topic["topic"].startswith("__") for topic in listing["topics"])
    assert (kappa.sql("SELECT partition_count FROM kappa.topics WHERE topic = 'listed'")) == [(4,)]


def test_a_topic_is_created_once_and_deleted(kappa, admin):
    create(admin, "short-lived")
    with pytest.raises(confluent_kafka.KafkaException) as error:
        create(admin, "short-lived")
    assert error.value.args[0].code() == confluent_kafka.KafkaError.TOPIC_ALREADY_EXISTS
    admin.delete_topics(["short-lived"])["short-lived"].result(10)
    assert "short-lived" not in admin.list_topics(timeout=10).topics
    with pytest.raises(confluent_kafka.KafkaException):
        create(admin, "not a/name")


def test_created_again_a_topic_is_empty(kappa, admin):
    create(admin, "phoenix")
    confluent_produce(kappa.bootstrap, "phoenix", [Record(None, None, b"old", [], BASE_MS)] * 3)
    admin.delete_topics(["phoenix"])["phoenix"].result(10)
    create(admin, "phoenix")
    assert confluent_consume(kappa.bootstrap, "phoenix") == []
    assert confluent_produce(kappa.bootstrap, "phoenix", [Record(None, None, b"new", [], BASE_MS)])[0].offset == 0


def test_topic_configuration_is_described(kappa, admin):
    create(admin, "described")
    resource = confluent_kafka.admin.ConfigResource("topic", "described")
    entries = admin.describe_configs([resource])[resource].result(10)
    assert entries["cleanup.policy"].value == "delete"
    assert entries["retention.ms"].value == "-1"
    assert entries["segment.bytes"].value == "200000"


def test_kafka_python_administers_topics(kappa):
    client = kafka.admin.KafkaAdminClient(bootstrap_servers=kappa.bootstrap)
    try:
        client.create_topics([kafka.admin.NewTopic("by-python", 3, 1)])
        assert "by-python" in client.list_topics()
        assert len(client.describe_topics(["by-python"])[0]["partitions"]) == 3
        client.delete_topics(["by-python"])
        assert "by-python" not in client.list_topics()
    finally:
        client.close()


# ---- produce and consume ----

@pytest.mark.parametrize("idempotent", [False, True], ids=["plain", "idempotent"])
@pytest.mark.parametrize("codec", CODECS)
def test_kcat_reads_what_kcat_wrote(kappa, admin, codec, idempotent):
    topic = create(admin, "kcat-%s-%s" % (codec, idempotent))
    lines = ["k%d:value %d é %s" % (i, i, "x" * (i % 50)) for i in range(500)]
    kcat(kappa.bootstrap, "-P", "-t", topic, "-z", codec, "-K", ":", "-H", "source=test", "-H", "empty=",
         "-X", "enable.idempotence=%s" % str(idempotent).lower(), stdin="\n".join(lines).encode())
    records = kcat_consume(kappa.bootstrap, topic)
    assert [record.offset for record in records] == list(range(500))
    assert ["%s:%s" % (record.key.decode(), record.value.decode()) for record in records] == lines
    assert all(record.headers == [("source", b"test"), ("empty", b"")] for record in records)


def test_kcat_finds_offsets_by_time(kappa, admin):
    topic = create(admin, "times")
    confluent_produce(kappa.bootstrap, topic, [Record(None, None, b"%d" % i, [], BASE_MS + i * 1000) for i in range(2000)], compression_type="lz4")

    def query(time):
        answer = kcat(kappa.bootstrap, "-Q", "-t", "%s:0:%d" % (topic, time)).decode()
        return int(re.match(r"%s \[0\] offset (-?\d+)" % topic, answer).group(1))

    assert query(-2) == 0
    assert query(-1) == 2000
    assert query(BASE_MS) == 0
    assert query(BASE_MS + 1) == 1
    assert query(BASE_MS + 777000) == 777
    assert query(BASE_MS + 777001) == 778
    assert query(BASE_MS - 5) == 0
    tail = kcat(kappa.bootstrap, "-C", "-q", "-t", topic, "-o", "s@%d" % (BASE_MS + 1997500), "-e").decode().split()
    assert tail == ["1998", "1999"]
    assert kcat(kappa.bootstrap, "-C", "-q", "-t", topic, "-o", "-3", "-e").decode().split() == ["1997", "1998", "1999"]


@pytest.mark.parametrize("idempotent", [False, True], ids=["plain", "idempotent"])
@pytest.mark.parametrize("codec", CODECS)
def test_all_clients_read_the_bytes_that_librdkafka_wrote(kappa, admin, codec, idempotent):
    topic = create(admin, "confluent-%s-%s" % (codec, idempotent), 2)
    rng = random.Random("%d %s %s" % (SEED, codec, idempotent))
    written = confluent_produce(kappa.bootstrap, topic, random_records(rng, 1000), partition=1, compression_type=codec,
                                enable_idempotence=idempotent, linger_ms=rng.choice([0, 5]))
    assert [record.offset for record in written] == list(range(1000))
    assert confluent_consume(kappa.bootstrap, topic, 1) == written
    assert confluent_consume(kappa.bootstrap, topic, 1, offset=537) == written[537:]
    assert confluent_consume(kappa.bootstrap, topic, 0) == []
    assert python_consume(kappa.bootstrap, topic, 1) == written


def test_all_clients_read_the_bytes_that_kafka_python_wrote(kappa, admin):
    topic = create(admin, "python")
    rng = random.Random(SEED)
    written = []
    for codec in CODECS:
        records = [record for record in random_records(rng, 300) if (record.key, record.value) != (None, None)]  # the client refuses those
        written += python_produce(kappa.bootstrap, topic, records, compression_type=None if codec == "none" else codec)
    assert [record.offset for record in written] == list(range(len(written)))
    assert python_consume(kappa.bootstrap, topic) == written
    assert confluent_consume(kappa.bootstrap, topic) == written
    assert python_consume(kappa.bootstrap, topic, offset=411) == written[411:]


def test_kafka_python_finds_offsets_by_time(kappa, admin):
    topic = create(admin, "python-times")
    python_produce(kappa.bootstrap, topic, [Record(None, None, b"x", [], BASE_MS + i * 10) for i in range(100)])
    consumer = python_kafka.KafkaConsumer(bootstrap_servers=kappa.bootstrap)
    try:
        where = python_kafka.TopicPartition(topic, 0)
        found = consumer.offsets_for_times({where: BASE_MS + 501})[where]
        assert (found.offset, found.timestamp) == (51, BASE_MS + 510)
        assert consumer.offsets_for_times({where: BASE_MS + 10**6})[where] is None
        assert consumer.beginning_offsets([where]) == {where: 0}
        assert consumer.end_offsets([where]) == {where: 100}
    finally:
        consumer.close()


def test_records_of_megabytes_pass_and_larger_than_the_limit_are_refused(kappa, admin):
    topic = create(admin, "large")
    rng = random.Random(SEED)
    big = [Record(None, b"k", rng.randbytes(size), [], BASE_MS) for size in (900_000, 5_000_000, 100)]
    written = confluent_produce(kappa.bootstrap, topic, big, message_max_bytes=50_000_000)
    assert confluent_consume(kappa.bootstrap, topic) == written
    with pytest.raises(Failed) as error:
        confluent_produce(kappa.bootstrap, topic, [Record(None, None, rng.randbytes(17_000_000), [], BASE_MS)], message_max_bytes=50_000_000)
    assert error.value.args[0].code() == confluent_kafka.KafkaError.MSG_SIZE_TOO_LARGE
    assert confluent_consume(kappa.bootstrap, topic) == written


def test_internal_topics_take_no_records(kappa):
    with pytest.raises(Failed):
        confluent_produce(kappa.bootstrap, "__kappa_catalog", [Record(None, None, b"{}", [], BASE_MS)], message_timeout_ms=3000)


def test_many_producers_share_partitions_without_loss(kappa, admin):
    topic = create(admin, "shared", 3)

    def produce(number):
        rng = random.Random(SEED + number)
        records = [Record(None, b"%d" % number, b"%d-%d" % (number, i), [], BASE_MS) for i in range(400)]
        return number % 3, confluent_produce(kappa.bootstrap, topic, records, partition=number % 3, linger_ms=rng.randrange(3),
                                             compression_type=rng.choice(CODECS), enable_idempotence=bool(number % 2))

    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        results = list(pool.map(produce, range(9)))
    for partition in range(3):
        read = {record.offset: record for record in confluent_consume(kappa.bootstrap, topic, partition)}
        assert sorted(read) == list(range(1200))
        for where, written in results:
            if where == partition:
                assert [read[record.offset] for record in written] == written
                assert [record.offset for record in written] == sorted(record.offset for record in written)


def test_a_waiting_consumer_gets_records_as_they_come(kappa, admin):
    topic = create(admin, "live")
    consumer = confluent_kafka.Consumer({"bootstrap.servers": kappa.bootstrap, "group.id": "unused", "enable.auto.commit": False,
                                         "fetch.wait.max.ms": 5000})
    producer = confluent_producer(kappa.bootstrap, linger_ms=0)
    try:
        consumer.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
        assert consumer.poll(0.5) is None  # its fetch is parked now
        for i in range(10):
            producer.produce(topic, b"%d" % i)
            producer.flush(10)
            message = consumer.poll(2)
            assert message is not None and message.error() is None and message.value() == b"%d" % i
    finally:
        consumer.close()


# ---- views over what clients produced ----

def test_views_see_what_every_client_produced(kappa, admin):
    topic = create(admin, "orders", 2)
    kappa.sql("CREATE TABLE orders (who text, amount numeric(10,2)) WITH (topic = 'orders')")
    kappa.sql("CREATE MATERIALIZED VIEW spent AS SELECT who, count(*) AS orders, sum(amount) AS total FROM orders GROUP BY who")
    rng = random.Random(SEED)
    expected = {}

    def order(who):
        cents = rng.randrange(1, 100000)
        count, total = expected.get(who, (0, 0))
        expected[who] = (count + 1, total + cents)
        return json.dumps({"who": who, "amount": "%d.%02d" % divmod(cents, 100)}).encode()

    bad = 0
    for codec in CODECS:
        records = [Record(None, None, order(rng.choice("abc")), [], BASE_MS) for _ in range(200)]
        records.insert(7, Record(None, None, b"{not JSON", [], BASE_MS))
        bad += 1
        confluent_produce(kappa.bootstrap, topic, records, partition=rng.randrange(2), compression_type=codec, enable_idempotence=True)
    python_produce(kappa.bootstrap, topic, [Record(None, None, order("py"), [], BASE_MS) for _ in range(100)], compression_type="gzip")
    kcat(kappa.bootstrap, "-P", "-t", topic, "-p", "1", "-z", "zstd", stdin=b"\n".join(order("kcat") for _ in range(100)))
    kappa.wait("SELECT who, orders, (total * 100)::bigint FROM spent ORDER BY who", sorted((who, *value) for who, value in expected.items()))
    assert kappa.sql("SELECT count(*) FROM orders") == [(5 * 200 + 200,)]
    assert kappa.sql("SELECT count(*), count(DISTINCT record_offset) > 0 FROM kappa.bad_records WHERE view = 'spent'") == [(bad, True)]
    assert kappa.sql("SELECT is_equal FROM kappa.verify('spent')") == [(True,)]


def test_a_view_counts_every_record_of_densely_packed_batches(kappa, admin):
    """Half a megabyte of the log, which is what is read at a time, holds some hundred thousand of these."""
    topic = create(admin, "dense")
    count = 1_300_000
    kcat(kappa.bootstrap, "-P", "-t", topic, "-z", "zstd", "-X", "batch.num.messages=1000000", "-X", "batch.size=100000000",
         "-X", "linger.ms=500", "-X", "queue.buffering.max.messages=2000000", "-X", "message.max.bytes=16000000", stdin=b"1\n" * count)
    kappa.sql("CREATE TABLE dense (a integer) WITH (topic = 'dense', format = 'csv')")
    kappa.sql("CREATE MATERIALIZED VIEW density AS SELECT sum(a) AS total FROM dense")
    assert kappa.sql("SELECT total FROM density") == [(count,)]
    assert kappa.sql("SELECT count(*) FROM dense") == [(count,)]


def test_offsets_and_records_survive_a_restart(kappa, admin):
    topic = create(admin, "kept")
    rng = random.Random(SEED)
    written = confluent_produce(kappa.bootstrap, topic, random_records(rng, 2000, 300), compression_type="zstd", enable_idempotence=True)
    kappa.stop()
    kappa.start()
    assert confluent_consume(kappa.bootstrap, topic) == written
    more = confluent_produce(kappa.bootstrap, topic, random_records(rng, 10))
    assert more[0].offset == 2000
