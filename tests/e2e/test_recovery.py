"""What is in the log comes back; what is damaged is rebuilt or refused by name, never served; one failure stays one."""
import glob
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time

import psycopg
import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from appliance import Appliance, free_ports  # noqa: E402
from kafka_client import Failed, Record, confluent_consume, confluent_produce, kcat  # noqa: E402

SEED = int(os.environ.get("KAPPA_SEED", "20260103"))
SMALL_SEGMENTS = ["--segment-bytes", "100000"]

DEFINITIONS = [
    "CREATE TABLE rides (id bigint, zone text, fare numeric(10,2), at timestamp) "
    "WITH (topic = 'rides', partitions = 2, event_time = 'at', watermark = '1 minute')",
    "CREATE MATERIALIZED VIEW zones AS SELECT zone, count(*) AS n, sum(fare) AS total, max(at) AS last FROM rides GROUP BY zone",
    "CREATE MATERIALIZED VIEW rich AS SELECT zone, total FROM zones WHERE total > 100",
    "CREATE MATERIALIZED VIEW histogram AS SELECT n % 10 AS bucket, count(*) AS zones FROM zones GROUP BY n % 10",
    "CREATE MATERIALIZED VIEW big AS SELECT id, fare FROM rides WHERE fare > 40",
]


def rides(count, seed=SEED, first=0):
    rng = random.Random(seed)
    return [{"id": first + i, "zone": "z%03d" % rng.randrange(300), "fare": round(rng.uniform(-5, 50), 2),
             "at": "2026-01-%02d %02d:00:00" % (rng.randrange(1, 29), rng.randrange(24))} for i in range(count)]


def define(kappa):
    for statement in DEFINITIONS:
        kappa.sql(statement)


def feed(kappa, records):
    for partition in (0, 1):
        kappa.produce("rides", records[partition::2], partition)


def deploy(kappa, query, view, version):
    kappa.sql("CREATE OR REPLACE MATERIALIZED VIEW " + query)
    kappa.wait("SELECT count(*) FROM kappa.versions WHERE view = '%s' AND version = %d AND state = 'standby'" % (view, version), [(1,)])


def everything(kappa):
    """All that a user can ask: definitions, versions, pointers, contents of every version, digests."""
    kappa.wait_caught_up()
    answer = {"versions": kappa.sql("SELECT view, version, state, is_live, deployment, row_count, offsets, digest, query, upstreams, created_at "
                                    "FROM kappa.versions ORDER BY 1, 2"),
              "tables": kappa.sql("SELECT * FROM kappa.tables ORDER BY 1"),
              "topics": kappa.sql("SELECT topic, partition_count, record_count FROM kappa.topics WHERE NOT is_internal ORDER BY 1")}
    for view, version, *_ in answer["versions"]:
        answer[view, version] = sorted(kappa.sql('SELECT * FROM "%s@%d"' % (view, version)))
    return answer


def verify_all(kappa):
    for view, version in kappa.sql("SELECT view, version FROM kappa.versions"):
        assert kappa.sql("SELECT is_equal FROM kappa.verify('%s', %d)" % (view, version)) == [(True,)], (view, version)


# ---- the log is the only truth ----

