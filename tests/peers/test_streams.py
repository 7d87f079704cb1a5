"""Kafka Streams: word count and a windowed aggregate, at_least_once and exactly_once_v2, and over a kill of the appliance."""
import time

import confluent_kafka
import confluent_kafka.admin
import pytest

import peers
from appliance import Appliance


@pytest.fixture(scope="module")
def kappa():
    with Appliance() as appliance:
        yield appliance


@pytest.fixture(scope="module")
def program():
    return peers.compiled(peers.jars("kafka-new"), "Streams.java")


def create(kappa, *topics):
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": kappa.bootstrap})
    for future in admin.create_topics([confluent_kafka.admin.NewTopic(topic, 2, 1) for topic in topics]).values():
        future.result(10)


def produce(kappa, topic, records):
    """(key, value, timestamp in ms)"""
    producer = confluent_kafka.Producer({"bootstrap.servers": kappa.bootstrap})
    for key, value, timestamp in records:
        producer.produce(topic, value, key=key, timestamp=timestamp)
    assert producer.flush(30) == 0


def results(kappa, topic, expected, streams, timeout=90):
    """Reads committed records until the newest of each key are as expected; returns all of them."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": kappa.bootstrap, "group.id": "reads-" + topic, "isolation.level": "read_committed",
                                         "enable.auto.commit": False, "auto.offset.reset": "earliest"})
    consumer.assign([confluent_kafka.TopicPartition(topic, partition, 0) for partition in range(2)])
    newest, seen, until = {}, [], time.time() + timeout
    try:
        while newest != expected:
            assert streams.process.poll() is None, "Streams ended: " + streams.read()[-4000:]
            assert time.time() < until, "%s: got %r, expected %r\n%s" % (topic, newest, expected, streams.read()[-3000:])
            message = consumer.poll(0.5)
            if message is not None and message.error() is None:
                seen.append((message.key().decode(), int(message.value())))
                newest[seen[-1][0]] = seen[-1][1]
        return seen
    finally:
        consumer.close()


def start(kappa, program, which, guarantee, application, directory):
    return peers.Program(peers.java(program, "Streams", kappa.bootstrap, which, guarantee, application, str(directory)))


@pytest.mark.parametrize("guarantee", ["at_least_once", "exactly_once_v2"])
def test_word_count_survives_restarts_of_both(kappa, program, guarantee, tmp_path):
    application = "words-" + guarantee.replace("_", "-")
    create(kappa, application + "-in", application + "-out")
    produce(kappa, application + "-in", [(None, "all streams lead to kafka", 0), (None, "hello kafka streams", 0)])
    expected = {"all": 1, "streams": 2, "lead": 1, "to": 1, "kafka": 2, "hello": 1}
    with start(kappa, program, "words", guarantee, application, tmp_path / "1") as streams:
        results(kappa, application + "-out", expected, streams)
        assert streams.end() == 0 and "closed" in streams.output
    kappa.kill()
    kappa.start()
    # Elsewhere: the state comes back from the changelog.
    produce(kappa, application + "-in", [(None, "join kafka", 0)])
    expected = {**expected, "join": 1, "kafka": 3}
    with start(kappa, program, "words", guarantee, application, tmp_path / "2") as streams:
        seen = results(kappa, application + "-out", expected, streams)
        if guarantee == "exactly_once_v2":
            assert sorted(count for word, count in seen if word == "kafka") == [1, 2, 3]  # nothing was counted twice
        # The appliance dies under a running program, which goes on by itself.
        kappa.kill()
        kappa.start()
        produce(kappa, application + "-in", [(None, "kafka again", 0)])
        seen = results(kappa, application + "-out", {**expected, "kafka": 4, "again": 1}, streams)
        if guarantee == "exactly_once_v2":
            assert sorted(count for word, count in seen if word == "kafka") == [1, 2, 3, 4]
        streams.end()


@pytest.mark.parametrize("guarantee", ["at_least_once", "exactly_once_v2"])
def test_windowed_counts_agree_with_a_view(kappa, program, guarantee, tmp_path):
    application = "windows-" + guarantee.replace("_", "-")
    create(kappa, application + "-in", application + "-out")
    base = 1_700_000_000_000
    records = [("k%d" % (i % 3), '{"i": %d}' % i, base + i * 700) for i in range(60)]
    produce(kappa, application + "-in", records)
    expected = {}
    for key, _, timestamp in records:
        name = "%s@%d" % (key, timestamp // 10000 * 10000)
        expected[name] = expected.get(name, 0) + 1
    with start(kappa, program, "windows", guarantee, application, tmp_path) as streams:
        results(kappa, application + "-out", expected, streams)
        streams.end()
    name = "windows_" + guarantee
    kappa.sql("CREATE TABLE %s_in (i integer) WITH (topic = '%s-in')" % (name, application))
    kappa.sql("CREATE MATERIALIZED VIEW %s AS SELECT convert_from(_key, 'UTF8') AS k, window_start, count(*) AS n FROM "
              "TUMBLE(%s_in, _timestamp, INTERVAL '10 seconds') GROUP BY 1, 2" % (name, name))
    got = kappa.sql("SELECT k || '@' || (extract(epoch FROM window_start) * 1000)::bigint, n FROM %s" % name)
    assert dict(got) == expected
