#!/usr/bin/env python3
"""Writes golden_query.txt: tables with rows, and PostgreSQL's results of queries over them.

Usage: golden_query.py HOST PORT USER DATABASE < golden_query.sql > golden_query.txt. Lines, separated by tabs:

    T  table  column type …       a table
    D  value …                    a row of the table above; \\N is null
    Q  sql                        a query
    R  value …                    a row of its result (sorted, unless the query ends with ORDER BY …)
    E  sqlstate                   … or the error it ends with
"""
import sys

from golden_sql import Connection, SCHEMA

ROWS = """
INSERT INTO flights SELECT CASE WHEN i % 17 <> 0 THEN timestamp '2001-01-01' + i * interval '13 minutes' END,
    CASE WHEN i % 7 <> 0 THEN (i * 37) % 61 - 20 END, CASE WHEN i % 11 <> 0 THEN (i * 53) % 900 END,
    CASE WHEN i % 13 <> 0 THEN (ARRAY['JFK', 'LAX', 'SFO', 'BOS', 'ORD'])[1 + i % 5] END,
    (ARRAY['LAX', 'JFK', 'MIA'])[1 + i % 3] FROM generate_series(1, 60) i;
INSERT INTO orders SELECT i, CASE WHEN i % 4 <> 0 THEN (ARRAY['JFK', 'LAX', 'nobody'])[1 + i % 3] END,
    CASE WHEN i % 5 <> 0 THEN i * 1.25 END, timestamptz '2001-01-01 00:00+00' + i * interval '1 day', i % 9,
    CASE WHEN i % 6 <> 0 THEN i * 0.5 END, i * 0.25, CASE WHEN i % 3 <> 0 THEN 'note ' || i END, i % 2 = 0,
    NULL, date '2001-01-01' + i, i * interval '1 hour', i * 1.10 FROM generate_series(1, 20) i;
INSERT INTO airports VALUES ('JFK', 'Kennedy'), ('LAX', 'Los Angeles'), ('BOS', 'Logan'), ('XXX', 'Nowhere'),
    (NULL, 'Null');
REFRESH MATERIALIZED VIEW delays;
REFRESH MATERIALIZED VIEW hourly;
"""
TABLES = ["flights", "orders", "airports", "delays", "hourly"]


def escape(value):
    return "\\N" if value is None else value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def query(connection, sql):
    connection.send(b"Q", sql.encode() + b"\0")
    rows, error = [], None
    for kind, body in connection.until_ready():
        if kind == b"E":
            error = {f[:1].decode(): f[1:].decode() for f in body.split(b"\0") if f}["C"]
        if kind == b"D":
            row, at = [], 2
            for _ in range(int.from_bytes(body[:2], "big")):
                size = int.from_bytes(body[at:at + 4], "big", signed=True)
                row.append(None if size < 0 else body[at + 4:at + 4 + size].decode())
                at += 4 + max(size, 0)
            rows.append(row)
    return rows, error


def main():
    connection = Connection(*sys.argv[1:5])
    connection.run(SCHEMA)
    connection.run("SET timezone = 'UTC'")
    connection.run(ROWS)
    print("# Written by golden_query.py from PostgreSQL's answers; see there.")
    for table in TABLES:
        columns = connection.describe("SELECT * FROM " + table).split("|")[2].split(", ")
        print("T\t%s\t%s" % (table, "\t".join(columns)))
        for row in query(connection, "SELECT * FROM %s ORDER BY 1, 2, 3" % table if table != "airports"
                         else "SELECT * FROM airports ORDER BY 1")[0]:
            print("D\t" + "\t".join(map(escape, row)))
    for line in sys.stdin:
        sql = line.strip()
        if not sql or sql.startswith("--"):
            continue
        rows, error = query(connection, sql)
        print("Q\t" + sql)
        lines = ["R\t" + "\t".join(map(escape, row)) for row in rows]
        if error:
            lines = ["E\t" + error]
        elif "ORDER BY" not in sql.split(")")[-1]:
            lines.sort()
        for text in lines:
            print(text)
    connection.run("DROP SCHEMA golden CASCADE")


main()
