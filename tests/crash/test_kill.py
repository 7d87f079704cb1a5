"""kill -9 at random moments, boots included, under producers of every kind, deployments, promotions and readers.

After every restart: each acknowledged record is at its offset with its bytes; what was read before has not changed; every version is
sane and pairs of views that are promoted together are never seen mixed. At the end: nothing that was sent exactly once is there
twice, and every version equals a rebuild from zero and a recount of the topic in Python.

KAPPA_KILLS: how many kills (25). KAPPA_SEED: the seed, which is printed; threads make runs differ all the same.
"""
import collections
import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time

import confluent_kafka
import psycopg

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from appliance import PROGRAM, Appliance  # noqa: E402
from kafka_client import CODECS, confluent_consume  # noqa: E402

KILLS = int(os.environ.get("KAPPA_KILLS", "25"))
SEED = int(os.environ.get("KAPPA_SEED", str(random.SystemRandom().randrange(10**9))))
PARTITIONS = 3
KEYS = 20

PAIR_A = "CREATE OR REPLACE MATERIALIZED VIEW pair_a AS SELECT k, %d AS g, count(*) AS n FROM events GROUP BY k"
DEFINITIONS = [
    "CREATE TABLE events (id text, k integer, v integer) WITH (topic = 'events', partitions = %d)" % PARTITIONS,
    "CREATE MATERIALIZED VIEW by_key AS SELECT k, count(*) AS n, sum(v) AS total, min(v) AS low, max(v) AS high FROM events GROUP BY k",
    "CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS n, sum(v) AS total FROM events",
    "CREATE MATERIALIZED VIEW histogram AS SELECT n %% 7 AS bucket, count(*) AS keys, sum(total) AS total FROM by_key GROUP BY n %% 7".replace("%%", "%"),
    # one deployment: the pair goes together from the start
    "SELECT * FROM kappa.deploy('%s; CREATE MATERIALIZED VIEW pair_b AS SELECT g, sum(n) AS n FROM pair_a GROUP BY g')" % (PAIR_A % 1),
]
# One statement, one log prefix, one generation.
PICTURE = ("SELECT (SELECT min(g) FROM pair_a), (SELECT max(g) FROM pair_a), (SELECT min(g) FROM pair_b), (SELECT max(g) FROM pair_b), "
           "(SELECT coalesce(sum(n), 0)::bigint FROM pair_a), (SELECT coalesce(sum(n), 0)::bigint FROM pair_b), "
           "(SELECT n FROM totals), (SELECT coalesce(sum(n), 0)::bigint FROM by_key)")

# Still replaying; nothing to roll back; rolled back to what has been dropped.
REFUSED = (psycopg.errors.ObjectNotInPrerequisiteState, psycopg.errors.InvalidParameterValue, psycopg.errors.UndefinedObject)
LOST = (psycopg.OperationalError, psycopg.InterfaceError)  # no answer: what was asked for may or may not have happened


class Ledger:
    """What the appliance has promised."""

    def __init__(self):
        self.lock = threading.Lock()
        self.acked = [{} for _ in range(PARTITIONS)]  # offset -> value
        self.fresh = [{} for _ in range(PARTITIONS)]  # of those, not yet checked
        self.stored = set()    # ids that were acknowledged without an offset
        self.counts = collections.Counter()
        self.broken = []       # promises seen broken by some thread

    def record(self, kind, partition, offset, value):
        with self.lock:
            before = self.acked[partition].setdefault(offset, value)
            self.fresh[partition][offset] = value
            self.counts[kind] += 1
            if before != value:
                self.broken.append("two records were acknowledged at partition %d offset %d: %r, %r" % (partition, offset, before, value))

    def breach(self, text):
        with self.lock:
            self.broken.append(text)


class Source:
    """Numbers events of one kind of producer."""

    def __init__(self, prefix, seed):
        self.prefix = prefix
        self.rng = random.Random("%s %s" % (prefix, seed))
        self.next = 0

    def event(self):
        self.next += 1
        return {"id": "%s-%d" % (self.prefix, self.next), "k": self.rng.randrange(KEYS), "v": self.rng.randrange(-1000, 1000)}


