"""PostgreSQL's real clients: psql, pgbench, psycopg 3 and 2. Results are compared with PostgreSQL's own, bytes included."""
import decimal
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time

import psycopg
import psycopg2
import pytest
from psycopg import pq

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from appliance import Appliance  # noqa: E402
from postgres import BIN, Postgres  # noqa: E402

SEED = int(os.environ.get("KAPPA_SEED", "20260102"))


@pytest.fixture(scope="module")
def oracle():
    with Postgres() as server:
        yield server


@pytest.fixture(scope="module")
def kappa():
    with Appliance() as appliance:
        appliance.sql("CREATE TABLE points (k integer, v integer, s text) WITH (topic = 'points')")
        appliance.sql("CREATE MATERIALIZED VIEW sums AS SELECT k, count(*) AS n, sum(v) AS total FROM points GROUP BY k")
        rows = ", ".join("(%d, %d, 's%d')" % (i % 100, i, i % 7) for i in range(1000))
        appliance.sql("INSERT INTO points VALUES " + rows)
        yield appliance


def psql(kappa, *arguments, stdin=None, code=0):
    done = subprocess.run(["psql", "-X", "-h", "127.0.0.1", "-p", str(kappa.pg_port), "-U", "kappa", "-d", "kappa"] + list(arguments),
                          input=stdin, capture_output=True, text=True, timeout=60, env={**os.environ, "PGOPTIONS": ""})
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout, done.stderr


# ---- psql ----

def test_psql_prints_a_table(kappa):
    out, err = psql(kappa, "-c", "SELECT k, n, total FROM sums WHERE k < 3 ORDER BY k")
    assert err == ""
    assert out == (" k | n  | total \n---+----+-------\n 0 | 10 |  4500\n 1 | 10 |  4510\n 2 | 10 |  4520\n(3 rows)\n\n")


def test_psql_runs_several_statements_of_one_string(kappa):
    out, _ = psql(kappa, "-At", "-c", "SELECT 1; SELECT 'two' AS x; SELECT count(*) FROM sums")
    assert out.split() == ["1", "two", "100"]  # psql ≥ 15 shows every result
    out, _ = psql(kappa, "-At", stdin="-- a comment\nSELECT 1;\n\nSELECT 'a;b' /* ; */;\n;\nSELECT 3\n;\n")
    assert out.split() == ["1", "a;b", "3"]


def test_psql_points_at_the_place_of_an_error(kappa):
    _, err = psql(kappa, "-c", "SELECT k, nothing FROM sums", code=1)
    assert err == ('ERROR:  column "nothing" does not exist\nLINE 1: SELECT k, nothing FROM sums\n                  ^\n')
    _, err = psql(kappa, "-c", "SELECT 1;\nSELECT k FRM sums", code=1)
    assert 'ERROR:  syntax error at or near "sums"\nLINE 2: SELECT k FRM sums\n                     ^\n' in err
    _, err = psql(kappa, "-c", "SELECT\n  é + k\nFROM sums", code=1)
    assert 'LINE 2:   é + k\n          ^\n' in err
    _, err = psql(kappa, "-c", "SELECT * FROM missing", code=1)
    assert err.startswith('ERROR:  relation "missing" does not exist\nLINE 1: SELECT * FROM missing\n                      ^\nHINT:  ')


def test_an_error_ends_the_string_and_later_statements_do_not_run(kappa):
    out, err = psql(kappa, "-At", "-c", "SELECT 1; SELECT 1/0; SELECT 3", code=1)
    assert out.split() == ["1"] and "division by zero" in err
    # psql sends the lines of a script one by one and goes on
    out, err = psql(kappa, "-At", stdin="SELECT 1;\nSELECT 1/0;\nSELECT 3;\n")
    assert out.split() == ["1", "3"] and "division by zero" in err


