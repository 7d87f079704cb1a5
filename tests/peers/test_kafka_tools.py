"""Apache Kafka's own command-line programs, an old and a current release, unchanged: the main classes their shell scripts run.

The scenes of every Kafka introduction: a topic, three lines typed and read back, files through Connect; then what administrators do.
"""
import glob
import json
import os
import re
import signal
import time

import pytest

import peers
from appliance import Appliance, free_ports


class Release:
    def __init__(self, version, class_path, mains):
        self.version = version
        self.class_path = class_path
        self.mains = mains

    def command(self, tool, *arguments):
        assert tool in self.mains, "%s has no %s" % (self.version, tool)
        return peers.java(self.class_path, self.mains[tool], *arguments)

    def run(self, tool, *arguments, stdin=None, fails=False):
        """Its output; `fails` None: it may end well or badly."""
        code, output = peers.run(self.command(tool, *arguments), stdin=stdin)
        assert fails is None or (code != 0) == fails, "%s %s ended with %d: %s" % (tool, " ".join(arguments), code, output[-3000:])
        return output

    def start(self, tool, *arguments):
        return peers.Program(self.command(tool, *arguments))


OLD = {"topics": "kafka.admin.TopicCommand", "producer": "kafka.tools.ConsoleProducer", "consumer": "kafka.tools.ConsoleConsumer",
       "groups": "kafka.admin.ConsumerGroupCommand", "connect": "org.apache.kafka.connect.cli.ConnectStandalone",
       "dump": "kafka.tools.DumpLogSegments", "producer-perf": "org.apache.kafka.tools.ProducerPerformance",
       "consumer-perf": "kafka.tools.ConsumerPerformance", "offsets": "kafka.tools.GetOffsetShell",
       "api-versions": "kafka.admin.BrokerApiVersionsCommand", "delete-records": "kafka.admin.DeleteRecordsCommand"}
NEW = {"topics": "org.apache.kafka.tools.TopicCommand", "producer": "org.apache.kafka.tools.ConsoleProducer",
       "consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer", "groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
       "connect": "org.apache.kafka.connect.cli.ConnectStandalone", "dump": "kafka.tools.DumpLogSegments",
       "producer-perf": "org.apache.kafka.tools.ProducerPerformance", "consumer-perf": "org.apache.kafka.tools.ConsumerPerformance",
       "offsets": "org.apache.kafka.tools.GetOffsetShell", "api-versions": "org.apache.kafka.tools.BrokerApiVersionsCommand",
       "delete-records": "org.apache.kafka.tools.DeleteRecordsCommand", "configs": "kafka.admin.ConfigCommand",
       "transactions": "org.apache.kafka.tools.TransactionsCommand", "log-dirs": "org.apache.kafka.tools.LogDirsCommand",
       "acls": "org.apache.kafka.tools.AclCommand", "elect": "org.apache.kafka.tools.LeaderElectionCommand",
       "reassign": "org.apache.kafka.tools.reassign.ReassignPartitionsCommand", "cluster": "org.apache.kafka.tools.ClusterTool"}


@pytest.fixture(scope="module", params=["2.3.0", "4.2.0"])
def release(request):
    if request.param == "2.3.0":
        return Release(request.param, peers.jars("kafka-old"), OLD)
    return Release(request.param, peers.jars("kafka-new"), NEW)


@pytest.fixture(scope="module")
def kappa(release):
    """One for each release, so that names can be the ones of the manuals."""
    with Appliance() as appliance:
        yield appliance


def server(release, kappa):
    return "--bootstrap-server", kappa.bootstrap


def broker_list(release, kappa):
    """The old producer's name for it."""
    return ("--broker-list" if release.version == "2.3.0" else "--bootstrap-server"), kappa.bootstrap


def said(output):
    """Without what log frameworks print."""
    return [line for line in output.split("\n") if line and not re.match(r"SLF4J|WARNING|log4j|\[20", line)]


def create(release, kappa, topic, partitions=1):
    release.run("topics", "--create", *server(release, kappa), "--replication-factor", "1", "--partitions", str(partitions), "--topic", topic)


def produce(release, kappa, topic, text, *options):
    release.run("producer", *broker_list(release, kappa), "--topic", topic, *options, stdin=text)


# ---- the scenes of the introductions, literally ----

def test_scene_1_a_topic_is_created_and_listed(release, kappa):
    release.run("topics", "--create", "--bootstrap-server", kappa.bootstrap, "--replication-factor", "1", "--partitions", "1", "--topic", "test")
    assert said(release.run("topics", "--list", "--bootstrap-server", kappa.bootstrap)) == ["test"]


