"""Measures the log beside Apache Kafka: same machine, same load generators, one broker after the other. Started by script/bench --kafka.

Kafka (KRaft, one node) comes from Maven through tests/peers and is started with its defaults; `fsync` rows set flush.messages=1, which is
the only way in which Kafka makes an acknowledgement mean what it means here. Skips with a word when Java or the jars cannot be had.
"""
import argparse
import base64
import contextlib
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
sys.path.insert(0, os.path.join(ROOT, "tests", "peers"))
import peers  # noqa: E402
from appliance import Appliance  # noqa: E402
from confluent_kafka import Consumer, KafkaException, TopicPartition  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402

BENCH = os.path.join(ROOT, "build", "release", "bench")
DATA = os.path.join(ROOT, "build", "bench")
SETTINGS = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={dir}/log
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Kafka:
    """One node of Apache Kafka."""

    name = "Apache Kafka"

    def __init__(self, class_path):
        self.class_path = class_path

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="kappa-bench-kafka-")
        self.port = free_port()
        settings = os.path.join(self.dir, "server.properties")
        with open(settings, "w") as file:
            file.write(SETTINGS.format(port=self.port, controller=free_port(), dir=self.dir))
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        subprocess.run(["java", "-cp", self.class_path, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", settings], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        self.process = subprocess.Popen(["java", "-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-cp", self.class_path, "kafka.Kafka", settings],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        until = time.time() + 60
        while True:
            try:
                admin_client(self.bootstrap).list_topics(timeout=5)
                return self
            except Exception:  # not up yet
                if time.time() > until or self.process.poll() is not None:
                    self.__exit__()
                    raise

    def __exit__(self, *exc):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    @property
    def bootstrap(self):
        return "127.0.0.1:%d" % self.port

    @property
    def pid(self):
        return self.process.pid


class Kappa:
    name = "Kappa"

    def __enter__(self):
        self.appliance = Appliance().__enter__()
        self.port, self.pid = self.appliance.kafka_port, self.appliance.process.pid
        self.bootstrap = "127.0.0.1:%d" % self.port
        return self

    def __exit__(self, *exc):
        self.appliance.__exit__(*(exc or (None, None, None)))


def lines_file(size, count):
    """Printable, seeded, as hard to compress as text."""
    path = os.path.join(DATA, "lines-%d-%d.txt" % (size, count))
    if not os.path.exists(path):
        os.makedirs(DATA, exist_ok=True)
        source = random.Random(1)
        pool = "".join(source.choices("abcdefghijklmnopqrstuvwxyz0123456789 ", k=1 << 20))
        with open(path + ".part", "w") as file:
            for _ in range(count):
                at = source.randrange(len(pool) - size)
                file.write(pool[at:at + size].replace(" ", "_") + "\n")
        os.rename(path + ".part", path)
    return path


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def admin_client(bootstrap):
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})


def topics_create(broker, names, config=None):
    """And waits until their partitions are served: Kafka says that a topic is there before its leader is."""
    admin = admin_client(broker.bootstrap)
    for future in admin.create_topics([NewTopic(name, 1, 1, config=config or {}) for name in names]).values():
        future.result(30)
    reader = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "bench", "log_level": 0})
    until = time.time() + 30
    for name in names:
        while True:
            try:
                reader.get_watermark_offsets(TopicPartition(name, 0), timeout=5)
                break
            except KafkaException:
                if time.time() > until:
                    raise
                time.sleep(0.05)
    reader.close()


def produce(broker, topics, path, batch, in_flight, rate=0):
    """One bench_load a topic, at once: bytes/s, records/s, worst p99 of acknowledgement, CPU seconds of the broker."""
    cpu = cpu_seconds(broker.pid)
    loads = [subprocess.Popen([os.path.join(BENCH, "bench_load"), "127.0.0.1", str(broker.port), topic, path, str(batch), str(in_flight), str(rate)],
                              stdout=subprocess.PIPE) for topic in topics]
    told = [json.loads(load.communicate()[0]) for load in loads]
    seconds = max(t["began_s"] + t["seconds"] for t in told) - min(t["began_s"] for t in told)
    records = sum(t["records"] for t in told)
    size = os.path.getsize(path) - told[0]["records"]
    return dict(records=records / seconds, bytes=size * len(topics) / seconds, p50=max(t["ack_ms_p50"] for t in told),
                p99=max(t["ack_ms_p99"] for t in told), cpu=cpu_seconds(broker.pid) - cpu, per_cpu=records / max(0.01, cpu_seconds(broker.pid) - cpu))


def consume(broker, topic):
    """From beginning to end, twenty times: but for the first, from the page cache."""
    cpu = cpu_seconds(broker.pid)
    told = json.loads(subprocess.run([os.path.join(BENCH, "bench_fetch"), "127.0.0.1", str(broker.port), "consume", topic, "1", str(1 << 20), "20"],
                                     check=True, stdout=subprocess.PIPE).stdout)
    told["cpu"] = cpu_seconds(broker.pid) - cpu
    return told


def end_to_end(broker, topic, size):
    """A record, from its produce request to a waiting consumer's answer."""
    return json.loads(subprocess.run([os.path.join(BENCH, "bench_fetch"), "127.0.0.1", str(broker.port), "wait", topic, "0", "0", "2000",
                                      str(broker.pid), str(size)], check=True, stdout=subprocess.PIPE).stdout)