def test_what_is_not_supported_says_so(kappa):
    _, err = psql(kappa, "-v", "VERBOSITY=verbose", "-c", "CREATE INDEX i ON sums (n)", code=1)
    assert "0A000" in err
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        kappa.sql("WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT 2) SELECT * FROM r")


def test_psql_shows_nulls_and_expanded_rows(kappa):
    out, _ = psql(kappa, "-x", "-P", "null=<null>", "-c", "SELECT NULL::integer AS a, '' AS b")
    assert re.sub(" +\n", "\n", out) == "-[ RECORD 1 ]\na | <null>\nb |\n\n"


def test_psql_pages_with_a_cursor(kappa):
    out, _ = psql(kappa, "-At", "-v", "FETCH_COUNT=7", "-c", "SELECT k FROM sums ORDER BY k")
    assert [int(line) for line in out.split()] == list(range(100))


# ---- bytes on the wire ----

TYPES = {
    "boolean": ["true", "false"],
    "smallint": ["0", "-32768", "32767", "7"],
    "integer": ["0", "-2147483648", "2147483647", "-1"],
    "bigint": ["0", "-9223372036854775808", "9223372036854775807"],
    "real": ["0", "-0", "1.5", "3.4028235e38", "1e-45", "0.1", "Infinity", "-Infinity", "NaN", "1e15", "123456.789"],
    "double precision": ["0", "-0", "0.1", "1e300", "5e-324", "1.7976931348623157e308", "NaN", "Infinity", "-Infinity", "1e15", "1e16", "123456789.123"],
    "numeric": ["0", "0.00", "1", "-1.5", "10000", "9999.9999", "0.0001", "0.00000001", "12345678901234567890123456789012345678",
                "-99999999.000000000000", "1e10", "100000000", "0.00012345"],
    "numeric(10,3)": ["0", "1.5", "-1234567.891", "1e6", "2.0005"],
    "text": ["", "a", "é漢字🎉", "it''s", "back\\slash", "tab\tnewline\n", "NULL"],
    "varchar(5)": ["", "abc", "12345", "éééé "],
    "bytea": ["", "\\x00ff10", "\\xdeadbeef"],
    "date": ["2000-01-01", "1970-01-01", "0001-01-01", "9999-12-31", "2024-02-29", "infinity", "-infinity", "0044-03-15 BC"],
    "timestamp": ["2000-01-01 00:00:00", "1999-12-31 23:59:59.999999", "2024-02-29 12:34:56.7", "0001-01-01 00:00:00", "infinity",
                  "-infinity", "1969-12-31 23:59:59.5", "9999-12-31 23:59:59"],
    "timestamptz": ["2000-01-01 00:00:00+00", "2024-07-01 12:00:00.123456+02", "1960-01-01 00:00:00-11:30", "infinity"],
    "interval": ["0", "1 day", "-1 day 02:03:04.5", "1 year 2 months 3 days 04:05:06.789", "-14 months", "100 hours", "1 microsecond",
                 "-00:00:00.000001", "1 mon -1 day"],
}


# As a key of a group, a value stands for all values equal to it, whichever came first: we show the class's plainest, PostgreSQL the first.
EQUAL_TO_PLAINER = {"real": ["-0"], "double precision": ["-0"], "interval": ["-1 day 02:03:04.5", "100 hours", "1 mon -1 day"]}


def raw(connection, query, parameters, binary):
    """Types and raw bytes of an extended query."""
    result = connection.pgconn.exec_params(query.encode(), [None if p is None else p[0] for p in parameters],
                                           param_types=[0 if p is None else p[1] for p in parameters],
                                           param_formats=[0 if p is None else p[2] for p in parameters], result_format=int(binary))
    assert result.status == pq.ExecStatus.TUPLES_OK, result.error_message.decode()
    columns = range(result.nfields)
    return ([(result.fname(c), result.ftype(c), result.fsize(c), result.fmod(c), result.fformat(c)) for c in columns],
            [[result.get_value(r, c) for c in columns] for r in range(result.ntuples)])


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
@pytest.mark.parametrize("name", TYPES)
def test_values_have_postgres_bytes(kappa, oracle, name, binary):
    query = "SELECT " + ", ".join("'%s'::%s AS c%d" % (text, name, i) for i, text in enumerate(TYPES[name])) + ", NULL::%s AS none" % name
    with kappa.connect() as ours, oracle.connect() as theirs:
        assert raw(ours, query, [], binary) == raw(theirs, query, [], binary)


