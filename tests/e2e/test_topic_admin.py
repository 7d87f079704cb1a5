"""Topics altered, grown, trimmed and compacted by real clients and the command line, under running views and kill -9.

Clients: python3-confluent-kafka, python3-kafka 2.0.2, the `kappa` command. Each mistake that other brokers made in administration
and KAFKA.md lists has its test here or in tests/ingest.
"""
import os
import random
import socket
import struct
import sys

import confluent_kafka
import confluent_kafka.admin
import kafka.admin
import kafka.errors
import psycopg
import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from appliance import Appliance  # noqa: E402
from kafka_client import Record, confluent_consume, confluent_produce, python_consume  # noqa: E402

SEED = int(os.environ.get("KAPPA_SEED", "20260101"))
BASE_MS = 1767225600000  # 2026-01-01
OPTIONS = ["--clean-interval-ms", "100"]


@pytest.fixture(scope="module")
def kappa():
    with Appliance(OPTIONS) as appliance:
        yield appliance


@pytest.fixture(scope="module")
def confluent(kappa):
    return confluent_kafka.admin.AdminClient({"bootstrap.servers": kappa.bootstrap})


@pytest.fixture(scope="module")
def python(kappa):
    client = kafka.admin.KafkaAdminClient(bootstrap_servers=kappa.bootstrap)
    yield client
    client.close()


def create(admin, name, partitions=1, config=None):
    admin.create_topics([confluent_kafka.admin.NewTopic(name, partitions, 1, config=config or {})])[name].result(10)
    return name


def config_of(admin, topic, kind=confluent_kafka.admin.RESOURCE_TOPIC):
    resource = confluent_kafka.admin.ConfigResource(kind, topic)
    return {name: entry.value for name, entry in admin.describe_configs([resource])[resource].result(10).items()}


def alter(admin, topic, config, kind=confluent_kafka.admin.RESOURCE_TOPIC):
    resource = confluent_kafka.admin.ConfigResource(kind, topic, set_config=config)
    admin.alter_configs([resource])[resource].result(10)


def keyed(key, value, ms=BASE_MS):
    return Record(None, key.encode(), None if value is None else value.encode(), [], ms)


# ---- configuration ----

def test_described_configs_are_accepted_on_write_back(kappa, confluent):
    create(confluent, "written-back", config={"retention.ms": "1234567", "cleanup.policy": "compact,delete"})
    described = config_of(confluent, "written-back")
    assert described["cleanup.policy"] == "compact,delete"  # describing without it crashed Schema Registry
    alter(confluent, "written-back", described)
    assert config_of(confluent, "written-back") == described
    broker = config_of(confluent, "1", confluent_kafka.admin.RESOURCE_BROKER)
    alter(confluent, "1", broker, confluent_kafka.admin.RESOURCE_BROKER)
    with pytest.raises(confluent_kafka.KafkaException) as refused:
        alter(confluent, "1", {"broker.id": "7"}, confluent_kafka.admin.RESOURCE_BROKER)
    assert refused.value.args[0].code() == confluent_kafka.KafkaError.INVALID_CONFIG


def test_python_client_alters_and_describes_configs(kappa, python, confluent):
    create(confluent, "python-altered")
    resource = kafka.admin.ConfigResource(kafka.admin.ConfigResourceType.TOPIC, "python-altered", {"retention.bytes": "1000000"})
    python.alter_configs([resource])
    assert config_of(confluent, "python-altered")["retention.bytes"] == "1000000"
    with pytest.raises(confluent_kafka.KafkaException) as refused:
        alter(confluent, "python-altered", {"message.timestamp.type": "LogAppendTime"})
    assert "CreateTime" in refused.value.args[0].str()


def test_max_message_bytes_is_enforced_as_altered(kappa, confluent):
    create(confluent, "small-messages")
    alter(confluent, "small-messages", {"max.message.bytes": "2000"})
    with pytest.raises(Exception, match="(?i)too large"):
        confluent_produce(kappa.bootstrap, "small-messages", [Record(None, None, random.Random(SEED).randbytes(5000), [], BASE_MS)])
    assert len(confluent_produce(kappa.bootstrap, "small-messages", [Record(None, None, b"x" * 500, [], BASE_MS)])) == 1


