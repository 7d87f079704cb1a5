// kafkajs against the appliance: one function per outcome, its name is the second argument.
const { Kafka, CompressionTypes, CompressionCodecs, ConfigResourceTypes, logLevel } = require("kafkajs");
const lz4 = require("lz4js");
const zstd = require("@mongodb-js/zstd");
CompressionCodecs[CompressionTypes.Snappy] = require("kafkajs-snappy");
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async (encoder) => Buffer.from(lz4.compress(encoder.buffer)),
  decompress: async (buffer) => Buffer.from(lz4.decompress(buffer)),
});
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: (encoder) => zstd.compress(encoder.buffer, 3),
  decompress: (buffer) => zstd.decompress(buffer),
});

const assert = require("assert");
const fs = require("fs");
const [bootstrap, method] = process.argv.slice(2);
// Whoever logs in says so in the environment.
const { KAFKA_USER: username, KAFKA_PASSWORD: password, KAFKA_MECHANISM: mechanism, KAFKA_CA: authority } = process.env;
const login = username && { ssl: { ca: [fs.readFileSync(authority)] }, sasl: { mechanism: mechanism.toLowerCase(), username, password } };
const kafka = new Kafka({ clientId: "kafkajs", brokers: [bootstrap], logLevel: logLevel.ERROR, ...login });

async function create(topic, numPartitions = 1) {
  const admin = kafka.admin();
  await admin.connect();
  assert(await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions, replicationFactor: 1 }] }));
  assert((await admin.listTopics()).includes(topic));
  return admin;
}

// Values of `count` messages a group reads; each value once.
async function consume(topic, groupId, count, options = {}) {
  const consumer = kafka.consumer({ groupId, sessionTimeout: 10000, ...options });
  const values = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`only ${values.length} of ${count}`)), 60000);
    consumer.run({
      eachMessage: async ({ message }) => {
        values.push(`${message.key}=${message.value}`);
        if (values.length === count) { clearTimeout(timer); setTimeout(resolve, 200); }
      },
    }).catch(reject);
  });
  await consumer.disconnect();
  return values;
}

// One life of a program that reads some of js-in and writes it to js-out, with its offset, in one transaction.
async function transform(producer, commit) {
  const consumer = kafka.consumer({ groupId: "js-transform", sessionTimeout: 10000 });
  await consumer.connect();
  await consumer.subscribe({ topic: "js-in", fromBeginning: true });
  const taken = await new Promise((resolve, reject) => {
    let ended = false;
    consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async ({ batch }) => {
        if (ended) return;
        ended = true;
        try {
          const messages = batch.messages.slice(0, 20);
          const next = `${Number(messages[messages.length - 1].offset) + 1}`;
          const transaction = await producer.transaction();
          await transaction.send({ topic: "js-out", messages: messages.map((m) => ({ key: m.key, value: `-${m.value}` })) });
          await transaction.sendOffsets({ consumerGroupId: "js-transform", topics: [{ topic: "js-in", partitions: [{ partition: 0, offset: next }] }] });
          await (commit ? transaction.commit() : transaction.abort());
          resolve(messages.map((m) => `${m.value}`));
        } catch (error) {
          reject(error);
        }
      },
    }).catch(reject);
  });
  await consumer.disconnect();
  return taken;
}