def disk_alone(batch_bytes, per_second, seconds):
    """The same writes and syncs without a broker, where the brokers' data lies, too."""
    path = os.path.join(tempfile.mkdtemp(prefix="kappa-bench-disk-"), "file")
    try:
        return json.loads(subprocess.run([os.path.join(BENCH, "bench_disk"), path, str(batch_bytes), str(per_second), str(seconds)],
                                         check=True, stdout=subprocess.PIPE).stdout)
    finally:
        os.rmdir(os.path.dirname(path))


def perf_test(broker, class_path, topic, records, size):
    """Kafka's own kafka-producer-perf-test, acks=all: records/s, p99 ms."""
    done = subprocess.run(["java", "-Xmx512m", "-cp", class_path, "org.apache.kafka.tools.ProducerPerformance", "--topic", topic, "--num-records",
                           str(records), "--record-size", str(size), "--throughput", "-1", "--producer-props",
                           "bootstrap.servers=" + broker.bootstrap, "acks=all", "batch.size=65536", "linger.ms=2"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    last = [line for line in done.stdout.splitlines() if "99th" in line]
    if not last:
        raise SystemExit("kafka-producer-perf-test failed:\n" + done.stdout)
    return float(re.search(r"([\d.]+) records/sec", last[-1]).group(1)), float(re.search(r"([\d.]+) ms 99th", last[-1]).group(1))


def measure(broker, class_path, fsync):
    """Everything of one broker as {row: (value, text)}."""
    rows = {}
    config = {"flush.messages": "1"} if fsync and broker.name != "Kappa" else None
    mode = "fsync" if fsync or broker.name == "Kappa" else "no fsync"
    warm = ["warm-%d-%d" % (fsync, i) for i in range(4)]  # a JVM is slow at first
    topics_create(broker, warm)
    produce(broker, warm, lines_file(100, 1000000), 1000, 8)
    for size, count, batch in ((100, 1000000, 1000), (1024, 200000, 100)):
        path = lines_file(size, count)
        for connections in (1, 4):
            names = ["p%d-%d-%d-%d" % (size, connections, fsync, i) for i in range(connections)]
            topics_create(broker, names, config)
            got = produce(broker, names, path, batch, 8)
            rows["produce %d B, %d connection%s (goal: 3 x Kafka with fsync per CPU second)" % (size, connections, "" if connections == 1 else "s")] = (
                got["bytes"] / 1e6, "%6.0f MB/s  %5.2f M records/s  %5.2f M per CPU second  p99 %.1f ms (%s)" % (
                    got["bytes"] / 1e6, got["records"] / 1e6, got["per_cpu"] / 1e6, got["p99"], mode))
    # Twelve seconds: one stall of the disk is then not all of the slowest hundredth.
    disk = disk_alone(20 * 1024, 2500, 6)
    topics_create(broker, ["paced-%d" % fsync], config)
    got = produce(broker, ["paced-%d" % fsync], lines_file(1024, 600000), 20, 64, rate=50000)
    rows["acknowledgement at 50 MB/s, 20 KiB batches (goal: p99 2 ms)"] = (got["p99"], (
        "p50 %.2f ms, p99 %.2f ms (%s); the disk alone, just before: %.2f, %.2f" % (
            got["p50"], got["p99"], mode, disk["ack_ms_p50"], disk["ack_ms_p99"])))
    for size in (100, 1024):
        topic = "waited-%d-%d" % (fsync, size)
        topics_create(broker, [topic], config)
        got = end_to_end(broker, topic, size)
        rows["end to end, one record of %d B at a time" % size] = (got["latency_us_p99"], "p50 %.2f ms, p99 %.2f ms (%s)" % (
            got["latency_us_p50"] / 1e3, got["latency_us_p99"] / 1e3, mode))
    for size, count in ((100, 1000000), (1024, 300000)) if class_path is not None else ():
        topic = "perf-%d-%d" % (fsync, size)
        topics_create(broker, [topic], config)
        got = perf_test(broker, class_path, topic, count, size)
        rows["kafka-producer-perf-test, %d B, acks=all" % size] = (got[0], "%.2f M records/s, %.0f MB/s, p99 %.0f ms (%s)" % (
            got[0] / 1e6, got[0] * size / 1e6, got[1], mode))
    if fsync == (broker.name == "Kappa"):  # once per broker
        for size in (100, 1024):
            got = consume(broker, "p%d-1-%d-0" % (size, fsync))
            rows["consume %d B, 1 connection (goal: 2 GB/s)" % size] = (got["bytes_per_second"] / 1e6, (
                "%6.0f MB/s, %.2f s of broker CPU a GB" % (got["bytes_per_second"] / 1e6, got["cpu"] / (got["bytes"] / 1e9))))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", default=os.path.join(DATA, "kafka.json"))
    arguments = parser.parse_args()
    class_path, why = None, None
    try:
        class_path = peers.jars("kafka-new")
    except BaseException as skipped:  # pytest's skip is not an Exception
        why = str(skipped)
    results = {}
    with Kappa() as broker:
        results["Kappa"] = measure(broker, class_path, True)
    if class_path is None:
        print("Apache Kafka skipped: " + why)
    else:
        for label, fsync in (("Kafka, flush.messages=1", True), ("Kafka, its default", False)):
            with Kafka(class_path) as broker:
                results[label] = measure(broker, class_path, fsync)
    for row in results["Kappa"]:
        print(row)
        for name, rows in results.items():
            if row in rows:
                print("    %-26s %s" % (name, rows[row][1]))
    with contextlib.suppress(OSError), open(arguments.json, "w") as file:
        json.dump(results, file, indent=1)


main()
