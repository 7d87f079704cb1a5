-- Corrected: an early flight is a flight without delay; it must not cancel a late one.
CREATE MATERIALIZED VIEW delays AS
SELECT origin,
       count(*)                                AS flights,
       round(avg(greatest(delay, 0)), 2)       AS avg_delay,
       count(*) FILTER (WHERE delay > 15)      AS late_flights
FROM flights
GROUP BY origin;