@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_everything_comes_back_from_the_log_alone(how):
    with Appliance(SMALL_SEGMENTS) as kappa:
        define(kappa)
        feed(kappa, rides(3000) + [{"id": "no number"}])
        deploy(kappa, "zones AS SELECT zone, count(*) * 2 AS n, sum(fare) * 2 AS total, min(at) AS last FROM rides GROUP BY zone", "zones", 2)
        kappa.sql("SELECT kappa.promote('zones', 2)")
        deploy(kappa, "zones AS SELECT zone, count(*) + 1 AS n, sum(fare) + 1 AS total, min(at) AS last FROM rides GROUP BY zone", "zones", 3)
        kappa.sql("SELECT kappa.promote('zones', 3)")
        kappa.sql("SELECT * FROM kappa.rollback('zones')")
        deploy(kappa, "big AS SELECT id, fare FROM rides WHERE fare > 30", "big", 2)
        kappa.sql("CREATE TABLE gone (a integer) WITH (topic = 'gone')")
        kappa.sql("DROP TABLE gone")
        feed(kappa, rides(500, SEED + 1, 3000))
        before = everything(kappa)
        assert kappa.sql("SELECT live_version FROM kappa.views ORDER BY view") == [(1,), (2,), (2,), (2,)]
        assert len(before["versions"]) == 3 + 3 + 3 + 2
        bad = kappa.sql("SELECT view, version, topic, partition, record_offset, error FROM kappa.bad_records ORDER BY 1, 2")
        assert len(bad) == 11
        if how == "stopped":
            assert kappa.stop() == 0
        else:
            kappa.kill()
        kappa.delete_derived()
        assert os.listdir(kappa.directory) == ["log"]
        kappa.start()
        assert everything(kappa) == before
        assert kappa.sql("SELECT view, version, topic, partition, record_offset, error FROM kappa.bad_records ORDER BY 1, 2") == bad
        assert kappa.sql("SELECT * FROM kappa.rollback('zones')") == [("zones", 1)]  # the history came back, too
        verify_all(kappa)


def test_a_restart_goes_on_where_it_stopped():
    with Appliance() as kappa:
        define(kappa)
        feed(kappa, rides(5000))
        before = everything(kappa)
        assert kappa.stop() == 0
        kappa.start()
        assert everything(kappa) == before
        assert dict(kappa.sql("SELECT name, value FROM kappa.counters"))["records_read"] == 0
        kappa.kill()
        kappa.start()
        assert everything(kappa) == before
        feed(kappa, rides(10, SEED + 5, 5000))
        kappa.wait_caught_up()
        verify_all(kappa)


def test_a_replay_goes_on_after_a_kill():
    with Appliance() as kappa:
        define(kappa)
        for round_number in range(10):
            feed(kappa, rides(20000, SEED + round_number, 20000 * round_number))
        kappa.wait_caught_up()
        kappa.sql("CREATE OR REPLACE MATERIALIZED VIEW big AS SELECT id, fare, zone FROM rides WHERE fare > 20")
        done = 0
        for _ in range(3):
            time.sleep(0.05)
            kappa.kill()
            kappa.start()
            (state, now_done, total), = kappa.sql("SELECT state, records_done, records_total FROM kappa.versions WHERE view = 'big' AND version = 2")
            assert state in ("replaying", "standby") and now_done <= total == 200000
            done = max(done, now_done)
        kappa.wait_caught_up()
        assert kappa.sql("SELECT state, records_done, records_total FROM kappa.versions WHERE view = 'big' AND version = 2") == [("standby", 200000, 200000)]
        assert kappa.sql("SELECT is_equal FROM kappa.verify('big', 2)") == [(True,)]


# ---- damaged view directories ----

def damage(path, how, rng):
    if how == "deleted":
        os.unlink(path)
        return
    size = os.path.getsize(path)
    if how == "cut":
        os.truncate(path, size // 2)
        return
    with open(path, "r+b") as file:
        for _ in range(max(1, size // 200)):
            at = rng.randrange(size)
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ (1 << rng.randrange(8))]))


@pytest.fixture(scope="module")
def template():
    """A data directory with rows in SST files and in the WAL, and what it must answer."""
    with Appliance() as kappa:
        define(kappa)
        for batch in range(2):
            feed(kappa, rides(10000, SEED + batch, 10000 * batch))
        deploy(kappa, "big AS SELECT id, fare FROM rides WHERE fare > 30", "big", 2)
        kappa.wait_caught_up()
        kappa.kill()
        kappa.start()  # reads the WAL into sorted files
        feed(kappa, rides(100, SEED + 9, 20000))
        before = everything(kappa)
        kappa.kill()
        yield kappa.directory, before