const outcomes = {
  async codecs() {
    const admin = await create("js-codecs");
    const producer = kafka.producer({ idempotent: true });
    await producer.connect();
    const expected = [];
    for (const [name, compression] of Object.entries(CompressionTypes)) {
      const messages = [...Array(200).keys()].map((i) => ({ key: `${i}`, value: `${name} ${i} é`, headers: { codec: name } }));
      expected.push(...messages.map((m) => `${m.key}=${m.value}`));
      await producer.send({ topic: "js-codecs", compression, messages, acks: -1 });
    }
    await producer.disconnect();
    assert.strictEqual(expected.length, 1000);
    assert.deepStrictEqual(await consume("js-codecs", "js-codecs-group", 1000), expected);
    const [{ high, low }] = await admin.fetchTopicOffsets("js-codecs");
    assert.deepStrictEqual([low, high], ["0", "1000"]);
    await admin.disconnect();
  },

  async groups() {
    const admin = await create("js-groups", 3);
    const producer = kafka.producer();
    await producer.connect();
    const messages = [...Array(90).keys()].map((i) => ({ key: `k${i % 10}`, value: `${i}` }));
    await producer.send({ topic: "js-groups", messages });
    const first = await consume("js-groups", "js-readers", 90);
    assert.strictEqual(new Set(first).size, 90);
    await producer.send({ topic: "js-groups", messages: [{ key: "k1", value: "later" }] });
    assert.deepStrictEqual(await consume("js-groups", "js-readers", 1), ["k1=later"]);
    const listed = (await admin.listGroups()).groups.map((g) => g.groupId);
    assert(listed.includes("js-readers"));
    assert.strictEqual((await admin.describeGroups(["js-readers"])).groups[0].state, "Empty");
    const [{ partitions }] = await admin.fetchOffsets({ groupId: "js-readers", topics: ["js-groups"] });
    assert.strictEqual(partitions.reduce((sum, p) => sum + Number(p.offset), 0), 91);
    await admin.resetOffsets({ groupId: "js-readers", topic: "js-groups", earliest: true });
    assert.strictEqual((await consume("js-groups", "js-readers", 91)).length, 91);
    await admin.deleteGroups(["js-readers"]);
    await producer.disconnect();
    await admin.disconnect();
  },

  async transactions() {
    const admin = await create("js-transactions");
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, transactionalId: "js-transactional" });
    await producer.connect();
    for (const [value, commit] of [["a", true], ["b", false], ["c", true]]) {
      const transaction = await producer.transaction();
      await transaction.send({ topic: "js-transactions", messages: [{ key: "k", value }] });
      await (commit ? transaction.commit() : transaction.abort());
    }
    assert.deepStrictEqual(await consume("js-transactions", "js-committed", 2), ["k=a", "k=c"]);
    assert.deepStrictEqual(await consume("js-transactions", "js-all", 3, { readUncommitted: true }), ["k=a", "k=b", "k=c"]);
    await producer.disconnect();
    await admin.disconnect();
  },

  async login() {
    const topic = `js-${mechanism}`;
    const admin = await create(topic);
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({ topic, messages: [{ key: "k", value: "logged in" }] });
    assert.deepStrictEqual(await consume(topic, topic, 1), ["k=logged in"]);
    await producer.disconnect();
    await admin.disconnect();
  },

  async exactly_once() {
    for (const topic of ["js-in", "js-out"]) await (await create(topic)).disconnect();
    const source = kafka.producer();
    await source.connect();
    const values = [...Array(60).keys()].map((i) => `${i}`);
    await source.send({ topic: "js-in", messages: values.map((value) => ({ key: "k", value })) });
    await source.disconnect();
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, transactionalId: "js-transform" });
    await producer.connect();
    for (const [commit, begin] of [[true, 0], [false, 20], [true, 20], [true, 40]]) {
      assert.deepStrictEqual(await transform(producer, commit), values.slice(begin, begin + 20));
    }
    await producer.disconnect();
    assert.deepStrictEqual(await consume("js-out", "js-out-committed", 60), values.map((value) => `k=-${value}`));
    assert.strictEqual((await consume("js-out", "js-out-all", 80, { readUncommitted: true })).length, 80);
  },

  async admin() {
    const admin = await create("js-admin");
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({ topic: "js-admin", messages: [...Array(10).keys()].map((i) => ({ value: `${i}` })) });
    await producer.disconnect();
    await admin.createPartitions({ topicPartitions: [{ topic: "js-admin", count: 3 }] });
    assert.strictEqual((await admin.fetchTopicMetadata({ topics: ["js-admin"] })).topics[0].partitions.length, 3);
    const resource = { type: ConfigResourceTypes.TOPIC, name: "js-admin" };
    await admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries: [{ name: "retention.ms", value: "86400000" }] }] });
    const described = await admin.describeConfigs({ includeSynonyms: false, resources: [{ ...resource, configNames: ["retention.ms"] }] });
    assert.strictEqual(described.resources[0].configEntries[0].configValue, "86400000");
    await admin.deleteTopicRecords({ topic: "js-admin", partitions: [{ partition: 0, offset: "4" }] });
    assert.strictEqual((await admin.fetchTopicOffsets("js-admin")).find((p) => p.partition === 0).low, "4");
    assert.strictEqual((await admin.describeCluster()).brokers.length, 1);
    await admin.listPartitionReassignments({});
    await admin.deleteTopics({ topics: ["js-admin"] });
    await admin.disconnect();
  },
};

outcomes[method]().then(() => { console.log(`ok ${method}`); process.exit(0); }, (error) => { console.error(error); process.exit(1); });
