"""The command line against a running appliance: what it prints, and what it exits with."""
import csv
import io
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from appliance import PROGRAM, Appliance  # noqa: E402

VERBS = ["serve", "sql", "topic", "produce", "consume", "connect", "plan", "deploy", "user", "status", "replay", "diff", "promote", "rollback", "drop",
         "verify", "pause", "resume", "version"]


@pytest.fixture(scope="module")
def kappa():
    with Appliance() as appliance:
        yield appliance


@pytest.fixture(scope="module")
def orders(kappa):
    """A table of 300 orders and a view on it, live."""
    kappa.sql("CREATE TABLE orders (id int NOT NULL, customer text, amount numeric) WITH (topic = 'orders')")
    kappa.produce("orders", [{"id": n, "customer": "c%d" % (n % 7), "amount": n % 50 - 10} for n in range(300)])
    kappa.sql(ORIGINAL)
    kappa.sql("CREATE MATERIALIZED VIEW big AS SELECT customer FROM spent WHERE total > 600")
    kappa.wait("SELECT sum(orders) FROM spent", [(300,)])
    return kappa


def deploy_file(tmp_path, text, name="views.sql"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return str(path)


ORIGINAL = "CREATE MATERIALIZED VIEW spent AS SELECT customer, count(*) AS orders, sum(amount) AS total FROM orders GROUP BY customer"
CHANGED = """CREATE MATERIALIZED VIEW spent AS
SELECT customer, count(*) AS orders, sum(greatest(amount, 0)) AS total FROM orders GROUP BY customer;
"""


# ---- help and errors ----

def test_help_names_every_verb_and_every_verb_has_help(kappa):
    code, out, _ = kappa.cli("--help")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines() if re.match(r"  [a-z]", line)] == VERBS
    for verb in VERBS:
        code, out, errors = kappa.cli(verb, "--help")
        assert (code, errors) == (0, "") and out.startswith("usage: kappa %s" % verb), verb
    assert kappa.cli("version")[1].startswith("kappa ")


def test_version_lists_the_kafka_apis_that_the_broker_advertises(kappa):
    code, out, errors = kappa.cli("version", "--api", "-o", "json")
    assert (code, errors) == (0, "")
    listed = {row["key"]: (row["version_min"], row["version_max"]) for row in json.loads(out)}
    with socket.create_connection(("127.0.0.1", kappa.kafka_port)) as broker:
        broker.sendall(struct.pack(">ihhih", 10, 18, 0, 1, -1))
        size, = struct.unpack(">i", broker.recv(4, socket.MSG_WAITALL))
        answer = broker.recv(size, socket.MSG_WAITALL)
    assert listed == {key: (first, last) for key, first, last in struct.iter_unpack(">hhh", answer[10:])}
    header, *rows = kappa.cli("version", "--api", "-o", "csv")[1].splitlines()
    assert header == "key,api,version_min,version_max" and "0,Produce,0,9" in rows and len(rows) == len(listed)
    assert "| Metadata " in kappa.cli("version", "--api")[1]
    assert "kappa " + json.loads(kappa.cli("version", "-o", "json")[1])[0]["version"] == kappa.cli("version")[1].strip()


def test_wrong_usage_is_2(kappa):
    for arguments in ([], ["nonsense"], ["status", "--nope"], ["status", "extra"], ["sql", "-c"], ["diff"], ["diff", "v", "1"],
                      ["consume"], ["produce"], ["topic", "list", "x"], ["topic", "dance", "x"], ["status", "-o", "xml"],
                      ["promote", "v", "one"], ["promote", "v", "--if", "luck > 3"], ["deploy"], ["sql", "-f", "/no/such/file"],
                      ["status", "--http", "nowhere"]):
        code, out, errors = kappa.cli(*arguments)
        assert code == 2 and out == "" and errors, arguments


def test_no_server_is_3():
    done = subprocess.run([PROGRAM, "status", "--http", "127.0.0.1:1"], capture_output=True, text=True)
    assert done.returncode == 3 and "127.0.0.1:1" in done.stderr and "kappa serve" in done.stderr