@pytest.mark.parametrize("how", ["deleted", "cut", "flipped"])
@pytest.mark.parametrize("kind", ["sst", "log", "MANIFEST", "CURRENT"])
def test_a_damaged_view_directory_is_rebuilt(template, kind, how):
    directory, before = template
    rng = random.Random("%d %s %s" % (SEED, kind, how))
    with Appliance.on_copy(directory) as kappa:
        pattern = {"sst": "*.sst", "log": "*.log", "MANIFEST": "MANIFEST-*", "CURRENT": "CURRENT"}[kind]
        files = [path for path in glob.glob(kappa.path("views", "*", pattern)) if os.path.getsize(path)]
        assert files, os.listdir(kappa.path("views"))
        for path in files:
            damage(path, how, rng)
        kappa.start()
        kappa.wait_caught_up()
        assert everything(kappa) == before
        verify_all(kappa)


def test_a_foreign_directory_in_a_views_place_is_rebuilt(template):
    directory, before = template
    with Appliance.on_copy(directory) as kappa:
        paths = sorted(glob.glob(kappa.path("views", "*@*")))
        # two versions of one schema swap places: their fingerprints do not match
        first, second = [path for path in paths if os.path.basename(path).startswith("big@")]
        os.rename(first, first + ".tmp")
        os.rename(second, first)
        os.rename(first + ".tmp", second)
        kappa.start()
        kappa.wait_caught_up()
        assert everything(kappa) == before


# ---- damaged logs ----

def segments(kappa, topic="rides", partition=0, kind="log"):
    return sorted(glob.glob(kappa.path("log", "%s-%d" % (topic, partition), "*." + kind)))


@pytest.fixture(scope="module")
def rolled():
    """Several sealed segments, every record of which is known."""
    with Appliance(SMALL_SEGMENTS) as kappa:
        define(kappa)
        for batch in range(10):
            feed(kappa, rides(1000, SEED + batch, 1000 * batch))
        records = confluent_consume(kappa.bootstrap, "rides", 0)
        before = everything(kappa)
        assert len(segments(kappa)) >= 4
        kappa.stop()
        yield kappa.directory, before, records


@pytest.mark.parametrize("how", ["cut", "deleted", "longer"])
def test_a_sealed_segment_of_another_size_is_refused_by_name(rolled, how):
    directory, _, _ = rolled
    with Appliance.on_copy(directory, SMALL_SEGMENTS) as kappa:
        victim = segments(kappa)[1]
        size = os.path.getsize(victim)
        if how == "cut":
            os.truncate(victim, size - 10)
        elif how == "deleted":
            os.unlink(victim)
        else:
            with open(victim, "ab") as file:
                file.write(b"x" * 100)
        began = {path: os.path.getsize(path) for path in segments(kappa)}
        code, errors = kappa.start_refused()
        assert code == 1
        assert os.path.join("rides-0", os.path.basename(victim)) in errors and "byte" in errors, errors
        assert {path: os.path.getsize(path) for path in segments(kappa)} == began  # nothing was cut away


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0x10]))


def test_a_flipped_byte_in_a_sealed_segment_is_refused_by_file_and_position(rolled):
    directory, _, _ = rolled
    rng = random.Random(SEED)
    for _ in range(3):
        with Appliance.on_copy(directory, SMALL_SEGMENTS) as kappa:
            victim = segments(kappa)[1]
            flip(victim, rng.randrange(os.path.getsize(victim)))
            for path in segments(kappa, kind="snapshot"):
                os.unlink(path)  # nothing vouches for the segment: it is read as a whole
            code, errors = kappa.start_refused()
            assert code == 1 and os.path.basename(victim) in errors and "byte" in errors, errors


