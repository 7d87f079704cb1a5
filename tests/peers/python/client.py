"""kafka-python and aiokafka, current releases, against the appliance: one function per outcome, its name is the second argument."""
import asyncio
import os
import ssl
import sys
import time

BOOTSTRAP, METHOD = sys.argv[1:3]
CODECS = [None, "gzip", "snappy", "lz4", "zstd"]


# ---- kafka-python ----

def python_create(topic, partitions=1):
    from kafka.admin import KafkaAdminClient, NewTopic
    admin = KafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    admin.create_topics([NewTopic(topic, partitions, 1)])
    return admin


def python_consume(topic, count, stay_s=0, **options):
    """`stay_s`: remains a member that long."""
    from kafka import KafkaConsumer
    consumer = KafkaConsumer(topic, bootstrap_servers=BOOTSTRAP, auto_offset_reset="earliest", **options)
    values, until = [], time.time() + 60
    while len(values) < count and time.time() < until:
        for records in consumer.poll(500).values():
            values += [record.value.decode() for record in records]
    until = time.time() + stay_s
    while time.time() < until:
        consumer.poll(100)
    consumer.close()
    return values


def kafka_python_codecs():
    from kafka import KafkaProducer
    python_create("python-codecs").close()
    expected = []
    for codec in CODECS:
        producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, compression_type=codec, acks="all")
        values = ["%s %d é" % (codec, i) for i in range(200)]
        expected += values
        for value in values:
            producer.send("python-codecs", value.encode(), key=b"k", headers=[("h", b"v")])
        producer.flush(30)
        producer.close()
    assert python_consume("python-codecs", 1000, group_id="python-codecs") == expected


def kafka_python_groups():
    from kafka import KafkaProducer
    admin = python_create("python-groups", 3)
    producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, acks="all")
    for i in range(60):
        producer.send("python-groups", str(i).encode(), partition=i % 3)
    producer.flush(30)
    assert sorted(python_consume("python-groups", 60, group_id="python-readers"), key=int) == [str(i) for i in range(60)]
    producer.send("python-groups", b"60").get(30)
    assert python_consume("python-groups", 1, stay_s=1, group_id="python-readers", heartbeat_interval_ms=100) == ["60"]
    offsets = admin.list_group_offsets("python-readers") if hasattr(admin, "list_group_offsets") else admin.list_consumer_group_offsets("python-readers")
    if len(offsets) == 1 and not hasattr(next(iter(offsets.values())), "offset"):
        offsets = next(iter(offsets.values()))
    assert sum(offset.offset for offset in offsets.values()) == 61, offsets


def kafka_python_transactions():
    from kafka import KafkaProducer
    python_create("python-transactions").close()
    producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, transactional_id="python-transactional")
    producer.init_transactions()
    for value, commit in [(b"a", True), (b"b", False), (b"c", True)]:
        producer.begin_transaction()
        producer.send("python-transactions", value).get(30)
        producer.commit_transaction() if commit else producer.abort_transaction()
    producer.close()
    assert python_consume("python-transactions", 2, group_id=None, isolation_level="read_committed") == ["a", "c"]
    assert python_consume("python-transactions", 3, group_id=None) == ["a", "b", "c"]


TRANSFORMS = [(True, 0), (False, 20), (True, 20), (True, 40)]  # lives of a program: whether it commits, the record it begins at


def kafka_python_exactly_once():
    from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
    python_create("python-in").close()
    python_create("python-out").close()
    source = KafkaProducer(bootstrap_servers=BOOTSTRAP, acks="all")
    for i in range(60):
        source.send("python-in", b"%d" % i)
    source.flush(30)
    source.close()
    producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, transactional_id="python-transform")
    producer.init_transactions()
    for commit, begin in TRANSFORMS:
        consumer = KafkaConsumer("python-in", bootstrap_servers=BOOTSTRAP, group_id="python-transform", auto_offset_reset="earliest",
                                 enable_auto_commit=False, isolation_level="read_committed")
        taken, until = [], time.time() + 30
        while len(taken) < 20 and time.time() < until:
            for records in consumer.poll(500, max_records=20 - len(taken)).values():
                taken += records
        assert [record.value for record in taken] == [b"%d" % i for i in range(begin, begin + 20)]
        producer.begin_transaction()
        for record in taken:
            producer.send("python-out", b"-" + record.value)
        producer.flush(30)  # an abort drops what was not sent yet
        offsets = {TopicPartition("python-in", 0): OffsetAndMetadata(taken[-1].offset + 1, "", -1)}
        producer.send_offsets_to_transaction(offsets, consumer.group_metadata())
        producer.commit_transaction() if commit else producer.abort_transaction()
        consumer.close()
    producer.close()
    assert python_consume("python-out", 60, group_id=None, isolation_level="read_committed") == ["-%d" % i for i in range(60)]
    assert len(python_consume("python-out", 80, group_id=None)) == 80


