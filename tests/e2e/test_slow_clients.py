"""Clients that ask for much and do not read, or announce much and do not send it: what they cost is bounded, others go on, and all of it is given back when they are gone.

The bounds (docs/KAFKA.md): what the kernel sends from segment files takes no memory at all. On encrypted connections a client holds 8 MiB
and one answer, and when output_memory_mb is spent by all of them together, half a MiB each. Every client here sends many times as much
work as that ahead, and would hold gigabytes if it were begun. Large requests that are arriving have one budget, too (input_memory_mb).
"""
import contextlib
import os
import select
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

import confluent_kafka
import confluent_kafka.admin
import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from appliance import Appliance  # noqa: E402
from kafka_client import Record, confluent_consume, confluent_produce  # noqa: E402
from raw_client import receive, resident_bytes  # noqa: E402

MIB = 1 << 20
TOPIC_BYTES = 64 * MIB
VALUE_BYTES = 512 * 1024
UNTAKEN_BYTES_MAX = 8 * MIB
BUDGET_MIB = 16
SLACK_BYTES = 64 * MIB  # what the rest of the program, and the allocator, may come to meanwhile
WAIT_S = 120


def topics_fill(appliance):
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": appliance.bootstrap})
    for name in ("large", "small"):
        admin.create_topics([confluent_kafka.admin.NewTopic(name, 1, 1)])[name].result(10)
    value = os.urandom(VALUE_BYTES)
    confluent_produce(appliance.bootstrap, "large", [Record(None, None, value, [], 1_700_000_000_000)] * (TOPIC_BYTES // VALUE_BYTES))


@pytest.fixture(scope="module")
def kappa():
    with Appliance() as appliance:
        topics_fill(appliance)
        yield appliance


@pytest.fixture(scope="module")
def encrypted():
    """Clients may still begin without TLS: the normal ones do."""
    with tempfile.TemporaryDirectory(prefix="kappa-slow-") as directory:
        key, certificate = os.path.join(directory, "key"), os.path.join(directory, "certificate")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                        "/CN=localhost", "-keyout", key, "-out", certificate], check=True, capture_output=True)
        options = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-required=false", "--output-memory-mb", str(BUDGET_MIB)]
        with Appliance(options) as appliance:
            topics_fill(appliance)
            yield appliance


def fetch_frame(answer_bytes, correlation):
    """Fetch, version 4, of the topic from its beginning."""
    body = struct.pack(">iiiib", -1, 0, 1, answer_bytes, 0)
    body += struct.pack(">i", 1) + struct.pack(">h", 5) + b"large" + struct.pack(">iiqi", 1, 0, 0, answer_bytes)
    payload = struct.pack(">hhih", 1, 4, correlation, -1) + body
    return struct.pack(">i", len(payload)) + payload


def slow_client(kappa, answer_bytes, requests):
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(WAIT_S)
    client.connect(("127.0.0.1", kappa.kafka_port))
    client.sendall(b"".join(fetch_frame(answer_bytes, i) for i in range(requests)))
    return client


def slow_encrypted_client(kappa, answer_bytes, requests):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.settimeout(WAIT_S)
    plain.connect(("127.0.0.1", kappa.kafka_port))
    client = context.wrap_socket(plain)
    client.sendall(b"".join(fetch_frame(answer_bytes, i) for i in range(requests)))
    return client


def sockets(kappa):
    """Descriptors of the program's that are sockets: listeners and connections."""
    count = 0
    for name in os.listdir("/proc/%d/fd" % kappa.process.pid):
        with contextlib.suppress(FileNotFoundError):
            count += os.readlink("/proc/%d/fd/%s" % (kappa.process.pid, name)).startswith("socket:")
    return count


def await_that(what, check):
    until = time.time() + WAIT_S
    while not check():
        assert time.time() < until, what
        time.sleep(0.05)


def normal_client(kappa, turn):
    """Writes, and reads back all that was written until now."""
    values = [b"%d.%d" % (turn, i) for i in range(20)]
    confluent_produce(kappa.bootstrap, "small", [Record(None, None, value, [], 1_700_000_000_000) for value in values])
    got = [record.value for record in confluent_consume(kappa.bootstrap, "small", wait_s=WAIT_S)]
    assert got[-20:] == values


def unsent_bytes(kappa):
    """In the kernel's send queues of the Kafka port's connections."""
    queues = []
    with open("/proc/%d/net/tcp" % kappa.process.pid) as table:
        for line in list(table)[1:]:
            fields = line.split()
            if int(fields[1].split(":")[1], 16) == kappa.kafka_port and fields[3] == "01":
                queues.append(int(fields[4].split(":")[0], 16))
    return queues


@pytest.mark.parametrize("clients, answer_bytes, requests", [(20, 4 * MIB, 60), (20, 50 * MIB, 8)])
def test_readers_that_do_not_read_take_no_memory_and_hold_nobody_up(kappa, clients, answer_bytes, requests):
    slow_readers_hold(kappa, clients, answer_bytes, requests, SLACK_BYTES, slow_client)