def test_a_flipped_byte_that_the_start_does_not_read_is_never_served(rolled):
    """Sealed segments are believed at a start by size and end; readers find what is wrong inside. Other topics do not suffer."""
    directory, before, records = rolled
    with Appliance.on_copy(directory, SMALL_SEGMENTS) as kappa:
        kappa.start()
        kappa.sql("CREATE TABLE other (a integer) WITH (topic = 'other')")
        kappa.sql("CREATE MATERIALIZED VIEW others AS SELECT sum(a) AS total FROM other")
        kappa.sql("INSERT INTO other VALUES (1), (2)")
        kappa.stop()
        victim = segments(kappa)[1]
        flip(victim, os.path.getsize(victim) // 3)
        shutil.rmtree(kappa.path("views"))
        kappa.start()
        kappa.wait("SELECT view FROM kappa.versions WHERE state <> 'failed'", [("others",)])
        kappa.sql("INSERT INTO other VALUES (3)")
        assert kappa.sql("SELECT total FROM others") == [(6,)]
        with pytest.raises(psycopg.Error) as error:
            kappa.sql("SELECT sum(n) FROM zones")
        assert os.path.basename(victim) in str(error.value) and "byte" in str(error.value), error.value
        with pytest.raises(psycopg.Error) as error:
            kappa.sql("SELECT count(*) FROM rides")
        assert os.path.basename(victim) in str(error.value) and "byte" in str(error.value), error.value
        with pytest.raises(AssertionError):
            confluent_consume(kappa.bootstrap, "rides", 0, wait_s=1)


@pytest.mark.parametrize("kind", ["index", "timeindex", "snapshot"])
@pytest.mark.parametrize("how", ["deleted", "cut", "flipped"])
def test_indexes_are_rebuilt(rolled, kind, how):
    directory, before, records = rolled
    rng = random.Random("%d %s %s" % (SEED, kind, how))
    with Appliance.on_copy(directory, SMALL_SEGMENTS) as kappa:
        files = [path for path in segments(kappa, kind=kind) if os.path.getsize(path)]
        assert files
        for path in files:
            damage(path, how, rng)
        kappa.start()
        assert everything(kappa) == before
        middle = len(records) // 2
        assert confluent_consume(kappa.bootstrap, "rides", 0, offset=middle) == records[middle:]
        assert confluent_consume(kappa.bootstrap, "rides", 0) == records


@pytest.mark.parametrize("tail", [b"\0" * 5000, b"half a batch", "half"])
def test_a_torn_tail_is_cut_and_all_before_it_kept(rolled, tail):
    directory, before, records = rolled
    with Appliance.on_copy(directory, SMALL_SEGMENTS) as kappa:
        active = segments(kappa)[-1]
        if tail == "half":
            with open(segments(kappa)[0], "rb") as file:
                tail = file.read(60)
        with open(active, "ab") as file:
            file.write(tail)
        kappa.start()
        assert everything(kappa) == before
        assert confluent_consume(kappa.bootstrap, "rides", 0) == records
        written = confluent_produce(kappa.bootstrap, "rides", [Record(None, None, b"{}", [], 1767225600000)])
        assert written[0].offset == len(records)
        assert "torn" in kappa.stderr() or "cut" in kappa.stderr()


def test_a_view_that_has_read_further_than_the_log_is_rebuilt(rolled):
    """Power loss may take the log's unsynced tail, but not what the views made of it."""
    directory, _, records = rolled
    with Appliance.on_copy(directory, SMALL_SEGMENTS) as kappa:
        active = segments(kappa)[-1]
        os.truncate(active, os.path.getsize(active) - 1)
        kappa.start()
        kappa.wait_caught_up()
        kept = confluent_consume(kappa.bootstrap, "rides", 0)
        assert kept == records[:len(kept)] and len(kept) < len(records)
        other = confluent_consume(kappa.bootstrap, "rides", 1)
        assert kappa.sql("SELECT sum(n)::bigint FROM zones") == [(len(kept) + len(other),)]
        verify_all(kappa)


def test_damage_in_the_catalog_is_refused():
    with Appliance() as kappa:
        define(kappa)
        kappa.stop()
        path, = segments(kappa, "__kappa_catalog")
        flip(path, 90)  # in the first record; intact ones follow
        code, errors = kappa.start_refused()
        assert code == 1 and "__kappa_catalog-0" in errors, errors


# ---- starting ----

def test_a_second_server_on_the_directory_is_refused():
    with Appliance() as kappa:
        second = Appliance(data_dir=kappa.data_dir)
        code, errors = second.start_refused()
        assert code == 1 and kappa.directory in errors and "--data-dir" in errors, errors
        assert kappa.sql("SELECT 1") == [(1,)]


@pytest.mark.parametrize("number", [0, 1, 2], ids=["kafka", "pg", "http"])
def test_a_port_in_use_is_named(number):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with Appliance.unstarted() as kappa:
            kappa.ports = free_ports(3)
            kappa.ports[number] = taken.getsockname()[1]
            code, errors = kappa.start_refused()
            assert code == 1 and str(kappa.ports[number]) in errors and "in use" in errors, errors


def test_a_foreign_directory_is_not_touched(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "thesis.txt").write_text("mine")
    code, errors = Appliance(data_dir=str(tmp_path)).start_refused()
    assert code in (1, 2) and "thesis.txt" in errors
    assert [name for name in os.listdir(tmp_path / "data") if name != "lock"] == ["thesis.txt"]


# ---- disk full ----

@pytest.fixture
def tmpfs(tmp_path):
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "none", str(tmp_path)], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip("tmpfs cannot be mounted here: " + mounted.stderr.strip())
    yield str(tmp_path)
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_on_a_full_disk_writes_fail_and_reads_go_on(tmpfs, tmp_path_factory):
    with Appliance(["--segment-bytes", "1000000"], data_dir=tmpfs) as kappa:
        kappa.sql("CREATE TABLE rows (id integer, pad text) WITH (topic = 'rows')")
        kappa.sql("CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n, max(id) AS last FROM rows")
        acked = 0
        refused = None
        while refused is None and acked < 1000:
            status, answer = kappa.http("POST", "/topics/rows", json.dumps({"id": acked, "pad": "x" * 100000}) + "\n",
                                        {"Content-Type": "application/x-ndjson"})
            if status == 200:
                acked += 1
            else:
                refused = (status, answer)
        assert refused is not None and 20 < acked < 150, (acked, refused)
        assert "space" in json.dumps(refused[1]), refused
        with pytest.raises((Failed, AssertionError)):
            confluent_produce(kappa.bootstrap, "rows", [Record(None, None, b"x" * 500000, [], 1767225600000)] * 3, message_timeout_ms=2000)
        with pytest.raises(psycopg.Error) as error:
            kappa.sql("INSERT INTO rows VALUES (-1, %s)", ["y" * 500000])
        assert error.value.sqlstate in ("53100", "58030")
        records = confluent_consume(kappa.bootstrap, "rows")
        assert [json.loads(record.value)["id"] for record in records[:acked]] == list(range(acked))
        assert kappa.sql("SELECT count(*) FROM rows")[0][0] >= acked
        assert kappa.sql("SELECT 1") == [(1,)]
        kappa.kill()
        subprocess.run(["mount", "-o", "remount,size=40m", tmpfs], check=True)
        kappa.start()
        kappa.wait_caught_up()
        assert kappa.sql("SELECT n, last FROM counted")[0][0] >= acked
        records = confluent_consume(kappa.bootstrap, "rows")
        assert [json.loads(record.value)["id"] for record in records[:acked]] == list(range(acked))
        kappa.sql("INSERT INTO rows VALUES (-1, 'goes again')")
        verify_all(kappa)


