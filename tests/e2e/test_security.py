"""Users, SCRAM, TLS and roles with real clients: librdkafka (confluent_kafka, kcat), kafka-python, psql, psycopg, the command line."""
import contextlib
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
import uuid

import confluent_kafka
import psycopg
import pytest
from confluent_kafka.admin import AdminClient, NewTopic

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from appliance import Appliance  # noqa: E402
from certificates import Certificates  # noqa: E402

PASSWORD = "pencil, 1 = one"


@pytest.fixture(scope="module")
def certificates():
    made = Certificates()
    yield made
    made.remove()


def sql_as(kappa, user, password, statement=None, **options):
    connection = psycopg.connect(host="127.0.0.1", port=kappa.pg_port, user=user, password=password, dbname="kappa", autocommit=True,
                                 **options)
    if statement is None:
        return connection
    with connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def with_users(kappa):
    """The users of these tests, made by the admin of the configuration."""
    with sql_as(kappa, "admin", PASSWORD) as admin:
        admin.execute("CREATE USER reader WITH PASSWORD 'r' IN ROLE \"read:orders\"")
        admin.execute("CREATE USER writer WITH PASSWORD 'w' IN ROLE \"write:orders*\"")
        admin.execute("CREATE USER \"a,b=c\" WITH PASSWORD 'odd' IN ROLE read")
    return kappa


@pytest.fixture(scope="module")
def plain():
    with Appliance(options=["--allow-plain-password"], env={"KAPPA_ADMIN_PASSWORD": PASSWORD}) as kappa:
        yield with_users(kappa)


@pytest.fixture(scope="module")
def secure(certificates):
    options = certificates.options("--tls-client-ca-file", certificates.path("ca.crt"))
    with Appliance(options=options, env={"KAPPA_ADMIN_PASSWORD": PASSWORD}) as kappa:
        kappa.certificates = certificates
        with sql_as(kappa, "admin", PASSWORD, sslmode="require") as admin:
            admin.execute("CREATE USER robot IN ROLE \"read:orders*\", \"write:orders*\"")
        yield kappa


def kafka_options(kappa, user, password, mechanism="SCRAM-SHA-256", tls=None, **more):
    options = {"bootstrap.servers": kappa.bootstrap, "security.protocol": "SASL_SSL" if tls else "SASL_PLAINTEXT", "log_level": 0,
               "sasl.mechanism": mechanism, "sasl.username": user, "sasl.password": password, "error_cb": lambda error: None}
    if tls:
        options["ssl.ca.location"] = tls.path("ca.crt")
    options.update(more)
    return options


def topics_of(options, timeout=10):
    return set(AdminClient(options).list_topics(timeout=timeout).topics)


def topics_make(options, *names):
    """Creates those that are not there yet."""
    admin = AdminClient(options)
    for future in admin.create_topics([NewTopic(name, 1) for name in names]).values():
        error = future.exception(10)
        assert error is None or error.args[0].name() == "TOPIC_ALREADY_EXISTS", error


def admin_error(request):
    """The code that the one future of the answer failed with."""
    with pytest.raises(confluent_kafka.KafkaException) as caught:
        list(request.values())[0].result(10)
    return caught.value.args[0].name()


def refused(options):
    with pytest.raises(confluent_kafka.KafkaException):
        topics_of(options, timeout=2)


def produce(options, topic, value=b"x"):
    """None, or the error's code."""
    outcome = []
    producer = confluent_kafka.Producer({**options, "message.timeout.ms": 5000})
    producer.produce(topic, value, on_delivery=lambda error, message: outcome.append(error))
    producer.flush(10)
    return outcome[0].name() if outcome and outcome[0] is not None else None


