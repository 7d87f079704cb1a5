"""Foreign programs log in with SCRAM over TLS (SASL_SSL): Apache Kafka's console programs of two releases, kafkajs, franz-go, kafka-python, aiokafka."""
import json
import re
import subprocess

import confluent_kafka
import peers
import pytest
from appliance import Appliance
from certificates import Certificates
from test_clients import franz, kafkajs, pythons  # noqa: F401
from test_kafka_tools import broker_list, release, said  # noqa: F401

PASSWORD = "pencil, 1 = one"
MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-512"]
REFUSED = re.compile(r"authentication.{0,3}failed|SaslAuthentication", re.IGNORECASE)


@pytest.fixture(scope="module")
def certificates():
    made = Certificates()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def kappa(certificates):
    with Appliance(options=certificates.options(), env={"KAPPA_ADMIN_PASSWORD": PASSWORD}) as appliance:
        yield appliance


def refusals(kappa):
    """How often the appliance has refused a wrong password."""
    lines = [json.loads(line) for line in kappa.stderr().splitlines() if "authentication_failed" in line]
    return sum(line["principal"] == "admin" and line["mechanism"].startswith("SCRAM-SHA-") for line in lines)


# ---- Apache Kafka's own

@pytest.fixture(scope="module")
def truststore(certificates):
    peers.need("keytool")
    path = certificates.path("trusted.p12")
    subprocess.run(["keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", certificates.path("ca.crt"), "-keystore", path, "-storetype", "PKCS12",
                    "-storepass", "trusted"], check=True, capture_output=True)
    return path


@pytest.fixture
def properties(truststore, tmp_path):
    """Makes the file in which Java's clients look up how to log in."""
    def make(password):
        path = tmp_path / ("%d.properties" % len(list(tmp_path.iterdir())))
        path.write_text("security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n"
                        "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=\"admin\" password=\"%s\";\n"
                        "ssl.truststore.location=%s\nssl.truststore.type=PKCS12\nssl.truststore.password=trusted\n" % (password, truststore))
        return str(path)
    return make


def record_count(kappa, certificates, topic):
    consumer = confluent_kafka.Consumer({"bootstrap.servers": kappa.bootstrap, "group.id": "counts", "security.protocol": "SASL_SSL",
                                         "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "admin", "sasl.password": PASSWORD,
                                         "ssl.ca.location": certificates.path("ca.crt")})
    try:
        return consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, 0), timeout=10)[1]
    finally:
        consumer.close()


def test_the_console_programs_log_in_and_are_refused_with_a_wrong_password(release, kappa, certificates, properties):
    topic, right, wrong = "java-" + release.version, properties(PASSWORD), properties("pencil")
    server = ("--bootstrap-server", kappa.bootstrap)
    names = ("--producer.config", "--consumer.config") if release.version == "2.3.0" else ("--command-config", "--command-config")
    release.run("topics", "--create", *server, "--replication-factor", "1", "--partitions", "1", "--topic", topic, "--command-config", right)
    release.run("producer", *broker_list(release, kappa), "--topic", topic, names[0], right, stdin="one\ntwo\n")
    read = ("consumer", *server, "--topic", topic, "--group", topic, "--from-beginning", "--max-messages", "2")
    assert said(release.run(*read, names[1], right))[:2] == ["one", "two"]

    before = refusals(kappa)
    output = release.run("topics", "--list", *server, "--command-config", wrong, fails=True)
    assert REFUSED.search(output) and topic not in said(output), output
    release.run("producer", *broker_list(release, kappa), "--topic", topic, names[0], wrong, "--max-block-ms", "3000", stdin="three\n", fails=None)
    assert record_count(kappa, certificates, topic) == 2
    output = release.run("consumer", *server, "--topic", topic, "--group", "others", "--from-beginning", "--max-messages", "2", "--timeout-ms", "10000",
                         names[1], wrong, fails=None)
    assert "one" not in said(output) and refusals(kappa) >= before + 3, output


# ---- those who share no code with it

def login(kappa, certificates, client, method, mechanism, password):
    command, env = client
    return peers.run(command + [kappa.bootstrap, method], env={**env, "KAFKA_USER": "admin", "KAFKA_PASSWORD": password, "KAFKA_MECHANISM": mechanism,
                                                               "KAFKA_CA": certificates.path("ca.crt")})


CLIENTS = [("kafkajs", "login"), ("franz", "login"), ("pythons", "kafka_python_login"), ("pythons", "aiokafka_login")]


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("client, method", CLIENTS)
def test_clients_log_in(kappa, certificates, client, method, mechanism, request):
    code, output = login(kappa, certificates, request.getfixturevalue(client), method, mechanism, PASSWORD)
    assert code == 0 and "ok " + method in output, output[-4000:]


@pytest.mark.parametrize("client, method", CLIENTS)
def test_clients_are_refused_with_a_wrong_password(kappa, certificates, client, method, request):
    before = refusals(kappa)
    code, output = login(kappa, certificates, request.getfixturevalue(client), method, "SCRAM-SHA-512", "pencil")
    assert code != 0 and "ok " + method not in output, output[-4000:]
    assert refusals(kappa) > before
    if method != "kafka_python_login":  # that one tries again until its time is over, and then says only that
        assert REFUSED.search(output), output[-4000:]
