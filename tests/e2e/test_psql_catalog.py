"""PostgreSQL's catalogs, as psql 15 and other tools ask them: the commands' own output, and the forms of SQL their queries are made of."""
import os
import re
import subprocess
import sys

import psycopg
import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from appliance import Appliance  # noqa: E402


@pytest.fixture(scope="module")
def kappa():
    with Appliance() as appliance:
        appliance.sql("CREATE TABLE points (k integer NOT NULL, v bigint, t timestamp, n numeric(10,2), note varchar(20)) WITH (topic = 'points')")
        appliance.sql("CREATE MATERIALIZED VIEW sums AS SELECT k, count(*) AS n, sum(v) AS total FROM points GROUP BY k")
        appliance.sql("CREATE MATERIALIZED VIEW notes AS SELECT note, n, count(*) AS many FROM points GROUP BY note, n")
        appliance.sql("INSERT INTO points VALUES (1, 10, NULL, 1.5, 'a'), (1, 20, NULL, 1.5, 'b'), (2, 30, NULL, 2.5, 'a')")
        yield appliance


def psql(kappa, command):
    done = subprocess.run(["psql", "-X", "-h", "127.0.0.1", "-p", str(kappa.pg_port), "-U", "someone", "-d", "kappa", "-c", command],
                          capture_output=True, text=True, timeout=60)
    assert "ERROR" not in done.stderr, done.stderr
    return "\n".join(line.rstrip() for line in done.stdout.split("\n")).strip("\n") or done.stderr.strip()


def test_d_lists_tables_and_views(kappa):
    assert psql(kappa, r"\d") == """\
              List of relations
 Schema |  Name  |       Type        | Owner
--------+--------+-------------------+-------
 public | notes  | materialized view | kappa
 public | points | table             | kappa
 public | sums   | materialized view | kappa
(3 rows)"""


def test_dt_lists_tables_and_dm_views(kappa):
    assert " public | points | table | kappa\n(1 row)" in psql(kappa, r"\dt")
    assert "sums" in psql(kappa, r"\dm") and "points" not in psql(kappa, r"\dm")
    assert " public | sums " in psql(kappa, r"\dm s*") and "notes" not in psql(kappa, r"\dm s*")


def test_dv_lists_the_systems_relations_where_asked(kappa):
    assert "Did not find any relations" in psql(kappa, r"\dv")
    assert " kappa  | versions    | view | kappa" in psql(kappa, r"\dv kappa.*")


def test_d_of_a_table_shows_its_columns(kappa):
    assert psql(kappa, r"\d points") == """\
                         Table "public.points"
 Column |            Type             | Collation | Nullable | Default
--------+-----------------------------+-----------+----------+---------
 k      | integer                     |           | not null |
 v      | bigint                      |           |          |
 t      | timestamp without time zone |           |          |
 n      | numeric(10,2)               |           |          |
 note   | character varying(20)       |           |          |"""


def test_d_of_a_view_shows_its_key(kappa):
    assert psql(kappa, r"\d sums").endswith('''
Indexes:
    "sums_pkey" PRIMARY KEY, btree (k)''')
    assert '"notes_key" UNIQUE, btree (note, n) NULLS NOT DISTINCT' in psql(kappa, r"\d notes")


def test_d_plus_shows_the_views_query(kappa):
    shown = psql(kappa, r"\d+ sums")
    assert "View definition:\nSELECT k, count(*) AS n, sum(v) AS total FROM points GROUP BY k" in shown, shown
    assert "Access method: heap" in psql(kappa, r"\d+ points")
    assert "permanent" in psql(kappa, r"\dt+") and "permanent" in psql(kappa, r"\dm+")


def test_d_of_what_is_not_there_says_so(kappa):
    assert 'Did not find any relation named "nothing"' in psql(kappa, r"\d nothing")


def test_d_of_system_relations_works(kappa):
    shown = psql(kappa, r"\d kappa.versions")
    assert 'View "kappa.versions"' in shown and re.search(r"\n is_live +\| boolean ", shown), shown
    assert re.search(r"\n relname +\| text ", psql(kappa, r"\d pg_class"))