@pytest.mark.parametrize("name", TYPES)
def test_values_come_back_from_log_and_view_with_postgres_bytes(kappa, oracle, name):
    """Through INSERT, the log's JSON, a table scan, a view's rows."""
    table = "t_" + re.sub(r"\W", "_", name)
    with kappa.connect() as ours, oracle.connect() as theirs:
        values = ", ".join("(%d, '%s'::%s)" % (i, text, name) for i, text in enumerate(TYPES[name])) + ", (1000, NULL)"
        ours.execute("CREATE TABLE %s (i integer, v %s) WITH (topic = '%s')" % (table, name, table))
        theirs.execute("CREATE TABLE %s (i integer, v %s)" % (table, name))
        ours.execute("CREATE MATERIALIZED VIEW %s_seen AS SELECT i, v, count(*) AS n FROM %s GROUP BY i, v" % (table, table))
        theirs.execute("CREATE VIEW %s_seen AS SELECT i, v, count(*) AS n FROM %s GROUP BY i, v" % (table, table))
        ours.execute("INSERT INTO %s VALUES %s" % (table, values))
        theirs.execute("INSERT INTO %s VALUES %s" % (table, values))
        skipped = ", ".join(["-1"] + [str(TYPES[name].index(text)) for text in EQUAL_TO_PLAINER.get(name, [])])
        for binary in (False, True):
            for query in ("SELECT i, v FROM %s ORDER BY i" % table,
                          "SELECT i, v, n FROM %s_seen WHERE i NOT IN (%s) ORDER BY i" % (table, skipped),
                          "SELECT min(v), max(v) FROM %s WHERE i < 1000" % table):
                if "min" in query and name in ("boolean", "bytea"):
                    continue
                assert raw(ours, query, [], binary) == raw(theirs, query, [], binary), query


PARAMETERS = [
    ("SELECT $1::integer + 1", [(b"41", 0, 0)]),
    ("SELECT $1::integer + 1", [(b"\x00\x00\x00\x29", 23, 1)]),
    ("SELECT $1 + 1", [(b"41", 0, 0)]),
    ("SELECT $1::text || 'x'", [("é".encode(), 0, 0)]),
    ("SELECT $1::numeric * 2, $2::float8 / 3", [(b"1.25", 0, 0), (b"10", 0, 0)]),
    ("SELECT $1::timestamp + $2::interval", [(b"2024-01-31 10:00", 0, 0), (b"1 month", 0, 0)]),
    ("SELECT $1::date, $2::boolean, $3::bigint", [(b"2024-02-29", 0, 0), (b"t", 0, 0), (b"-5", 0, 0)]),
    ("SELECT coalesce($1::integer, 7), $1 IS NULL", [None]),
    ("SELECT $1::smallint, $2::smallint", [(b"\x00\x05", 21, 1), None]),
    ("SELECT k, total FROM sums WHERE k = $1", [(b"7", 0, 0)]),
    ("SELECT k, total FROM sums WHERE k = $1", [(b"\x00\x07", 21, 1)]),
    ("SELECT k FROM sums WHERE k BETWEEN $1 AND $2 ORDER BY k LIMIT $3", [(b"3", 0, 0), (b"60", 0, 0), (b"4", 0, 0)]),
    ("SELECT count(*) FROM points WHERE s = $1", [(b"s3", 0, 0)]),
]


