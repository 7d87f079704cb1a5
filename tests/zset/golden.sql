-- Writes the golden tables of this folder: PostgreSQL's own answers, which the tests compare with. Run with psql 15 in
-- this folder, against any server with TimeZone UTC; -v rows=N -v seed=S give other samples than the committed ones:
--
--   cd tests/zset && psql -X -q -v rows=1500 -v seed=0.5 -f golden.sql
--
-- Format: COPY's text format; a result "!22003" is an error with that SQLSTATE.
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET intervalstyle = 'postgres';
SET extra_float_digits = 1;
SET client_min_messages = warning;

CREATE FUNCTION pg_temp.try(expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	EXECUTE 'SELECT (' || expression || ')::text' INTO result;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN '!' || SQLSTATE;
END $$;

CREATE FUNCTION pg_temp.below(n int) RETURNS int LANGUAGE sql VOLATILE AS $$ SELECT floor(random() * n)::int $$;

-- Digits of random count, the point anywhere, often few digits.
CREATE FUNCTION pg_temp.random_numeric() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	digits int := CASE WHEN random() < 0.4 THEN 1 + pg_temp.below(6) ELSE 1 + pg_temp.below(38) END;
	point int := CASE WHEN random() < 0.5 THEN pg_temp.below(5) ELSE least(38, pg_temp.below(digits + 3)) END;
	result text := '';
	zeros bool := random() < 0.2;
BEGIN
	FOR i IN 1 .. digits LOOP
		result := result || CASE WHEN zeros AND i > 2 THEN '0' ELSE pg_temp.below(10)::text END;
	END LOOP;
	IF point > 0 THEN
		result := lpad(result, greatest(point + 1, length(result)), '0');
		result := left(result, length(result) - point) || '.' || right(result, point);
	END IF;
	RETURN (CASE WHEN random() < 0.3 THEN '-' ELSE '' END) || result;
END $$;

CREATE FUNCTION pg_temp.random_timestamp() RETURNS timestamp LANGUAGE plpgsql VOLATILE AS $$
DECLARE us bigint;
BEGIN
	CASE pg_temp.below(6)
		WHEN 0 THEN us := (random() * 9000000000000000000)::bigint;
		WHEN 1 THEN us := -(random() * 211813000000000000)::bigint;
		WHEN 2 THEN us := (random() * 86400 * 365)::bigint * 1000000;
		ELSE us := ((random() - 0.5) * 4000000000000000)::bigint;
	END CASE;
	RETURN '2000-01-01'::timestamp + (us / 1000000) * interval '1 second' + (us % 1000000) * interval '1 microsecond';
END $$;

CREATE FUNCTION pg_temp.random_interval() RETURNS interval LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	RETURN make_interval(
		months => CASE WHEN random() < 0.5 THEN 0 ELSE pg_temp.below(200) - 100 END,
		days => CASE WHEN random() < 0.5 THEN 0 ELSE pg_temp.below(200) - 100 END,
		secs => CASE pg_temp.below(4) WHEN 0 THEN 0 WHEN 1 THEN pg_temp.below(200000) - 100000
			ELSE ((random() - 0.5) * 1000000)::numeric(20, 6) END);
END $$;

\o /dev/null
SELECT setseed(:seed);

\o golden_decimal_arithmetic.txt
COPY (SELECT o, a, b, pg_temp.try(format('%L::numeric %s %L::numeric', a, o, b))
	FROM (SELECT pg_temp.random_numeric() AS a, pg_temp.random_numeric() AS b
		FROM generate_series(1, :rows / 5)) v, unnest(ARRAY['+', '-', '*', '/', '%']) o) TO STDOUT;

\o golden_decimal_rounding.txt
COPY (SELECT a, s, pg_temp.try(format('round(%L::numeric, %s)', a, s)),
		pg_temp.try(format('trunc(%L::numeric, %s)', a, s)), ceil(a::numeric), floor(a::numeric),
		pg_temp.try(format('%L::numeric::bigint', a)), a::numeric::float8,
		pg_temp.try(format('%L::numeric(20,4)', a)), trim_scale(a::numeric)
	FROM (SELECT pg_temp.random_numeric() AS a, pg_temp.below(16) - 5 AS s FROM generate_series(1, :rows / 3)) v) TO STDOUT;

\o golden_decimal_text.txt
COPY (SELECT t, pg_temp.try(format('%L::numeric', t))
	FROM unnest(ARRAY['0', '-0', '0.0', '-0.00', '.5', '5.', '+7', ' 12 ', '1e3', '1E+3', '1.50e1', '1.5e-3', '12e-1',
		'123456789012345678901234567890.12345678', '00001.10', '', ' ', '.', '-', '1.2.3', '1e', '1e+', 'e5', '0x10',
		'1 2', '--1', '1,000', 'abc', '1_000', '99999999999999999999999999999999999999', '0e100', '1e37',
		E'\t7\n', '0.00000000000000000000000000000000000001', '1.e2', '.e2', '1e-20', '- 1', '12.34E0']) t) TO STDOUT;

\o golden_float.txt
COPY (SELECT h, h::float8, h::float4, pg_temp.try(format('%L::float8::numeric', h)), pg_temp.try(format('%L::float4::numeric', h))
	FROM (
		-- of sizes that both types hold
		SELECT (CASE WHEN random() < 0.3 THEN '-' ELSE '' END) || '0x1.' || lpad(to_hex((random() * (1::bigint << 52))::bigint), 13, '0')
			|| 'p' || (pg_temp.below(250) - 125) AS h FROM generate_series(1, :rows / 3)
		UNION ALL SELECT '0x1p' || e FROM generate_series(-148, 127) e
		UNION ALL SELECT '0x1.' || lpad(to_hex(((1::bigint << 52) - 1) & ~((1::bigint << 29) - 1)), 13, '0') || 'p' || e FROM generate_series(-120, 120, 7) e
		UNION ALL SELECT v::text FROM generate_series(1, :rows / 6), LATERAL (SELECT round((random() * 10 ^ pg_temp.below(12))::numeric, pg_temp.below(6)) AS v) r
		UNION ALL SELECT d || 'e' || e FROM generate_series(-8, 20) e, unnest(ARRAY[1, 9, 12345, 999999]) d
		-- candidates for midpoints: integers past 2^24 that end in few digits
		UNION ALL SELECT (67108864 + 16 * pg_temp.below(4000000))::text FROM generate_series(1, :rows / 6)
	) v) TO STDOUT;

\o golden_float8.txt
COPY (SELECT h, h::float8
	FROM (
		SELECT '0x1.' || lpad(to_hex((random() * (1::bigint << 52))::bigint), 13, '0') || 'p' || (pg_temp.below(2040) - 1020) AS h
			FROM generate_series(1, :rows / 2)
		UNION ALL SELECT '0x1p' || e FROM generate_series(-1074, 1023, 3) e
		UNION ALL SELECT '0x0.' || lpad(to_hex((random() * (1::bigint << pg_temp.below(52)))::bigint), 13, '0') || 'p-1022' FROM generate_series(1, :rows / 10)
		UNION ALL SELECT (9007199254740992 + 2 * (random() * 1e15)::bigint)::text FROM generate_series(1, :rows / 10)
		-- exactly between two decimals of 17 digits
		UNION ALL SELECT (1125899906842624 + 0.25 * n)::text FROM generate_series(1, 100) n
		UNION ALL SELECT ((1::bigint << 56) + 64 * (random() * 1e15)::bigint)::text FROM generate_series(1, :rows / 10)
	) v WHERE h !~ '^0x0\.0*p') TO STDOUT;

\o golden_timestamp_text.txt
COPY (SELECT t, pg_temp.try(format('%L::timestamp', t)), pg_temp.try(format('%L::timestamptz', t)), pg_temp.try(format('%L::date', t))
	FROM (
		SELECT unnest(ARRAY['2001-01-01', '2001-1-1', '2001-01-01T00:03:00.5Z', '2001-01-01 00:03', '2001-02-03 04:05:06.789',
			'2001-02-03 04:05:06.7891234', '2001-02-03 04:05:06.9999995', '2001-02-03T04:05:06+02', '2001-02-03 04:05:06 +02:30',
			'2001-02-03 04:05:06-0330', '2001-02-03 04:05:06 UTC', '2001-02-03 04:05:06 PST', '2001-02-03 04:05:06 EDT',
			'2001-02-03 04:05 PM', '2001-02-03 12:05 AM', '2001-02-03 12:05 pm', '2001-02-03 13:05 PM', '01/02/2003', '1/2/03',
			'13/02/2003', '2003/01/02', 'January 8, 1999', 'Jan 8 1999', '8 January 1999', '8-Jan-1999', '08-Jan-99', 'Jan-08-1999',
			'1999-Jan-08', '19990108', '990108', '1999.008', '1999-008', 'J2451187', 'January 8, 99 BC', '0044-03-15 BC',
			'0000-01-01', '2001-02-29', '2000-02-29', '1900-02-29', '2001-13-01', '2001-00-01', '2001-01-32', '2001-01-01 24:00:00',
			'2001-01-01 24:00:01', '2001-01-01 25:00', '2001-01-01 12:60', '2001-01-01 12:00:60', '2001-01-01 12:00:61',
			'infinity', '-infinity', 'epoch', 'Infinity', '', ' ', 'abc', '2001-01', '2001', '2001-01-01 x', '2001-01-01 12',
			'2001-01-01T12:34', '20010203T040506', '20010203 040506', '20010203T0405', '2001-02-03T04:05:06.789Z', ' 2001-02-03 ',
			'Mon Feb 03 04:05:06 2003', 'Monday, February 3, 2003', 'Sat Feb 03 04:05:06 2001 UTC', '2001-02-03 04:05:06.5 AD',
			'4714-11-24 BC', '4714-11-23 BC', '4713-01-01 BC', '294246-12-31 23:59:59.999999', '294247-01-10', '300000-01-01',
			'12345-06-07', '2001-02-03  04:05:06', '2001-02-03,04:05:06', '2001-02-03 04:05:06z', '2001-02-03 04:05:06 Z',
			'2001-02-03T04:05:06.000001-08:00', '2001-02-03 04:05:06+15:59', '2001-02-03 04:05:06+16', '2001-02-03 04:05:06+02:03:04',
			'2001-02-03 24:00:00.000001', '69-01-01', '70-01-01', '1/1/69', '1/1/70', '2001-02-03 -05', '2001-02-03+05',
			'2001-2-3 4:5:6', '2001-02-03 4:05', '04:05 Feb 3 2001', '2001-02-03 04:05:06 am', 'May 5 2020 10:00',
			'5 may 2020', 'sept 5 2020', 'sep 5 2020', '2020-W10-1', '2020-06-31', '1.2.2003', '2003.1.2']) t
		UNION ALL SELECT pg_temp.random_timestamp()::text FROM generate_series(1, :rows / 10)
		UNION ALL SELECT replace(replace(pg_temp.random_timestamp()::text, ' BC', ''), ' ', 'T') || (ARRAY['Z', '', '+01', '-03:30', '+0545'])[1 + pg_temp.below(5)]
			FROM generate_series(1, :rows / 10)
	) v) TO STDOUT;

\o golden_timestamp_arithmetic.txt
COPY (SELECT a, i, pg_temp.try(format('%L::timestamp + %L::interval', a, i)), pg_temp.try(format('%L::timestamp - %L::interval', a, i)),
		b, a - b
	FROM (SELECT pg_temp.random_timestamp() AS a, pg_temp.random_timestamp() AS b, pg_temp.random_interval() AS i
		FROM generate_series(1, :rows / 3)) v) TO STDOUT;

\o golden_timestamp_fields.txt
COPY (SELECT f, t, pg_temp.try(format('date_trunc(%L, %L::timestamp)', f, t)), pg_temp.try(format('extract(%s from %L::timestamp)', f, t)),
		pg_temp.try(format('extract(%s from %L::date)', f, t::date))
	FROM (SELECT pg_temp.random_timestamp() AS t FROM generate_series(1, :rows / 25)
		UNION ALL SELECT '0001-01-01'::timestamp + n * interval '1 year' FROM unnest(ARRAY[-1001, -1000, -101, -100, -11, -10, -9, -1, 0, 99, 100, 999, 1000, 1999, 2000, 2003]) n) v,
	unnest(ARRAY['microseconds', 'milliseconds', 'second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year', 'decade',
		'century', 'millennium', 'dow', 'isodow', 'doy', 'isoyear', 'epoch', 'julian']) f) TO STDOUT;

\o golden_interval_text.txt
COPY (SELECT t, pg_temp.try(format('%L::interval', t))
	FROM (
		SELECT unnest(ARRAY['1 day', '1 day 02:00', '1 year 2 mons -3 days +04:05:06.7', '@ 1 minute ago', '1 hour ago', '1.5 days', '1.5 months',
			'1.5 years', '0.5 year', '0.1 year', '1.5 weeks', '2 weeks', '1-2', '-1-2', '3 04:05', '3 04:05:06', '04:05', '04:05:06.789', '-04:05',
			'4:5', '100:00:00', '1.5', '90', '-90', '1.5 hours', '1.25 minutes', '1.0000005 seconds', '500 ms', '500 milliseconds', '250 us', '1.5 ms',
			'1 decade', '1 century', '2 millennia', '1.5 decades', 'P1Y2M3DT4H5M6S', 'P1.5D', 'PT36H', 'P2W', 'P0001-02-03T04:05:06', 'P1Y', 'PT0.5S',
			'P-1Y', 'PT-1.5H', 'P', 'PT', '', ' ', 'abc', '1', '1 x', '1 day 1 day', 'day', '1 2', '1 2 days', '1 day 2', '12:60', '12:00:61',
			'1 quarter', '2147483647 days', '2147483648 days', '178956970 years', '178956971 years', '9223372036854 seconds', '9999999999999999 hours',
			'1d 2h 3m 4s', '1d2h3m4s', '1y2mon3d', '1 mon', '1 yr', '1 month -1 day', '-1 month +1 day', '-1 year', '+1 day', '- 1 day', '1 day -00:00:01',
			'00:00:00', '0', '-0:01', '1 h 1 m', '1 hr 1 min', '1 sec', '0.0000004 sec', '0.0000006 sec', '1 dec', '3 4', '1:2:3 4', 'infinity',
			'1 month 1.5 days ago', '04:05.5', '1.1 mons', '1.999999 mons', '-1.5 months', '-1.5 days', '-1.5 weeks', '1 week 1 day']) t
		UNION ALL SELECT pg_temp.random_interval()::text FROM generate_series(1, :rows / 5)
	) v) TO STDOUT;

\o golden_interval_fields.txt
COPY (SELECT f, i, pg_temp.try(format('extract(%s from %L::interval)', f, i))
	FROM (SELECT pg_temp.random_interval() AS i FROM generate_series(1, :rows / 25)
		UNION ALL SELECT unnest(ARRAY['1234 years 5 mons', '-1234 years -5 mons', '100:59:59.5', '-100:59:59.5', '0'])::interval) v,
	unnest(ARRAY['microseconds', 'milliseconds', 'second', 'minute', 'hour', 'day', 'month', 'quarter', 'year', 'decade',
		'century', 'millennium', 'epoch', 'week', 'dow']) f) TO STDOUT;

\o golden_to_char.txt
COPY (SELECT t, p, to_char(t, p)
	FROM (SELECT pg_temp.random_timestamp() AS t FROM generate_series(1, :rows / 50)
		UNION ALL SELECT unnest(ARRAY['2001-02-03 00:05:06', '2001-12-31 12:00:00.000001', '2000-01-01 23:59:59.999999', '0044-03-15 BC'])::timestamp) v,
	unnest(ARRAY['YYYY-MM-DD HH24:MI:SS.MS', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"', 'HH:MI:SS AM', 'HH12 hh12 HH am p.m. A.M.', 'Day Month DD', 'DAY MONTH day month',
		'FMDay, FMMonth FMDD, FMYYYY', 'Dy DY dy Mon MON mon', 'DDD DD D', 'IDDD ID IW IYYY IYY IY I', 'WW W Q CC J', 'Y,YYY YYYY YYY YY Y', 'FMY,YYY FMYYYY FMYYY FMYY FMY',
		'RM rm FMRM', 'SSSS SSSSS', 'FF1 FF2 FF3 FF4 FF5 FF6', 'BC AD b.c. A.D.', 'DDth DDTH Dth MIth', 'FMHH24:FMMI:FMSS', 'TZH:TZM OF', 'FMDDDth of YYYYth',
		'"quoted \"inner\" YYYY" YYYY', 'escaped \"YYYY\"', 'Yyyy Mm xx', 'FXYYYY', 'yyyy-mm-dd hh24:mi:ss', 'TMMonth TMDay', 'FM', 'MSth USth HH24th CCth Qth', 'no keys: 123 #',
		'MMMM', 'FMMM/FMDD/YY', 'YYYYMMDDHH24MISSUS', 'month', 'SSSP', 'FMIDDD FMWW FMIW', 'ithaca', 'DYD'])  p) TO STDOUT;

\o golden_wire.txt
COPY (
	SELECT 'numeric', a::numeric, encode(numeric_send(a::numeric), 'hex') FROM (SELECT pg_temp.random_numeric() AS a FROM generate_series(1, :rows / 10)) v
	UNION ALL SELECT 'numeric', a, encode(numeric_send(a), 'hex') FROM unnest(ARRAY[0, 0.00, 1, -1, 10000, 0.0001, 0.00010, 100000000, 12345.6789, 0.00001]) a
	) TO STDOUT;
COPY (
	SELECT 'timestamp', t::text, encode(timestamp_send(t), 'hex') FROM (SELECT pg_temp.random_timestamp() AS t FROM generate_series(1, :rows / 20)
		UNION ALL SELECT 'infinity' UNION ALL SELECT '-infinity') v
	UNION ALL SELECT 'timestamptz', t::timestamptz::text, encode(timestamptz_send(t::timestamptz), 'hex') FROM (SELECT pg_temp.random_timestamp() AS t FROM generate_series(1, :rows / 50)) v
	UNION ALL SELECT 'date', t::date::text, encode(date_send(t::date), 'hex') FROM (SELECT pg_temp.random_timestamp() AS t FROM generate_series(1, :rows / 50)
		UNION ALL SELECT 'infinity' UNION ALL SELECT '-infinity') v
	UNION ALL SELECT 'interval', i::text, encode(interval_send(i), 'hex') FROM (SELECT pg_temp.random_interval() AS i FROM generate_series(1, :rows / 50)) v
	UNION ALL SELECT 'double precision', f::text, encode(float8send(f), 'hex') FROM unnest(ARRAY[0, -0.0::float8, 1.5, 1e300, 'NaN', 'Infinity', '-Infinity']::float8[]) f
	UNION ALL SELECT 'real', f::text, encode(float4send(f), 'hex') FROM unnest(ARRAY[0, 1.5, 0.1, 1e30, 'NaN', 'Infinity']::float4[]) f
	UNION ALL SELECT 'bigint', i::text, encode(int8send(i), 'hex') FROM unnest(ARRAY[0, 1, -1, 9223372036854775807, -9223372036854775808]::int8[]) i
	UNION ALL SELECT 'integer', i::text, encode(int4send(i), 'hex') FROM unnest(ARRAY[0, 1, -1, 2147483647, -2147483648]::int4[]) i
	UNION ALL SELECT 'smallint', i::text, encode(int2send(i), 'hex') FROM unnest(ARRAY[0, 1, -1, 32767, -32768]::int2[]) i
	UNION ALL SELECT 'boolean', b::text, encode(boolsend(b), 'hex') FROM unnest(ARRAY[true, false]) b
	UNION ALL SELECT 'bytea', b::text, encode(byteasend(b), 'hex') FROM unnest(ARRAY['\x', '\x00ff5c']::bytea[]) b
	) TO STDOUT;

\o golden_value_text.txt
-- varchar(3) as a column takes it: an explicit cast would cut it short without a word.
COPY (SELECT y, t, pg_temp.try(CASE y WHEN 'varchar(3)' THEN format('varcharin(%L::cstring, 0, 7)', t) ELSE format('%L::%s', t, y) END)
	FROM unnest(ARRAY['boolean', 'smallint', 'integer', 'bigint', 'real', 'double precision', 'numeric', 'numeric(5,2)', 'bytea', 'varchar(3)', 'text']) y,
	unnest(ARRAY['t', 'TRUE', 'tru', 'f', 'yes', 'n', 'on', 'o', 'of', 'off', '1', '0', ' 1 ', '+5', '-32768', '32768', '-2147483648', '2147483648',
		'9223372036854775807', '9223372036854775808', '-9223372036854775808', '-9223372036854775809', '1.5', '1e3', '', ' ', '-', '1 2', '0x10', 'NaN', 'inf',
		'-Infinity', '+Infinity', 'infin', '1e400', '1e-400', '1e-320', '3.4e38', '3.5e38', '1e-46', '123.455', '999.994', '999.995', '-999.995', '\xDEADbeef', '\x 12 34',
		'\x123', '\xzz', '\000\\a', '\9', 'a\\b', '\', 'abc', 'abcd', 'abc  ', 'äöü', 'äöüß', '1.0000000000000001', '.5', '5.', '0.1', '16777217']) t) TO STDOUT;
\o
