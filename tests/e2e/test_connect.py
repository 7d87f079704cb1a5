"""Kafka Connect's file source and sink without Java: `kappa connect`, the REST interface, exactly once whatever is killed."""
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from appliance import PROGRAM, Appliance  # noqa: E402

SEED = int(os.environ.get("KAPPA_SEED", "20261122"))

# As they come with Apache Kafka 2.3.0.
WORKER = """# These are defaults. This file just demonstrates how to override some settings.
bootstrap.servers=localhost:9092
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
key.converter.schemas.enable=true
value.converter.schemas.enable=true
offset.storage.file.filename=/tmp/connect.offsets
offset.flush.interval.ms=10000
"""
SOURCE = "name=local-file-source\nconnector.class=FileStreamSource\ntasks.max=1\nfile=test.txt\ntopic=connect-test\n"
SINK = "name=local-file-sink\nconnector.class=FileStreamSink\ntasks.max=1\nfile=test.sink.txt\ntopics=connect-test\n"


@pytest.fixture
def kappa():
    with Appliance() as appliance:
        yield appliance


def write(path, text, mode="w"):
    with open(path, mode) as file:
        file.write(text)


def read(path):
    return path.read_text() if path.exists() else ""


def wait_for(what, expected, timeout=30):
    until = time.time() + timeout
    while True:
        got = what()
        if got == expected:
            return
        assert time.time() < until, "got %r, expected %r" % (got, expected)
        time.sleep(0.02)


def values(kappa, topic):
    code, out, errors = kappa.cli("consume", "--topic", topic, "--from-beginning", "--timeout-ms", "300")
    assert code == 0, errors
    return out.splitlines()


class Connect:
    """A `kappa connect` in a directory."""

    def __init__(self, kappa, directory, *arguments):
        self.process = subprocess.Popen([PROGRAM, "connect", *arguments], cwd=directory, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, "KAPPA_HTTP": "127.0.0.1:%d" % kappa.http_port})

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        out, errors = self.process.communicate(timeout=20)
        return self.process.returncode, out, errors


@pytest.fixture
def scene(tmp_path):
    write(tmp_path / "connect-standalone.properties", WORKER)
    write(tmp_path / "connect-file-source.properties", SOURCE)
    write(tmp_path / "connect-file-sink.properties", SINK)
    write(tmp_path / "test.txt", "foo\nbar\n")
    return tmp_path


FILES = ("connect-standalone.properties", "connect-file-source.properties", "connect-file-sink.properties")


def test_the_quick_start_plays_as_with_kafka(kappa, scene):
    sink = scene / "test.sink.txt"
    connect = Connect(kappa, scene, *FILES)
    wait_for(lambda: read(sink), "foo\nbar\n")
    assert values(kappa, "connect-test") == [
        '{"schema":{"type":"string","optional":false},"payload":"foo"}',
        '{"schema":{"type":"string","optional":false},"payload":"bar"}']
    write(scene / "test.txt", "Another line\n", "a")
    wait_for(lambda: read(sink), "foo\nbar\nAnother line\n")
    time.sleep(0.6)
    code, out, errors = connect.interrupt()
    assert code == 0 and "local-file-sink: 3 records" in out, (out, errors)
    assert "offset.storage.file.filename" in errors
    assert kappa.http("GET", "/connectors") == (200, [])
    # Both programs restarted: neither sends nor writes again what it has.
    write(scene / "test.txt", "while away\n", "a")
    assert kappa.stop() == 0
    kappa.start()
    connect = Connect(kappa, scene, *FILES)
    wait_for(lambda: read(sink), "foo\nbar\nAnother line\nwhile away\n")
    connect.interrupt()
    assert len(values(kappa, "connect-test")) == 4


def test_connectors_outlive_their_command_and_come_back_from_the_log_alone(kappa, scene):
    code, out, errors = kappa.cli("connect", *[str(scene / name) for name in FILES[1:]], "--detach")
    # Files are named relative to where the command runs, as with connect-standalone.sh.
    assert code == 0, errors
    for name in ("test.txt", "test.sink.txt"):
        assert "/" + name in out
    kappa.cli("connect", "delete", "local-file-source")
    kappa.cli("connect", "delete", "local-file-sink")
    subprocess.run([PROGRAM, "connect", *FILES[1:], "--detach"], cwd=scene, check=True, capture_output=True,
                   env={**os.environ, "KAPPA_HTTP": "127.0.0.1:%d" % kappa.http_port})
    wait_for(lambda: read(scene / "test.sink.txt"), "foo\nbar\n")
    assert kappa.cli("connect", "pause", "local-file-sink")[0] == 0
    kappa.kill()
    kappa.delete_derived()
    kappa.start()
    write(scene / "test.txt", "baz\n", "a")
    assert kappa.sql("SELECT connector, type, state, topics, file FROM kappa.connectors ORDER BY 1") == [
        ("local-file-sink", "sink", "PAUSED", "connect-test", str(scene / "test.sink.txt")),
        ("local-file-source", "source", "RUNNING", "connect-test", str(scene / "test.txt"))]
    kappa.wait("SELECT record_count, position FROM kappa.connectors WHERE type = 'source'", [(3, "byte 12")])
    assert read(scene / "test.sink.txt") == "foo\nbar\n"
    assert kappa.cli("connect", "resume", "local-file-sink")[0] == 0
    wait_for(lambda: read(scene / "test.sink.txt"), "foo\nbar\nbaz\n")


