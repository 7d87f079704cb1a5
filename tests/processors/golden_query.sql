SELECT count(*), count(delay), sum(delay), avg(delay), min(delay), max(delay) FROM flights
SELECT origin, count(*) AS n, avg(delay) FROM flights GROUP BY origin ORDER BY n DESC, origin
SELECT origin, count(*) FROM flights WHERE delay > 0 GROUP BY origin HAVING count(*) > 3
SELECT origin, sum(delay) FILTER (WHERE delay > 0), sum(delay) FILTER (WHERE delay <= 0) FROM flights GROUP BY origin
SELECT origin, count(DISTINCT destination), sum(DISTINCT delay) FROM flights GROUP BY origin
SELECT DISTINCT origin, destination FROM flights
SELECT DISTINCT delay % 5 FROM flights ORDER BY 1 NULLS FIRST LIMIT 4 OFFSET 1
SELECT upper(origin) || '-' || destination AS route, count(*) FROM flights GROUP BY 1
SELECT date_trunc('hour', date) AS h, count(*) FROM flights GROUP BY h ORDER BY h LIMIT 5
SELECT delay, CASE WHEN delay > 20 THEN 'late' WHEN delay > 0 THEN 'fair' ELSE 'early' END, count(*) FROM flights GROUP BY 1, 2
SELECT * FROM airports a, flights f, orders o WHERE a.code = f.origin AND o.customer = a.code AND f.delay > 30
SELECT a.name, b.name, count(*) FROM airports a, orders o, flights f, airports b WHERE f.origin = a.code AND f.destination = b.code AND o.customer = a.code GROUP BY 1, 2
SELECT o.id, f.delay FROM orders o JOIN flights f ON o.qty = f.delay ORDER BY 1, 2
SELECT o.id, f.delay FROM orders o JOIN flights f ON o.id = f.delay + 1 AND o.qty < f.delay ORDER BY 1, 2
SELECT a.code, count(f.origin), sum(f.delay) FROM airports a LEFT JOIN flights f ON f.origin = a.code AND f.delay > 0 GROUP BY a.code
SELECT a.code, f.delay FROM airports a LEFT JOIN flights f ON f.origin = a.code AND a.name LIKE 'K%' WHERE f.delay IS NULL OR f.delay > 30
SELECT a.name, f.destination FROM flights f RIGHT JOIN airports a ON f.origin = a.code AND f.delay > 38
SELECT a.name, o.id FROM airports a LEFT JOIN orders o ON o.customer = a.code LEFT JOIN flights f ON f.delay = o.id WHERE f.delay IS NULL
SELECT * FROM delays JOIN hourly USING (origin) WHERE hour > 30
SELECT * FROM delays NATURAL JOIN hourly
SELECT origin, d.flights FROM delays d LEFT JOIN hourly h USING (origin) WHERE h.hour IS NULL
SELECT * FROM delays WHERE origin = 'JFK'
SELECT * FROM delays WHERE 'JFK' = origin AND flights > 1
SELECT * FROM delays WHERE origin > 'JFK'
SELECT * FROM delays WHERE origin >= 'BOS' AND origin < 'ORD' AND origin > 'A'
SELECT * FROM delays WHERE origin = NULL
SELECT * FROM delays WHERE origin IS NULL
SELECT * FROM hourly WHERE origin = 'JFK' AND hour BETWEEN 0 AND 20
SELECT * FROM hourly WHERE origin = 'JFK' AND hour = 3000000000
SELECT * FROM hourly WHERE origin = 'JFK' AND hour < 3000000000
SELECT * FROM hourly WHERE origin = 'JFK' AND hour > 10
SELECT * FROM hourly WHERE origin = 'JFK' AND hour = 17::smallint
SELECT * FROM hourly WHERE origin = 'JFK' AND 10 >= hour AND hour > 0.5
SELECT id FROM orders WHERE customer IN (SELECT origin FROM flights WHERE delay > 0)
SELECT id FROM orders WHERE customer NOT IN (SELECT origin FROM flights WHERE delay > 0)
SELECT id FROM orders WHERE customer NOT IN (SELECT origin FROM flights WHERE origin IS NOT NULL AND delay > 30)
SELECT id FROM orders WHERE customer NOT IN (SELECT code FROM airports WHERE code IS NOT NULL)
SELECT id FROM orders WHERE customer NOT IN (SELECT origin FROM flights WHERE delay > 1000)
SELECT id FROM orders o WHERE customer NOT IN (SELECT f.origin FROM flights f WHERE f.delay = o.qty)
SELECT id FROM orders o WHERE o.id NOT IN (SELECT f.distance FROM flights f WHERE f.origin = o.customer)
SELECT id FROM orders o WHERE id NOT IN (SELECT count(*) FROM flights)
SELECT id FROM orders o WHERE EXISTS (SELECT 1 FROM flights f WHERE f.origin = o.customer AND f.delay > o.id)
SELECT id FROM orders o WHERE NOT EXISTS (SELECT 1 FROM flights f WHERE f.origin = o.customer AND f.delay > o.id)
SELECT id FROM orders o WHERE EXISTS (SELECT 1 FROM flights f JOIN airports a ON a.code = f.destination WHERE f.origin = o.customer AND a.name > 'L')
SELECT id FROM orders o WHERE EXISTS (SELECT 1 FROM flights WHERE delay > 100)
SELECT id FROM orders o WHERE NOT EXISTS (SELECT 1 FROM flights WHERE delay > 100) AND id < 4
SELECT id FROM orders o WHERE EXISTS (SELECT count(*) FROM flights WHERE delay > 100) AND id < 4
SELECT id, customer IN (SELECT origin FROM flights) FROM orders
SELECT id, customer NOT IN (SELECT code FROM airports) FROM orders
SELECT id, customer IN (SELECT code FROM airports WHERE code IS NOT NULL) AS i, customer IN (SELECT code FROM airports WHERE false) FROM orders
SELECT id FROM orders WHERE customer IN (SELECT code FROM airports) OR id > 18
SELECT id FROM orders WHERE EXISTS (SELECT 1 FROM flights WHERE delay > 1000) OR id > 18
SELECT customer, count(*) FROM orders GROUP BY customer HAVING count(*) IN (SELECT qty FROM orders)
SELECT customer, sum(id) > (SELECT avg(id) FROM orders), (SELECT max(delay) FROM flights) FROM orders GROUP BY customer
SELECT id, (SELECT name FROM airports WHERE code = 'nosuch') FROM orders WHERE id < 3
SELECT id FROM orders WHERE id = (SELECT min(id) + 3 FROM orders)
SELECT (SELECT flights FROM delays WHERE origin = 'JFK') - (SELECT flights FROM delays WHERE origin = 'LAX')
SELECT count(*) FROM orders WHERE id > ALL (SELECT 1)
SELECT 1 AS a UNION ALL SELECT 2.5 UNION ALL SELECT NULL
SELECT origin FROM flights UNION SELECT code FROM airports
SELECT origin FROM flights WHERE delay > 20 UNION ALL SELECT code FROM airports ORDER BY origin
SELECT * FROM (SELECT origin AS c, 1 AS t FROM flights UNION ALL SELECT code, 2 FROM airports) u WHERE c > 'L' AND t = 2
SELECT t, count(*) FROM (SELECT origin AS c, 1 AS t FROM flights UNION ALL SELECT code, 2 FROM airports) u GROUP BY t
VALUES (1, 'a'), (2, NULL), (NULL, 'c')
SELECT column1 + 1, column2 FROM (VALUES (1, 'a'), (2, NULL)) v WHERE column2 IS NOT NULL
WITH w AS (SELECT origin, delay * 2 AS d2 FROM flights), v AS (SELECT origin, d2 + 1 AS d3 FROM w WHERE d2 > 4) SELECT origin, max(d3), count(*) FROM v GROUP BY origin
SELECT r FROM (SELECT origin, distance / delay AS r FROM flights WHERE delay <> 0) s WHERE r > 2 AND origin = 'JFK'
SELECT m FROM (SELECT origin, max(delay) m FROM flights GROUP BY origin) s WHERE origin LIKE 'J%' AND m > 0
SELECT s.origin, m, name FROM (SELECT origin, max(delay) m FROM flights GROUP BY origin) s JOIN airports ON code = s.origin WHERE m > 5 AND s.origin LIKE '%O%'
SELECT origin, delay FROM flights ORDER BY delay DESC, origin, destination LIMIT 5
SELECT origin, delay FROM flights ORDER BY delay DESC NULLS LAST, distance LIMIT 5
SELECT origin FROM (SELECT origin, delay FROM flights ORDER BY delay DESC, distance LIMIT 7) s WHERE origin <> 'JFK'
SELECT count(*) FROM (SELECT origin FROM flights LIMIT 7) s
SELECT origin, count(*) FROM flights GROUP BY origin ORDER BY max(delay) DESC, origin
SELECT count(*) FROM flights, orders
SELECT count(*) FROM flights f, orders o WHERE f.delay < o.id
SELECT 1 FROM orders WHERE id < 3
SELECT FROM orders WHERE id < 3
SELECT count(*) FROM flights WHERE false
SELECT origin, count(*) FROM flights WHERE false GROUP BY origin
SELECT sum(delay), max(origin) FROM flights WHERE delay > 1000
SELECT id / (id - 5) FROM orders
SELECT id FROM orders WHERE 1 / (id - 5) > 0
SELECT id FROM orders WHERE id <> 5 AND 1 / (id - 5) = 1
SELECT CASE WHEN id = 5 THEN 0 ELSE 10 / (id - 5) END FROM orders
SELECT nullif(qty, 3), coalesce(note, customer, '?'), greatest(qty, 4), least(amount, price) FROM orders
SELECT id, qty BETWEEN 2 AND 4, qty BETWEEN SYMMETRIC 4 AND 2, qty NOT BETWEEN 2 AND 4, qty IN (1, NULL), qty NOT IN (1, NULL) FROM orders
SELECT id, qty IS DISTINCT FROM NULL, note IS NOT DISTINCT FROM customer, paid IS TRUE, (NOT paid) IS NOT FALSE FROM orders
SELECT CASE qty WHEN 1 THEN 'one' WHEN 2 THEN 'two' END, count(*) FROM orders GROUP BY 1
SELECT sum(amount), avg(amount), sum(price), avg(price), sum(qty), avg(qty), sum(total), min(note), max(day) FROM orders
SELECT paid, bool_and(qty > 3), bool_or(qty > 7), every(id > 0) FROM orders GROUP BY paid
SELECT day + 1, day - date '2001-01-01', placed + interval '1 day 2 hours', extract(day FROM placed), span * 2 FROM orders
SELECT INTERVAL '90' MINUTE, INTERVAL '1 02:03:04' DAY TO HOUR, INTERVAL '2' YEAR, interval '1-3' year to month, INTERVAL '5 03' DAY TO HOUR
SELECT amount::int, amount::text, qty::numeric(5,2), '12.345'::numeric(5,1), 'abcdef'::varchar(3), note::varchar(4) FROM orders
SELECT substring(note FROM 2 FOR 3), position('e' IN note), trim(both 'n' from note), overlay(note placing 'XX' from 2 for 1) FROM orders
SELECT placed AT TIME ZONE 'UTC', placed::date, placed::timestamp, day::timestamptz FROM orders WHERE id < 4
SELECT customer SIMILAR TO '(J|L)%', customer NOT SIMILAR TO 'n%', note LIKE 'note _', note NOT LIKE '%1%', note ILIKE 'NOTE 1%' FROM orders
SELECT o.id, g.c FROM orders o LEFT JOIN (SELECT origin, count(*) c FROM flights GROUP BY origin) g ON g.origin = o.customer
SELECT x.n, y.n FROM (SELECT count(*) n FROM flights) x, (SELECT count(*) n FROM orders) y
SELECT a.code, b.code FROM airports a JOIN airports b ON a.code < b.code
SELECT a.code FROM airports a WHERE a.code IN ('JFK', 'LAX', NULL)
SELECT max(m) FROM (SELECT origin, max(delay) m FROM flights GROUP BY origin HAVING max(delay) < 40) s
SELECT origin || 'x' FROM flights GROUP BY origin || 'x' HAVING count(*) > 8
SELECT delay % 3 AS k, count(*) FROM flights GROUP BY delay % 3 HAVING delay % 3 >= 0
SELECT f.origin AS o, f.destination AS d, count(*) FROM flights f WHERE f.origin <> f.destination GROUP BY o, d HAVING f.origin > 'K' AND count(*) > 2
SELECT DISTINCT ON (origin) origin FROM flights WHERE false
SELECT t.a, t.b FROM (SELECT 1 AS a, 'x' AS b UNION SELECT 1, 'x' UNION SELECT 2, NULL) t WHERE t.a < 3
SELECT (id IN (1, 2)) = (qty IN (1, 2)), count(*) FROM orders GROUP BY 1
SELECT o.customer FROM orders o WHERE o.customer IN (SELECT a.code FROM airports a WHERE a.code IN (SELECT f.origin FROM flights f WHERE f.delay > 30))
SELECT o.id FROM orders o, airports a WHERE a.code = o.customer AND EXISTS (SELECT 1 FROM flights f WHERE f.origin = a.code AND f.delay = o.qty + 30)
SELECT min(id) FROM orders o WHERE NOT EXISTS (SELECT 1 FROM orders p WHERE p.customer = o.customer AND p.id < o.id) GROUP BY customer
SELECT a.code, o.id FROM airports a LEFT JOIN orders o ON o.customer = a.code AND a.name > 'L'
SELECT a.code, o.id FROM airports a LEFT JOIN orders o ON a.name > 'L' WHERE o.id IS NULL OR o.id < 3
SELECT a.code FROM airports a WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer = a.code AND a.name > 'L')
SELECT a.code FROM airports a WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer = a.code AND a.name > 'L' AND 10 / o.id > 1)
SELECT a.code, o.id FROM airports a LEFT JOIN orders o ON o.customer = a.code AND 10 / o.id > 3 AND length(a.name) / 2 > 3
SELECT count(*) FROM flights f LEFT JOIN orders o ON f.delay = o.id AND f.delay > 3 AND o.qty > 2 LEFT JOIN airports a ON a.code = o.customer
SELECT x.o, count(*) FROM (SELECT f.origin o, f.delay d FROM flights f LEFT JOIN airports a ON a.code = f.origin) x WHERE x.d > 0 GROUP BY x.o
SELECT code, n FROM (SELECT origin AS code, count(*) AS n FROM flights GROUP BY origin) f RIGHT JOIN airports USING (code)
SELECT code, n FROM (SELECT origin AS code, count(*) AS n FROM flights GROUP BY origin) f LEFT JOIN airports USING (code)
SELECT * FROM (SELECT 1 AS a, 2 AS b) x RIGHT JOIN (SELECT 3 AS b, 4 AS c) y USING (b)
SELECT f.origin, o.id FROM flights f, airports a, orders o WHERE f.origin = o.customer AND a.code = f.origin AND o.id < f.delay AND a.name > 'K' AND f.delay > 30
