-- Delay per airport, as first written: early arrivals (negative delays) cancel out late ones.
CREATE MATERIALIZED VIEW delays AS
SELECT origin,
       count(*)                                AS flights,
       round(avg(delay), 2)                    AS avg_delay,
       count(*) FILTER (WHERE delay > 15)      AS late_flights
FROM flights
GROUP BY origin;

-- A view on the view: the airports that delay the most.
CREATE MATERIALIZED VIEW delay_classes AS
SELECT CASE WHEN avg_delay >= 15 THEN 'bad' WHEN avg_delay >= 5 THEN 'fair' ELSE 'good' END AS class,
       count(*)     AS airports,
       sum(flights) AS flights
FROM delays
GROUP BY 1;
