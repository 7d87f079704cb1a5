"""SQL scripts whose every answer must be PostgreSQL's own, under several configurations of the appliance.

A case is a file of statements in tests/sql/cases. Statements run in order on both sides; the results of each SELECT (column names,
types, text of every value) must be equal – as they come when it has an ORDER BY, else sorted – and so must the SQLSTATE of each error.
On PostgreSQL a materialized view is a plain view, so that it is always the query over all rows so far. Directives:

    -- postgres: STATEMENT     what PostgreSQL runs instead of the next statement (one line; empty: nothing)
    -- line TOPIC: TEXT        a raw record for the appliance, as a producer would send it; a `-- postgres:` line before it says the row
    -- rows TABLE COUNT SEED: column=kind(…), …    inserts COUNT seeded rows; kinds: int(lo,hi) num(lo,hi,scale) float(lo,hi) text(n)
                               pick(a|b|c) time(days) bool(); a leading ? makes a tenth of the values null
"""
import glob
import os
import random
import re
import sys

import psycopg
import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))
from appliance import Appliance  # noqa: E402
from postgres import Postgres  # noqa: E402

CONFIGURATIONS = {
    "default": dict(options=[]),
    "one-row-steps": dict(options=["--workers", "1", "--step-rows", "1"]),
    "kill-after-each-change": dict(options=["--workers", "2", "--step-rows", "7"], kill=True),
    "rebuilt-from-the-log": dict(options=["--workers", "2"], rebuild=True),
}


@pytest.fixture(scope="session")
def oracle():
    with Postgres() as server:
        yield server


def value(kind, arguments, rng):
    if kind == "int":
        return str(rng.randint(int(arguments[0]), int(arguments[1])))
    if kind == "num":
        scale = int(arguments[2])
        return "%.*f" % (scale, rng.uniform(float(arguments[0]), float(arguments[1])))
    if kind == "float":
        return repr(rng.uniform(float(arguments[0]), float(arguments[1])))
    if kind == "text":
        return "'" + "".join(rng.choice("abcdeé '%_\\") for _ in range(rng.randint(0, int(arguments[0])))).replace("'", "''") + "'"
    if kind == "pick":
        return rng.choice(arguments[0].split("|"))
    if kind == "time":
        micros = rng.randint(0, int(float(arguments[0]) * 86400 * 1000)) * 1000
        seconds, micros = divmod(micros, 1000000)
        days, seconds = divmod(seconds, 86400)
        return "timestamp '2026-01-01' + interval '%d days %d seconds %d microseconds'" % (days, seconds, micros)
    if kind == "bool":
        return rng.choice(["true", "false"])
    raise ValueError(kind)


def insert_rows(table, count, seed, columns):
    rng = random.Random(seed)
    specs = []
    for name, nullable, kind, arguments in re.findall(r"(\w+)=(\??)(\w+)\(([^)]*)\)", columns):
        specs.append((name, bool(nullable), kind, arguments.split(",")))
    rows = []
    for _ in range(count):
        rows.append("(" + ", ".join("NULL" if nullable and rng.random() < 0.1 else value(kind, arguments, rng)
                                    for _, nullable, kind, arguments in specs) + ")")
    names = ", ".join(spec[0] for spec in specs)
    return ["INSERT INTO %s (%s) VALUES %s" % (table, names, ", ".join(rows[i:i + 50])) for i in range(0, count, 50)]


def statements(path):
    """Yields (for kappa, for postgres or None). A raw record is a pair of topic and text."""
    replacement, text = None, ""
    with open(path, encoding="utf-8") as file:
        for line in file:
            rows = re.match(r"-- rows (\w+) (\d+) (\d+): (.*)", line)
            if rows:
                for insert in insert_rows(rows.group(1), int(rows.group(2)), int(rows.group(3)), rows.group(4)):
                    yield insert, insert
                continue
            record = re.match(r"-- line (\w+): (.*)", line)
            if record:
                yield record.groups(), replacement
                replacement = None
                continue
            if line.startswith("-- postgres:"):
                replacement = line[len("-- postgres:"):].strip().rstrip(";")
                continue
            if line.startswith("--") or not line.strip():
                continue
            text += line
            if line.rstrip().endswith(";"):
                statement, text = text.strip()[:-1], ""
                yield statement, statement if replacement is None else replacement
                replacement = None
    assert not text, "unfinished statement: " + text