def kafka_python_admin():
    from kafka import KafkaProducer, TopicPartition
    from kafka.admin import ACLFilter, ACLOperation, ACLPermissionType, ConfigResource, ConfigResourceType, ResourcePatternFilter, ResourceType, \
        ACLResourcePatternType
    admin = python_create("python-admin")
    partition = TopicPartition("python-admin", 0)
    producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, acks="all")
    for i in range(10):
        producer.send("python-admin", b"%d" % i, partition=0)
    producer.flush(30)
    producer.close()
    assert python_consume("python-admin", 10, group_id="python-admins") == [str(i) for i in range(10)]
    admin.create_partitions({"python-admin": 3})
    assert len(admin.describe_topics(["python-admin"])[0]["partitions"]) == 3
    for incremental, value in [(True, "86400000"), (False, "90000000")]:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, "python-admin", configs={"retention.ms": value})], incremental=incremental)
        assert value in str(admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, "python-admin")]))
    admin.delete_records({partition: 4})
    assert python_consume("python-admin", 1, group_id=None)[0] == "4"
    assert "python-admin" in str(admin.describe_log_dirs())
    admin.describe_cluster()
    admin.list_partition_reassignments()
    admin.list_transactions()
    admin.describe_producers([partition])
    try:
        admin.describe_acls(ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY,
                                      ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)))
        assert False, "users have roles, not ACLs"
    except Exception as refused:
        assert "Security" in type(refused).__name__, refused
    assert "python-admins" in str(admin.list_groups()) and "python-admins" in str(admin.describe_groups(["python-admins"]))
    admin.delete_group_offsets("python-admins", [partition])
    admin.delete_groups(["python-admins"])
    admin.delete_topics(["python-admin"])
    assert "python-admin" not in admin.list_topics()
    admin.close()


def login_options():
    """Of whoever logs in: as the environment says."""
    return {"bootstrap_servers": BOOTSTRAP, "security_protocol": "SASL_SSL", "sasl_mechanism": os.environ["KAFKA_MECHANISM"],
            "sasl_plain_username": os.environ["KAFKA_USER"], "sasl_plain_password": os.environ["KAFKA_PASSWORD"]}


def kafka_python_login():
    from kafka import KafkaConsumer, KafkaProducer
    options = {**login_options(), "ssl_cafile": os.environ["KAFKA_CA"], "bootstrap_timeout_ms": 5000}
    topic = "python-" + os.environ["KAFKA_MECHANISM"]
    producer = KafkaProducer(acks="all", **options)
    producer.send(topic, b"logged in").get(30)
    producer.close()
    consumer = KafkaConsumer(topic, group_id=topic, auto_offset_reset="earliest", consumer_timeout_ms=30000, **options)
    assert next(consumer).value == b"logged in"
    consumer.close()


# ---- aiokafka ----

async def aio_create(topic, partitions=1):
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic
    admin = AIOKafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    await admin.start()
    await admin.create_topics([NewTopic(topic, partitions, 1)])
    await admin.close()


async def aio_consume(topic, count, stay_s=0, **options):
    from aiokafka import AIOKafkaConsumer
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=BOOTSTRAP, auto_offset_reset="earliest", **options)
    await consumer.start()
    try:
        values = []
        while len(values) < count:
            values.append((await asyncio.wait_for(consumer.getone(), 60)).value.decode())
        await asyncio.sleep(stay_s)
        return values
    finally:
        await consumer.stop()


async def aiokafka_codecs():
    from aiokafka import AIOKafkaProducer
    await aio_create("aio-codecs")
    expected = []
    for codec in CODECS:
        async with AIOKafkaProducer(bootstrap_servers=BOOTSTRAP, compression_type=codec, enable_idempotence=True) as producer:
            values = ["%s %d é" % (codec, i) for i in range(200)]
            expected += values
            await asyncio.gather(*[await producer.send("aio-codecs", value.encode(), headers=[("h", b"v")]) for value in values])
    assert await aio_consume("aio-codecs", 1000, group_id="aio-codecs") == expected