def test_a_refusal_is_4_with_the_hint(kappa):
    code, _, errors = kappa.cli("topic", "describe", "no_such_topic")
    assert code == 4 and "no_such_topic" in errors and "HINT:  " in errors


# ---- sql ----

@pytest.mark.parametrize("query", [
    "SELECT 1 AS a, 'x' AS b",
    "SELECT customer, orders, total FROM spent ORDER BY customer",
    "SELECT * FROM (VALUES (1, 'é日本', NULL), (22, E'two\\nlines', true), (333, E'tab\\there', false)) AS t(n, text, flag)",
    "SELECT E'a\\nb\\nc' AS x, 1.50 AS y, 'q' AS \"long header name\", 'NaN'::float8 AS z",
    "SELECT 1 AS n, E'a\\nb' AS t, 'NaN'::float8 AS z",
    "SELECT view, version, query FROM kappa.versions ORDER BY 1, 2",
    "SELECT customer FROM spent WHERE false",
    "SELECT customer, nothing FROM spent",
    "SELECT\n  nothing",
])
def test_sql_prints_what_psql_prints(orders, query):
    code, out, errors = orders.cli("sql", "-c", query)
    psql = subprocess.run(["psql", "-X", "-h", "127.0.0.1", "-p", str(orders.pg_port), "-U", "kappa", "-c", query, "kappa"],
                          capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert (out, errors) == (psql.stdout, psql.stderr)
    assert code == (0 if psql.returncode == 0 else 4)


def test_a_script_runs_until_its_error(kappa, tmp_path):
    script = "SELECT 1 AS one;\nSELECT\n  bad;\nSELECT 3;\n"
    expected = " one \n-----\n   1\n(1 row)\n\n"
    path = tmp_path / "script.sql"
    path.write_text(script)
    for code, out, errors in (kappa.cli("sql", stdin=script), kappa.cli("sql", "-f", str(path)), kappa.cli("sql", "-c", script)):
        assert (code, out) == (4, expected)
        assert errors.startswith('ERROR:  column "bad" does not exist\nLINE 3:   bad;\n          ^\n')


def test_rows_come_as_json_and_csv(kappa):
    query = "SELECT 1 AS n, 2.50 AS d, 'a,\"b' AS t, NULL AS z, true AS b, 'NaN'::float8 AS f"
    code, out, _ = kappa.cli("sql", "-o", "json", "-c", query)
    assert code == 0 and json.loads(out) == [{"n": 1, "d": 2.5, "t": 'a,"b', "z": None, "b": True, "f": "NaN"}]
    code, out, _ = kappa.cli("sql", "-o", "csv", "-c", query)
    assert list(csv.reader(io.StringIO(out))) == [["n", "d", "t", "z", "b", "f"], ["1", "2.50", 'a,"b', "", "t", "NaN"]]


# ---- topics, produce, consume ----

def test_topics_are_created_listed_described_deleted(kappa):
    assert kappa.cli("topic", "create", "mine", "--partitions", "3") == (0, "created topic mine with 3 partitions\n", "")
    assert kappa.cli("topic", "create", "mine")[0] == 4
    topics = {t["topic"]: t for t in json.loads(kappa.cli("topic", "list", "-o", "json")[1])}
    assert topics["mine"]["partitions"] == 3 and not any(name.startswith("__") for name in topics)
    assert "__kappa_catalog" in kappa.cli("topic", "list", "--internal")[1]
    assert "(3 rows)" in kappa.cli("topic", "describe", "mine")[1]
    assert kappa.cli("topic", "delete", "mine")[0] == 0
    assert kappa.cli("topic", "describe", "mine")[0] == 4


def test_produced_lines_are_consumed_byte_for_byte(kappa):
    kappa.cli("topic", "create", "lines")
    lines = ["line %d é \"quoted\" \\ %s" % (n, "x" * (n % 300)) for n in range(30000)]
    text = "\n".join(lines)  # no newline at the end
    assert kappa.cli("produce", "--topic", "lines", stdin=text) == (0, "produced 30000 records to lines (offsets 0–29999)\n", "")
    code, out, errors = kappa.cli("consume", "--topic", "lines", "--from-beginning", "--timeout-ms", "200")
    assert (code, errors) == (0, "Processed a total of 30000 messages\n")
    assert out.splitlines() == lines
    assert kappa.cli("consume", "--topic", "lines", "--offset", "29998", "--max-messages", "5", "--timeout-ms", "200")[1].splitlines() == lines[-2:]
    assert kappa.cli("consume", "--topic", "lines", "--timeout-ms", "200")[1] == ""


def test_slow_input_is_sent_as_it_comes(kappa):
    kappa.cli("topic", "create", "slow")
    process = subprocess.Popen([PROGRAM, "produce", "--topic", "slow"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "KAPPA_HTTP": "127.0.0.1:%d" % kappa.http_port})
    for n in range(3):
        process.stdin.write("line %d\n" % n)
        process.stdin.flush()
        code, out, _ = kappa.cli("consume", "--topic", "slow", "--offset", str(n), "--max-messages", "1", "--timeout-ms", "5000")
        assert (code, out) == (0, "line %d\n" % n)
    out, _ = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "produced 3 records to slow (offsets 0–2)\n")