@pytest.mark.parametrize("clients, answer_bytes, requests", [(40, 4 * MIB, 60), (40, 50 * MIB, 8)])
def test_encrypted_readers_that_do_not_read_share_one_budget(encrypted, clients, answer_bytes, requests):
    # Half a MiB each, and what their own batches of half a MiB may exceed it by, with TLS's copy of it.
    bound = BUDGET_MIB * MIB + clients * 2 * MIB + SLACK_BYTES
    slow_readers_hold(encrypted, clients, answer_bytes, requests, bound, slow_encrypted_client)


def slow_readers_hold(kappa, clients, answer_bytes, requests, bound, slow_client):
    normal_client(kappa, 0)
    sockets_before, before = sockets(kappa), resident_bytes(kappa)
    assert clients * (UNTAKEN_BYTES_MAX + answer_bytes) > 2 * bound, "would not show that nothing bounds it"
    highest = 0
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(slow_client(kappa, answer_bytes, requests)) for _ in range(clients)]
        for client in slow:
            assert select.select([client], [], [], WAIT_S)[0], "no answer has begun"
        for turn in range(1, 6):
            for client in slow[::2]:
                assert len(client.recv(1)) == 1  # now and then a byte; the others none
            normal_client(kappa, turn)
            highest = max(highest, resident_bytes(kappa) - before)
        assert highest < bound, "%d MiB for %d clients, allowed are %d" % (highest // MIB, clients, bound // MIB)
        assert sum(queue > 0 for queue in unsent_bytes(kappa)) >= clients, "the clients were not slow: %s" % unsent_bytes(kappa)
    await_that("their connections are not closed", lambda: sockets(kappa) <= sockets_before)
    await_that("their memory is not given back", lambda: resident_bytes(kappa) - before < SLACK_BYTES)
    print("held %d MiB of %d allowed, %d after" % (highest // MIB, bound // MIB, (resident_bytes(kappa) - before) // MIB))
    normal_client(kappa, 6)


def send_all_taken(client, data):
    """As much as is taken within a second; returns how much that was."""
    client.settimeout(1)
    sent = 0
    with contextlib.suppress(TimeoutError):
        while sent < len(data):
            sent += client.send(data[sent:sent + MIB])
    return sent


def test_large_requests_that_do_not_end_share_one_budget_and_small_ones_pass(kappa):
    clients, announced, sent = 8, 90 * MIB, 60 * MIB
    budget = 256 * MIB  # the default: room for two of them
    data = struct.pack(">ihhih", announced, 0, 7, 1, -1) + bytes(sent)  # Produce
    normal_client(kappa, 0)
    before = resident_bytes(kappa)
    with contextlib.ExitStack() as stack:
        taken = []
        for _ in range(clients):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", kappa.kafka_port), WAIT_S))
            taken.append(send_all_taken(client, data))
        normal_client(kappa, 1)
        highest = resident_bytes(kappa) - before
        assert sum(size == len(data) for size in taken) == 2, taken
        assert highest < budget + SLACK_BYTES, "%d MiB" % (highest // MIB)
        metrics = kappa.http("GET", "/metrics")[1]
        assert "kappa_kafka_request_bytes %d" % (2 * (announced + 4)) in metrics
    await_that("their memory is not given back", lambda: resident_bytes(kappa) - before < SLACK_BYTES)
    print("held %d MiB" % (highest // MIB))


def http_requests(kappa, count, answer_bytes):
    """Pipelined ones; the client does not read."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(WAIT_S)
    client.connect(("127.0.0.1", kappa.http_port))
    client.sendall(b"".join(b"GET /topics/large/batches?offsets=0:0&bytes=%d HTTP/1.1\r\nHost: kappa\r\n\r\n" % answer_bytes for _ in range(count)))
    return client


def test_http_requests_sent_ahead_wait_until_the_answers_before_them_are_read(kappa):
    requests, answer_bytes = 100, 4 * MIB
    before = resident_bytes(kappa)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(http_requests(kappa, requests, answer_bytes)) for _ in range(3)]
        for client in clients:
            assert select.select([client], [], [], WAIT_S)[0]
        highest = 0
        for turn in range(10):
            normal_client(kappa, turn)
            highest = max(highest, resident_bytes(kappa) - before)
        assert highest < len(clients) * 2 * answer_bytes + SLACK_BYTES, "%d MiB" % (highest // MIB)
        clients[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MIB)
        with clients[0].makefile("rb") as answers:
            for _ in range(requests):
                assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
                headers = dict(line.split(b": ") for line in iter(answers.readline, b"\r\n"))
                assert len(answers.read(int(headers[b"Content-Length"]))) > answer_bytes - VALUE_BYTES * 2


def test_a_slow_reader_gets_every_answer_whole_and_in_order(kappa):
    requests, answer_bytes = 12, 4 * MIB
    with slow_client(kappa, answer_bytes, requests) as client:
        for _ in range(50):
            assert len(client.recv(1, socket.MSG_PEEK)) == 1
            time.sleep(0.01)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MIB)
        first = None
        for correlation in range(requests):
            size = struct.unpack(">i", receive(client, 4))[0]
            answer = receive(client, size)
            assert struct.unpack(">i", answer[:4])[0] == correlation
            assert size > answer_bytes - 2 * VALUE_BYTES
            first = first or answer[4:]
            assert answer[4:] == first