def fetch(options, topic):
    """The first record's value, or the error's code."""
    consumer = confluent_kafka.Consumer({**options, "group.id": "g" + uuid.uuid4().hex})
    consumer.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
    try:
        until = time.time() + 10
        while time.time() < until:
            message = consumer.poll(1)
            if message is not None and message.error() is None:
                return message.value()
            if message is not None and message.error().name() != "_ALL_BROKERS_DOWN":
                return message.error().name()
    finally:
        consumer.close()
    return None


# ---- Kafka


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"])
def test_a_user_logs_in_with_every_mechanism(plain, mechanism):
    topics_of(kafka_options(plain, "admin", PASSWORD, mechanism))
    topics_of(kafka_options(plain, "a,b=c", "odd", mechanism))


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"])
def test_a_wrong_password_and_an_unknown_user_are_refused_alike(plain, mechanism):
    refused(kafka_options(plain, "admin", "pencil", mechanism))
    refused(kafka_options(plain, "nobody", "pencil", mechanism))
    lines = [json.loads(line) for line in plain.stderr().splitlines() if "authentication_failed" in line]
    errors = {line["principal"]: line["error"] for line in lines if line["mechanism"] == mechanism}
    assert errors["admin"] == errors["nobody"] == "wrong password, or no such user"


def test_the_salt_of_an_unknown_user_stays_the_same(plain):
    salts = {scram_salt(plain, "ghost"), scram_salt(plain, "ghost")}
    assert len(salts) == 1 and salts != {scram_salt(plain, "spectre")}


def test_kcat_logs_in(plain):
    def kcat(*options, password=PASSWORD):
        return subprocess.run(["kcat", "-b", plain.bootstrap, "-X", "security.protocol=SASL_PLAINTEXT", "-X", "sasl.mechanism=SCRAM-SHA-512",
                               "-X", "sasl.username=admin", "-X", "sasl.password=" + password] + list(options),
                              input="one\n", capture_output=True, text=True, timeout=30)
    topics_make(kafka_options(plain, "admin", PASSWORD), "kcat")
    assert kcat("-P", "-t", "kcat").returncode == 0
    assert kcat("-C", "-t", "kcat", "-o", "beginning", "-e", "-q").stdout == "one\n"


def test_kafka_python_exchanges_raw_tokens(plain):
    from kafka import KafkaAdminClient
    admin = KafkaAdminClient(bootstrap_servers=plain.bootstrap, security_protocol="SASL_PLAINTEXT", sasl_mechanism="SCRAM-SHA-256",
                             sasl_plain_username="admin", sasl_plain_password=PASSWORD, api_version=(2, 3, 0))
    admin.list_topics()
    admin.close()


def test_roles_are_kept_on_topics(plain):
    topics_make(kafka_options(plain, "admin", PASSWORD), "orders", "orders2", "salaries")
    reader, writer = kafka_options(plain, "reader", "r"), kafka_options(plain, "writer", "w", "SCRAM-SHA-512")
    assert topics_of(reader) == {"orders"}
    assert topics_of(writer) == {"orders", "orders2"}
    assert produce(writer, "orders", b"one") is None
    assert fetch(reader, "orders") == b"one"
    assert produce(reader, "orders") == "TOPIC_AUTHORIZATION_FAILED"
    assert fetch(writer, "orders") == "TOPIC_AUTHORIZATION_FAILED"
    reading, writing = AdminClient(reader), AdminClient(writer)
    for name in ("salaries", "nowhere", "__kappa_catalog"):  # whether it is there or not
        assert reading.list_topics(name, timeout=10).topics[name].error.name() == "TOPIC_AUTHORIZATION_FAILED"
    assert admin_error(reading.create_topics([NewTopic("orders", 1)])) == "TOPIC_AUTHORIZATION_FAILED"
    assert admin_error(reading.create_topics([NewTopic("mine", 1)])) == "TOPIC_AUTHORIZATION_FAILED"
    assert admin_error(writing.delete_topics(["orders"])) == "TOPIC_AUTHORIZATION_FAILED"


