#!/usr/bin/env python3
"""Writes golden_sql.txt: what PostgreSQL says of statements when it prepares them.

Usage: golden_sql.py HOST PORT USER DATABASE < golden_sql.sql > golden_sql.txt, with a PostgreSQL 15 whose tables
(see SCHEMA; the same as support_catalog.c's) this script makes in a schema of its own. Each statement is prepared
and described over the protocol; each line is, separated by tabs:

    statement  =>  OK|parameter types|name type, name type, …
    statement  =>  ERROR|sqlstate|position|message|hint
"""
import socket
import struct
import sys

SCHEMA = """
DROP SCHEMA IF EXISTS golden CASCADE;
CREATE SCHEMA golden;
SET search_path = golden;
CREATE TABLE flights (date timestamp, delay int, distance int, origin text, destination text);
CREATE TABLE orders (id bigint NOT NULL, customer text, amount numeric(10,2), placed timestamptz, qty smallint,
    price float8, ratio real, note varchar(20), paid bool, raw bytea, day date, span interval, total numeric);
CREATE TABLE airports (code text, name text NOT NULL);
CREATE MATERIALIZED VIEW delays AS
    SELECT origin, count(*) AS flights, avg(delay) AS avg_delay FROM flights GROUP BY origin;
CREATE MATERIALIZED VIEW hourly AS
    SELECT origin, delay AS hour, count(*) AS flights FROM flights GROUP BY 1, 2;
"""

TYPES = {16: "boolean", 17: "bytea", 20: "bigint", 21: "smallint", 23: "integer", 25: "text", 700: "real",
         701: "double precision", 705: "unknown", 1043: "character varying", 1082: "date",
         1114: "timestamp without time zone", 1184: "timestamp with time zone", 1186: "interval", 1700: "numeric"}


def type_text(oid, typmod):
    name = TYPES.get(oid, "oid %d" % oid)
    if oid == 1700 and typmod >= 0:
        return "%s(%d,%d)" % (name, (typmod - 4) >> 16, (typmod - 4) & 0xFFFF)
    if oid == 1043 and typmod >= 0:
        return "%s(%d)" % (name, typmod - 4)
    return name


class Connection:
    def __init__(self, host, port, user, database):
        self.socket = socket.create_connection((host, int(port)))
        body = struct.pack("!i", 196608)
        for part in ("user", user, "database", database, ""):
            body += part.encode() + b"\0"
        self.socket.sendall(struct.pack("!i", len(body) + 4) + body)
        self.until_ready()

    def bytes(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise SystemExit("PostgreSQL closed the connection")
            data += more
        return data

    def until_ready(self):
        messages = []
        while True:
            kind, size = struct.unpack("!ci", self.bytes(5))
            body = self.bytes(size - 4)
            if kind == b"Z":
                return messages
            messages.append((kind, body))

    def send(self, kind, body):
        self.socket.sendall(kind + struct.pack("!i", len(body) + 4) + body)

    def run(self, sql):
        self.send(b"Q", sql.encode() + b"\0")
        for kind, body in self.until_ready():
            if kind == b"E":
                raise SystemExit(repr(body))

    def describe(self, sql):
        self.send(b"P", b"\0" + sql.encode() + b"\0\0\0")
        self.send(b"D", b"S\0")
        self.send(b"S", b"")
        parameters, columns = [], []
        for kind, body in self.until_ready():
            if kind == b"E":
                fields = {f[:1].decode(): f[1:].decode() for f in body.split(b"\0") if f}
                return "ERROR|%s|%s|%s|%s" % (fields["C"], fields.get("P", "0"), fields["M"], fields.get("H", ""))
            if kind == b"t":
                parameters = [type_text(oid, -1) for oid in struct.unpack("!%di" % ((len(body) - 2) // 4), body[2:])]
            if kind == b"T":
                at = 2
                for _ in range(struct.unpack("!h", body[:2])[0]):
                    end = body.index(b"\0", at)
                    oid, _, typmod = struct.unpack("!ihi", body[end + 7:end + 17])
                    columns.append("%s %s" % (body[at:end].decode(), type_text(oid, typmod)))
                    at = end + 19
        return "OK|%s|%s" % (", ".join(parameters), ", ".join(columns))


def main():
    connection = Connection(*sys.argv[1:5])
    connection.run(SCHEMA)
    print("# Written by golden_sql.py from PostgreSQL's answers; see there.")
    for line in sys.stdin:
        sql = line.strip()
        if sql and not sql.startswith("--"):
            print("%s\t=>\t%s" % (sql, connection.describe(sql).replace("\n", " ")))
    connection.run("DROP SCHEMA golden CASCADE")


if __name__ == "__main__":
    main()