def test_nothing_is_lost_or_repeated_when_the_appliance_is_killed_at_random(kappa, scene):
    print("seed", SEED)
    chance = random.Random(SEED)
    source, sink = scene / "test.txt", scene / "test.sink.txt"
    write(source, "")
    connect = Connect(kappa, scene, *FILES)
    wait_for(lambda: kappa.http("GET", "/connectors"), (200, ["local-file-sink", "local-file-source"]))
    count = 0
    for _ in range(12):
        until = time.time() + chance.uniform(0.05, 0.4)
        while time.time() < until:
            more = chance.choice([1, 3, 400])
            write(source, "".join("line %d\n" % number for number in range(count, count + more)), "a")
            count += more
            time.sleep(chance.uniform(0, 0.03))
        kappa.kill()
        kappa.start()
    wait_for(lambda: read(sink).count("\n"), count, 60)
    assert read(sink) == read(source)
    assert [json.loads(value)["payload"] for value in values(kappa, "connect-test")] == read(source).splitlines()
    assert connect.interrupt()[0] == 0


def test_rest_speaks_kafka_connects_shapes(kappa, tmp_path):
    write(tmp_path / "in", "a\n")
    source = {"connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector", "tasks.max": "1",
              "file": str(tmp_path / "in"), "topic": "t", "value.converter": "org.apache.kafka.connect.storage.StringConverter"}
    info = {"name": "s", "config": {**source, "name": "s"}, "tasks": [{"connector": "s", "task": 0}], "type": "source"}
    assert kappa.http("POST", "/connectors", {"name": "s", "config": source}) == (201, info)
    assert kappa.http("POST", "/connectors", {"name": "s", "config": source}) == (
        409, {"error_code": 409, "message": "Connector s already exists"})
    assert kappa.http("GET", "/connectors") == (200, ["s"])
    assert kappa.http("GET", "/connectors/s") == (200, info)
    assert kappa.http("GET", "/connectors/s/config") == (200, info["config"])
    worker = "127.0.0.1:%d" % kappa.http_port
    running = {"state": "RUNNING", "worker_id": worker}
    status = {"name": "s", "connector": running, "tasks": [{"id": 0, **running}], "type": "source"}
    assert kappa.http("GET", "/connectors/s/status") == (200, status)
    assert kappa.http("GET", "/connectors/s/tasks/0/status") == (200, {"id": 0, **running})
    assert kappa.http("GET", "/connectors/s/tasks/1/status")[0] == 404
    assert kappa.http("GET", "/connectors?expand=status&expand=info") == (200, {"s": {"status": status, "info": info}})
    tasks = kappa.http("GET", "/connectors/s/tasks")[1]
    assert tasks[0]["id"] == {"connector": "s", "task": 0} and tasks[0]["config"]["topic"] == "t"
    wait_for(lambda: values(kappa, "t"), ["a"])
    # Paused it reads nothing; resumed it goes on.
    assert kappa.http("PUT", "/connectors/s/pause") == (202, "")
    write(tmp_path / "in", "b\n", "a")
    time.sleep(0.3)
    assert kappa.http("GET", "/connectors/s/status")[1]["connector"]["state"] == "PAUSED"
    assert values(kappa, "t") == ["a"]
    assert kappa.http("PUT", "/connectors/s/resume") == (202, "")
    wait_for(lambda: values(kappa, "t"), ["a", "b"])
    # Another configuration: the file is read with it from where it was.
    assert kappa.http("PUT", "/connectors/s/config", {**source, "value.converter": "JsonConverter",
                                                      "value.converter.schemas.enable": False})[0] == 200
    write(tmp_path / "in", "c\n", "a")
    wait_for(lambda: values(kappa, "t"), ["a", "b", '"c"'])
    assert kappa.http("POST", "/connectors/s/restart") == (204, "")
    assert kappa.http("POST", "/connectors/s/tasks/0/restart") == (204, "")
    assert kappa.http("DELETE", "/connectors/s") == (204, "")
    for method, path in (("GET", ""), ("GET", "/config"), ("GET", "/status"), ("GET", "/tasks"), ("PUT", "/pause"),
                         ("PUT", "/resume"), ("POST", "/restart"), ("DELETE", "")):
        assert kappa.http(method, "/connectors/s" + path) == (404, {"error_code": 404, "message": "Connector s not found"})
    plugins = kappa.http("GET", "/connector-plugins")[1]
    assert {(plugin["class"].split(".")[-1], plugin["type"]) for plugin in plugins} == {
        ("FileStreamSourceConnector", "source"), ("FileStreamSinkConnector", "sink")}
    assert kappa.http("PUT", "/connectors/n/config", {**source, "file": str(tmp_path / "other")})[0] == 201