def subscribe(options, topic):
    """As fetch(), in a group of its own."""
    consumer = confluent_kafka.Consumer({**options, "group.id": "g" + uuid.uuid4().hex, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    try:
        until = time.time() + 15
        while time.time() < until:
            message = consumer.poll(1)
            if message is not None and message.error() is None:
                consumer.commit(message, asynchronous=False)
                return message.value()
            if message is not None and message.error().name().endswith("AUTHORIZATION_FAILED"):
                return message.error().name()
    finally:
        consumer.close()
    return None


def test_groups_are_for_readers(plain):
    topics_make(kafka_options(plain, "admin", PASSWORD), "orders")
    assert produce(kafka_options(plain, "writer", "w"), "orders", b"one") is None
    assert subscribe(kafka_options(plain, "reader", "r"), "orders") == b"one"
    assert subscribe(kafka_options(plain, "writer", "w"), "orders") == "GROUP_AUTHORIZATION_FAILED"


def test_a_revoked_role_is_gone_for_open_connections(plain):
    with sql_as(plain, "admin", PASSWORD) as admin:
        admin.execute("CREATE USER brief WITH PASSWORD 'b' IN ROLE \"write:orders\"")
        topics_make(kafka_options(plain, "admin", PASSWORD), "orders")
        producer = confluent_kafka.Producer(kafka_options(plain, "brief", "b", **{"message.timeout.ms": 5000}))
        outcome = []
        producer.produce("orders", b"1", on_delivery=lambda error, message: outcome.append(error))
        producer.flush(10)
        admin.execute("REVOKE \"write:orders\" FROM brief")
        producer.produce("orders", b"2", on_delivery=lambda error, message: outcome.append(error and error.name()))
        producer.flush(10)
        assert outcome == [None, "TOPIC_AUTHORIZATION_FAILED"]


# ---- Kafka, byte by byte


def frame(key, version, body, correlation=1):
    payload = struct.pack(">hhih", key, version, correlation, -1) + body
    return struct.pack(">i", len(payload)) + payload


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


def receive(connection):
    size = b""
    while len(size) < 4:
        piece = connection.recv(4 - len(size))
        if not piece:
            return None
        size += piece
    body = b""
    while len(body) < struct.unpack(">i", size)[0]:
        body += connection.recv(65536)
    return body


def dial(kappa):
    return socket.create_connection(("127.0.0.1", kappa.kafka_port), timeout=10)


def scram_salt(kappa, user):
    with dial(kappa) as connection:
        connection.sendall(frame(17, 1, text("SCRAM-SHA-256")))
        assert receive(connection)[4:6] == b"\0\0"
        message = ("n,,n=%s,r=abc" % user).encode()
        connection.sendall(frame(36, 0, struct.pack(">i", len(message)) + message))
        return [part for part in receive(connection).decode("utf-8", "replace").split(",") if part.startswith("s=")][0]


def test_nothing_but_authentication_goes_before_it(plain):
    with dial(plain) as connection:
        connection.sendall(frame(18, 0, b""))
        assert receive(connection) is not None
        connection.sendall(frame(3, 1, struct.pack(">i", -1)))
        assert receive(connection) is None  # Metadata: closed


def test_a_large_request_before_authentication_is_refused_by_its_length(plain):
    with dial(plain) as connection:
        connection.sendall(struct.pack(">i", 10001))
        assert receive(connection) is None


def test_tokens_without_a_handshake_are_illegal(plain):
    with dial(plain) as connection:
        connection.sendall(frame(36, 0, struct.pack(">i", 1) + b"n"))
        assert struct.unpack(">h", receive(connection)[4:6]) == (34,)
        assert receive(connection) is None


def test_an_unknown_mechanism_is_answered_with_those_there_are(plain):
    with dial(plain) as connection:
        connection.sendall(frame(17, 1, text("GSSAPI")))
        answer = receive(connection)
        assert struct.unpack(">h", answer[4:6]) == (33,) and b"SCRAM-SHA-512" in answer
        assert receive(connection) is None


def test_failures_are_answered_late(plain):
    with dial(plain) as connection:
        connection.sendall(frame(17, 1, text("PLAIN")))
        assert receive(connection)[4:6] == b"\0\0"
        begun, token = time.time(), b"\0admin\0wrong"
        connection.sendall(frame(36, 1, struct.pack(">i", len(token)) + token))
        assert struct.unpack(">h", receive(connection)[4:6]) == (58,)
        assert time.time() - begun > 0.4
        assert receive(connection) is None


def plain_login(connection, user, password):
    connection.sendall(frame(17, 1, text("PLAIN")))
    code = struct.unpack(">h", receive(connection)[4:6])[0]
    token = ("\0%s\0%s" % (user, password)).encode()
    connection.sendall(frame(36, 1, struct.pack(">i", len(token)) + token))
    return code, struct.unpack(">h", receive(connection)[4:6])[0]


def test_a_connection_may_authenticate_again_but_not_as_another(plain):
    with dial(plain) as connection:
        assert plain_login(connection, "reader", "r") == (0, 0)
        assert plain_login(connection, "reader", "r") == (0, 0)
        assert plain_login(connection, "writer", "w") == (0, 58)
        assert receive(connection) is None


# ---- TLS


def test_plain_needs_tls_unless_allowed(secure, certificates):
    topics_of(kafka_options(secure, "admin", PASSWORD, "PLAIN", certificates))
    topics_of(kafka_options(secure, "admin", PASSWORD, "SCRAM-SHA-512", certificates))
    with Appliance(env={"KAPPA_ADMIN_PASSWORD": PASSWORD}) as kappa:
        refused(kafka_options(kappa, "admin", PASSWORD, "PLAIN"))
        topics_of(kafka_options(kappa, "admin", PASSWORD))


def test_clients_connect_to_the_advertised_name_and_verify_it(certificates):
    options = ["--listen-address", "0.0.0.0", "--kafka-advertised-host", "localhost"]
    with Appliance.unstarted(options=certificates.options(*options), env={"KAPPA_ADMIN_PASSWORD": PASSWORD}) as kappa:
        kappa.spawn()
        kappa.process.stdout.readline()
        kappa.ended = False
        login = kafka_options(kappa, "admin", PASSWORD, tls=certificates, **{"ssl.endpoint.identification.algorithm": "https"})
        admin = AdminClient({**login, "bootstrap.servers": "localhost:%d" % kappa.kafka_port})
        brokers = admin.list_topics(timeout=10).brokers
        assert [str(broker) for broker in brokers.values()] == ["localhost:%d/1" % kappa.kafka_port]
        topics_make({**login, "bootstrap.servers": "localhost:%d" % kappa.kafka_port}, "over.the.name")


def test_large_records_pass_through_tls(secure, certificates):
    admin = kafka_options(secure, "admin", PASSWORD, tls=certificates)
    topics_make(admin, "large")
    value = os.urandom(900000)
    for _ in range(8):
        assert produce(admin, "large", value) is None
    consumer = confluent_kafka.Consumer({**admin, "group.id": "g"})
    consumer.assign([confluent_kafka.TopicPartition("large", 0, 0)])
    got = []
    until = time.time() + 20
    while len(got) < 8 and time.time() < until:
        message = consumer.poll(1)
        if message is not None and message.error() is None:
            got.append(message.value())
    consumer.close()
    assert got == [value] * 8


def test_a_certificate_names_its_user(secure, certificates):
    certificates.issue("robot", "robot")
    certificates.issue("nobody", "nobody")
    certificates.issue("forged", "robot", authority="stranger")

    def options(name):
        return {"bootstrap.servers": secure.bootstrap, "security.protocol": "SSL", "ssl.ca.location": certificates.path("ca.crt"),
                "ssl.certificate.location": certificates.path(name + ".crt"), "ssl.key.location": certificates.path(name + ".key"),
                "log_level": 0, "error_cb": lambda error: None}
    topics_make(kafka_options(secure, "admin", PASSWORD, tls=certificates), "orders")
    assert produce(options("robot"), "orders", b"from a robot") is None
    assert fetch(options("robot"), "orders") == b"from a robot"
    refused(options("nobody"))
    refused(options("forged"))
    login = {"sslmode": "verify-full", "sslrootcert": certificates.path("ca.crt"), "sslcert": certificates.path("robot.crt"),
             "sslkey": certificates.path("robot.key")}
    os.chmod(certificates.path("robot.key"), 0o600)
    with psycopg.connect(host="localhost", port=secure.pg_port, user="robot", dbname="kappa", hostaddr="127.0.0.1", **login) as connection:
        assert connection.execute("SELECT user_name FROM kappa.users").fetchall() == [("robot",)]
    with pytest.raises(psycopg.OperationalError):  # somebody else's name needs somebody else's password
        psycopg.connect(host="localhost", port=secure.pg_port, user="admin", dbname="kappa", hostaddr="127.0.0.1", password="x", **login)


def test_clients_without_a_certificate_are_refused_where_one_is_required(certificates):
    certificates.issue("known", "admin")
    certificates.issue("strange", "admin", authority="stranger")
    os.chmod(certificates.path("known.key"), 0o600)
    os.chmod(certificates.path("strange.key"), 0o600)
    options = certificates.options("--tls-client-ca-file", certificates.path("ca.crt"), "--tls-client-required")
    with Appliance(options=options, env={"KAPPA_ADMIN_PASSWORD": PASSWORD}) as kappa:
        def own(name, certificate, key):
            return {certificate: certificates.path(name + ".crt"), key: certificates.path(name + ".key")} if name else {}

        def kafka(name):
            return kafka_options(kappa, "admin", PASSWORD, tls=certificates, **own(name, "ssl.certificate.location", "ssl.key.location"))

        def sql(name):
            return sql_as(kappa, "admin", PASSWORD, "SELECT 1", sslmode="require", **own(name, "sslcert", "sslkey"))

        def curl(name):
            certificate = [word for pair in own(name, "--cert", "--key").items() for word in pair]
            return subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", certificates.path("ca.crt"), "-u",
                                   "admin:" + PASSWORD, "https://localhost:%d/topics" % kappa.http_port] + certificate,
                                  capture_output=True, text=True, timeout=30).stdout

        topics_make(kafka("known"), "orders")
        assert topics_of(kafka("known")) == {"orders"}
        assert sql("known") == [(1,)]
        assert curl("known") == "200"
        for name in (None, "strange"):  # the right password does not help
            refused(kafka(name))
            with pytest.raises(psycopg.OperationalError):
                sql(name)
            assert curl(name) == "000"
        for listener in ("kafka", "pg", "http"):
            assert any("peer did not return a certificate" in line and '"%s"' % listener in line for line in kappa.stderr().splitlines())
    with Appliance.unstarted(options=certificates.options("--tls-client-required")) as kappa:
        assert "tls_client_required needs tls_client_ca_file" in kappa.start_refused()[1]