def test_scene_2_lines_typed_into_the_producer_are_printed_by_the_consumer(release, kappa):
    with release.start("producer", *broker_list(release, kappa), "--topic", "test") as producer:
        for line in ["This is a message", "This is another message", "third"]:
            producer.type(line + "\n")
            time.sleep(0.1)
        assert producer.end() == 0
    with release.start("consumer", *server(release, kappa), "--topic", "test", "--from-beginning") as consumer:
        consumer.wait_for("third\n")
        consumer.signal(signal.SIGINT)
        consumer.end()
        assert said(consumer.output)[-4:] == ["This is a message", "This is another message", "third", "Processed a total of 3 messages"]


CONNECT = """bootstrap.servers=%s
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
key.converter.schemas.enable=true
value.converter.schemas.enable=true
offset.storage.file.filename=%s
offset.flush.interval.ms=10000
listeners=http://127.0.0.1:%d
"""
SOURCE = """name=local-file-source
connector.class=FileStreamSource
tasks.max=1
file=%s
topic=connect-test
"""
SINK = """name=local-file-sink
connector.class=FileStreamSink
tasks.max=1
file=%s
topics=connect-test
"""


def wait_for_file(path, expected, program, timeout=90):
    until = time.time() + timeout
    while True:
        got = open(path).read() if os.path.exists(path) else ""
        if got == expected:
            return
        assert time.time() < until and program.process.poll() is None, "%r in %s, not %r: %s" % (got, path, expected, program.read()[-3000:])
        time.sleep(0.1)


def test_scene_3_connect_carries_a_file_to_a_topic_and_into_another_file(release, kappa, tmp_path):
    source, sink = tmp_path / "test.txt", tmp_path / "test.sink.txt"
    source.write_text("foo\nbar\n")
    for name, text in [("connect-standalone.properties", CONNECT % (kappa.bootstrap, tmp_path / "connect.offsets", free_ports(1)[0])),
                       ("connect-file-source.properties", SOURCE % source), ("connect-file-sink.properties", SINK % sink)]:
        (tmp_path / name).write_text(text)
    started = ["connect"] + [str(tmp_path / name) for name in ("connect-standalone.properties", "connect-file-source.properties",
                                                               "connect-file-sink.properties")]
    with release.start(*started) as connect:
        wait_for_file(sink, "foo\nbar\n", connect)
        output = release.run("consumer", *server(release, kappa), "--topic", "connect-test", "--from-beginning", "--max-messages", "2")
        assert said(output)[:2] == ['{"schema":{"type":"string","optional":false},"payload":"foo"}',
                                    '{"schema":{"type":"string","optional":false},"payload":"bar"}']
        with open(source, "a") as file:
            file.write("Another line\n")
        wait_for_file(sink, "foo\nbar\nAnother line\n", connect)
        connect.signal(signal.SIGTERM)
        connect.end()
    kappa.kill()
    kappa.start()
    with open(source, "a") as file:
        file.write("after both were restarted\n")
    with release.start(*started) as connect:
        wait_for_file(sink, "foo\nbar\nAnother line\nafter both were restarted\n", connect)
    # A view reads what Connect wrote: the envelope is taken off.
    kappa.sql("CREATE TABLE connected (payload text) WITH (topic = 'connect-test', format = 'json')")
    assert kappa.sql("SELECT count(*) FROM connected") == [(4,)]


# ---- topics, producing, reading segments ----

def test_topics_are_described_and_deleted(release, kappa):
    create(release, kappa, "described", 3)
    output = release.run("topics", "--describe", *server(release, kappa), "--topic", "described")
    assert re.search(r"PartitionCount:\s*3\s+ReplicationFactor:\s*1", output)
    assert len(re.findall(r"Leader:\s*1\s+Replicas:\s*1\s+Isr:\s*1", output)) == 3
    assert "already exists" in release.run("topics", "--create", *server(release, kappa), "--replication-factor", "1", "--partitions", "1", "--topic",
                                           "described", fails=True)
    release.run("topics", "--delete", *server(release, kappa), "--topic", "described")
    assert "described" not in said(release.run("topics", "--list", *server(release, kappa)))


def test_keys_and_values_pass_in_every_codec(release, kappa):
    create(release, kappa, "coded")
    lines = []
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"]:
        batch = ["key%d:%s value %d é 😀" % (i, codec, i) for i in range(300)]
        produce(release, kappa, "coded", "\n".join(batch) + "\n", "--property", "parse.key=true", "--property", "key.separator=:",
                *(["--compression-codec", codec] if codec != "none" else []))
        lines += batch
    output = release.run("consumer", *server(release, kappa), "--topic", "coded", "--partition", "0", "--offset", "earliest", "--max-messages",
                         str(len(lines)), "--property", "print.key=true", "--property", "key.separator=:")
    assert [line for line in said(output) if line.startswith("key")] == lines


