-- The feed: one record per departure. Event time is out of order by up to some hours.
CREATE TABLE flights (
    date        timestamp NOT NULL,
    delay       integer,
    distance    integer,
    origin      text NOT NULL,
    destination text NOT NULL
) WITH (topic = 'flights', format = 'json', event_time = 'date', watermark = '6 hours');