def test_configuration_survives_kill(tmp_path):
    with Appliance(OPTIONS) as kappa:
        assert kappa.cli("topic", "create", "kept", "segment.ms=60000")[0] == 0
        assert kappa.cli("topic", "alter", "kept", "cleanup.policy=compact", "min.cleanable.dirty.ratio=0.2")[0] == 0
        assert kappa.cli("topic", "add-partitions", "kept", "3")[0] == 0
        kappa.kill()
        kappa.start()
        code, out, _ = kappa.cli("topic", "describe", "kept")
        assert code == 0
        assert "cleanup.policy: compact\n" in out and "min.cleanable.dirty.ratio: 0.2\n" in out and "segment.ms: 60000\n" in out
        assert kappa.sql("SELECT partition_count, cleanup_policy FROM kappa.topics WHERE topic = 'kept'") == [(3, "compact")]


# ---- partitions ----

def test_added_partitions_are_read_by_running_views(kappa, confluent, python):
    kappa.sql("CREATE TABLE grown (k text, v int)")
    kappa.sql("CREATE MATERIALIZED VIEW grown_sum AS SELECT k, count(*) AS n, sum(v) AS s FROM grown GROUP BY k")
    kappa.produce("grown", [{"k": "a", "v": 1}])
    kappa.wait("SELECT k, n, s FROM grown_sum", [("a", 1, 1)])
    confluent.create_partitions([confluent_kafka.admin.NewPartitions("grown", 3)])["grown"].result(10)
    kappa.produce("grown", [{"k": "a", "v": 10}], partition=2)
    kappa.wait("SELECT k, n, s FROM grown_sum", [("a", 2, 11)])
    python.create_partitions({"grown": kafka.admin.NewPartitions(5)})
    kappa.produce("grown", [{"k": "b", "v": 100}], partition=4)
    kappa.wait("SELECT k, n, s FROM grown_sum ORDER BY k", [("a", 2, 11), ("b", 1, 100)])
    with pytest.raises(confluent_kafka.KafkaException) as refused:
        confluent.create_partitions([confluent_kafka.admin.NewPartitions("grown", 4)])["grown"].result(10)
    assert refused.value.args[0].code() == confluent_kafka.KafkaError.INVALID_PARTITIONS
    assert sorted(confluent.list_topics("grown", timeout=10).topics["grown"].partitions) == [0, 1, 2, 3, 4]
    assert kappa.cli("verify", "grown_sum")[0] == 0


def test_a_topic_that_a_view_needs_is_not_deleted_unless_forced(kappa, confluent):
    kappa.sql("CREATE TABLE wanted (k text) WITH (topic = 'wanted')")
    kappa.sql("CREATE MATERIALIZED VIEW wanted_count AS SELECT count(*) AS n FROM wanted")
    with pytest.raises(confluent_kafka.KafkaException) as refused:
        confluent.delete_topics(["wanted"])["wanted"].result(10)
    assert refused.value.args[0].code() == confluent_kafka.KafkaError.POLICY_VIOLATION
    alter(confluent, "wanted", {"kappa.trim.force": "true"})
    confluent.delete_topics(["wanted"])["wanted"].result(10)
    assert "wanted" not in confluent.list_topics(timeout=10).topics


# ---- records removed ----

def test_trimmed_records_stay_gone_and_offsets_go_on(tmp_path):
    with Appliance(OPTIONS) as kappa:
        assert kappa.cli("topic", "create", "trimmed")[0] == 0
        confluent_produce(kappa.bootstrap, "trimmed", [Record(None, None, b"v%d" % i, [], BASE_MS + i) for i in range(100)])
        code, out, _ = kappa.cli("topic", "trim", "trimmed", "--before", "40", "-o", "csv")
        assert code == 0 and "0,40,100" in out
        for _ in range(2):
            consumer = confluent_kafka.Consumer({"bootstrap.servers": kappa.bootstrap, "group.id": "unused"})
            assert consumer.get_watermark_offsets(confluent_kafka.TopicPartition("trimmed", 0), timeout=10) == (40, 100)
            consumer.close()
            assert [r.offset for r in confluent_consume(kappa.bootstrap, "trimmed", offset=40)] == list(range(40, 100))
            kappa.kill()
            kappa.start()
        assert kappa.sql("SELECT log_start_offset, high_watermark FROM kappa.partitions WHERE topic = 'trimmed'") == [(40, 100)]
        assert kappa.cli("topic", "trim", "trimmed", "--before", "end")[0] == 0
        assert confluent_produce(kappa.bootstrap, "trimmed", [Record(None, None, b"next", [], BASE_MS)])[0].offset == 100