def refused(kappa, config, words):
    status, answer = kappa.http("POST", "/connectors", {"name": "x", "config": config})
    assert status == 400 and answer["error_code"] == 400 and words in answer["message"], (status, answer)


def test_what_is_not_served_is_refused_by_name(kappa, tmp_path):
    source = {"connector.class": "FileStreamSource", "file": str(tmp_path / "in"), "topic": "t"}
    refused(kappa, {**source, "transforms": "a"}, "transforms")
    refused(kappa, {**source, "topci": "t"}, "topci")
    refused(kappa, {**source, "connector.class": "io.debezium.connector.postgresql.PostgresConnector"}, "debezium")
    refused(kappa, {**source, "value.converter": "io.confluent.connect.avro.AvroConverter"}, "AvroConverter")
    refused(kappa, {**source, "file": "relative"}, "absolute")
    refused(kappa, {**source, "tasks.max": "0"}, "tasks.max")
    refused(kappa, {**source, "topic": "__kappa_catalog"}, "appliance's own")
    refused(kappa, {"connector.class": "FileStreamSource", "topic": "t"}, "file")
    refused(kappa, {"connector.class": "FileStreamSink", "file": "/tmp/x"}, "topics")
    refused(kappa, {"file": "/tmp/x"}, "connector.class")
    code, _, errors = kappa.cli("connect", str(tmp_path / "missing.properties"))
    assert code == 2 and "missing.properties" in errors
    write(tmp_path / "bad.properties", "name=x\nconnector.class=FileStreamSource\nfile=in\ntopic=\\u00zz\n")
    code, _, errors = kappa.cli("connect", str(tmp_path / "bad.properties"))
    assert code == 2 and "line 4" in errors
    assert kappa.http("GET", "/connectors") == (200, [])


def test_a_failed_connector_says_why_and_goes_on_after_a_restart(kappa, tmp_path):
    kappa.cli("topic", "create", "t")
    kappa.produce("t", ["plain text"])
    sink = {"connector.class": "FileStreamSink", "file": str(tmp_path / "out"), "topics": "t"}
    write(tmp_path / "sink.properties", "name=k\n" + "".join("%s=%s\n" % pair for pair in sink.items()))
    code, _, errors = kappa.cli("connect", str(tmp_path / "sink.properties"))
    assert code == 4 and "partition 0, offset 0" in errors and "StringConverter" in errors, errors
    assert kappa.http("PUT", "/connectors/k/config", sink)[0] == 201
    wait_for(lambda: kappa.http("GET", "/connectors/k/status")[1]["tasks"][0]["state"], "FAILED")
    assert "schemas.enable" in kappa.http("GET", "/connectors/k/status")[1]["tasks"][0]["trace"] or \
        "StringConverter" in kappa.http("GET", "/connectors/k/status")[1]["tasks"][0]["trace"]
    assert kappa.sql("SELECT state FROM kappa.connectors") == [("FAILED",)]
    assert kappa.http("PUT", "/connectors/k/config", {**sink, "value.converter": "StringConverter"})[0] == 200
    wait_for(lambda: read(tmp_path / "out"), "plain text\n")


def test_files_outside_the_allowed_directories_are_refused(tmp_path):
    allowed, other = tmp_path / "allowed", tmp_path / "other"
    allowed.mkdir()
    other.mkdir()
    (allowed / "link").symlink_to(other)
    source = {"connector.class": "FileStreamSource", "topic": "t"}
    with Appliance(options=["--connect-dirs", str(allowed)]) as kappa:
        refused(kappa, {**source, "file": str(other / "in")}, "--connect-dirs")
        refused(kappa, {**source, "file": str(allowed / ".." / "other" / "in")}, "--connect-dirs")
        refused(kappa, {**source, "file": str(allowed / "link" / "in")}, "--connect-dirs")
        refused(kappa, {**source, "file": str(allowed) + "2"}, "--connect-dirs")
        assert kappa.http("POST", "/connectors", {"name": "ok", "config": {**source, "file": str(allowed / "in")}})[0] == 201
        # What was allowed when it was made is asked again at every start.
        kappa.stop()
        kappa.options = ["--connect-dirs", "none"]
        kappa.start()
        wait_for(lambda: kappa.http("GET", "/connectors/ok/status")[1]["tasks"][0]["state"], "FAILED")
    with Appliance() as kappa:
        refused(kappa, {**source, "file": kappa.path("log", "x")}, "own directory")
        # A page in a browser cannot send this type to another site without asking first.
        status, answer = kappa.http("POST", "/connectors", json.dumps({"name": "x", "config": source}), {"Content-Type": "text/plain"})
        assert status == 415 and answer["error_code"] == 415
