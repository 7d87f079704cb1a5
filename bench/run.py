"""Benchmarks the appliance and prints a table, each figure beside its target and its peer. Started by script/bench.

    script/bench [--events N] [--rows 1,4,5,6,8,10,11] [--json FILE]

Rows are numbered as the targets in docs/SPEED.md. Peers run in the same session, on the same data; one that is not
installed is skipped with a word. Timings are wall clock; CPU seconds of the appliance stand beside them.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
from appliance import PROGRAM, Appliance  # noqa: E402

BUILD = os.path.join(ROOT, "build", "release")
DATA = os.path.join(ROOT, "build", "bench")
PGBENCH = "/usr/lib/postgresql/15/bin/pgbench"

TABLE = """CREATE TABLE bid (auction bigint, bidder bigint, price bigint, channel text, url text, date_time timestamp, extra text)
 WITH (topic = 'bid', format = 'json', event_time = 'date_time', watermark = '4 seconds')"""
Q17 = """SELECT auction, to_char(date_time, 'YYYY-MM-DD') AS day, count(*) AS total_bids,
 count(*) FILTER (WHERE price < 10000) AS rank1_bids,
 count(*) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_bids,
 count(*) FILTER (WHERE price >= 1000000) AS rank3_bids,
 min(price) AS min_price, max(price) AS max_price, avg(price) AS avg_price, sum(price) AS sum_price
 FROM bid GROUP BY auction, to_char(date_time, 'YYYY-MM-DD')"""


class Report:
    def __init__(self):
        self.rows = []

    def add(self, row, what, value, unit, target, **more):
        self.rows.append(dict(row=row, what=what, value=value, unit=unit, target=target, **more))
        extra = "  ".join("%s=%s" % item for item in more.items())
        print("%-3s %-58s %12s %-10s target %-14s %s" % (row, what, value, unit, target, extra), flush=True)


def events_file(count):
    """Seeded, made once, reused."""
    os.makedirs(DATA, exist_ok=True)
    path = os.path.join(DATA, "bid-%d.ndjson" % count)
    if not os.path.exists(path):
        print("generating %d bids…" % count, flush=True)
        subprocess.run([os.path.join(BUILD, "bench", "bench_generate"), path + ".part", str(count), "1", "bid"], check=True)
        os.rename(path + ".part", path)
    return path


def load(kappa, path, topic="bid", batch=1000, in_flight=8, rate=0):
    done = subprocess.run([os.path.join(BUILD, "bench", "bench_load"), "127.0.0.1", str(kappa.kafka_port), topic, path, str(batch),
                           str(in_flight), str(rate)], check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def kilo(value):
    return "%.2f M" % (value / 1e6) if value >= 1e6 else "%.1f K" % (value / 1e3)


def duckdb_q17(path):
    """DuckDB's q17 on the same lines, one thread; events/s or None with a reason."""
    venv = os.path.join(DATA, "venv")
    python = os.path.join(venv, "bin", "python")
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", venv], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        subprocess.run([python, "-m", "pip", "install", "-q", "duckdb"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    code = """
import duckdb, time, sys
c = duckdb.connect(); c.execute("SET threads = 1"); c.execute("SET enable_progress_bar = false")
q = '''SELECT auction, strftime(date_time, '%%Y-%%m-%%d') d, count(*), count(*) FILTER (WHERE price < 10000),
 count(*) FILTER (WHERE price >= 10000 AND price < 1000000), count(*) FILTER (WHERE price >= 1000000), min(price), max(price), avg(price),
 sum(price) FROM read_json('%s', format='newline_delimited', columns={auction:'BIGINT',bidder:'BIGINT',price:'BIGINT',channel:'VARCHAR',
 url:'VARCHAR',date_time:'TIMESTAMP',extra:'VARCHAR'}) GROUP BY ALL'''
times = []
for i in range(3):
    t = time.time(); n = c.execute('CREATE OR REPLACE TABLE r AS ' + q); times.append(time.time() - t)