def test_retention_removes_records_by_age(kappa, confluent):
    create(confluent, "aging", config={"retention.ms": "1000"})
    confluent_produce(kappa.bootstrap, "aging", [Record(None, None, b"old", [], BASE_MS)])
    kappa.wait("SELECT log_start_offset, size_bytes FROM kappa.partitions WHERE topic = 'aging'", [(1, 0)])


def test_what_a_view_needs_is_not_trimmed_unless_forced_and_it_says_which(kappa, confluent):
    kappa.sql("CREATE TABLE precious (k text)")
    kappa.produce("precious", [{"k": "a"}, {"k": "b"}, {"k": "c"}])
    kappa.sql("CREATE MATERIALIZED VIEW precious_count AS SELECT count(*) AS n FROM precious")
    kappa.wait("SELECT n FROM precious_count", [(3,)])
    code, _, err = kappa.cli("topic", "trim", "precious", "--before", "2")
    assert code != 0 and "precious_count@1" in err and "force" in err
    for config in ({"retention.ms": "1"}, {"cleanup.policy": "compact"}):
        with pytest.raises(confluent_kafka.KafkaException) as refused:
            alter(confluent, "precious", config)
        assert refused.value.args[0].code() == confluent_kafka.KafkaError.POLICY_VIOLATION
        assert "precious_count@1" in refused.value.args[0].str()
    assert kappa.sql("SELECT log_start_offset FROM kappa.partitions WHERE topic = 'precious'") == [(0,)]
    # Forced: what was read stays; what is built later says what it lacks.
    code, out, err = kappa.cli("topic", "trim", "precious", "--before", "2", "--force")
    assert code == 0, err
    kappa.wait("SELECT n FROM precious_count", [(3,)])
    kappa.sql("CREATE OR REPLACE MATERIALIZED VIEW precious_count AS SELECT count(*) AS n, max(k) AS last FROM precious")
    kappa.wait("SELECT n, last FROM \"precious_count@2\"", [(1, "c")])
    kappa.wait("SELECT version, missed_record_count FROM kappa.versions WHERE view = 'precious_count' ORDER BY version", [(1, 0), (2, 2)])
    assert "2 records had been trimmed" in kappa.cli("status")[1]
    with pytest.raises(psycopg.Error, match="starts at offset 2"):
        kappa.sql("SELECT * FROM kappa.verify('precious_count', 1)")
    # Retention with permission, given to the topic.
    alter(confluent, "precious", {"retention.ms": "1", "kappa.trim.force": "true"})
    assert kappa.sql("SELECT trim_force, kept_for FROM kappa.topics WHERE topic = 'precious'") == [(True, None)]


def delete_records(kappa, topic, partition, offset):
    """DeleteRecords 1, which no client of the default tests has: the low watermark and the error's code."""
    body = struct.pack(">ih", 1, len(topic)) + topic.encode() + struct.pack(">iiqi", 1, partition, offset, 10000)
    with socket.create_connection(("127.0.0.1", kappa.kafka_port), 10) as client, client.makefile("rb") as answers:
        client.sendall(struct.pack(">ihhih", 10 + len(body), 21, 1, 7, -1) + body)
        answer = answers.read(struct.unpack(">i", answers.read(4))[0])
    assert struct.unpack(">iiih", answer[:14]) == (7, 0, 1, len(topic)) and answer[14:14 + len(topic)] == topic.encode()
    count, number, low_watermark, code = struct.unpack(">iiqh", answer[14 + len(topic):])
    assert (count, number) == (1, partition)
    return low_watermark, code