# ---- deployments ----

def test_formatting_alone_deploys_nothing():
    with Appliance() as kappa:
        define(kappa)
        feed(kappa, rides(100))
        rows = kappa.sql("SELECT view, version, action FROM kappa.deploy(%s)", [
            "-- the same, written otherwise\nCREATE MATERIALIZED VIEW zones AS\n  select R.zone as zone, COUNT(*) n, sum( r.fare ) AS total,\n"
            "         max(at) AS last\n  from rides AS r\n group   by r.zone;"])
        assert rows == [("zones", 1, "unchanged")]
        kappa.sql("CREATE OR REPLACE MATERIALIZED VIEW rich AS SELECT zone, total FROM zones WHERE (total > (100))")
        assert kappa.sql("SELECT count(*) FROM kappa.versions") == [(4,)]


def test_what_was_deployed_before_is_not_replayed_again():
    with Appliance() as kappa:
        define(kappa)
        feed(kappa, rides(100))
        changed = "CREATE MATERIALIZED VIEW zones AS SELECT zone, count(*) AS n, sum(fare) + 1 AS total, max(at) AS last FROM rides GROUP BY zone"
        deploy = "SELECT view, version, action FROM kappa.deploy(%s) ORDER BY view"
        assert [row[2] for row in kappa.sql(deploy, [changed])] == ["dependent", "replace"]
        assert kappa.sql(deploy, [changed + " -- once more"]) == [("rich", 2, "unchanged"), ("zones", 2, "unchanged")]
        assert kappa.sql("SELECT count(*) FROM kappa.versions WHERE version > 2") == [(0,)]
        # rolled back, its version stands by: the same logic again is that version
        kappa.wait_caught_up()
        kappa.sql("SELECT kappa.promote('zones', 2)")
        kappa.sql("SELECT kappa.rollback('zones')")
        assert {row[2] for row in kappa.sql(deploy, [changed])} == {"unchanged"}
        # other logic is another version, also when a part of it is known
        assert [row[1:] for row in kappa.sql(deploy, [changed.replace("+ 1", "+ 2")])] == [(3, "dependent"), (3, "replace")]


