"""Clients that share no code with Apache Kafka's or librdkafka: kafkajs, franz-go, kafka-python, aiokafka; current releases.

Each produces with every codec, consumes by group, writes transactions, also with the offsets it has read to, and administers topics.
"""
import os
import shutil
import sys

import confluent_kafka
import pytest

import peers
from appliance import Appliance


@pytest.fixture(scope="module")
def kappa():
    with Appliance() as appliance:
        yield appliance


@pytest.fixture(scope="module")
def kafkajs():
    peers.need("node")
    peers.need("npm")

    def fetch(directory):
        shutil.copy(os.path.join(peers.HERE, "js", "package.json"), directory)
        peers.download("npm", ["npm", "install", "--no-audit", "--no-fund", "--omit=dev"], directory)

    modules = peers.kept("npm", [os.path.join("js", "package.json")], fetch)
    return ["node", os.path.join(peers.HERE, "js", "client.js")], {"NODE_PATH": os.path.join(modules, "node_modules"), "KAFKAJS_NO_PARTITIONER_WARNING": "1"}


@pytest.fixture(scope="module")
def franz():
    peers.need("go")
    source = os.path.join(peers.HERE, "go")

    def build(directory):
        peers.download("go", ["go", "mod", "download"], source)
        peers.command(["go", "build", "-o", os.path.join(directory, "client"), "."], source)

    return [os.path.join(peers.kept("go", [os.path.join("go", name) for name in ("go.mod", "go.sum", "main.go")], build), "client")], {}


@pytest.fixture(scope="module")
def pythons():
    def fetch(directory):
        peers.command([sys.executable, "-m", "venv", "--copies", directory], peers.HERE)
        peers.download("pip", [os.path.join(directory, "bin", "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r",
                               os.path.join(peers.HERE, "python", "requirements.txt")], peers.HERE)

    environment = peers.kept("python", [os.path.join("python", "requirements.txt")], fetch)
    return [os.path.join(environment, "bin", "python"), os.path.join(peers.HERE, "python", "client.py")], {}


def outcome(kappa, client, method):
    command, env = client
    code, output = peers.run(command + [kappa.bootstrap, method], env=env)
    assert code == 0 and "ok " + method in output, output[-4000:]


@pytest.mark.parametrize("method", ["codecs", "groups", "transactions", "admin"])
def test_kafkajs(kappa, kafkajs, method):
    outcome(kappa, kafkajs, method)


@pytest.mark.parametrize("method", ["codecs", "groups", "transactions", "admin"])
def test_franz_go(kappa, franz, method):
    outcome(kappa, franz, method)


@pytest.mark.parametrize("method", ["kafka_python_codecs", "kafka_python_groups", "kafka_python_transactions", "kafka_python_admin",
                                    "aiokafka_codecs", "aiokafka_groups", "aiokafka_transactions", "aiokafka_admin"])
def test_python_clients(kappa, pythons, method):
    outcome(kappa, pythons, method)


# ---- consume, transform, produce: what is written and how far was read are committed in one transaction


@pytest.mark.parametrize("client, method, prefix", [("kafkajs", "exactly_once", "js"), ("franz", "exactly_once", "go"),
                                                    ("pythons", "kafka_python_exactly_once", "python"), ("pythons", "aiokafka_exactly_once", "aio")])
def test_offsets_are_committed_with_what_was_written(kappa, client, method, prefix, request):
    """The program sees to it that each record was written once; how far it has read is another client's word (librdkafka's)."""
    outcome(kappa, request.getfixturevalue(client), method)
    reader = confluent_kafka.Consumer({"bootstrap.servers": kappa.bootstrap, "group.id": prefix + "-transform"})
    try:
        committed = reader.committed([confluent_kafka.TopicPartition(prefix + "-in", 0)], timeout=10)
    finally:
        reader.close()
    assert [part.offset for part in committed] == [60]