def for_postgres(statement):
    statement = re.sub(r"^CREATE MATERIALIZED VIEW", "CREATE VIEW", statement)
    statement = re.sub(r"^DROP MATERIALIZED VIEW", "DROP VIEW", statement)
    if statement.startswith("CREATE TABLE"):
        statement = re.sub(r"\)\s*WITH\s*\(.*\)\s*$", ")", statement, flags=re.S)
    return statement


def answer(connection, statement):
    """Column names, type OIDs and raw texts; or the SQLSTATE."""
    try:
        cursor = connection.execute(statement)
    except psycopg.Error as error:
        assert error.sqlstate, error
        return "ERROR " + error.sqlstate, str(error)
    result = cursor.pgresult
    if result is None or result.nfields == 0:
        return "done", None
    rows = [tuple(None if raw is None else raw.decode() for raw in (result.get_value(row, column) for column in range(result.nfields)))
            for row in range(result.ntuples)]
    if not re.search(r"\border\s+by\b", statement, re.I):
        rows.sort(key=lambda row: [("", "") if text is None else ("v", text) for text in row])
    names = [result.fname(column).decode() for column in range(result.nfields)]
    types = [result.ftype(column) for column in range(result.nfields)]
    return (names, types, rows), None


def compare(kappa, oracle, ours, theirs):
    """What differs, in words; None."""
    got, why = answer(kappa, ours)
    expected, their_why = answer(oracle, for_postgres(theirs))
    if got != expected:
        if isinstance(got, tuple) and isinstance(expected, tuple) and got[:2] == expected[:2]:
            only_got = [row for row in got[2] if row not in expected[2]][:10]
            only_expected = [row for row in expected[2] if row not in got[2]][:10]
            return ("%s\n  rows %d, PostgreSQL %d\n  only ours:       %r\n  only PostgreSQL: %r" %
                        (ours, len(got[2]), len(expected[2]), only_got, only_expected))
        return "%s\n  got        %r %s\n  PostgreSQL %r %s" % (ours[:2000], got, why or "", expected, their_why or "")
    return None


def rebuild(kappa):
    """Everything but the log is deleted; all of it must come back."""
    kappa.stop()
    kappa.delete_derived()
    kappa.start()
    kappa.wait_caught_up()


CASES = sorted(glob.glob(os.path.join(HERE, "cases", "*.sql")))


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
@pytest.mark.parametrize("path", CASES, ids=[os.path.basename(path)[:-4] for path in CASES])
def test_answers_are_those_of_postgres(path, configuration, oracle):
    settings = CONFIGURATIONS[configuration]
    reference = oracle.connect()
    reference.execute("DROP SCHEMA public CASCADE")
    reference.execute("CREATE SCHEMA public")
    with Appliance(settings["options"]) as kappa:
        connection = kappa.connect()
        selects, produced, different = [], False, []
        for ours, theirs in statements(path):
            if isinstance(ours, tuple):
                kappa.produce(ours[0], [ours[1]])
                produced = True
                if theirs:
                    reference.execute(theirs)
                continue
            if produced:
                kappa.wait_caught_up()
                produced = False
            is_select = re.match(r"(select|with|values)\b", ours, re.I)
            if is_select and settings.get("rebuild"):
                selects.append((ours, theirs))
            elif is_select or theirs:
                different.append(compare(connection, reference, ours, theirs))
            else:
                connection.execute(ours)
            if settings.get("kill") and not is_select:
                connection.close()
                kappa.kill()
                kappa.start()
                kappa.wait_caught_up()
                connection = kappa.connect()
        if settings.get("rebuild"):
            connection.close()
            rebuild(kappa)
            connection = kappa.connect()
            # answers in the middle of a script are of fewer rows than there are now: ask both sides again
            for ours, theirs in selects:
                different.append(compare(connection, reference, ours, theirs))
        connection.close()
    reference.close()
    different = [text for text in different if text is not None]
    if different:
        pytest.fail("%d answers differ\n%s" % (len(different), "\n".join(different)), pytrace=False)