def test_keys_choose_the_partition_and_bad_lines_are_named(kappa):
    kappa.cli("topic", "create", "keyed", "--partitions", "4")
    text = "".join("k%d:value \"%d\"\n" % (n % 5, n) for n in range(100))
    code, out, _ = kappa.cli("produce", "--topic", "keyed", "--key-separator", ":", stdin=text)
    assert code == 0 and out.startswith("produced 100 records to keyed")
    records = [json.loads(line) for line in
               kappa.cli("consume", "--topic", "keyed", "--from-beginning", "--timeout-ms", "200", "-o", "json")[1].splitlines()]
    assert len(records) == 100
    assert len({(r["key"], r["partition"]) for r in records}) == 5
    for key in range(5):
        assert [r["value"] for r in records if r["key"] == "k%d" % key] == ["value \"%d\"" % n for n in range(key, 100, 5)]
    code, out, errors = kappa.cli("produce", "--topic", "keyed", "--key-separator", ":", stdin="a:1\n\nno separator\nb:2\n")
    assert code == 2 and "line 3" in errors and out.startswith("produced 1 record ")


def test_a_consumer_takes_every_partition_and_every_byte(kappa):
    kappa.cli("topic", "create", "wide", "--partitions", "5")
    sent = {}
    for partition in range(5):
        lines = ["p%d line %d %s" % (partition, n, "x" * (n % 700)) for n in range(4000 * partition)]
        for begin in range(0, len(lines), 3000):
            kappa.produce("wide", lines[begin:begin + 3000], partition)
        sent[partition] = lines
    got = {}
    for line in kappa.cli("consume", "--topic", "wide", "--from-beginning", "--timeout-ms", "300", "-o", "json")[1].splitlines():
        record = json.loads(line)
        assert record["offset"] == len(got.setdefault(record["partition"], []))
        got[record["partition"]].append(record["value"])
    assert got == {partition: lines for partition, lines in sent.items() if lines}
    assert kappa.cli("consume", "--topic", "wide", "--partition", "3", "--offset", "11990", "--timeout-ms", "100")[1].splitlines() == sent[3][11990:]
    code, _, errors = kappa.cli("consume", "--topic", "wide", "--from-beginning", "--max-messages", "7")
    assert code == 0 and "total of 7 messages" in errors
    # What is no UTF-8 comes as it is, and in JSON as base64.
    kappa.http("POST", "/topics/wide?partition=0", b"\xff\x00z\n")
    done = subprocess.run([PROGRAM, "consume", "--topic", "wide", "--partition", "0", "--offset", "earliest", "--max-messages", "1"],
                          capture_output=True, env={**os.environ, "KAPPA_HTTP": "127.0.0.1:%d" % kappa.http_port})
    assert done.stdout == b"\xff\x00z\n"
    out = kappa.cli("consume", "--topic", "wide", "--partition", "0", "--offset", "earliest", "--max-messages", "1", "-o", "json")[1]
    assert json.loads(out)["value_base64"] == "/wB6"