def test_dependents_are_staged_with_what_they_read():
    with Appliance() as kappa:
        define(kappa)
        kappa.sql("CREATE MATERIALIZED VIEW top AS SELECT max(total) AS most FROM rich")
        feed(kappa, rides(1000))
        kappa.sql("CREATE OR REPLACE MATERIALIZED VIEW zones AS SELECT zone, count(*) AS n, sum(fare) * 2 AS total, max(at) AS last FROM rides GROUP BY zone")
        kappa.wait_caught_up()
        rows = kappa.sql("SELECT view, version, state, upstreams FROM kappa.versions WHERE version = 2 ORDER BY 1")
        assert [(view, state) for view, _, state, _ in rows] == [("rich", "standby"), ("top", "standby"), ("zones", "standby")]  # histogram reads n alone
        assert dict((view, upstreams) for view, _, _, upstreams in rows)["top"] == "rich@2"
        (single,), (double,) = kappa.sql("SELECT most FROM top"), kappa.sql('SELECT most FROM "top@2"')
        assert double[0] == 2 * single[0]
        with pytest.raises(psycopg.Error):  # rich@2 reads it
            kappa.sql("SELECT kappa.drop_version('zones', 2)")
        kappa.sql("SELECT kappa.promote('top', 2)")
        assert kappa.sql("SELECT DISTINCT live_version FROM kappa.views WHERE view NOT IN ('big', 'histogram')") == [(2,)]
        # a change that a dependent cannot follow is refused as a whole
        with pytest.raises(psycopg.Error) as error:
            kappa.sql("CREATE OR REPLACE MATERIALIZED VIEW zones AS SELECT zone, count(*) AS n FROM rides GROUP BY zone")
        assert "rich" in str(error.value)
        assert kappa.sql("SELECT max(version) FROM kappa.versions") == [(2,)]


def test_a_poisoned_record_fails_only_the_version_that_meets_it():
    with Appliance() as kappa:
        kappa.sql("CREATE TABLE parts (a integer, b integer) WITH (topic = 'parts')")
        kappa.sql("CREATE MATERIALIZED VIEW ratios AS SELECT a, sum(100 / b) AS r FROM parts GROUP BY a")
        kappa.sql("CREATE MATERIALIZED VIEW counts AS SELECT a, count(*) AS n FROM parts GROUP BY a")
        kappa.sql("INSERT INTO parts VALUES (1, 2), (2, 5)")
        assert kappa.sql("SELECT r FROM ratios ORDER BY a") == [(50,), (20,)]
        kappa.sql("INSERT INTO parts VALUES (1, 0)")
        kappa.wait("SELECT view, state FROM kappa.versions ORDER BY 1", [("counts", "live"), ("ratios", "failed")])
        (error,), = kappa.sql("SELECT error FROM kappa.versions WHERE view = 'ratios'")
        assert "division by zero" in error
        with pytest.raises(psycopg.Error) as refused:
            kappa.sql("SELECT * FROM ratios")
        assert "division by zero" in str(refused.value)
        kappa.sql("INSERT INTO parts VALUES (2, 2)")
        assert kappa.sql("SELECT n FROM counts ORDER BY a") == [(2,), (2,)]
        kappa.kill()
        kappa.start()
        kappa.wait("SELECT view, state FROM kappa.versions ORDER BY 1", [("counts", "live"), ("ratios", "failed")])
        kappa.sql("CREATE OR REPLACE MATERIALIZED VIEW ratios AS SELECT a, sum(100 / nullif(b, 0)) AS r FROM parts GROUP BY a")
        kappa.wait("SELECT state FROM kappa.versions WHERE view = 'ratios' AND version = 2", [("standby",)])
        kappa.sql("SELECT kappa.promote('ratios', 2)")
        assert kappa.sql("SELECT r FROM ratios ORDER BY a") == [(50,), (70,)]


