"""Kafka's real clients, brought to one form: records in, records out.

A record is Record(offset, key, value, headers, timestamp_ms); keys, values and header values are bytes or None, headers a list of
pairs. Reading goes by assigned partitions and ends at the high watermark that was there when it began.
"""
import collections
import json
import subprocess

import confluent_kafka
import kafka as python_kafka

Record = collections.namedtuple("Record", "offset key value headers timestamp_ms")

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


class Failed(Exception):
    """What a producer said about a record it could not deliver."""


# ---- librdkafka, through python3-confluent-kafka ----

def confluent_producer(bootstrap, **options):
    return confluent_kafka.Producer({"bootstrap.servers": bootstrap, "acks": "all",
                                     **{name.replace("_", "."): value for name, value in options.items()}})


def confluent_produce(bootstrap, topic, records, partition=0, **options):
    """Produces and waits; returns the records with the offsets they were acknowledged at."""
    producer = confluent_producer(bootstrap, **options)
    offsets, errors = {}, []

    def delivered(index):
        def report(error, message):
            if error is not None:
                errors.append(error)
            else:
                offsets[index] = message.offset()
        return report

    for index, record in enumerate(records):
        while True:
            try:
                producer.produce(topic, key=record.key, value=record.value, headers=record.headers, partition=partition,
                                 timestamp=record.timestamp_ms, on_delivery=delivered(index))
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    left = producer.flush(30)
    if errors or left:
        raise Failed(errors[0] if errors else "%d records were not delivered in time" % left)
    return [record._replace(offset=offsets[index]) for index, record in enumerate(records)]


def confluent_consume(bootstrap, topic, partition=0, offset=0, wait_s=10, **options):
    consumer = confluent_kafka.Consumer({"bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False,
                                         "auto.offset.reset": "error", "check.crcs": True, "fetch.wait.max.ms": 10,
                                         **{name.replace("_", "."): value for name, value in options.items()}})
    try:
        where = confluent_kafka.TopicPartition(topic, partition, offset)
        end = consumer.get_watermark_offsets(where, timeout=10)[1]
        consumer.assign([where])
        records = []
        while offset < end:
            messages = consumer.consume(min(1000, end - offset), timeout=wait_s)  # waits for that many
            assert messages, "no records for %g s at offset %d of %d" % (wait_s, offset, end)
            for message in messages:
                assert message.error() is None, message.error()
                records.append(Record(message.offset(), message.key(), message.value(), message.headers() or [],
                                      message.timestamp()[1]))
                offset = message.offset() + 1
        return records
    finally:
        consumer.close()


# ---- kafka-python ----

def python_produce(bootstrap, topic, records, partition=0, **options):
    producer = python_kafka.KafkaProducer(bootstrap_servers=bootstrap, acks="all", **options)
    try:
        sent = [producer.send(topic, value=record.value, key=record.key, headers=record.headers, partition=partition,
                              timestamp_ms=record.timestamp_ms) for record in records]
        producer.flush(30)
        return [record._replace(offset=future.get(10).offset) for record, future in zip(records, sent)]
    finally:
        producer.close()


def python_consume(bootstrap, topic, partition=0, offset=0):
    consumer = python_kafka.KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="none",
                                          check_crcs=True, fetch_max_wait_ms=10)
    try:
        where = python_kafka.TopicPartition(topic, partition)
        consumer.assign([where])
        end = consumer.end_offsets([where])[where]
        consumer.seek(where, offset)
        records = []
        while offset < end:
            messages = consumer.poll(timeout_ms=10000).get(where, [])
            assert messages, "no records for 10 s at offset %d of %d" % (offset, end)
            for message in messages:
                records.append(Record(message.offset, message.key, message.value, list(message.headers), message.timestamp))
                offset = message.offset + 1
        return records
    finally:
        consumer.close()


# ---- kcat ----

def kcat(bootstrap, *arguments, stdin=None, timeout=60):
    done = subprocess.run(["kcat", "-b", bootstrap] + list(arguments), input=stdin, capture_output=True, timeout=timeout)
    assert done.returncode == 0, "kcat %s: exit code %d\n%s" % (" ".join(arguments), done.returncode, done.stderr.decode())
    return done.stdout


def kcat_consume(bootstrap, topic, *options):
    """Text records only: kcat prints them as JSON."""
    records = []
    for line in kcat(bootstrap, "-C", "-q", "-t", topic, "-o", "beginning", "-e", "-J", *options).decode().splitlines():
        message = json.loads(line)
        headers = message.get("headers", [])
        records.append(Record(message["offset"], *(None if message[name] is None else message[name].encode() for name in ("key", "payload")),
                              [(name, value.encode()) for name, value in zip(headers[::2], headers[1::2])], message["ts"]))
    return records