def test_l_dn_du_and_the_rest_answer(kappa):
    assert " kappa | kappa | UTF8     | C " in psql(kappa, r"\l")
    assert " kappa  | kappa\n public | kappa\n(2 rows)" in psql(kappa, r"\dn")
    assert " someone   | Superuser" in psql(kappa, r"\du")
    assert " public | sums_pkey | index | kappa | sums" in psql(kappa, r"\di")
    for command, shown in [(r"\df", "(0 rows)"), (r"\dT", "(0 rows)"), (r"\dx", "(0 rows)"), (r"\dRp", "(0 rows)"), (r"\dy", "(0 rows)"),
                           (r"\ds", "Did not find any relations"), (r"\db", "(0 rows)"), (r"\dn+", "(2 rows)")]:
        assert shown in psql(kappa, command), command


# ---- what those queries are made of ----

def test_names_and_ids_are_cast_both_ways(kappa):
    oid = kappa.sql("SELECT oid FROM pg_class WHERE relname = 'points'")[0][0]
    assert kappa.sql("SELECT 'points'::regclass, 'public.points'::regclass, '\"points\"'::regclass::oid") == [(oid, oid, oid)]
    assert kappa.sql("SELECT %s::regclass" % oid) == [("points",)]
    assert kappa.sql("SELECT oid::regclass FROM pg_class WHERE relname = 'versions'") == [("kappa.versions",)]
    assert kappa.sql("SELECT count(*) FROM pg_attribute WHERE attrelid = 'sums'::regclass AND attnum > 0") == [(3,)]
    assert kappa.sql("SELECT 1043::regtype, 'int4'::regtype, 2200::regnamespace, 10::regrole") == [("character varying", 23, "public", "kappa")]
    with pytest.raises(psycopg.errors.UndefinedTable):
        kappa.sql("SELECT 'nothing'::regclass")


def test_ids_stay_the_same_over_a_restart():
    with Appliance() as appliance:
        appliance.sql("CREATE TABLE a (x integer) WITH (topic = 'a')")
        before = appliance.sql("SELECT 'a'::regclass")
        appliance.kill()
        appliance.start()
        assert appliance.sql("SELECT 'a'::regclass") == before


def test_correlated_scalar_subqueries_look_rows_up(kappa):
    assert kappa.sql("SELECT p.k, p.v, (SELECT s.total FROM sums s WHERE s.k = p.k) FROM points p ORDER BY 2") == [
        (1, 10, 30), (1, 20, 30), (2, 30, 30)]
    assert kappa.sql("SELECT k + 1, (SELECT s.n + 10 FROM sums s WHERE s.k = t.k + 1) FROM sums t ORDER BY 1") == [(2, 11), (3, None)]
    assert kappa.sql("SELECT k FROM sums t WHERE (SELECT s.n = 2 FROM sums s WHERE s.k = t.k) OR k = 7") == [(1,)]
    assert kappa.sql("SELECT k, (SELECT n FROM sums s WHERE s.k = p.k) AS n, count(*) FROM points p GROUP BY k ORDER BY k") == [(1, 2, 2), (2, 1, 1)]
    with pytest.raises(psycopg.errors.FeatureNotSupported) as error:
        kappa.sql("SELECT (SELECT v FROM points p WHERE p.k = s.k) FROM sums s")
    assert "may give several rows" in str(error.value)


def test_a_view_may_look_up_by_a_correlated_subquery(kappa):
    kappa.sql("CREATE MATERIALIZED VIEW looked AS SELECT p.k, p.v, (SELECT s.n FROM sums s WHERE s.k = p.k) AS n FROM points p")
    kappa.sql("INSERT INTO points (k, v) VALUES (9, 90), (9, 91)")
    assert kappa.sql("SELECT v, n FROM looked WHERE k = 9 ORDER BY v") == [(90, 2), (91, 2)]
    assert kappa.sql("SELECT is_equal FROM kappa.verify('looked')") == [(True,)]
    kappa.sql("DROP MATERIALIZED VIEW looked")