def test_delete_records_spares_what_a_view_needs_and_names_the_view(kappa, confluent):
    kappa.sql("CREATE TABLE spared (k text)")
    kappa.produce("spared", [{"k": "a"}, {"k": "b"}, {"k": "c"}])
    kappa.sql("CREATE MATERIALIZED VIEW spared_count AS SELECT count(*) AS n FROM spared")
    kappa.wait("SELECT n FROM spared_count", [(3,)])
    for offset in (1, -1):
        assert delete_records(kappa, "spared", 0, offset) == (-1, confluent_kafka.KafkaError.POLICY_VIOLATION)
    refused = [line for line in kappa.stderr().splitlines() if "records_not_deleted" in line and "spared" in line]
    assert len(refused) == 2 and all("spared_count@1" in line for line in refused)
    assert [r.offset for r in confluent_consume(kappa.bootstrap, "spared")] == [0, 1, 2]
    # The protocol has no "force", so the permission is the topic's.
    alter(confluent, "spared", {"kappa.trim.force": "true"})
    assert delete_records(kappa, "spared", 0, 2) == (2, 0)
    assert [r.offset for r in confluent_consume(kappa.bootstrap, "spared", offset=2)] == [2]
    assert delete_records(kappa, "spared", 0, -1) == (3, 0)
    assert kappa.sql("SELECT log_start_offset, high_watermark FROM kappa.partitions WHERE topic = 'spared'") == [(3, 3)]
    kappa.wait("SELECT n FROM spared_count", [(3,)])  # what was read stays


# ---- compaction ----

def test_compaction_keeps_the_newest_value_of_each_key_and_gaps_are_not_taken_for_being_stuck(tmp_path):
    rng = random.Random(SEED)
    newest, end = {}, 0
    with Appliance(OPTIONS) as kappa:
        assert kappa.cli("topic", "create", "table", "cleanup.policy=compact", "segment.bytes=65536",
                         "min.cleanable.dirty.ratio=0", "delete.retention.ms=0")[0] == 0
        for life in range(4):
            for _ in range(6):
                records = []
                for _ in range(1000):
                    key = "key-%d" % rng.randrange(300)
                    value = None if rng.randrange(20) == 0 else "%d %s" % (rng.randrange(10 ** 9), "x" * rng.randrange(60))
                    records.append(keyed(key, value))
                    newest[key] = value
                end = confluent_produce(kappa.bootstrap, "table", records, compression_codec=rng.choice(["none", "lz4", "zstd", "gzip"]))[-1].offset + 1
            kappa.kill()
            kappa.start()
        # Segments before the active one are compacted to at most a record a key; the active one is not touched.
        kappa.wait("SELECT size_bytes < 200000 FROM kappa.partitions WHERE topic = 'table'", [(True,)], 60)
        for consume in (confluent_consume, python_consume):
            seen = {}
            records = consume(kappa.bootstrap, "table")
            for record in records:
                seen[record.key.decode()] = None if record.value is None else record.value.decode()
            assert len(records) < end / 2 and [r.offset for r in records] == sorted(r.offset for r in records)
            assert {k: v for k, v in seen.items() if v is not None} == {k: v for k, v in newest.items() if v is not None}
        # A consumer that stands in a gap goes on behind it.
        first = confluent_consume(kappa.bootstrap, "table")[0].offset
        assert first > 0 and confluent_consume(kappa.bootstrap, "table", offset=first // 2)[0].offset == first
        with pytest.raises(Exception):
            confluent_produce(kappa.bootstrap, "table", [Record(None, None, b"no key", [], BASE_MS)])


def test_security_disabled_is_what_acl_tools_are_told(python):
    with pytest.raises(kafka.errors.SecurityDisabledError):
        acls, error = python.describe_acls(kafka.admin.ACLFilter(
            principal=None, host="*", operation=kafka.admin.ACLOperation.ANY, permission_type=kafka.admin.ACLPermissionType.ANY,
            resource_pattern=kafka.admin.ResourcePatternFilter(kafka.admin.ResourceType.ANY, None, kafka.admin.ACLResourcePatternType.ANY)))
        if error is not kafka.errors.NoError:
            raise error
