"""Writes tests/golden/<client>.txt: what real clients send, and what we answered. Run it when clients or our answers change:

    python3 tests/peers/record_golden.py [client …]

A line is "<api key> <version> <request> <answer>", frames in hexadecimal without their length, in the order they were sent; of each (API,
version) the first pair of moderate size. tests/ingest/test_kafka_golden.c reads the files.
"""
import os
import subprocess
import sys

import pytest

import peers
import test_clients
import test_kafka_tools
from appliance import Appliance
from kafka_recorder import Recorder

GOLDEN = os.path.join(peers.ROOT, "tests", "golden")
REQUEST_BYTES_MAX, ANSWER_BYTES_MAX = 1500, 3000


def fixture(function):
    """What a pytest fixture of ours gives."""
    return getattr(function, "__wrapped__", None) or function.__pytest_wrapped__.obj


def script(name, *methods):
    def run(bootstrap):
        command, env = fixture(getattr(test_clients, name))()
        for method in methods:
            code, output = peers.run(command + [bootstrap, method], env=env)
            print(name, method, code, "" if code == 0 else output[-500:])
    return run


def kafka_tools(profile, mains, flag):
    def run(bootstrap):
        release = test_kafka_tools.Release(profile, peers.jars(profile), mains)
        server = ("--bootstrap-server", bootstrap)

        def tool(name, *arguments, stdin=None):
            if name in mains:
                code, output = peers.run(release.command(name, *arguments), stdin=stdin)
                print(profile, name, arguments[0], code, "" if code == 0 else output[-500:])

        tool("topics", "--create", *server, "--replication-factor", "1", "--partitions", "1", "--topic", "test")
        tool("topics", "--describe", *server)
        tool("topics", "--alter", *server, "--topic", "test", "--partitions", "2")
        tool("configs", *server, "--entity-type", "topics", "--entity-name", "test", "--alter", "--add-config", "retention.ms=86400000")
        tool("producer", flag, bootstrap, "--topic", "test", stdin="one\ntwo\nthree\n")
        tool("consumer", *server, "--topic", "test", "--group", "readers", "--from-beginning", "--max-messages", "3")
        tool("groups", *server, "--list")
        tool("groups", *server, "--describe", "--group", "readers")
        tool("groups", *server, "--group", "readers", "--topic", "test", "--reset-offsets", "--to-earliest", "--execute")
        tool("groups", *server, "--delete", "--group", "readers")
        tool("offsets", flag, bootstrap, "--topic", "test", "--time", "-1")
        tool("topics", "--delete", *server, "--topic", "test")
    return run


def debian(bootstrap):
    """kcat, librdkafka through confluent-kafka, kafka-python 2.0.2: as the system's packages have them."""
    import confluent_kafka
    import kafka
    from confluent_kafka.admin import AdminClient, NewTopic
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic("debian", 2, 1)])["debian"].result(10)
    subprocess.run(["kcat", "-b", bootstrap, "-P", "-t", "debian", "-p", "0"], input=b"a\nb\n", check=True)
    subprocess.run(["kcat", "-b", bootstrap, "-L"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["kcat", "-b", bootstrap, "-C", "-t", "debian", "-o", "beginning", "-e", "-q"], check=True, stdout=subprocess.DEVNULL)
    producer = confluent_kafka.Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "compression.type": "zstd"})
    producer.produce("debian", b"c", partition=0)
    producer.flush(10)
    consumer = confluent_kafka.Consumer({"bootstrap.servers": bootstrap, "group.id": "rdkafka", "auto.offset.reset": "earliest"})
    consumer.subscribe(["debian"])
    seen = 0
    while seen < 3:
        message = consumer.poll(10)
        seen += message is not None and message.error() is None
    consumer.commit(asynchronous=False)
    consumer.close()
    old = kafka.KafkaProducer(bootstrap_servers=bootstrap)
    old.send("debian", b"d", partition=1).get(10)
    old.close()
    reader = kafka.KafkaConsumer("debian", bootstrap_servers=bootstrap, group_id="old", auto_offset_reset="earliest", consumer_timeout_ms=5000)
    next(reader)
    reader.commit()
    reader.close()


CLIENTS = {
    "debian": debian,
    "kafka-2.3.0": kafka_tools("kafka-old", test_kafka_tools.OLD, "--broker-list"),
    "kafka-4.2.0": kafka_tools("kafka-new", test_kafka_tools.NEW, "--bootstrap-server"),
    "kafkajs": script("kafkajs", "codecs", "groups", "transactions"),
    "franz-go": script("franz", "codecs", "groups", "transactions"),
    "kafka-python": script("pythons", "kafka_python_codecs", "kafka_python_groups", "kafka_python_transactions"),
    "aiokafka": script("pythons", "aiokafka_codecs", "aiokafka_groups", "aiokafka_transactions"),
}


def record(name):
    with Appliance() as kappa, Recorder(kappa) as recorder:
        CLIENTS[name](recorder.bootstrap)
    kept = {}
    for key, version, request, answer in recorder.pairs:
        if answer is not None and len(request) <= REQUEST_BYTES_MAX and len(answer) <= ANSWER_BYTES_MAX:
            kept.setdefault((key, version), (request, answer))
    os.makedirs(GOLDEN, exist_ok=True)
    with open(os.path.join(GOLDEN, name + ".txt"), "w") as file:
        for (key, version), (request, answer) in kept.items():
            file.write("%d %d %s %s\n" % (key, version, request.hex(), answer.hex()))
    print("%s: %d pairs of %d requests" % (name, len(kept), len(recorder.pairs)))


if __name__ == "__main__":
    for wanted in sys.argv[1:] or CLIENTS:
        try:
            record(wanted)
        except pytest.skip.Exception as reason:
            print("%s: %s" % (wanted, reason))
