"""Writes tests/golden/<client>.txt: what real clients send, and what we answered. Run it when clients or our answers change:

    python3 tests/peers/record_golden.py [client …]

A line is "<api key> <version> <request> <answer>", frames in hexadecimal without their length, in the order they were sent; of each (API,
version) the first pair of moderate size, and all that create topics, for others name them. tests/ingest/test_kafka_golden.c reads the files.

    KAPPA_TEST_FRAMES=FILE script/test e2e peers; python3 tests/peers/record_golden.py --missing FILE

lists what the tests' clients send and no file has; script/test peers alone does so by itself and fails (conftest.py).

"messages" writes tests/golden/generated/messages.txt instead, which no client sent: see test_messages.py.
"""
import contextlib
import os
import subprocess
import sys
import tempfile

import pytest

import peers
import test_clients
import test_kafka_tools
import test_messages
from appliance import Appliance
from kafka_recorder import GOLDEN, Recorder, unrecorded

REQUEST_BYTES_MAX, ANSWER_BYTES_MAX = 1500, 3000
CREATE_TOPICS = 19


PASSWORD = "pencil"  # of the scenes that log in


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
        # Again, from the committed offset on, and long enough to be missed if it did not say that it is there.
        tool("consumer", *server, "--topic", "test", "--group", "readers", "--timeout-ms", "3000", "--consumer-property", "heartbeat.interval.ms=100")
        tool("groups", *server, "--list")
        tool("groups", *server, "--describe", "--group", "readers")
        tool("groups", *server, "--group", "readers", "--topic", "test", "--reset-offsets", "--to-earliest", "--execute")
        tool("groups", *server, "--delete", "--group", "readers")
        tool("offsets", flag, bootstrap, "--topic", "test", "--time", "-1")
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write('{"partitions": [{"topic": "test", "partition": 0, "offset": -1}], "version": 1}')
            file.flush()
            tool("delete-records", *server, "--offset-json-file", file.name)
        tool("log-dirs", *server, "--describe")
        tool("elect", *server, "--election-type", "preferred", "--topic", "test", "--partition", "0")
        tool("reassign", *server, "--list")
        tool("acls", *server, "--list")
        tool("cluster", "cluster-id", *server)
        tool("producer-perf", "--topic", "test", "--num-records", "10", "--record-size", "10", "--throughput", "-1", "--transactional-id", "recorded",
             "--transaction-duration-ms", "1000", "--producer-props", "bootstrap.servers=" + bootstrap)
        tool("transactions", *server, "list")
        tool("transactions", *server, "describe", "--transactional-id", "recorded")
        tool("transactions", *server, "describe-producers", "--topic", "test", "--partition", "0")
        tool("topics", "--delete", *server, "--topic", "test")
    return run


def debian(bootstrap):
    """kcat, librdkafka through confluent-kafka, kafka-python 2.0.2: as the system's packages have them."""
    import confluent_kafka
    import kafka
    from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic
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
    reader = kafka.KafkaConsumer("debian", bootstrap_servers=bootstrap, group_id="old", auto_offset_reset="earliest", consumer_timeout_ms=5000,
                                 heartbeat_interval_ms=100)
    next(reader)
    for _ in range(10):
        reader.poll(100)  # remains a member
    reader.commit()
    debian_python_admin(bootstrap)
    reader.close()
    debian_transaction(bootstrap)
    admin.create_partitions([NewPartitions("debian", 3)])["debian"].result(10)
    resource = ConfigResource("topic", "debian", set_config={"retention.ms": "86400000"})
    admin.alter_configs([resource])[resource].result(10)
    admin.describe_configs([resource])[resource].result(10)
    admin.list_groups(timeout=10)
    admin.delete_topics(["debian"])["debian"].result(10)


def debian_python_admin(bootstrap):
    """kafka-python 2.0.2, while the group "old" has a member."""
    import kafka.admin
    admin = kafka.admin.KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([kafka.admin.NewTopic("by-python", 1, 1)])
    admin.list_topics()
    admin.describe_topics(["by-python"])
    admin.create_partitions({"by-python": kafka.admin.NewPartitions(2)})
    resource = kafka.admin.ConfigResource(kafka.admin.ConfigResourceType.TOPIC, "by-python", {"retention.ms": "86400000"})
    admin.alter_configs([resource])
    admin.describe_configs([resource])
    admin.list_consumer_groups()
    admin.describe_consumer_groups(["old"])
    admin.list_consumer_group_offsets("old")
    admin.delete_consumer_groups(["no-such-group"])
    with contextlib.suppress(kafka.errors.SecurityDisabledError):
        admin.describe_acls(kafka.admin.ACLFilter(
            principal=None, host="*", operation=kafka.admin.ACLOperation.ANY, permission_type=kafka.admin.ACLPermissionType.ANY,
            resource_pattern=kafka.admin.ResourcePatternFilter(kafka.admin.ResourceType.ANY, None, kafka.admin.ACLResourcePatternType.ANY)))
    admin.delete_topics(["by-python"])
    admin.close()


def debian_transaction(bootstrap):
    """Reads, writes, commits both."""
    import confluent_kafka
    consumer = confluent_kafka.Consumer({"bootstrap.servers": bootstrap, "group.id": "transacted", "auto.offset.reset": "earliest"})
    consumer.subscribe(["debian"])
    consumer.poll(10)
    producer = confluent_kafka.Producer({"bootstrap.servers": bootstrap, "transactional.id": "debian"})
    producer.init_transactions(30)
    for end in (producer.commit_transaction, producer.abort_transaction):
        producer.begin_transaction()
        producer.produce("debian", b"e", partition=0)
        producer.send_offsets_to_transaction(consumer.position(consumer.assignment()), consumer.consumer_group_metadata(), 30)
        end(30)
    consumer.close()


