CREATE TABLE clicks (who text, at timestamp, ms integer) WITH (topic = 'clicks', partitions = 2, event_time = 'at', watermark = '10 seconds');
-- postgres: CREATE VIEW per_minute AS SELECT date_bin('1 minute', at, timestamp '1970-01-01') AS window_start, date_bin('1 minute', at, timestamp '1970-01-01') + interval '1 minute' AS window_end, who, count(*) AS n, sum(ms) AS ms FROM clicks WHERE at IS NOT NULL GROUP BY 1, 2, 3
CREATE MATERIALIZED VIEW per_minute AS SELECT window_start, window_end, who, count(*) AS n, sum(ms) AS ms FROM TUMBLE(clicks, at, INTERVAL '1 minute') GROUP BY window_start, window_end, who;
-- postgres: CREATE VIEW peaks AS SELECT who, max(n) AS peak, count(*) AS minutes FROM per_minute GROUP BY who
CREATE MATERIALIZED VIEW peaks AS SELECT who, max(n) AS peak, count(*) AS minutes FROM per_minute GROUP BY who;
-- postgres: CREATE VIEW per_day AS SELECT date_bin('1 day', at, timestamp '1970-01-01') AS window_start, count(DISTINCT who) AS people FROM clicks WHERE at IS NOT NULL GROUP BY 1
CREATE MATERIALIZED VIEW per_day AS SELECT window_start, count(DISTINCT who) AS people FROM TUMBLE(clicks, at, INTERVAL '1 day') GROUP BY window_start;
-- rows clicks 300 21: who=?pick('ann'|'bob'|'cid'), at=time(0.01), ms=?int(0,900)
SELECT * FROM per_minute;
SELECT * FROM peaks;
-- rows clicks 200 22: who=?pick('ann'|'dan'), at=time(5), ms=?int(0,900)
SELECT * FROM per_minute;
SELECT * FROM peaks ORDER BY who;
SELECT * FROM per_day;
SELECT window_start, sum(n) FROM per_minute GROUP BY window_start ORDER BY window_start LIMIT 10;