def test_row_number_counts_rows_of_a_partition(kappa):
    kappa.sql("CREATE TABLE scored (name text, score integer) WITH (topic = 'scored')")
    kappa.sql("INSERT INTO scored VALUES ('a', 3), ('a', 1), ('b', 2), ('a', 1), ('b', NULL)")
    assert kappa.sql("SELECT name, score, row_number() OVER (PARTITION BY name ORDER BY score DESC NULLS LAST) AS place FROM scored ORDER BY 1, 3") == [
        ("a", 3, 1), ("a", 1, 2), ("a", 1, 3), ("b", 2, 1), ("b", None, 2)]
    assert kappa.sql("SELECT * FROM (SELECT score, row_number() OVER (ORDER BY score) AS n FROM scored) x WHERE score = 2") == [(2, 3)]
    assert kappa.sql("SELECT name, count(*), row_number() OVER (ORDER BY count(*) DESC) FROM scored GROUP BY name ORDER BY 1") == [("a", 3, 1), ("b", 2, 2)]
    assert kappa.sql("SELECT max(n) FROM (SELECT row_number() OVER () AS n FROM generate_series(1, 20000) s) x") == [(20000,)]
    with pytest.raises(psycopg.errors.WindowingError):
        kappa.sql("SELECT name FROM scored WHERE row_number() OVER () = 1")
    for refused in ["CREATE MATERIALIZED VIEW numbered AS SELECT name, row_number() OVER (ORDER BY score) AS n FROM scored",
                    "SELECT rank() OVER (ORDER BY score) FROM scored", "SELECT row_number() OVER (ROWS 1 PRECEDING) FROM scored"]:
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            kappa.sql(refused)


def test_literal_arrays_are_lists(kappa):
    assert kappa.sql("SELECT k FROM sums WHERE k = ANY ('{1,7}'::int[])") == [(1,)]
    assert kappa.sql("SELECT note FROM notes WHERE note <> ALL ('{b,\"c d\"}') ORDER BY note, n") == [("a",), ("a",)]
    assert kappa.sql("SELECT 1 WHERE 1 = ANY ('{}'::int[])") == []


def test_vectors_are_expanded_and_subscripted(kappa):
    assert kappa.sql("SELECT (information_schema._pg_expandarray(i.indkey)).x, (information_schema._pg_expandarray(i.indkey)).n, i.indkey[0], "
                     "i.indkey[5] FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relname = 'notes_key' ORDER BY 2") == [
        (1, 1, 1, None), (2, 2, 1, None)]
    assert kappa.sql("SELECT (current_schemas(false))[1], array_upper(current_schemas(true), 1)") == [("public", 3)]


def test_what_never_has_rows_may_be_asked_anything(kappa):
    assert kappa.sql("SELECT ARRAY(SELECT 1), stxkind, 'd' = ANY (stxkind), unheard_of(oid) FROM pg_statistic_ext ORDER BY whatever(oid)") == []
    with pytest.raises(psycopg.errors.UndefinedFunction):
        kappa.sql("SELECT unheard_of(oid) FROM pg_class")
    with pytest.raises(psycopg.errors.UndefinedColumn):
        kappa.sql("SELECT unheard_of FROM pg_statistic_ext")


def test_information_schema_tells_of_columns(kappa):
    assert kappa.sql("SELECT column_name, data_type, is_nullable, character_maximum_length, numeric_precision, numeric_scale FROM "
                     "information_schema.columns WHERE table_name = 'points' ORDER BY ordinal_position") == [
        ("k", "integer", "NO", None, 32, 0), ("v", "bigint", "YES", None, 64, 0), ("t", "timestamp without time zone", "YES", None, None, None),
        ("n", "numeric", "YES", None, 10, 2), ("note", "character varying", "YES", 20, None, None)]