def test_who_does_not_speak_tls_is_told_in_the_log(secure, plain):
    refused({"bootstrap.servers": secure.bootstrap, "log_level": 0, "error_cb": lambda error: None})
    assert "plaintext_refused" in secure.stderr() and "the client began without it" in secure.stderr()
    refused({"bootstrap.servers": plain.bootstrap, "security.protocol": "SSL", "log_level": 0, "error_cb": lambda error: None})
    assert "tls_refused" in plain.stderr() and "this port speaks no TLS" in plain.stderr()
    with pytest.raises(psycopg.OperationalError, match="encrypted connections only"):
        sql_as(secure, "admin", PASSWORD, sslmode="disable")


def test_old_tls_versions_are_refused(secure, certificates):
    context = ssl.create_default_context(cafile=certificates.path("ca.crt"))
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with dial(secure) as connection:
        with pytest.raises((ssl.SSLError, OSError)):
            context.wrap_socket(connection, server_hostname="localhost")


def test_bytes_before_the_handshake_are_an_error(secure):
    """CVE-2021-23214: a query smuggled in behind the SSLRequest, in the clear."""
    with socket.create_connection(("127.0.0.1", secure.pg_port), timeout=10) as connection:
        connection.sendall(struct.pack(">ii", 8, 80877103) + struct.pack(">ii", 8, 196608))
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
        assert b"unencrypted data after SSL request" in answer and not answer.startswith(b"S\x16")