def test_versions_are_dropped_with_their_directories():
    with Appliance() as kappa:
        define(kappa)
        feed(kappa, rides(1000))
        deploy(kappa, "big AS SELECT id, fare FROM rides WHERE fare > 30", "big", 2)
        with pytest.raises(psycopg.Error):
            kappa.sql("SELECT kappa.drop_version('big', 1)")  # live
        kappa.sql("SELECT kappa.promote('big', 2)")
        kappa.sql("SELECT kappa.drop_version('big', 1)")
        until = time.time() + 5
        while glob.glob(kappa.path("views", "big@1.*")) and time.time() < until:
            time.sleep(0.02)
        assert glob.glob(kappa.path("views", "big@1.*")) == []
        with pytest.raises(psycopg.Error):
            kappa.sql("DROP MATERIALIZED VIEW zones")
        kappa.sql("DROP MATERIALIZED VIEW zones CASCADE")
        assert kappa.sql("SELECT view, version FROM kappa.versions") == [("big", 2)]
        kappa.kill()
        kappa.start()
        assert kappa.sql("SELECT view, version FROM kappa.versions") == [("big", 2)]
        kappa.sql("DROP MATERIALIZED VIEW big")
        kappa.sql("DROP TABLE rides")
        assert kappa.sql("SELECT count(*) FROM kappa.tables") == [(0,)]


def test_a_replay_is_cancelled_by_dropping_it_while_others_go_on():
    with Appliance() as kappa:
        define(kappa)
        for batch in range(5):
            feed(kappa, rides(10000, SEED + batch, 10000 * batch))
        for number in range(3):
            kappa.sql("CREATE OR REPLACE MATERIALIZED VIEW big AS SELECT id, fare + %d AS fare FROM rides WHERE fare > 1" % number)
        kappa.sql("SELECT kappa.drop_version('big', 3)")
        kappa.wait("SELECT version, state FROM kappa.versions WHERE view = 'big' ORDER BY 1", [(1, "live"), (2, "standby"), (4, "standby")], 60)
        verify_all(kappa)


def test_readers_see_one_version_or_the_other_while_it_is_promoted():
    with Appliance() as kappa:
        kappa.sql("CREATE TABLE t (a integer) WITH (topic = 't')")
        kappa.sql("CREATE MATERIALIZED VIEW first AS SELECT a, 1 AS generation FROM t")
        kappa.sql("CREATE MATERIALIZED VIEW second AS SELECT generation, count(*) AS n FROM first GROUP BY generation")
        kappa.sql("INSERT INTO t VALUES (1), (2), (3)")
        deploy(kappa, "first AS SELECT a, 2 AS generation FROM t", "first", 2)
        stop, seen, mixed = threading.Event(), set(), []

        def read():
            with kappa.connect() as connection:
                while not stop.is_set():
                    pair = connection.execute("SELECT min(f.generation), max(f.generation), min(s.generation), max(s.generation) "
                                              "FROM first f, second s").fetchone()
                    seen.add(pair[0])
                    if len(set(pair)) != 1:
                        mixed.append(pair)

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for _ in range(10):
            kappa.sql("SELECT kappa.promote('first', 2)")
            time.sleep(0.02)
            kappa.sql("SELECT * FROM kappa.rollback('second')")
            time.sleep(0.02)
        stop.set()
        for reader in readers:
            reader.join()
        assert not mixed and seen == {1, 2}