@pytest.fixture(scope="module")
def twin(kappa, oracle):
    """PostgreSQL with the rows the appliance has."""
    with oracle.connect() as connection:
        connection.execute("CREATE TABLE points AS SELECT i % 100 AS k, i AS v, 's' || i % 7 AS s FROM generate_series(0, 999) i")
        connection.execute("CREATE VIEW sums AS SELECT k, count(*) AS n, sum(v) AS total FROM points GROUP BY k")
    return oracle


@pytest.mark.parametrize("number", range(len(PARAMETERS)))
def test_parameters_are_taken_as_postgres_takes_them(kappa, twin, number):
    query, parameters = PARAMETERS[number]
    with kappa.connect() as ours, twin.connect() as theirs:
        for binary in (False, True):
            assert raw(ours, query, parameters, binary) == raw(theirs, query, parameters, binary)


def test_a_bad_parameter_is_an_error_and_the_session_goes_on(kappa):
    with kappa.connect() as connection:
        for _ in range(3):
            with pytest.raises(psycopg.errors.InvalidTextRepresentation):
                raw_or_raise(connection, "SELECT $1::integer", [b"x"])
            assert connection.execute("SELECT 1").fetchall() == [(1,)]


def raw_or_raise(connection, query, parameters):
    result = connection.pgconn.exec_params(query.encode(), parameters)
    if result.status != pq.ExecStatus.TUPLES_OK:
        raise psycopg.errors.lookup(result.error_field(pq.DiagnosticField.SQLSTATE).decode())
    return result


# ---- psycopg 3 ----

def test_psycopg_prepares_a_query_it_has_seen_often(kappa):
    with kappa.connect() as connection:
        for binary in (False, True):
            for k in range(30):
                rows = connection.execute("SELECT k, n, total FROM sums WHERE k = %s", [k], binary=binary).fetchall()
                assert rows == [(k, 10, k * 10 + 4500)]
        assert len(connection._prepared._names) >= 1


def test_a_prepared_statement_sees_new_definitions(kappa):
    kappa.sql("CREATE TABLE changing (a integer) WITH (topic = 'changing')")
    kappa.sql("CREATE MATERIALIZED VIEW changes AS SELECT a, count(*) AS n FROM changing GROUP BY a")
    kappa.sql("INSERT INTO changing VALUES (1), (1), (2)")
    assert kappa.sql("SELECT count(*) FROM changes") == [(2,)]  # its own session waits for the views; others need not
    with kappa.connect() as connection:
        for _ in range(7):
            assert connection.execute("SELECT n FROM changes WHERE a = %s", [1], prepare=True).fetchall() == [(2,)]
        kappa.sql("CREATE OR REPLACE MATERIALIZED VIEW changes AS SELECT a, count(*) * 10 AS n FROM changing GROUP BY a")
        kappa.wait("SELECT state FROM kappa.versions WHERE view = 'changes' AND version = 2", [("standby",)])
        kappa.sql("SELECT kappa.promote('changes', 2)")
        assert connection.execute("SELECT n FROM changes WHERE a = %s", [1], prepare=True).fetchall() == [(20,)]


def test_psycopg_pipelines(kappa):
    with kappa.connect() as connection:
        with connection.pipeline():
            cursors = [connection.execute("SELECT total FROM sums WHERE k = %s", [k]) for k in range(50)]
            assert [cursor.fetchone()[0] for cursor in cursors] == [k * 10 + 4500 for k in range(50)]
        with pytest.raises(psycopg.errors.DivisionByZero):
            with connection.pipeline():
                connection.execute("SELECT 1/0")
                connection.execute("SELECT 2")
        assert connection.execute("SELECT 3").fetchall() == [(3,)]


def test_executemany_inserts_every_row(kappa):
    kappa.sql("CREATE TABLE many (a integer, b text, c numeric) WITH (topic = 'many')")
    rows = [(i, "é%d" % i, decimal.Decimal(i) / 8) for i in range(300)]
    with kappa.connect() as connection:
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO many VALUES (%s, %s, %s)", rows)
        assert connection.execute("SELECT a, b, c FROM many ORDER BY a").fetchall() == rows


