-- columns, names, types
SELECT * FROM flights
SELECT f.* FROM flights f
SELECT f.*, 1 FROM flights AS f
SELECT origin, flights.delay FROM flights
SELECT * FROM orders
SELECT amount, note, id + qty, qty + qty, id * ratio, price / 2, amount * 2, amount + amount FROM orders
SELECT -delay, - amount, +delay, delay % 7, delay ^ 2, |/ price FROM flights, orders
SELECT 1, 2147483648, 9223372036854775808, 1.5, 1e3, 'x', NULL, true, -2147483648, -5
SELECT 'x'::text, '5'::int, '5'::bigint, CAST('2.5' AS numeric(5,1)), '1'::float, 'a'::varchar(3), '2001-01-01'::date
SELECT timestamp '2001-01-01', date '2001-01-01', interval '1 day', INTERVAL '1' DAY, interval '1 02:03' day to second
SELECT delay::text, delay::bigint AS d, amount::int, count(*)::int FROM flights, orders GROUP BY delay, amount
SELECT coalesce(delay, 0), nullif(delay, 0), greatest(delay, 1.5), least(origin, 'x') FROM flights
SELECT nullif(amount, 0), nullif(note, 'x'), nullif(id, qty), coalesce(note, 'x'), coalesce(amount, 0) FROM orders
SELECT CASE WHEN paid THEN 1 ELSE 2.5 END, CASE WHEN paid THEN 'a' END, CASE qty WHEN 1 THEN id ELSE qty END FROM orders
SELECT CASE WHEN paid THEN amount END, CASE WHEN paid THEN note ELSE note END, CASE WHEN paid THEN note ELSE 'x' END FROM orders
SELECT CASE WHEN paid THEN 1 ELSE id END::text, CASE origin WHEN 'x' THEN delay ELSE distance END FROM flights, orders
SELECT paid AND true, NOT paid, paid OR NULL, paid IS TRUE, paid IS NOT UNKNOWN, qty IS NULL, qty IS DISTINCT FROM id FROM orders
SELECT qty BETWEEN 1 AND 3, id IN (1, 2), note LIKE 'a%', note NOT ILIKE 'a%', id NOT IN (1, 2.5), customer ~ 'x' FROM orders
SELECT qty = 1, id > 1.5, day < placed, note || customer, customer || 1, day + 1, day - day, placed - placed FROM orders
SELECT placed + span, day + span, span * 2, span / 2, span + span, placed AT TIME ZONE 'UTC', date AT TIME ZONE 'UTC' FROM orders, flights
SELECT extract(hour FROM date), date_part('hour', date), date_trunc('day', date), date_trunc('day', placed), to_char(date, 'YYYY') FROM flights, orders
SELECT upper(note), length(note), substring(note FROM 2 FOR 3), position('a' IN note), trim(note), trim(leading 'x' from note) FROM orders
SELECT overlay(note placing 'x' from 2), substr(note, 2), replace(note, 'a', 'b'), lower(customer), left(note, 2), lpad(note, 5), concat(note, 1) FROM orders
SELECT abs(delay), round(amount), round(amount, 1), round(price), floor(amount), ceil(price), sqrt(delay), power(delay, 2), mod(delay, 3) FROM flights, orders
SELECT now(), current_date, current_timestamp, localtimestamp
-- aggregates
SELECT count(*), count(delay), count(DISTINCT delay), sum(delay), avg(delay), min(delay), max(delay) FROM flights
SELECT sum(qty), sum(id), sum(amount), sum(total), sum(price), sum(ratio), sum(span) FROM orders
SELECT avg(qty), avg(id), avg(amount), avg(price), avg(ratio), avg(span) FROM orders
SELECT min(note), max(customer), min(day), max(placed), min(span), max(amount), min(ratio), min(qty), max(price) FROM orders
SELECT bool_and(paid), bool_or(paid), every(qty > 1) FROM orders
SELECT sum(delay) FILTER (WHERE delay > 0), count(*) FILTER (WHERE origin = 'JFK') AS jfk FROM flights
SELECT sum(delay) + 1, sum(delay) / count(*), avg(delay)::int, round(avg(delay), 2) FROM flights
SELECT origin, count(*) FROM flights GROUP BY origin
SELECT origin AS o, count(*) FROM flights GROUP BY o
SELECT origin, count(*) FROM flights GROUP BY 1 ORDER BY 2 DESC
SELECT upper(origin), count(*) FROM flights GROUP BY upper(origin)
SELECT upper(origin) || 'x', count(*) FROM flights GROUP BY upper(origin)
SELECT date_trunc('hour', date) AS h, avg(delay) FROM flights GROUP BY 1 HAVING count(*) > 3 ORDER BY h
SELECT origin FROM flights GROUP BY origin, destination
SELECT origin, delay AS origin2 FROM flights GROUP BY origin, delay
SELECT delay AS origin, count(*) FROM flights GROUP BY origin, delay
SELECT count(*) FROM flights HAVING count(*) > 1
SELECT 1 FROM flights HAVING true
SELECT DISTINCT origin, destination FROM flights
SELECT DISTINCT origin FROM flights ORDER BY origin
SELECT 'x' AS a, count(*) FROM flights GROUP BY a
-- joins, subqueries, set operations
SELECT * FROM flights f JOIN airports a ON f.origin = a.code
SELECT * FROM flights f LEFT JOIN airports a ON f.origin = a.code
SELECT * FROM airports a RIGHT JOIN flights f ON f.origin = a.code
SELECT * FROM flights CROSS JOIN airports
SELECT * FROM delays JOIN hourly USING (origin)
SELECT * FROM delays NATURAL JOIN hourly
SELECT origin, delays.origin, hourly.origin FROM delays LEFT JOIN hourly USING (origin)
SELECT origin FROM delays RIGHT JOIN hourly USING (origin)
SELECT * FROM (SELECT origin o, delay + 1 FROM flights) s
SELECT s.a, b FROM (SELECT 1, 'x') AS s(a, b)
SELECT * FROM (VALUES (1, 'a'), (2, NULL)) v
SELECT * FROM (VALUES (1, 'a'), (2.5, 'b')) AS v(x, y)
SELECT * FROM flights t (a, b)
WITH x AS (SELECT origin FROM flights), y AS (SELECT * FROM x) SELECT * FROM y
WITH x(a, b) AS (SELECT 1, 'q') SELECT * FROM x
SELECT 1 UNION ALL SELECT 2.5
SELECT 1 AS a UNION SELECT NULL
SELECT 'a' UNION ALL SELECT 'b'
SELECT NULL UNION ALL SELECT NULL UNION ALL SELECT 1
SELECT 1 UNION ALL SELECT '2'
SELECT note FROM orders UNION ALL SELECT customer FROM orders
SELECT amount FROM orders UNION ALL SELECT amount FROM orders
SELECT day FROM orders UNION SELECT placed FROM orders
SELECT origin FROM flights UNION ALL SELECT code FROM airports ORDER BY origin LIMIT 3
VALUES (1, 'x'), (2.5, NULL)
VALUES (1)
SELECT (SELECT max(delay) FROM flights), (SELECT 1 AS one), EXISTS (SELECT 1 FROM flights)
SELECT id FROM orders WHERE customer IN (SELECT origin FROM flights)
SELECT id FROM orders o WHERE NOT EXISTS (SELECT 1 FROM flights f WHERE f.origin = o.customer)
SELECT delay IN (SELECT distance FROM flights) FROM flights
SELECT count(*) FROM (SELECT DISTINCT origin FROM flights) d
SELECT TRUE AND origin = 'x' AS t FROM flights
TABLE airports
SELECT FROM flights
-- parameters
SELECT $1
SELECT $1::int, $2
SELECT * FROM flights WHERE origin = $1 AND delay > $2
SELECT delay + $1, amount * $2, $3 || origin FROM flights, orders
SELECT * FROM orders WHERE id IN ($1, $2) AND placed >= $3 LIMIT $4 OFFSET $5
SELECT * FROM orders WHERE qty BETWEEN $1 AND $2 AND note LIKE $3
SELECT coalesce($1, delay), CASE WHEN $2 THEN $3 ELSE 1 END FROM flights
SELECT upper($1), length($1), abs($2)
SELECT $1 IS NULL, $2 = $2
SELECT $1 UNION SELECT 1
SELECT $2, $1 + 1
SELECT date_trunc($1, date), extract(hour FROM $2::timestamp) FROM flights
SELECT delay = ANY (ARRAY[1, 2]) FROM flights
SELECT $1 + $2
INSERT INTO flights VALUES ($1, $2, $3, $4, $5)
INSERT INTO flights (origin, delay) VALUES ('x', $1), ($2, '3')
INSERT INTO flights (origin, delay) SELECT 'x', $1
INSERT INTO orders (id, amount, note) VALUES (1, 2.5, 'x')
INSERT INTO orders (id, qty, ratio) SELECT delay, delay, 1.5 FROM flights
-- errors
SELECT foo FROM flights
SELECT orign FROM flights
SELECT f.foo FROM flights f
SELECT flights.delay FROM flights f
SELECT g.delay FROM flights f
SELECT nam, cod FROM airports
SELECT origin FROM delays, hourly
SELECT * FROM nosuch
SELECT * FROM nosuch.flights
SELECT * FROM flights, flights
SELECT * FROM flights a, airports a
SELECT foo(1)
SELECT foo(origin) FROM flights
SELECT origin + 1 FROM flights
SELECT origin = delay FROM flights
SELECT delay = 'x' FROM flights
SELECT 'x'::int
SELECT * FROM flights WHERE origin
SELECT * FROM flights WHERE delay + 1
SELECT * FROM flights WHERE date > 'yesterdayish'
SELECT NOT 1
SELECT 1 AND true
SELECT origin, delay FROM flights GROUP BY origin
SELECT origin, count(*) FROM flights
SELECT f.delay + 1, count(*) FROM flights f GROUP BY f.origin
SELECT count(*) FROM flights HAVING delay > 1
SELECT origin FROM flights WHERE count(*) > 1
SELECT sum(count(*)) FROM flights
SELECT sum(origin) FROM flights
SELECT avg(paid) FROM orders
SELECT max(paid) FROM orders
SELECT sum('1') FROM flights
SELECT count(), 1 FROM flights
SELECT sum(*) FROM flights
SELECT upper(DISTINCT origin) FROM flights
SELECT origin FROM flights GROUP BY count(*)
SELECT origin FROM flights GROUP BY 2
SELECT origin FROM flights ORDER BY 2
SELECT origin FROM flights ORDER BY 'x'
SELECT origin FROM flights ORDER BY nosuch
SELECT DISTINCT origin FROM flights ORDER BY delay
SELECT origin AS a, delay AS a FROM flights ORDER BY a
SELECT 1 UNION SELECT 1, 2
SELECT 1 UNION SELECT origin FROM flights
SELECT 1 UNION SELECT true
SELECT 1 UNION SELECT 2 ORDER BY 1 + 1
SELECT 1 AS a UNION SELECT 2 ORDER BY b
VALUES (1), (1, 2)
VALUES (1), (true)
SELECT CASE WHEN true THEN 1 ELSE true END
SELECT CASE WHEN 1 THEN 1 END
SELECT coalesce(1, 'x')
SELECT coalesce(delay, origin) FROM flights
SELECT delay IN (1, 'x') FROM flights
SELECT delay IN (1, true) FROM flights
SELECT delay BETWEEN 1 AND 'x' FROM flights
SELECT true::date
SELECT delay::date FROM flights
SELECT '1 fortnite'::interval
SELECT '2001-02-30'::date
SELECT 1::nosuch
SELECT *
SELECT f.* FROM flights g
SELECT flights.* FROM flights f
SELECT * FROM flights JOIN airports ON origin
SELECT * FROM flights JOIN airports USING (origin)
SELECT * FROM flights JOIN delays USING (code)
SELECT * FROM flights f JOIN airports a ON f.origin = b.code
SELECT * FROM (SELECT 1)
SELECT * FROM (SELECT 1, 2) AS s(a, b, c)
SELECT (SELECT 1, 2)
SELECT id IN (SELECT 1, 2) FROM orders
SELECT id FROM orders WHERE id IN (SELECT origin, 2 FROM flights)
SELECT id FROM orders WHERE id IN (SELECT origin FROM flights)
SELECT * FROM flights LIMIT 'x'
SELECT * FROM flights LIMIT true
SELECT * FROM flights LIMIT delay
WITH a AS (SELECT 1), a AS (SELECT 2) SELECT * FROM a
WITH a AS (SELECT 1) SELECT b FROM a
INSERT INTO flights (nosuch) VALUES (1)
INSERT INTO flights (delay, delay) VALUES (1, 2)
INSERT INTO flights (delay) VALUES (1, 2)
INSERT INTO flights (delay, origin) VALUES (1)
INSERT INTO flights (delay) VALUES (true)
INSERT INTO flights (delay) VALUES ('x')
INSERT INTO flights (delay) SELECT origin FROM flights
INSERT INTO delays VALUES ('x', 1, 2)
INSERT INTO nosuch VALUES (1)
SELECT ,
SELECT * FROM
SELECT 'é', origin x y FROM flights
SELECT 'é', foo FROM flights
SELECT $0
SELECT a.b.c.d.e FROM flights
SELECT count(*) FILTER (WHERE delay) FROM flights
SELECT upper(1)
SELECT substring(1 FROM 2)
SELECT sum(delay, 1) FROM flights
SELECT extract(nosuch FROM date) FROM flights
SELECT 1 = NULL, NULL = NULL, NULL + 1, 'a' || NULL
SELECT '1' + 1, '1' || 1, '2001-01-01' < day FROM orders
SELECT 5 / 2, 5 / 2.0, 5 % 2, 2 ^ 3, 5::smallint / 2, 1.5::real * 2
SELECT '5' * '2'
SELECT date '2001-01-01' + 5, timestamp '2001-01-01' - timestamp '2000-01-01', date '2001-01-01' - interval '1 day'
SELECT int4('5'), float8(delay), text(delay), date(date) FROM flights
SELECT max(delay) + 1 AS m FROM flights ORDER BY min(delay)
SELECT origin FROM flights GROUP BY origin ORDER BY count(*) DESC, upper(origin)
SELECT origin FROM flights GROUP BY origin ORDER BY delay
SELECT origin AS delay FROM flights ORDER BY delay, -flights.delay
SELECT delay FROM flights ORDER BY delay + 1 NULLS FIRST
SELECT a.origin FROM flights a, LATERAL (SELECT 1) b
SELECT f.origin, count(*) OVER () FROM flights f
SELECT count(*) AS n, origin FROM flights GROUP BY ROLLUP (origin)
SELECT string_agg(origin, ',') FROM flights
SELECT 1 INTERSECT SELECT 1
SELECT * FROM flights FULL JOIN airports ON true
SELECT * FROM orders WHERE (id, qty) = (1, 2)
SELECT DISTINCT ON (origin) origin FROM flights
SELECT origin SIMILAR TO 'x' FROM flights
SELECT delay FROM flights FOR UPDATE
SELECT ARRAY[1, 2]
SELECT f FROM flights f
SELECT (SELECT delay FROM flights)
SELECT f.origin FROM flights f WHERE f.delay > (SELECT avg(g.delay) FROM flights g WHERE g.origin = f.origin)
SELECT * FROM flights TABLESAMPLE system (1)
WITH RECURSIVE r AS (SELECT 1) SELECT * FROM r
INSERT INTO flights VALUES (now(), 1) RETURNING delay
INSERT INTO flights VALUES (now(), 1) ON CONFLICT DO NOTHING
SELECT sum(delay ORDER BY delay) FROM flights
SELECT '2001-01-01'::timestamp(0)
SELECT 'x'::char(3)
SELECT note COLLATE "de_DE" FROM orders
SELECT GROUPING(origin) FROM flights GROUP BY origin