def test_properties_are_those_of_kafkas_console_consumer(kappa):
    kappa.cli("topic", "create", "described")
    kappa.http("POST", "/topics/described", {"records": [{"key": "k", "value": "v", "timestamp_ms": 1234}, {"key": None, "value": "w", "timestamp_ms": 5}]})

    def consume(*properties):
        return kappa.cli("consume", "--topic", "described", "--from-beginning", "--timeout-ms", "100",
                         *[word for text in properties for word in ("--property", text)])

    assert consume("print.key=true", "key.separator= -> ", "null.literal=NONE")[1] == "k -> v\nNONE -> w\n"
    assert consume("print.timestamp=true", "print.partition=true", "print.offset=true", "print.headers=true")[1] == (
        "CreateTime:1234\tPartition:0\tOffset:0\tNO_HEADERS\tv\nCreateTime:5\tPartition:0\tOffset:1\tNO_HEADERS\tw\n")
    assert consume("print.value=false", "print.key=true", "line.separator=;")[1] == "k;null;"
    for bad in ("print.colour=true", "print.key=maybe"):
        code, _, errors = consume(bad)
        assert code == 2 and "propert" in errors
    for bad in (["--isolation-level", "read_all"], ["--offset", "first"], ["--from-beginning", "--offset", "3"]):
        assert kappa.cli("consume", "--topic", "described", *bad)[0] in (2, 4)


def test_an_interrupted_consumer_says_how_many(kappa):
    kappa.cli("topic", "create", "watched", "--partitions", "2")
    process = subprocess.Popen([PROGRAM, "consume", "--topic", "watched", "--from-beginning"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={**os.environ, "KAPPA_HTTP": "127.0.0.1:%d" % kappa.http_port})
    for line in ("a\n", "b\n"):
        kappa.cli("produce", "--topic", "watched", "--partition", "1", stdin=line)
        assert process.stdout.readline() == line
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "Processed a total of 2 messages\n")


def test_a_reader_that_has_seen_enough_ends_the_consumer_quietly(kappa):
    kappa.cli("topic", "create", "many")
    kappa.cli("produce", "--topic", "many", stdin="x" * 1000 + "\n" + "y\n" * 50000)
    done = subprocess.run("%s consume --topic many --from-beginning | head -n 2 | tail -n 1" % PROGRAM, shell=True, capture_output=True,
                          text=True, timeout=30, env={**os.environ, "KAPPA_HTTP": "127.0.0.1:%d" % kappa.http_port})
    assert (done.stdout, done.stderr) == ("y\n", "")


