"""Thousands of clients that are there and say nothing, or wait for records: they cost a little memory each, and nobody waits for them."""
import contextlib
import os
import resource
import socket
import struct
import sys
import time

import confluent_kafka
import confluent_kafka.admin
import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from appliance import Appliance  # noqa: E402
from kafka_client import Record, confluent_produce  # noqa: E402
from raw_client import receive, resident_bytes  # noqa: E402

IDLE = 2000
WAITING = 200
BYTES_PER_CONNECTION_MAX = 32 * 1024
WAIT_S = 60


@pytest.fixture(scope="module")
def kappa():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = IDLE + WAITING + 500
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard) if hard != resource.RLIM_INFINITY else wanted, hard))
    with Appliance() as appliance:
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": appliance.bootstrap})
        admin.create_topics([confluent_kafka.admin.NewTopic("waited", 1, 1)])["waited"].result(10)
        yield appliance


def cpu_seconds(kappa):
    with open("/proc/%d/stat" % kappa.process.pid) as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ask(client, key, version, body):
    client.sendall(struct.pack(">ihhih", 10 + len(body), key, version, 7, -1) + body)


def answer(client):
    return receive(client, struct.unpack(">i", receive(client, 4))[0])


def connect(kappa):
    client = socket.create_connection(("127.0.0.1", kappa.kafka_port), WAIT_S)
    ask(client, 18, 0, b"")  # ApiVersions
    assert answer(client)[:6] == struct.pack(">ih", 7, 0)
    return client


def fetch_waiting():
    """Fetch 4 of what comes next, for a minute."""
    return struct.pack(">iiiib", -1, 60000, 1, 1 << 20, 0) + struct.pack(">i", 1) + struct.pack(">h", 6) + b"waited" + struct.pack(">iiqi", 1, 0, 0, 1 << 20)


def test_thousands_of_connections_cost_little_and_are_served(kappa):
    before = resident_bytes(kappa)
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(connect(kappa)) for _ in range(IDLE)]
        waiting = [stack.enter_context(connect(kappa)) for _ in range(WAITING)]
        for client in waiting:
            ask(client, 1, 4, fetch_waiting())
        per_connection = (resident_bytes(kappa) - before) / (IDLE + WAITING)
        assert per_connection < BYTES_PER_CONNECTION_MAX, "%d bytes each" % per_connection
        time.sleep(1)
        cpu = cpu_seconds(kappa)
        time.sleep(2)
        assert cpu_seconds(kappa) - cpu < 1, "idle connections keep a core busy"
        confluent_produce(kappa.bootstrap, "waited", [Record(None, None, b"for all of them", [], 1_700_000_000_000)])
        for client in waiting:
            assert b"for all of them" in answer(client)
        for client in idle[::100]:
            ask(client, 18, 0, b"")
            assert answer(client)[:6] == struct.pack(">ih", 7, 0)
        print("%d bytes a connection, %.2f s of CPU in two idle seconds" % (per_connection, cpu_seconds(kappa) - cpu))