print(sorted(times)[1])
""" % path
    done = subprocess.run([python, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        return None
    return float(done.stdout.split()[-1])


def row_1(report, count):
    path = events_file(count)
    rates, cpus = [], []
    with Appliance() as kappa:
        kappa.sql(TABLE)
        load(kappa, path)
        for attempt in range(3):
            cpu, began = cpu_seconds(kappa.process.pid), time.time()
            kappa.sql("CREATE MATERIALIZED VIEW q17 AS " + Q17)
            seconds = time.time() - began
            rates.append(count / seconds)
            cpus.append(count / (cpu_seconds(kappa.process.pid) - cpu))
            rows = kappa.sql("SELECT row_count FROM kappa.versions WHERE view = 'q17'")[0][0]
            kappa.sql("DROP MATERIALIZED VIEW q17")
    peer = duckdb_q17(path)
    report.add("1", "replay from raw JSON log, q17 (%d groups)" % rows, kilo(statistics.median(rates)), "events/s", ">= 1.5 M",
               per_cpu_second=kilo(statistics.median(cpus)), minimum=kilo(min(rates)), maximum=kilo(max(rates)),
               duckdb_same_ndjson=kilo(count / peer) if peer else "skipped: not installed")


def wait_visible(kappa, total):
    with kappa.connect() as connection:
        while connection.execute("SELECT n FROM bids").fetchone()[0] < total:
            time.sleep(0.005)


def row_4(report, count):
    path = events_file(count)
    with Appliance() as kappa:
        kappa.sql(TABLE)
        kappa.sql("CREATE MATERIALIZED VIEW q17 AS " + Q17)
        kappa.sql("CREATE MATERIALIZED VIEW bids AS SELECT count(*) AS n FROM bid")
        cpu = cpu_seconds(kappa.process.pid)
        acked = load(kappa, path)
        wait_visible(kappa, count)
        seconds = time.time() - acked["began_s"]
        used = cpu_seconds(kappa.process.pid) - cpu
    report.add("4", "ingest over Kafka protocol, acked after fsync, one q17 view", kilo(acked["records_per_second"]), "events/s",
               ">= 0.7 M", until_visible=kilo(count / seconds), per_cpu_second=kilo(count / used), ack_ms_p99=acked["ack_ms_p99"])


def row_5(report, count, rate):
    path = events_file(count)
    with Appliance() as kappa:
        kappa.sql(TABLE)
        kappa.sql("CREATE MATERIALIZED VIEW q17 AS " + Q17)
        kappa.sql("CREATE TABLE probe (id bigint) WITH (topic = 'probe')")
        kappa.sql("CREATE MATERIALIZED VIEW probes AS SELECT id, count(*) AS n FROM probe GROUP BY id")
        feeder = threading.Thread(target=lambda: load(kappa, path, batch=max(1, rate // 1000), in_flight=64, rate=rate))
        feeder.start()
        connection = kappa.connect(prepare_threshold=0)
        waits = []
        number = 0
        time.sleep(0.5)
        while feeder.is_alive():
            number += 1
            kappa.produce("probe", [{"id": number}])
            acked = time.perf_counter()
            while not connection.execute("SELECT n FROM probes WHERE id = %s", (number,)).fetchall():
                pass
            waits.append((time.perf_counter() - acked) * 1000)
            time.sleep(0.002)
        feeder.join()
        connection.close()
    waits.sort()
    report.add("5", "freshness (ack to visible) at %s events/s, p99" % kilo(rate), "%.2f" % waits[len(waits) * 99 // 100], "ms",
               "<= 20 (goal 5)", p50="%.2f" % waits[len(waits) // 2], maximum="%.2f" % waits[-1], probes=len(waits))


def row_6(report, count):
    path = events_file(count)
    if not os.path.exists(PGBENCH):
        report.add("6", "point queries", "-", "", ">= 20 K", skipped="pgbench is not installed")
        return
    with Appliance() as kappa, tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        kappa.sql(TABLE)
        load(kappa, path)
        kappa.sql("CREATE MATERIALIZED VIEW per_auction AS SELECT auction, count(*) AS bids, max(price) AS top FROM bid GROUP BY auction")
        groups = kappa.sql("SELECT row_count FROM kappa.versions")[0][0]
        script.write("\\set a random(1000, %d)\nSELECT bids, top FROM per_auction WHERE auction = :a;\n" % (999 + groups))
        script.flush()
        for clients in (1, 8):
            done = subprocess.run([PGBENCH, "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", "5", "-f", script.name, "-h", "127.0.0.1",
                                   "-p", str(kappa.pg_port), "-U", "kappa", "kappa"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            tps = re.search(r"tps = ([\d.]+)", done.stdout)
            latency = re.search(r"latency average = ([\d.]+) ms", done.stdout)
            report.add("6", "point query by pgbench -M prepared, %d connection%s" % (clients, "" if clients == 1 else "s"),
                       kilo(float(tps.group(1))) if tps else "failed", "query/s", ">= 20 K" if clients == 1 else "-",
                       latency_ms=latency.group(1) if latency else done.stdout[-300:])


def row_8(report):
    rows = 1000000
    with Appliance() as kappa:
        kappa.sql("CREATE TABLE item (id bigint, v bigint) WITH (topic = 'item')")
        path = os.path.join(DATA, "item.ndjson")
        with open(path, "w") as file:
            for i in range(rows):
                file.write('{"id":%d,"v":%d}\n' % (i, i % 977))
        load(kappa, path, "item")
        kappa.sql("CREATE MATERIALIZED VIEW items AS SELECT id, sum(v) AS v FROM item GROUP BY id")
        times = []
        for attempt in range(3):
            kappa.kill()
            began = time.time()
            kappa.start()
            kappa.wait("SELECT v FROM items WHERE id = 999999", [(999999 % 977,)])
            times.append(time.time() - began)
    report.add("8", "restart after kill -9 with a 1 M-row view, to first answer", "%.2f" % statistics.median(times), "s", "<= 1",
               maximum="%.2f" % max(times))


def fetch(kappa, *arguments):
    done = subprocess.run([os.path.join(BUILD, "bench", "bench_fetch"), "127.0.0.1", str(kappa.kafka_port)] + [str(a) for a in arguments],
                          check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def row_10(report, count):
    path = events_file(count)
    with Appliance() as kappa:
        kappa.cli("topic", "create", "bid")
        load(kappa, path)
        for connections in (1, 2):
            cpu = cpu_seconds(kappa.process.pid)
            best = max((fetch(kappa, "consume", "bid", connections, 1 << 20, 2) for _ in range(3)), key=lambda done: done["bytes_per_second"])
            used = (cpu_seconds(kappa.process.pid) - cpu) / 3
            report.add("10", "fetch over Kafka protocol from page cache, %d connection%s" % (connections, "" if connections == 1 else "s"),
                       "%.2f" % (best["bytes_per_second"] / 1e9), "GB/s", ">= 2", server_gb_per_cpu_second="%.2f" % (best["bytes"] / used / 1e9))
        times = []
        for _ in range(3):
            began = time.time()
            subprocess.run([PROGRAM, "consume", "--topic", "bid", "--from-beginning", "--max-messages", str(count)], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "KAPPA_HTTP": "127.0.0.1:%d" % kappa.http_port})
            times.append(time.time() - began)
        report.add("10", "kappa consume --from-beginning, values", kilo(count / min(times)), "records/s", ">= 1 M")


def row_11(report):
    with Appliance(options=["--connections-max", "5000"]) as kappa:
        kappa.cli("topic", "create", "waited", "--partitions", "201")
        for idle, parked in ((0, 0), (2000, 200)):
            done = fetch(kappa, "wait", "waited", idle, parked, 2000, kappa.process.pid)
            report.add("11", "produce to waiting fetch, %d idle connections, %d parked fetches" % (idle, parked),
                       "%.0f" % done["latency_us_p50"], "us p50", "as without", p99_us="%.0f" % done["latency_us_p99"],
                       server_us_per_round="%.0f" % done["server_us_per_round"],
                       server_ms_per_idle_second="%.1f" % done["server_ms_per_idle_second"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--events", type=int, default=5000000)
    parser.add_argument("--rows", default="1,4,5,6,8,10,11")
    parser.add_argument("--json", default=os.path.join(DATA, "report.json"))
    arguments = parser.parse_args()
    wanted = arguments.rows.split(",")
    report = Report()
    if "1" in wanted:
        row_1(report, arguments.events)
    if "4" in wanted:
        row_4(report, arguments.events)
    if "5" in wanted:
        for rate in (200000, 500000):
            row_5(report, min(arguments.events, rate * 8), rate)
    if "6" in wanted:
        row_6(report, min(arguments.events, 1000000))
    if "8" in wanted:
        row_8(report)
    if "10" in wanted:
        row_10(report, arguments.events)
    if "11" in wanted:
        row_11(report)
    os.makedirs(DATA, exist_ok=True)
    with open(arguments.json, "w") as file:
        json.dump(report.rows, file, indent=1)


main()