def serial(kappa, port):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=10)) as connection:
        return connection.getpeercert(binary_form=True)


def test_certificates_are_read_again_on_hangup():
    made = Certificates()
    try:
        with Appliance(options=made.options(), env={"KAPPA_ADMIN_PASSWORD": PASSWORD}) as kappa:
            first = serial(kappa, kappa.kafka_port)
            assert serial(kappa, kappa.http_port) == first
            old = sql_as(kappa, "admin", PASSWORD, sslmode="require")
            made.issue("server", "localhost", names="subjectAltName=DNS:localhost,IP:127.0.0.1")
            kappa.process.send_signal(signal.SIGHUP)
            await_line(kappa, "tls_reloaded")
            second = serial(kappa, kappa.kafka_port)
            assert second != first
            assert old.execute("SELECT 1").fetchall() == [(1,)]
            with open(made.path("server.crt"), "w") as file:
                file.write("-----BEGIN CERTIFICATE-----\nbroken\n")
            kappa.process.send_signal(signal.SIGHUP)
            await_line(kappa, "tls_not_reloaded")
            assert serial(kappa, kappa.kafka_port) == second
            old.close()
    finally:
        made.remove()


def await_line(kappa, words):
    until = time.time() + 10
    while words not in kappa.stderr():
        assert time.time() < until, "no %s in\n%s" % (words, kappa.stderr()[-2000:])
        time.sleep(0.02)