def test_kafkas_dump_tool_reads_our_segments(release, kappa):
    create(release, kappa, "dumped")
    for i in range(2):
        produce(release, kappa, "dumped", "".join("record %d of round %d\n" % (n, i) for n in range(5)))
    segments = glob.glob(kappa.path("log", "dumped-0", "*.log"))
    output = release.run("dump", "--deep-iteration", "--print-data-log", "--files", ",".join(segments))
    assert re.findall(r"payload: (record \d of round \d)", output) == ["record %d of round %d" % (n, i) for i in range(2) for n in range(5)]
    assert "isvalid: false" not in output and output.count("isvalid: true") >= 2, output


def test_perf_tools_measure_and_the_dump_tool_checks_sealed_segments_and_indexes(release, kappa):
    release.run("topics", "--create", *server(release, kappa), "--replication-factor", "1", "--partitions", "1", "--topic", "measured", "--config",
                "segment.bytes=1048576")
    output = release.run("producer-perf", "--topic", "measured", "--num-records", "30000", "--record-size", "100", "--throughput", "-1",
                         "--producer-props", "bootstrap.servers=" + kappa.bootstrap, "acks=all")
    assert "30000 records sent" in output
    assert kappa.sql("SELECT record_count FROM kappa.topics WHERE topic = 'measured'") == [(30000,)]
    files = sorted(glob.glob(kappa.path("log", "measured-0", "*")))
    segments, indexes = [f for f in files if f.endswith(".log")], [f for f in files if f.endswith("index")]
    assert len(segments) > 1 and indexes, files
    output = release.run("dump", "--files", ",".join(segments[:-1] + indexes))
    assert "isvalid: true" in output
    for complaint in ["isvalid: false", "Mismatches", "corrupt", "Non-consecutive", "Indexed offset", "Found"]:
        assert complaint not in output, [line for line in output.split("\n") if complaint in line][:5]


def test_offsets_are_listed(release, kappa):
    create(release, kappa, "offsets", 2)
    produce(release, kappa, "offsets", "a\nb\nc\n")
    output = release.run("offsets", *broker_list(release, kappa), "--topic", "offsets", "--time", "-1")
    ends = dict(re.findall(r"offsets:(\d):(\d+)", output))
    assert sorted(ends) == ["0", "1"] and sum(map(int, ends.values())) == 3
    assert dict(re.findall(r"offsets:(\d):(\d+)", release.run("offsets", *broker_list(release, kappa), "--topic", "offsets", "--time", "-2"))) == {
        "0": "0", "1": "0"}


def test_api_versions_are_told(release, kappa):
    output = release.run("api-versions", "--bootstrap-server", kappa.bootstrap)
    assert re.search(r"Produce\(0\): \d to \d+ \[usable: \d+\]", output) and re.search(r"Fetch\(1\): \d+ to \d+ \[usable: \d+\]", output)


# ---- transactions ----

def test_transactions_are_shown_and_the_dump_tool_reads_markers_and_the_index(release, kappa):
    import confluent_kafka

    create(release, kappa, "transacted")
    writer = confluent_kafka.Producer({"bootstrap.servers": kappa.bootstrap, "transactional.id": "shown"})
    writer.init_transactions(30)
    for commit in (True, False):
        writer.begin_transaction()
        writer.produce("transacted", "x")
        writer.flush(30)
        if commit:
            writer.commit_transaction(30)
        else:
            writer.abort_transaction(30)
    writer.begin_transaction()
    writer.produce("transacted", "open")
    writer.flush(30)
    if "transactions" in release.mains:
        server_options = ["--bootstrap-server", kappa.bootstrap]
        assert re.search(r"shown\s+\S+\s+\d+\s+Ongoing", release.run("transactions", *server_options, "list"))
        described = release.run("transactions", *server_options, "describe", "--transactional-id", "shown")
        assert "Ongoing" in described and "transacted-0" in described
        producers = release.run("transactions", *server_options, "describe-producers", "--topic", "transacted", "--partition", "0")
        assert re.search(r"\b4\b\s*$", producers.strip().split("\n")[-1])  # where the open transaction begins
    writer.commit_transaction(30)
    log = kappa.path("log", "transacted-0", "00000000000000000000.log")
    dumped = release.run("dump", "--files", log, "--print-data-log")
    assert dumped.count("endTxnMarker: COMMIT") == 2 and dumped.count("endTxnMarker: ABORT") == 1