def test_large_results_stream_completely(kappa):
    query = "SELECT a.k * 100 + b.k AS x, repeat('x', 50) AS pad FROM sums a, sums b, (SELECT k FROM sums WHERE k < 3) c"
    with kappa.connect() as connection:
        rows = connection.execute(query).fetchall()
        assert len(rows) == 30_000 and sum(row[0] for row in rows) == 3 * sum(range(10_000))
        with connection.cursor() as cursor:
            seen = sum(1 for _ in cursor.stream(query))
        assert seen == 30_000


def test_psycopg2_works(kappa):
    connection = psycopg2.connect(host="127.0.0.1", port=kappa.pg_port, user="kappa", dbname="kappa")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT k, n, total FROM sums WHERE k = %s", (42,))
            assert cursor.fetchall() == [(42, 10, 4920)]
            cursor.execute("SELECT %s, %s, NULL, 1.50", ("it's \\ é", True))
            assert cursor.fetchone() == ("it's \\ é", True, None, decimal.Decimal("1.50"))
        connection.commit()
        with connection.cursor() as cursor:
            with pytest.raises(psycopg2.errors.UndefinedTable):
                cursor.execute("SELECT * FROM missing")
            with pytest.raises(psycopg2.errors.InFailedSqlTransaction):
                cursor.execute("SELECT 1")
        connection.rollback()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


# ---- cancel, timeouts ----

LONG = "SELECT count(*) FROM points a, points b, points c WHERE a.v + b.v + c.v = -1"


