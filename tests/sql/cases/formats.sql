CREATE TABLE j (id integer, "Name" text, price numeric(8,2), "at" timestamp, ok boolean, note text) WITH (topic = 'j');
CREATE MATERIALIZED VIEW j_rows AS SELECT id, "Name", price, at, ok, note, count(*) AS n FROM j GROUP BY id, "Name", price, at, ok, note;
-- postgres: INSERT INTO j VALUES (1, 'plain', 1.50, '2026-01-01 00:00', true, 'x')
-- line j: {"id":1,"Name":"plain","price":1.5,"at":"2026-01-01 00:00","ok":true,"note":"x"}
-- postgres: INSERT INTO j VALUES (2, 'é "q" 🎉', NULL, NULL, NULL, NULL)
-- line j: {"Name":"\u00e9 \"q\" \ud83c\udf89", "id" : 2 , "unknown": [1, {"a": null}]}
-- postgres: INSERT INTO j VALUES (3, NULL, 12345.68, '2026-02-03 04:05:06.789', false, '{"nested":[1,2]}')
-- line j: {"id":"3","Name":null,"price":"12345.675","at":"2026-02-03T04:05:06.789Z","ok":"f","note":{"nested":[1,2]}}
-- postgres: INSERT INTO j VALUES (4, 'ms', 0, '2026-01-01 00:00:00.123', NULL, '17')
-- line j: {"id":4.0,"Name":"ms","price":0e0,"at":1767225600123,"note":17}
-- postgres:
-- line j: not JSON
-- postgres:
-- line j: {"id":5.5}
-- postgres:
-- line j: {"id":99999999999}
-- postgres:
-- line j: {"id":1,"price":1e9}
-- postgres:
-- line j: {"id":1,"at":"yesterdayish"}
-- postgres:
-- line j: [1,2]
-- postgres: INSERT INTO j VALUES (7, 'last wins', NULL, NULL, NULL, NULL)
-- line j: {"id":6,"id":7,"Name":"last wins"}
-- postgres: INSERT INTO j VALUES (8, 'connect', NULL, NULL, NULL, NULL)
-- line j: {"schema":{"type":"struct"},"payload":{"id":8,"Name":"connect"}}
SELECT * FROM j_rows;
SELECT * FROM j;
-- postgres: SELECT 6::bigint AS n
SELECT count(*) AS n FROM kappa.bad_records WHERE view = 'j_rows';
CREATE TABLE c (id integer, name text, price double precision, day date) WITH (topic = 'c', format = 'csv');
CREATE MATERIALIZED VIEW c_names AS SELECT name, count(*) AS n, sum(id) AS ids, max(day) AS day FROM c GROUP BY name;
-- postgres: INSERT INTO c VALUES (1, 'plain', 1.5, '2026-01-01')
-- line c: 1,plain,1.5,2026-01-01
-- postgres: INSERT INTO c VALUES (2, 'a "quoted", name', NULL, NULL)
-- line c: 2,"a ""quoted"", name",,
-- postgres: INSERT INTO c VALUES (3, '', 1e100, '1999-12-31')
-- line c: 3,"",1e100,1999-12-31
-- postgres: INSERT INTO c VALUES (NULL, 'plain', -0.25, '2026-01-02')
-- line c: ,plain,-0.25,2026-01-02
-- postgres:
-- line c: x,bad,1,2026-01-01
-- postgres:
-- line c: 1,too,few
SELECT * FROM c;
SELECT * FROM c_names;
-- postgres: SELECT 2::bigint AS n
SELECT count(*) AS n FROM kappa.bad_records WHERE view = 'c_names';
CREATE TABLE x (line text) WITH (topic = 'x', format = 'text');
CREATE MATERIALIZED VIEW words AS SELECT split_part(line, ' ', 1) AS first, count(*) AS n, max(length(line)) AS longest FROM x GROUP BY 1;
-- postgres: INSERT INTO x VALUES ('hello world')
-- line x: hello world
-- postgres: INSERT INTO x VALUES ('hello, "é"')
-- line x: hello, "é"
-- postgres: INSERT INTO x VALUES ('hello 2')
-- line x: hello 2
SELECT * FROM x ORDER BY line;
SELECT * FROM words;