# ---- PostgreSQL, HTTP, the command line


def test_psql_logs_in_with_and_without_tls(plain, secure, certificates):
    def psql(kappa, mode, password=PASSWORD):
        return subprocess.run(["psql", "-X", "-A", "-t", "-h", "127.0.0.1", "-p", str(kappa.pg_port), "-U", "admin", "kappa",
                               "-c", "SELECT 41 + 1"], capture_output=True, text=True, timeout=30,
                              env={**os.environ, "PGPASSWORD": password, "PGSSLMODE": mode, "PGSSLROOTCERT": certificates.path("ca.crt")})
    assert psql(plain, "prefer").stdout == "42\n"
    assert psql(secure, "verify-full").stdout == "42\n"
    assert "password authentication failed" in psql(plain, "disable", "wrong").stderr


def test_roles_are_kept_in_sql(plain):
    with sql_as(plain, "admin", PASSWORD) as admin:
        admin.execute("CREATE TABLE orders_table (n int)")
        admin.execute("CREATE TABLE other (n int)")
        admin.execute("CREATE MATERIALIZED VIEW orders_sum AS SELECT sum(n) AS n FROM orders_table")
        admin.execute("CREATE USER sally WITH PASSWORD 's' IN ROLE \"read:orders_sum\", \"write:orders_table\"")
    with sql_as(plain, "sally", "s") as sally:
        sally.execute("INSERT INTO orders_table VALUES (3), (4)")
        assert sally.execute("SELECT n FROM orders_sum").fetchall() == [(7,)]
        for statement in ("SELECT * FROM orders_table", "SELECT * FROM other", "INSERT INTO other VALUES (1)", "EXPLAIN SELECT * FROM other",
                          "INSERT INTO orders_table SELECT n FROM other", "DROP TABLE other", "CREATE TABLE x (n int)", "CREATE USER x",
                          "SELECT kappa.promote('orders_sum', 1)", "GRANT admin TO sally", "ALTER USER admin PASSWORD 'x'",
                          "SELECT * FROM orders_sum, other", "SELECT (SELECT max(n) FROM other)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                sally.execute(statement)
        assert sally.execute("SELECT user_name FROM kappa.users").fetchall() == [("sally",)]
        sally.execute("ALTER USER sally PASSWORD 't'")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        sql_as(plain, "sally", "s")
    sql_as(plain, "sally", "t").close()


def test_http_asks_for_a_user(plain):
    def curl(path, *options):
        done = subprocess.run(["curl", "-s", "-o", "-", "-w", "\n%{http_code}", "http://127.0.0.1:%d%s" % (plain.http_port, path)] + list(options),
                              capture_output=True, text=True, timeout=30)
        body, code = done.stdout.rsplit("\n", 1)
        return int(code), body
    assert curl("/livez")[0] == 200
    assert curl("/topics")[0] == 401
    assert curl("/topics", "-u", "admin:wrong")[0] == 401
    assert curl("/topics", "-u", "admin:" + PASSWORD)[0] == 200
    assert curl("/topics/__kappa_catalog/records", "-u", "reader:r")[0] == 403
    assert curl("/sql", "-u", "reader:r", "-d", "CREATE TABLE y (n int)")[0] == 403
    assert curl("/connectors", "-u", "reader:r", "-d", "{}")[0] == 403


def test_the_command_line_logs_in(plain, secure, certificates):
    def kappa(appliance, *arguments, **env):
        scheme = "https://" if appliance is secure else ""
        done = subprocess.run([os.environ.get("KAPPA_PROGRAM", "build/release/kappa")] + list(arguments), capture_output=True, text=True,
                              timeout=60, stdin=subprocess.DEVNULL,
                              env={**os.environ, "KAPPA_HTTP": "%s127.0.0.1:%d" % (scheme, appliance.http_port), **env})
        return done.returncode, done.stdout, done.stderr
    code, _, errors = kappa(plain, "status")
    assert code == 4 and "name and password" in errors
    assert kappa(plain, "status", "--user", "admin", KAPPA_PASSWORD=PASSWORD)[0] == 0
    admin = {"KAPPA_USER": "admin", "KAPPA_PASSWORD": PASSWORD}
    code, output, errors = kappa(plain, "user", "create", "dave", "--role", "read:orders*", KAPPA_NEW_PASSWORD="it's", **admin)
    assert (code, output) == (0, "created user dave\n"), errors
    assert kappa(plain, "user", "grant", "dave", "write", **admin)[0] == 0
    code, output, _ = kappa(plain, "user", "list", "-o", "csv", **admin)
    assert "dave,\"read:orders*, write\",t" in output
    assert kappa(plain, "status", KAPPA_USER="dave", KAPPA_PASSWORD="it's")[0] == 0
    assert kappa(plain, "user", "delete", "dave", **admin)[0] == 0
    assert kappa(plain, "status", KAPPA_USER="dave", KAPPA_PASSWORD="it's")[0] == 4
    assert kappa(secure, "status", "--tls-ca", certificates.path("ca.crt"), **admin)[0] == 0
    code, _, errors = kappa(secure, "status", "--tls-ca", certificates.path("stranger.crt"), **admin)
    assert code == 3 and "TLS" in errors and "KAPPA_TLS_CA" in errors


# ---- the first user, and the last


def test_users_outlive_everything_but_the_log():
    with Appliance(env={"KAPPA_ADMIN_PASSWORD": PASSWORD}) as kappa:
        sql_as(kappa, "admin", PASSWORD, "CREATE USER u WITH PASSWORD 'p' IN ROLE read")
        kappa.kill()
        kappa.delete_derived()
        kappa.env.pop("KAPPA_ADMIN_PASSWORD")
        kappa.start()
        assert sql_as(kappa, "u", "p", "SELECT roles FROM kappa.users") == [("read",)]


def test_the_first_user_is_an_admin_and_the_last_admin_stays():
    with Appliance() as kappa:
        open_session = kappa.connect()
        for statement in ("CREATE USER a WITH PASSWORD 'x' IN ROLE read", "CREATE USER a IN ROLE admin"):
            with pytest.raises(psycopg.Error, match="first user must be an admin"):
                open_session.execute(statement)
        open_session.execute("CREATE USER a WITH PASSWORD 'x' IN ROLE admin")
        with pytest.raises(psycopg.Error, match="not authenticated"):
            open_session.execute("SELECT 1")
        with sql_as(kappa, "a", "x") as admin:
            admin.execute("CREATE USER b WITH PASSWORD 'y' IN ROLE read")
            for statement in ("DROP USER a", "REVOKE admin FROM a", "ALTER USER a PASSWORD NULL"):
                with pytest.raises(psycopg.Error, match="last admin"):
                    admin.execute(statement)
            admin.execute("DROP USER b")
            admin.execute("DROP USER a")
        kappa.sql("SELECT 1")  # nobody is left: open again


def test_listening_to_the_world_needs_tls_and_users(certificates):
    def start(*options, **env):
        return Appliance.unstarted(options=["--listen-address", "0.0.0.0"] + list(options), env=env)
    with start() as kappa:
        assert "there is no TLS" in kappa.start_refused()[1]
    with start(*certificates.options("--tls-required=false"), KAPPA_ADMIN_PASSWORD=PASSWORD) as kappa:
        assert "TLS is not required" in kappa.start_refused()[1]
    with start(*certificates.options()) as kappa:
        assert "there are no users" in kappa.start_refused()[1]


def test_secrets_are_nowhere_but_in_the_catalog(plain):
    secret = "Zq9xSecretZq9x"
    with sql_as(plain, "admin", PASSWORD) as admin:
        for statement in ("CREATE USER hush WITH PASSWORD '%s' IN ROLE read", "ALTER USER hush WITH PASSWORD '%s'",
                          "CREATE USER hush WITH PASSWORD '%s'", "CREATE USER \"a:b\" PASSWORD '%s'", "CREATE USER x PASSWORD '%s\u00e9'"):
            try:
                admin.execute(statement % secret)
            except psycopg.Error as error:
                assert secret not in str(error)
        assert secret not in str(admin.execute("SELECT * FROM kappa.users").fetchall())
        assert secret not in str(admin.execute("SELECT * FROM kappa.settings").fetchall())
    topics_of(kafka_options(plain, "hush", secret))
    assert secret not in plain.stderr() and PASSWORD not in plain.stderr()
    found = subprocess.run(["grep", "-rl", secret, plain.data_dir], capture_output=True, text=True).stdout
    assert found == ""


# ---- connections of one address


def dial_from(address, port):
    return socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(address, 0))


def is_closed(connection):
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_one_address_takes_its_part_of_every_listener_and_the_others_are_served():
    with Appliance(options=["--connections-per-address-max", "2"]) as kappa, contextlib.ExitStack() as stack:
        for port in (kappa.kafka_port, kappa.pg_port, kappa.http_port):
            for _ in range(2):
                stack.enter_context(dial_from("127.0.0.2", port))
            assert is_closed(stack.enter_context(dial_from("127.0.0.2", port)))
        assert kappa.sql("SELECT 1") == [(1,)]
        with dial(kappa) as connection:
            connection.sendall(frame(18, 0, b""))
            assert receive(connection) is not None
        status, metrics = kappa.http("GET", "/metrics")
        assert status == 200
        for listener in ("kafka", "pg", "http"):
            line = 'kappa_connections_refused_total{listener="%s",limit="%s"} %d\n'
            assert line % (listener, "connections_per_address_max", 1) in metrics
            assert line % (listener, "connections_max", 0) in metrics
        assert "connections_per_address_max" in kappa.stderr()