class Storm:
    def __init__(self, kappa, seed):
        self.kappa = kappa
        self.seed = seed
        self.ledger = Ledger()
        self.stopping = threading.Event()
        self.threads = []
        self.ops_lock = threading.Lock()  # held during each deployment, promotion, rollback, drop
        self.generation = 1
        self.known = {1}          # versions of the pair that must be there
        self.live = 1
        self.live_possible = {1}  # None: any
        self.unsure = False       # a verb was under way at a kill: wait until the checker has seen what came of it
        self.done = collections.Counter()
        self.history = collections.deque(maxlen=8)  # the last verbs, told with failures
        self.sent_lines = 0

    def start(self):
        for target, arguments in [(self.produce_idempotent, ("i0",)), (self.produce_idempotent, ("i1",)), (self.produce_plain, ("p",)),
                                  (self.post, ("h",)), (self.insert, ("s",)), (self.grow_file, ("f",)), (self.follow_file, ()),
                                  (self.operate, ()), (self.read, ()), (self.read, ())]:
            thread = threading.Thread(target=self.guard, args=(target, arguments), name=target.__name__)
            thread.start()
            self.threads.append(thread)

    def guard(self, target, arguments):
        try:
            target(*arguments)
        except Exception as error:  # a bug of the test, or something no client should ever see
            self.ledger.breach("%s: %s: %s" % (target.__name__, type(error).__name__, error))

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), "%s hangs" % thread.name

    # ---- producers ----

    def produce_idempotent(self, prefix):
        self.produce(prefix, **{"enable.idempotence": True, "message.timeout.ms": 120000})

    def produce_plain(self, prefix):
        self.produce(prefix, **{"enable.idempotence": False, "message.timeout.ms": 5000})

    def produce(self, prefix, **options):
        source = Source(prefix, self.seed)
        producer = confluent_kafka.Producer({
            "bootstrap.servers": self.kappa.bootstrap, "acks": "all", "linger.ms": source.rng.choice([0, 2]),
            "compression.type": source.rng.choice(CODECS), "reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 100,
            "retry.backoff.ms": 20, "log_level": 0, "error_cb": lambda error: error.fatal() and self.ledger.breach("%s: %s" % (prefix, error)), **options})

        def report(error, message):
            if error is None:
                self.ledger.record(prefix[0], message.partition(), message.offset(), message.value())
            else:
                self.ledger.counts["failed " + prefix] += 1
                if options["enable.idempotence"]:
                    self.ledger.breach("%s: %s" % (prefix, error))

        while not self.stopping.is_set():
            for _ in range(source.rng.randrange(1, 40)):
                producer.produce("events", json.dumps(source.event()).encode(), partition=source.rng.randrange(PARTITIONS), on_delivery=report)
            producer.poll(source.rng.choice([0, 0.02]))
            time.sleep(source.rng.uniform(0, 0.1))
        left = producer.flush(30)
        if left:
            self.ledger.breach("%s: %d records were not delivered in 30 s" % (prefix, left))

    def post(self, prefix):
        source = Source(prefix, self.seed)
        connection = None
        while not self.stopping.is_set():
            partition = source.rng.randrange(PARTITIONS)
            lines = [json.dumps(source.event()).encode() for _ in range(source.rng.randrange(1, 20))]
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.kappa.http_port, timeout=20)
                connection.request("POST", "/topics/events?partition=%d" % partition, b"\n".join(lines) + b"\n", {"Content-Type": "application/x-ndjson"})
                response = connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException):
                connection = None
                time.sleep(0.02)
                continue
            if response.status != 200:
                self.ledger.breach("HTTP answered %d: %s" % (response.status, body[:500]))
                continue
            values = iter(lines)
            for part in json.loads(body)["offsets"]:
                for i in range(part["count"]):
                    self.ledger.record("h", part["partition"], part["base_offset"] + i, next(values))
            time.sleep(0.02)

    def insert(self, prefix):
        source = Source(prefix, self.seed)
        connection = None
        while not self.stopping.is_set():
            events = [source.event() for _ in range(source.rng.randrange(1, 8))]
            try:
                if connection is None:
                    connection = self.kappa.connect(connect_timeout=5)
                connection.execute("INSERT INTO events VALUES " + ", ".join("('%(id)s', %(k)d, %(v)d)" % event for event in events))
                with self.ledger.lock:
                    self.ledger.stored.update(event["id"] for event in events)
                    self.ledger.counts["s"] += len(events)
                if source.rng.random() < 0.3:  # the session's own writes are in the views it reads
                    seen = connection.execute("SELECT n FROM totals").fetchone()[0]
                    if seen < self.ledger.counts["s"]:
                        self.ledger.breach("a session does not see its own %d rows: %d" % (self.ledger.counts["s"], seen))
            except LOST:
                connection = None
            except psycopg.errors.ObjectNotInPrerequisiteState:
                pass  # the view is still catching up after a restart
            time.sleep(0.05)

    def grow_file(self, prefix):
        source = Source(prefix, self.seed)
        with open(os.path.join(self.kappa.data_dir, "feed.ndjson"), "ab", buffering=0) as file:
            while not self.stopping.is_set():
                text = b"".join(json.dumps(source.event()).encode() + b"\n" for _ in range(source.rng.randrange(1, 20)))
                cut = source.rng.randrange(len(text))
                file.write(text[:cut])  # a reader may see half a line
                time.sleep(0.005)
                file.write(text[cut:])
                time.sleep(0.05)
        self.sent_lines = source.next

    def follow_file(self):
        """`kappa produce --follow`, killed and started again like the appliance. At the end a last run sends the rest."""
        command = [PROGRAM, "produce", "--topic", "events", "--file", os.path.join(self.kappa.data_dir, "feed.ndjson"),
                   "--http", "127.0.0.1:%d" % self.kappa.http_port]
        rng = random.Random("follow %d" % self.seed)
        while not self.stopping.is_set():
            process = subprocess.Popen(command + ["--follow"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            until = time.time() + rng.uniform(0.2, 3)
            while process.poll() is None and time.time() < until and not self.stopping.is_set():
                time.sleep(0.02)
            process.kill()
            process.wait()
        while self.sent_lines == 0:
            time.sleep(0.01)
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            self.ledger.breach("kappa produce --file: exit code %d, %s" % (done.returncode, done.stderr))
        with self.ledger.lock:
            self.ledger.stored.update("f-%d" % (i + 1) for i in range(self.sent_lines))
            self.ledger.counts["f"] = self.sent_lines

    # ---- deployments ----

    def operate(self):
        rng = random.Random("operate %d" % self.seed)
        connection = None
        while not self.stopping.is_set():
            time.sleep(rng.uniform(0, 0.15))
            with self.ops_lock:
                if self.unsure:
                    continue
                try:
                    if connection is None:
                        connection = self.kappa.connect(connect_timeout=5)
                    self.operate_once(connection, rng)
                except LOST:
                    connection = None
                    self.unsure = True
                except REFUSED:
                    pass

    def say(self, connection, statement):
        self.history.append(statement)
        rows = connection.execute(statement)
        self.history.append("ok")
        return rows

    def operate_once(self, connection, rng):
        standby = sorted(self.known - {self.live})
        verb = rng.choice(["deploy", "promote", "promote", "rollback", "drop"])
        if verb == "deploy" and len(self.known) < 4:
            self.say(connection, PAIR_A % (self.generation + 1))
            self.generation += 1
            self.known.add(self.generation)
        elif verb == "promote" and standby:
            version = rng.choice(standby)
            self.live_possible = {self.live, version}
            try:
                self.say(connection, "SELECT kappa.promote('%s', %d)" % (rng.choice(["pair_a", "pair_b"]), version))
            except REFUSED:
                self.live_possible = {self.live}
                raise
            self.live, self.live_possible = version, {version}
        elif verb == "rollback":
            before = self.live_possible
            self.live_possible = None
            try:
                row = self.say(connection, "SELECT version FROM kappa.rollback('%s')" % rng.choice(["pair_a", "pair_b"])).fetchone()
            except REFUSED:
                self.live_possible = before
                raise
            self.live, self.live_possible = row[0], {row[0]}
        elif verb == "drop" and len(standby) > 1:
            self.known.discard(standby[0])
            for view in ("pair_b", "pair_a"):
                self.say(connection, "SELECT kappa.drop_version('%s', %d)" % (view, standby[0]))
        else:
            return
        self.done[verb] += 1

    def read(self):
        connection = None
        while not self.stopping.is_set():
            try:
                if connection is None:
                    connection = self.kappa.connect(connect_timeout=5)
                low_a, high_a, low_b, high_b, *counts = connection.execute(PICTURE).fetchone()
            except LOST:
                connection = None
                time.sleep(0.01)
                continue
            except psycopg.errors.ObjectNotInPrerequisiteState:
                self.done["not ready"] += 1
                time.sleep(0.01)
                continue
            self.done["read"] += 1
            if not low_a == high_a == low_b == high_b:
                self.ledger.breach("generations mixed: pair_a %s to %s, pair_b %s to %s, after %s" % (low_a, high_a, low_b, high_b, list(self.history)))
            if len(set(counts)) != 1:
                self.ledger.breach("views of different log prefixes in one statement: %r" % counts)
            time.sleep(0.003)


class Checker:
    """Reads what the appliance says after restarts and holds it against the ledger."""

    def __init__(self, storm):
        self.storm = storm
        self.kappa = storm.kappa
        self.seen = [[] for _ in range(PARTITIONS)]

    def log(self, everything=False):
        ledger = self.storm.ledger
        for partition in range(PARTITIONS):
            with ledger.lock:
                acked = dict(ledger.acked[partition]) if everything else ledger.fresh[partition]
                ledger.fresh[partition] = {}
            seen = self.seen[partition]
            begin = 0 if everything else max(0, len(seen) - 2000)
            records = confluent_consume(self.kappa.bootstrap, "events", partition, offset=begin)
            assert [record.offset for record in records] == list(range(begin, begin + len(records))), "offsets are not dense"
            values = [record.value for record in records]
            assert values[:len(seen) - begin] == seen[begin:], "partition %d: records that were read before have changed" % partition
            seen[begin:] = values
            lost = [(offset, value) for offset, value in acked.items() if offset >= len(seen) or seen[offset] != value]
            assert not lost, "partition %d has %d records, of %d acknowledged ones these are not there: %r" % (partition, len(seen), len(acked), lost[:5])

    def versions(self):
        storm = self.storm
        with storm.ops_lock:
            rows = self.kappa.sql("SELECT view, version, state, is_live, deployment, error FROM kappa.versions")
            assert not [row for row in rows if row[2] == "failed"], rows
            live = {view: (version, deployment) for view, version, _, is_live, deployment, _ in rows if is_live}
            assert set(live) == {"by_key", "totals", "histogram", "pair_a", "pair_b"}, rows
            assert len(live) == len([row for row in rows if row[3]]), rows
            assert live["pair_a"][0] == live["pair_b"][0], "half promoted: %r" % rows
            assert storm.live_possible is None or live["pair_a"][0] in storm.live_possible, (storm.live_possible, rows)
            versions = {view: {row[1] for row in rows if row[0] == view} for view in ("pair_a", "pair_b")}
            assert storm.known <= versions["pair_a"] & versions["pair_b"], (storm.known, rows)
            # what was under way at the kill is now known
            storm.live = live["pair_a"][0]
            storm.live_possible = {storm.live}
            storm.known = versions["pair_a"] & versions["pair_b"]
            storm.generation = max(storm.generation, max(storm.known))
            storm.unsure = False

    def promises(self):
        assert not self.storm.ledger.broken, self.storm.ledger.broken[:5]

    def exactly_once(self):
        counts = collections.Counter(json.loads(value)["id"] for seen in self.seen for value in seen)
        twice = [(name, count) for name, count in counts.items() if count > 1 and name[0] in "ifs"]
        assert not twice, "sent once, stored more often: %r" % twice[:5]
        missing = [name for name in self.storm.ledger.stored if counts[name] == 0]
        assert not missing, "acknowledged, but not there: %r" % missing[:5]

    def verify(self):
        for view, version in self.kappa.sql("SELECT view, version FROM kappa.versions WHERE state IN ('live', 'standby')"):
            row = self.kappa.sql("SELECT is_equal, rows_kept, rows_rebuilt FROM kappa.verify('%s', %d)" % (view, version))
            assert row[0][0], "%s@%d differs from its rebuild: %r" % (view, version, row)

    def recount(self):
        events = [json.loads(value) for seen in self.seen for value in seen]
        by_key = collections.defaultdict(list)
        for event in events:
            by_key[event["k"]].append(event["v"])
        n = {key: len(values) for key, values in by_key.items()}
        assert self.kappa.sql("SELECT k, n, total, low, high FROM by_key ORDER BY k") == [
            (key, len(values), sum(values), min(values), max(values)) for key, values in sorted(by_key.items())]
        assert self.kappa.sql("SELECT n, total FROM totals") == [(len(events), sum(event["v"] for event in events))]
        buckets = collections.defaultdict(lambda: [0, 0])
        for key, values in by_key.items():
            buckets[len(values) % 7][0] += 1
            buckets[len(values) % 7][1] += sum(values)
        assert self.kappa.sql("SELECT bucket, keys, total::bigint FROM histogram ORDER BY bucket") == [(bucket, *row) for bucket, row in sorted(buckets.items())]
        for (version,) in self.kappa.sql("SELECT version FROM kappa.versions WHERE view = 'pair_a'"):
            assert self.kappa.sql('SELECT k, g, n FROM "pair_a@%d" ORDER BY k' % version) == [(key, version, n[key]) for key in sorted(n)]
        for (version,) in self.kappa.sql("SELECT version FROM kappa.versions WHERE view = 'pair_b'"):
            assert self.kappa.sql('SELECT g, n::bigint FROM "pair_b@%d"' % version) == [(version, len(events))]


def kill_round(kappa, rng):
    """Returns how many kills it took."""
    time.sleep(rng.choice([0.01, 0.1, 0.5]) + rng.uniform(0, 0.8))
    kappa.kill()
    kills = 1
    while rng.random() < 0.3:
        kappa.spawn()
        time.sleep(rng.uniform(0, 0.25))
        kappa.kill()
        kills += 1
    kappa.start()
    return kills


def test_nothing_acknowledged_is_lost_and_nothing_is_half_done_after_kills():
    print("KAPPA_SEED=%d KAPPA_KILLS=%d" % (SEED, KILLS))
    rng = random.Random(SEED)
    with Appliance(["--segment-bytes", "300000"]) as kappa:
        for statement in DEFINITIONS:
            kappa.sql(statement)
        storm = Storm(kappa, SEED)
        checker = Checker(storm)
        storm.start()
        began = time.time()
        try:
            kills = rounds = 0
            while kills < KILLS:
                kills += kill_round(kappa, rng)
                rounds += 1
                checker.log()
                checker.versions()
                checker.promises()
                if rounds % 10 == 0:
                    print("%5.1f s: %d kills, %d records, %d acknowledged" % (
                        time.time() - began, kills, sum(map(len, checker.seen)), sum(map(len, storm.ledger.acked))), flush=True)
                    kappa.wait_caught_up()
                    with storm.ops_lock:  # nothing is dropped meanwhile
                        checker.verify()
        finally:
            storm.stop()
        checker.promises()
        kappa.wait_caught_up()
        checker.log(everything=True)
        checker.versions()
        checker.exactly_once()
        checker.recount()
        checker.verify()
        kappa.kill()
        kappa.delete_derived()
        kappa.start()
        kappa.wait_caught_up()
        checker.recount()
        counts = dict(storm.ledger.counts), dict(storm.done)
        print("%d kills, %d records; %r %r" % (kills, sum(map(len, checker.seen)), *counts))
        # a storm that did nothing shows nothing
        assert all(storm.ledger.counts[kind] > 5 * KILLS for kind in "iphsf"), counts
        assert all(storm.done[verb] > 0 for verb in ("deploy", "promote", "rollback", "read")), counts