async def aiokafka_groups():
    from aiokafka import AIOKafkaProducer
    await aio_create("aio-groups", 3)
    async with AIOKafkaProducer(bootstrap_servers=BOOTSTRAP) as producer:
        for i in range(60):
            await producer.send_and_wait("aio-groups", str(i).encode(), partition=i % 3)
        assert sorted(await aio_consume("aio-groups", 60, group_id="aio-readers"), key=int) == [str(i) for i in range(60)]
        await producer.send_and_wait("aio-groups", b"60")
    assert await aio_consume("aio-groups", 1, stay_s=1, group_id="aio-readers", heartbeat_interval_ms=100) == ["60"]


async def aiokafka_transactions():
    from aiokafka import AIOKafkaProducer
    await aio_create("aio-transactions")
    async with AIOKafkaProducer(bootstrap_servers=BOOTSTRAP, transactional_id="aio-transactional") as producer:
        for value, commit in [(b"a", True), (b"b", False), (b"c", True)]:
            await producer.begin_transaction()
            await producer.send_and_wait("aio-transactions", value)
            await (producer.commit_transaction() if commit else producer.abort_transaction())
    assert await aio_consume("aio-transactions", 2, isolation_level="read_committed") == ["a", "c"]
    assert await aio_consume("aio-transactions", 3) == ["a", "b", "c"]


async def aiokafka_exactly_once():
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
    await aio_create("aio-in")
    await aio_create("aio-out")
    async with AIOKafkaProducer(bootstrap_servers=BOOTSTRAP) as source:
        for i in range(60):
            await source.send_and_wait("aio-in", b"%d" % i)
    async with AIOKafkaProducer(bootstrap_servers=BOOTSTRAP, transactional_id="aio-transform") as producer:
        for commit, begin in TRANSFORMS:
            async with AIOKafkaConsumer("aio-in", bootstrap_servers=BOOTSTRAP, group_id="aio-transform", auto_offset_reset="earliest",
                                        enable_auto_commit=False, isolation_level="read_committed") as consumer:
                taken = [await asyncio.wait_for(consumer.getone(), 30) for _ in range(20)]
                assert [record.value for record in taken] == [b"%d" % i for i in range(begin, begin + 20)]
                await producer.begin_transaction()
                for record in taken:
                    await producer.send_and_wait("aio-out", b"-" + record.value)
                await producer.send_offsets_to_transaction({TopicPartition("aio-in", 0): taken[-1].offset + 1}, "aio-transform")
                await (producer.commit_transaction() if commit else producer.abort_transaction())
    assert await aio_consume("aio-out", 60, isolation_level="read_committed") == ["-%d" % i for i in range(60)]
    assert len(await aio_consume("aio-out", 80)) == 80


async def aiokafka_login():
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
    options = {**login_options(), "ssl_context": ssl.create_default_context(cafile=os.environ["KAFKA_CA"])}
    topic = "aio-" + os.environ["KAFKA_MECHANISM"]
    async with AIOKafkaProducer(acks="all", **options) as producer:
        await producer.send_and_wait(topic, b"logged in")
    async with AIOKafkaConsumer(topic, group_id=topic, auto_offset_reset="earliest", **options) as consumer:
        assert (await asyncio.wait_for(consumer.getone(), 30)).value == b"logged in"


async def aiokafka_admin():
    from aiokafka import AIOKafkaProducer, TopicPartition
    from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, RecordsToDelete
    from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
    await aio_create("aio-admin")
    async with AIOKafkaProducer(bootstrap_servers=BOOTSTRAP) as producer:
        for i in range(10):
            await producer.send_and_wait("aio-admin", str(i).encode())
    admin = AIOKafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    await admin.start()
    await admin.create_partitions({"aio-admin": NewPartitions(3)})
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, "aio-admin", configs={"retention.ms": "86400000"})])
    assert "86400000" in str(await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, "aio-admin")]))
    await admin.delete_records({TopicPartition("aio-admin", 0): RecordsToDelete(before_offset=4)})
    assert len((await admin.describe_topics(["aio-admin"]))[0]["partitions"]) == 3
    await admin.delete_topics(["aio-admin"])
    assert "aio-admin" not in await admin.list_topics()
    await admin.close()


outcome = globals()[METHOD]
asyncio.run(outcome()) if asyncio.iscoroutinefunction(outcome) else outcome()
print("ok " + METHOD)