def test_an_unknown_topic_is_told_before_any_input(kappa):
    process = subprocess.Popen([PROGRAM, "produce", "--topic", "nowhere"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={**os.environ, "KAPPA_HTTP": "127.0.0.1:%d" % kappa.http_port})
    assert process.wait(20) == 4  # its standard input is still open
    assert "nowhere" in process.stderr.read()
    process.stdin.close()


# ---- versions ----

def test_the_life_of_a_version(orders, tmp_path):
    path = deploy_file(tmp_path, CHANGED)
    before = orders.sql("SELECT * FROM spent ORDER BY 1")

    code, out, _ = orders.cli("plan", path, "-o", "json")
    assert code == 0
    assert [(i["view"], i["version"], i["action"]) for i in json.loads(out)] == [("spent", 2, "replace"), ("big", 2, "dependent")]
    assert len(json.loads(orders.cli("status", "-o", "json")[1])) == 2  # nothing was built

    code, out, errors = orders.cli("deploy", path)
    assert (code, errors) == (0, "")
    final = [line for line in out.splitlines() if "caught up" in line]
    assert len(final) == 2 and re.match(r"spent@2  caught up  █{10}  100\.0%  300/300 records  in .* s   \(spent@1 stays live\)$", final[0])
    assert "kappa promote spent 2" in out
    assert orders.sql("SELECT * FROM spent ORDER BY 1") == before

    live = ORIGINAL.replace("SELECT", "\n\n  SELECT -- the same\n") + ";"
    assert "nothing to deploy" in orders.cli("deploy", deploy_file(tmp_path, live))[1]
    assert orders.sql("SELECT count(*) FROM kappa.versions") == [(4,)]

    code, out, _ = orders.cli("diff", "spent")
    assert code == 1 and "spent@1 → spent@2, both at offsets orders-0:300" in out and "7 changed" in out and " → " in out.splitlines()[-3]
    code, out, _ = orders.cli("diff", "spent", "1", "2", "-o", "json", "--samples", "3")
    diff = json.loads(out)
    assert code == 1 and diff["changed"] == 7 and len(diff["samples"]) == 3
    assert orders.cli("diff", "spent", "1", "2", "--tolerance", "100000")[0] == 0
    assert orders.cli("diff", "spent", "2", "2")[0] == 0

    code, _, errors = orders.cli("promote", "spent", "2", "--if", "only_left = 0", "--if", "changed_rows < 7")
    assert code == 1 and "changed_rows is 7" in errors
    assert orders.sql("SELECT * FROM spent ORDER BY 1") == before

    code, out, _ = orders.cli("promote", "spent", "--if", "changed_rows <= 7", "--if", "match_score >= 0")
    assert (code, out) == (0, "spent@2 is live, and with it big@2\n")
    after = orders.sql("SELECT * FROM spent ORDER BY 1")
    assert after != before
    assert orders.cli("rollback", "spent")[1] == "spent@1 is live again, and with it big@1\n"
    assert orders.sql("SELECT * FROM spent ORDER BY 1") == before

    code, out, _ = orders.cli("verify", "spent@2")
    assert code == 0 and out.startswith("spent@2 verified: a replay of 300 records") and "digest " in out
    states = {row["view"]: row for row in json.loads(orders.cli("status", "-o", "json")[1])}
    assert states["spent@1"]["state"] == "live" and states["spent@2"]["state"] == "standby" and states["spent@2"]["rows"] == 7
    assert orders.cli("status")[1].splitlines()[0].endswith("2 views, 4 versions, all up to date")
    assert orders.cli("replay")[1] == "no replay is running\n"
    assert orders.cli("pause", "spent@1")[0] == 4

    assert orders.cli("drop", "spent@1")[0] == 4  # it is live
    assert orders.cli("drop", "big@2") == (0, "dropped big@2\n", "")
    assert orders.cli("drop", "spent@2")[0] == 0
    assert orders.cli("drop", "spent")[0] == 4  # big reads it
    assert orders.cli("drop", "spent", "--cascade")[0] == 0
    assert json.loads(orders.cli("status", "-o", "json")[1]) == []


def test_an_error_in_one_of_several_files_is_shown_there(orders, tmp_path):
    good = deploy_file(tmp_path, "CREATE MATERIALIZED VIEW fine AS SELECT count(*) AS n FROM orders -- no semicolon", "good.sql")
    bad = deploy_file(tmp_path, "-- é\nCREATE MATERIALIZED VIEW wrong AS\n  SELECT nope FROM orders;\n", "bad.sql")
    code, out, errors = orders.cli("deploy", good, bad)
    assert (code, out) == (4, "")
    assert errors.startswith("%s: ERROR:  column \"nope\" does not exist\nLINE 3:   SELECT nope FROM orders;\n                 ^\n" % bad)
    assert orders.sql("SELECT 1 FROM kappa.versions WHERE view = 'fine'") == []
