CREATE TABLE orders (id bigint, customer text, amount numeric(10,2), at timestamp) WITH (topic = 'orders', partitions = 2);
CREATE TABLE customers (name text, city text, rating integer) WITH (topic = 'customers');
CREATE MATERIALIZED VIEW spent AS SELECT customer, count(*) AS orders, sum(amount) AS total FROM orders GROUP BY customer;
CREATE MATERIALIZED VIEW by_count AS SELECT orders, count(*) AS customers, sum(total) AS total, min(total) AS least, max(total) AS most FROM spent GROUP BY orders;
CREATE MATERIALIZED VIEW histogram AS SELECT customers, count(*) AS n FROM by_count GROUP BY customers;
CREATE MATERIALIZED VIEW placed AS SELECT o.id, o.amount, c.city, c.rating FROM orders o JOIN customers c ON o.customer = c.name WHERE o.amount > 10;
CREATE MATERIALIZED VIEW by_city AS SELECT city, count(*) AS n, sum(amount) AS total, avg(amount) AS mean FROM placed GROUP BY city;
CREATE MATERIALIZED VIEW rich AS SELECT s.customer, s.total, c.city FROM spent s, customers c WHERE s.customer = c.name AND s.total > 100;
CREATE MATERIALIZED VIEW pairs AS SELECT a.customer AS left_customer, b.customer AS right_customer FROM spent a JOIN spent b ON a.orders = b.orders AND a.customer < b.customer;
CREATE MATERIALIZED VIEW everything AS SELECT customer AS name, total FROM spent UNION ALL SELECT city, total FROM by_city;
CREATE MATERIALIZED VIEW nested AS SELECT q.city, max(q.total) AS top FROM (SELECT c.city, s.total FROM spent s JOIN customers c ON c.name = s.customer) q GROUP BY q.city;
-- rows customers 30 5: name=pick('c1'|'c2'|'c3'|'c4'|'c5'|'c6'|'c7'|'c8'|'c9'), city=?pick('rome'|'oslo'|'lima'), rating=?int(1,5)
-- rows orders 150 6: id=int(1,1000), customer=?pick('c1'|'c2'|'c3'|'c4'|'c5'|'c6'|'zz'), amount=?num(-20,90,2), at=time(10)
SELECT * FROM spent;
SELECT * FROM by_count;
SELECT * FROM histogram;
SELECT * FROM placed;
SELECT * FROM by_city;
SELECT * FROM rich;
SELECT * FROM pairs;
SELECT * FROM everything;
SELECT * FROM nested;
-- rows orders 150 7: id=int(1,1000), customer=?pick('c1'|'c2'|'c7'|'c8'|'c9'|'yy'), amount=?num(-50,50,2), at=time(10)
SELECT * FROM spent;
SELECT * FROM by_count;
SELECT * FROM histogram;
SELECT * FROM by_city;
SELECT * FROM rich;
SELECT * FROM pairs;
SELECT * FROM nested;
SELECT s.customer, c.city, s.total FROM spent s JOIN customers c ON s.customer = c.name ORDER BY s.total DESC, c.city, s.customer LIMIT 7;
SELECT b.city, n.top, b.total FROM by_city b JOIN nested n ON b.city = n.city ORDER BY b.city;
SELECT s.customer, c.city FROM spent s LEFT JOIN customers c ON s.customer = c.name AND c.city = 'rome';
SELECT customer FROM spent WHERE customer IN (SELECT name FROM customers WHERE city = 'oslo');
SELECT count(*) FROM (SELECT DISTINCT city FROM placed) d;
WITH best AS (SELECT customer, total FROM spent WHERE total > 0) SELECT count(*), sum(total) FROM best;
SELECT customer FROM spent UNION SELECT city FROM by_city;
DROP MATERIALIZED VIEW pairs;
SELECT * FROM pairs;