def kafka_streams(bootstrap):
    """Reads, counts and writes in transactions; topics and input by Apache Kafka's own programs."""
    release = test_kafka_tools.Release("kafka-new", peers.jars("kafka-new"), test_kafka_tools.NEW)
    server = ("--bootstrap-server", bootstrap)
    for topic in ("words-in", "words-out"):
        release.run("topics", "--create", *server, "--replication-factor", "1", "--partitions", "1", "--topic", topic)
    release.run("producer", *server, "--topic", "words-in", stdin="all streams lead to kafka\n")
    with tempfile.TemporaryDirectory() as state:
        program = peers.compiled(peers.jars("kafka-new"), "Streams.java")
        with peers.Program(peers.java(program, "Streams", bootstrap, "words", "exactly_once_v2", "words", state)) as streams:
            release.run("consumer", *server, "--topic", "words-out", "--from-beginning", "--max-messages", "5", "--isolation-level", "read_committed")
            print("streams", streams.end())


def sasl_librdkafka(bootstrap):
    subprocess.run(["kcat", "-b", bootstrap, "-L", "-X", "security.protocol=SASL_PLAINTEXT", "-X", "sasl.mechanism=SCRAM-SHA-512", "-X",
                    "sasl.username=admin", "-X", "sasl.password=" + PASSWORD], check=True, stdout=subprocess.DEVNULL)


def sasl_kafka(bootstrap):
    release = test_kafka_tools.Release("kafka-new", peers.jars("kafka-new"), test_kafka_tools.NEW)
    with tempfile.NamedTemporaryFile("w", suffix=".properties") as file:
        file.write("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-256\nsasl.jaas.config="
                   "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"admin\" password=\"%s\";\n" % PASSWORD)
        file.flush()
        release.run("topics", "--list", "--bootstrap-server", bootstrap, "--command-config", file.name)


def sasl_debian(bootstrap):
    """kafka-python 2.0.2: raw tokens after a handshake of version 0."""
    import kafka
    kafka.KafkaConsumer(bootstrap_servers=bootstrap, security_protocol="SASL_PLAINTEXT", sasl_mechanism="SCRAM-SHA-256",
                        sasl_plain_username="admin", sasl_plain_password=PASSWORD).close()


def sasl_kafka_python(bootstrap):
    command, _ = fixture(test_clients.pythons)()
    subprocess.run([command[0], "-c", "import sys, kafka; kafka.KafkaConsumer(bootstrap_servers=sys.argv[1], security_protocol='SASL_PLAINTEXT', "
                    "sasl_mechanism='SCRAM-SHA-512', sasl_plain_username='admin', sasl_plain_password=sys.argv[2]).topics()", bootstrap, PASSWORD],
                   check=True)


CLIENTS = {
    "debian": debian,
    "kafka-2.3.0": kafka_tools("kafka-old", test_kafka_tools.OLD, "--broker-list"),
    "kafka-4.2.0": kafka_tools("kafka-new", test_kafka_tools.NEW, "--bootstrap-server"),
    "kafka-streams-4.2.0": kafka_streams,
    "kafkajs": script("kafkajs", "codecs", "groups", "transactions", "exactly_once", "admin"),
    "franz-go": script("franz", "codecs", "groups", "transactions", "admin"),
    "kafka-python": script("pythons", "kafka_python_codecs", "kafka_python_groups", "kafka_python_transactions", "kafka_python_admin"),
    "aiokafka": script("pythons", "aiokafka_codecs", "aiokafka_groups", "aiokafka_transactions", "aiokafka_exactly_once", "aiokafka_admin"),
    "sasl-debian": sasl_debian,
    "sasl-librdkafka": sasl_librdkafka,
    "sasl-kafka-4.2.0": sasl_kafka,
    "sasl-kafka-python": sasl_kafka_python,
}


def record(name):
    env = {"KAPPA_ADMIN_PASSWORD": PASSWORD} if name.startswith("sasl") else None
    with Appliance(env=env) as kappa, Recorder(kappa) as recorder:
        CLIENTS[name](recorder.bootstrap)
    kept = {}
    for key, version, request, answer in recorder.pairs:
        if answer is not None and len(request) <= REQUEST_BYTES_MAX and len(answer) <= ANSWER_BYTES_MAX:
            again = len(kept) if key == CREATE_TOPICS else 0
            kept.setdefault((key, version, again), (request, answer))
    os.makedirs(GOLDEN, exist_ok=True)
    with open(os.path.join(GOLDEN, name + ".txt"), "w") as file:
        for (key, version, _), (request, answer) in kept.items():
            file.write("%d %d %s %s\n" % (key, version, request.hex(), answer.hex()))
    print("%s: %d pairs of %d requests" % (name, len(kept), len(recorder.pairs)))


def generate():
    text = test_messages.messages()
    with open(test_messages.FILE, "w") as file:
        file.write(text)
    print("messages: %d lines" % text.count("\n"))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--missing"]:
        found = unrecorded(sys.argv[2])
        print("\n".join(found))
        sys.exit(1 if found else 0)
    for wanted in sys.argv[1:] or [*CLIENTS, "messages"]:
        try:
            if wanted == "messages":
                generate()
            else:
                record(wanted)
        except pytest.skip.Exception as reason:
            print("%s: %s" % (wanted, reason))