def test_a_running_query_can_be_cancelled(kappa):
    with kappa.connect() as connection:
        timer = threading.Timer(0.3, connection.cancel)
        timer.start()
        began = time.time()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute(LONG)
        assert time.time() - began < 5
        timer.join()
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_interrupting_psql_cancels_its_query(kappa):
    client = subprocess.Popen(["psql", "-X", "-h", "127.0.0.1", "-p", str(kappa.pg_port), "-U", "kappa", "-d", "kappa", "-At",
                               "-c", r"\! echo connected", "-c", LONG], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert client.stdout.readline() == "connected\n"
    time.sleep(0.5)
    client.send_signal(signal.SIGINT)
    _, err = client.communicate(timeout=10)
    assert "canceling statement due to user request" in err or "Cancel request sent" in err


def test_statement_timeout_ends_a_query(kappa):
    with kappa.connect() as connection:
        connection.execute("SET statement_timeout = '200ms'")
        began = time.time()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute(LONG)
        assert 0.15 < time.time() - began < 5


def test_a_client_that_goes_away_does_not_keep_its_query_running(kappa):
    sockets = [kappa.connect() for _ in range(3)]
    for connection in sockets:
        connection.pgconn.send_query(LONG.encode())
    time.sleep(0.2)
    for connection in sockets:
        connection.pgconn.finish()
    assert kappa.sql("SELECT count(*) FROM sums") == [(100,)]


# ---- transactions ----

def test_a_transaction_reads_one_state_while_views_move_on(kappa):
    kappa.sql("CREATE TABLE moving (a integer) WITH (topic = 'moving')")
    kappa.sql("CREATE MATERIALIZED VIEW moved AS SELECT count(*) AS n, sum(a) AS total FROM moving")
    kappa.sql("CREATE MATERIALIZED VIEW moved_too AS SELECT a % 2 AS odd, count(*) AS n FROM moving GROUP BY a % 2")
    kappa.sql("INSERT INTO moving VALUES (1), (2), (3)")
    with kappa.connect() as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT n, total FROM moved").fetchall() == [(3, 6)]
        for i in range(20):
            kappa.sql("INSERT INTO moving VALUES (%d)" % i)
        assert kappa.sql("SELECT n FROM moved") == [(23,)]
        assert reader.execute("SELECT n, total FROM moved").fetchall() == [(3, 6)]
        assert reader.execute("SELECT odd, n FROM moved_too ORDER BY odd").fetchall() == [(0, 1), (1, 2)]
        reader.execute("COMMIT")
        assert reader.execute("SELECT n FROM moved").fetchall() == [(23,)]


def test_views_read_together_are_of_one_log_prefix(kappa):
    """count(*) of a view grouped by key, and of an ungrouped one, must agree in every single statement."""
    kappa.sql("CREATE TABLE ticks (a integer) WITH (topic = 'ticks', partitions = 2)")
    kappa.sql("CREATE MATERIALIZED VIEW tick_all AS SELECT count(*) AS n FROM ticks")
    kappa.sql("CREATE MATERIALIZED VIEW tick_some AS SELECT a, count(*) AS n FROM ticks GROUP BY a")
    stop = threading.Event()

    def feed():
        with kappa.connect() as connection:
            i = 0
            while not stop.is_set():
                connection.execute("INSERT INTO ticks VALUES (%d), (%d)" % (i % 5, i % 3))
                i += 1

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        seen = set()
        with kappa.connect() as reader:
            until = time.time() + 2
            while time.time() < until:
                whole, parts = reader.execute("SELECT (SELECT n FROM tick_all), (SELECT coalesce(sum(n), 0) FROM tick_some)").fetchone()
                assert whole == parts
                seen.add(whole)
        assert len(seen) > 5
    finally:
        stop.set()
        feeder.join()


def test_inserts_of_a_transaction_come_with_commit_or_not_at_all(kappa):
    kappa.sql("CREATE TABLE held (a integer) WITH (topic = 'held')")
    with kappa.connect() as connection:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO held VALUES (1), (2)")
        assert kappa.sql("SELECT count(*) FROM held") == [(0,)]
        connection.execute("ROLLBACK")
        connection.execute("BEGIN")
        connection.execute("INSERT INTO held VALUES (3)")
        connection.execute("SAVEPOINT s")
        connection.execute("INSERT INTO held VALUES (4)")
        connection.execute("ROLLBACK TO SAVEPOINT s")
        connection.execute("COMMIT")
    assert kappa.sql("SELECT a FROM held") == [(3,)]


def test_a_failed_transaction_takes_only_rollback(kappa):
    with kappa.connect() as connection:
        connection.execute("BEGIN")
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT * FROM missing")
        assert connection.info.transaction_status == pq.TransactionStatus.INERROR
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            connection.execute("SELECT 1")
        connection.execute("ROLLBACK")
        assert connection.info.transaction_status == pq.TransactionStatus.IDLE


# ---- EXPLAIN, pgbench ----

def explain(kappa, query):
    return "\n".join(row[0] for row in kappa.sql("EXPLAIN " + query))


def test_explain_tells_lookups_ranges_and_scans_apart(kappa):
    assert "Key Lookup on sums" in explain(kappa, "SELECT * FROM sums WHERE k = 7")
    assert "Range Scan on sums" in explain(kappa, "SELECT * FROM sums WHERE k > 7 AND k <= 20")
    assert "Seq Scan on sums" in explain(kappa, "SELECT * FROM sums WHERE total > 5")
    assert "Seq Scan on points" in explain(kappa, "SELECT * FROM points WHERE k = 7")
    assert "Hash Join" in explain(kappa, "SELECT * FROM sums a JOIN points p ON a.k = p.k")


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_pgbench_runs(kappa, mode, tmp_path):
    script = tmp_path / "lookup.sql"
    script.write_text("\\set k random(0, 99)\nSELECT k, n, total FROM sums WHERE k = :k;\n")
    done = subprocess.run([BIN + "/pgbench", "-n", "-M", mode, "-c", "2", "-j", "1", "-T", "1", "-f", str(script), "-h", "127.0.0.1",
                           "-p", str(kappa.pg_port), "-U", "kappa", "kappa"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "number of failed transactions: 0 " in done.stdout, done.stdout
    rate = float(re.search(r"^tps = ([\d.]+)", done.stdout, re.M).group(1))
    assert rate > 200, done.stdout


# ---- the product's own relations and verbs, by SQL alone ----

def test_system_relations_tell_what_there_is(kappa):
    assert ("sums", 1, "live", True) in kappa.sql("SELECT view, version, state, is_live FROM kappa.versions WHERE view = 'sums'")
    assert kappa.sql("SELECT topic, record_count FROM kappa.topics WHERE topic = 'points'") == [("points", 1000)]
    assert kappa.sql("SELECT partition, high_watermark FROM kappa.partitions WHERE topic = 'points'") == [(0, 1000)]
    assert kappa.sql("SELECT column_name, type FROM kappa.columns WHERE relation = 'sums' ORDER BY ordinal") == [
        ("k", "integer"), ("n", "bigint"), ("total", "bigint")]
    assert kappa.sql("SELECT table_name, topic, format FROM kappa.tables WHERE table_name = 'points'") == [("points", "points", "json")]
    assert kappa.sql("SELECT live_version, newest_version FROM kappa.views WHERE view = 'sums'") == [(1, 1)]
    assert kappa.sql("SELECT count(*) FROM kappa.replays") == [(0,)]
    assert kappa.sql("SELECT count(*) > 5 FROM kappa.settings WHERE name IN ('workers', 'kafka_port', 'data_dir', 'step_rows', 'pg_port', "
                     "'TimeZone', 'kappa.read_your_writes')") == [(True,)]
    assert dict(kappa.sql("SELECT name, value FROM kappa.counters"))["publications"] > 0
    assert kappa.sql("SELECT table_name FROM information_schema.tables WHERE table_name IN ('points', 'sums') ORDER BY 1") == [("points",), ("sums",)]


def test_logic_is_deployed_compared_promoted_and_rolled_back_by_sql_alone(kappa):
    kappa.sql("CREATE TABLE trips (id integer, line text, late integer) WITH (topic = 'trips', partitions = 2)")
    kappa.sql("CREATE MATERIALIZED VIEW lines AS SELECT line, count(*) AS trips, sum(late) AS late FROM trips GROUP BY line")
    kappa.sql("CREATE MATERIALIZED VIEW worst AS SELECT max(late) AS late FROM lines")
    rng = random.Random(SEED)
    trips = [(i, rng.choice(["red", "blue", "green"]), rng.randrange(-10, 20)) for i in range(500)] + [(501, "on time", 3)]
    kappa.sql("INSERT INTO trips VALUES " + ", ".join("(%d, '%s', %d)" % trip for trip in trips))

    def totals(clip):
        answer = {}
        for _, line, late in trips:
            answer[line] = answer.get(line, 0) + (max(late, 0) if clip else late)
        return answer

    def live():
        return dict(kappa.sql("SELECT line, late FROM lines")), kappa.sql("SELECT late FROM worst")[0][0]

    def expected(clip):
        return totals(clip), max(totals(clip).values())

    assert live() == expected(False)
    corrected = "CREATE MATERIALIZED VIEW lines AS SELECT line, count(*) AS trips, sum(greatest(late, 0)) AS late FROM trips GROUP BY line"
    planned = kappa.sql("SELECT view, version, from_version, action FROM kappa.plan(%s)", [corrected])
    assert sorted(planned) == [("lines", 2, 1, "replace"), ("worst", 2, 1, "dependent")]
    assert kappa.sql("SELECT count(*) FROM kappa.versions WHERE view IN ('lines', 'worst')") == [(2,)]
    deployed = kappa.sql("SELECT view, version FROM kappa.deploy(%s)", [corrected])
    assert sorted(deployed) == [("lines", 2), ("worst", 2)]
    kappa.wait("SELECT view, version, state FROM kappa.versions WHERE view IN ('lines', 'worst') ORDER BY 1, 2",
               [("lines", 1, "live"), ("lines", 2, "standby"), ("worst", 1, "live"), ("worst", 2, "standby")])
    assert live() == expected(False)
    assert dict(kappa.sql('SELECT line, late FROM "lines@2"')) == totals(True)
    assert dict(kappa.sql("SELECT line, late FROM lines@2")) == totals(True)

    changed = {line for line in totals(True) if totals(True)[line] != totals(False)[line]}
    summary = kappa.sql("SELECT equal_rows, only_left_rows, only_right_rows, changed_rows FROM kappa.diff_summary('lines', 1, 2)")
    assert summary == [(len(totals(True)) - len(changed), 0, 0, len(changed))] and len(changed) == 3
    rows = kappa.sql("SELECT kind, key, column_name, left_value, right_value FROM kappa.diff('lines', 1, 2) ORDER BY key")
    assert rows == [("changed", line, "late", str(totals(False)[line]), str(totals(True)[line])) for line in sorted(changed)]
    assert kappa.sql("SELECT changed_rows FROM kappa.diff_columns('lines', 1, 2) WHERE column_name = 'trips'") == [(0,)]

    assert kappa.sql("SELECT view, version FROM kappa.promote('lines', 2)") == [("lines", 2)]
    assert live() == expected(True)  # the dependent came along
    trips.append((502, "red", -5))
    kappa.sql("INSERT INTO trips VALUES (502, 'red', -5)")
    assert live() == expected(True)
    assert dict(kappa.sql('SELECT line, late FROM "lines@1"')) == totals(False)
    assert kappa.sql("SELECT * FROM kappa.rollback('lines')") == [("lines", 1)]
    assert live() == expected(False)
    kappa.sql("SELECT kappa.promote('lines', 2)")
    for view in ("lines", "worst"):
        for version in (1, 2):
            assert kappa.sql("SELECT is_equal FROM kappa.verify('%s', %d)" % (view, version)) == [(True,)]
    kappa.sql("SELECT kappa.drop_version('worst', 1)")
    kappa.sql("SELECT kappa.drop_version('lines', 1)")
    assert kappa.sql("SELECT view, version, state FROM kappa.versions WHERE view IN ('lines', 'worst') ORDER BY 1") == [
        ("lines", 2, "live"), ("worst", 2, "live")]
    with pytest.raises(psycopg.Error):
        kappa.sql("SELECT * FROM kappa.rollback('lines')")


def test_verbs_refuse_what_makes_no_sense(kappa):
    for statement, sqlstate in [("SELECT kappa.promote('nothing', 1)", "42P01"), ("SELECT kappa.promote('sums', 99)", "42704"),
                                ("SELECT kappa.rollback('sums')", "22023"), ("SELECT * FROM kappa.deploy('SELECT 1')", "0A000"),
                                ("SELECT * FROM kappa.deploy('CREATE MATERIALIZED VIEW x AS SELEC')", "42601"),
                                ("DROP TABLE points", "2BP01"), ("CREATE TABLE points (a integer) WITH (topic = 'x')", "42P07"),
                                ("CREATE MATERIALIZED VIEW sums AS SELECT 1 AS a FROM points", "42P07"),
                                ("INSERT INTO sums VALUES (1, 2, 3)", None), ("SELECT * FROM kappa.nothing", "42P01")]:
        with pytest.raises(psycopg.Error) as error:
            kappa.sql(statement)
        assert sqlstate is None or error.value.sqlstate == sqlstate, (statement, error.value.sqlstate, str(error.value))


def test_the_same_answers_come_over_http(kappa):
    status, answer = kappa.http("GET", "/views/sums?k=7")
    assert status == 200 and json.dumps(answer)
    status, answer = kappa.http("GET", "/views/nothing")
    assert status == 404
