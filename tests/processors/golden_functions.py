#!/usr/bin/env python3
"""Writes golden_functions.txt: what PostgreSQL answers to calls of functions, operators and casts.

Usage: golden_functions.py > golden_functions.txt, with PGHOST, PGPORT … naming a PostgreSQL 15 database made with
LC_COLLATE 'C', LC_CTYPE 'C.UTF-8', ENCODING 'UTF8'. Each line is, separated by tabs (\\t \\n \\\\ escaped in values):

    name  type|value …  =>  type|value        a call and its result; a value \\N is null
    name  type|value …  =>  ERROR|sqlstate|message
    ::type  type|value  =>  …                  an explicit cast
"""
import subprocess
import sys

NULL = None
cases = []


def arg(spec):
    """'int4:5' or 'int4' for a null; a plain ':x' is an untyped literal."""
    if ":" not in spec:
        return (spec, NULL)
    kind, value = spec.split(":", 1)
    return (kind or "unknown", value)


def case(name, *specs):
    cases.append((name, [arg(s) for s in specs]))


def cross(names, lefts, rights):
    for name in names.split():
        for left in lefts:
            for right in rights:
                case(name, left, right)


def each(names, specs):
    for name in names.split():
        for spec in specs:
            case(name, spec)


def typed(kind, values):
    return ["%s:%s" % (kind, v) for v in values.split()]


INT2 = typed("int2", "0 1 -1 7 -7 32767 -32768")
INT4 = typed("int4", "0 1 -1 7 -7 2147483647 -2147483648")
INT8 = typed("int8", "0 1 -1 7 -7 9223372036854775807 -9223372036854775808 3037000500")
FLOAT8 = typed("float8", "0 -0 1 -1.5 2.5 0.1 1e300 1e-300 Infinity -Infinity NaN")
FLOAT4 = typed("float4", "0 1 -1.5 0.1 3e38 1e-38 Infinity NaN")
NUMERIC = typed("numeric", "0 0.00 1 -1 7 -7.5 0.1 123.4500 1e10 0.000001 99999999999999.99")

# ---- arithmetic
for group in (INT2, INT4, INT8):
    cross("+ - * / %", group, group)
    each("- + abs @ ~", group)
cross("+ - * /", INT2[1:3] + INT2[-1:], INT4[1:3] + INT4[-2:])
cross("+ - * /", INT4[1:3] + INT4[-2:], INT8[1:3] + INT8[-3:-1])
cross("+ - * /", INT8[-3:], INT2[1:3])
cross("& | #", INT4, INT4)
cross("<< >>", INT4, typed("int4", "0 1 5 31 32 33 -1"))
cross("<< >>", INT8, typed("int4", "0 1 5 63 64 -1"))
cross("<< >>", INT2, typed("int4", "0 1 5 15 16 31 32"))
cross("+ - * /", FLOAT8, FLOAT8)
cross("+ - * /", FLOAT4, FLOAT4)
cross("+ *", FLOAT4[:4], FLOAT8[:6])
cross("+ - * / %", NUMERIC, NUMERIC)
cross("+ - * /", INT4[:4], NUMERIC[:6])
cross("+ - * /", INT4[:4], FLOAT8[:6])
cross("+ -", NUMERIC[:4], FLOAT8[:4])
each("- + abs @", FLOAT8 + FLOAT4 + NUMERIC)
cross("mod", INT4, INT4)
cross("mod div", NUMERIC, NUMERIC)
cross("gcd lcm", INT4, INT4)
cross("gcd lcm", INT8[:5], INT8[:5])
for a, b in (("int4", "int4:5"), ("int4:5", "int4"), ("float8", "float8:1"), ("numeric:1", "numeric"), ("int8", "int8")):
    for op in "+ - * /".split():
        case(op, a, b)
case("/", "int4", "int4:0")
for op in "+ - * / %".split():
    case(op, ":5", "int4:2")
    case(op, "int4:5", ":2")
    case(op, "numeric:5", ":2.5")
case("+", "int4:5", ":x")
case("+", ":1", ":2")
case("-", ":1")
case("+", "text:a", "int4:1")
case("-", "text:a")
case("+", "bool:t", "bool:t")

# ---- comparison
OPS = "= <> < <= > >="
cross(OPS, INT4[:3], INT8[:3])
cross(OPS, INT2[:3], INT4[:3])
cross(OPS, FLOAT8, FLOAT8)
cross("= <", FLOAT4[:4], FLOAT8[:6])
cross(OPS, NUMERIC[:4] + ["numeric:1.000"], NUMERIC[:4])
cross("= < >=", INT4[:3], NUMERIC[:4])
cross("= <", INT4[:3], FLOAT8[:4])
cross("= <", NUMERIC[:4], FLOAT8[:4])
cross(OPS, ["bool:t", "bool:f"], ["bool:t", "bool:f"])
TEXTS = ["text:", "text:a", "text:ab", "text:b", "text:B", "text:é", "text:10", "text:9"]
cross(OPS, TEXTS, TEXTS)
cross("= < >", ["varchar:a", "varchar:b"], TEXTS[:4])
cross(OPS, ["bytea:\\x", "bytea:\\x00", "bytea:\\xff"], ["bytea:\\x", "bytea:\\x00ff"])
TIMES = ["timestamp:2001-01-01 00:00:00", "timestamp:1969-12-31 23:59:59.999999", "timestamp:infinity", "timestamp:-infinity"]
DATES = ["date:2001-01-01", "date:1970-01-01", "date:infinity", "date:0044-03-15 BC", "date:2000-02-29"]
ZONED = ["timestamptz:2001-01-01 00:00:00+00", "timestamptz:2001-01-01 02:00:00+02", "timestamptz:infinity"]
cross(OPS, TIMES, TIMES)
cross(OPS, DATES[:3], DATES[:3])
cross("= < >=", DATES, TIMES)
cross("= < >=", DATES[:3], ZONED)
cross("= < >=", TIMES, ZONED)
INTERVALS = ["interval:1 day", "interval:24:00:00", "interval:1 mon", "interval:30 days", "interval:-1 day +02:03:04",
             "interval:1 year 2 mons 3 days 04:05:06.789", "interval:0", "interval:-1 year"]
cross(OPS, INTERVALS, INTERVALS)
cross("= <", ["date:2001-01-01"], [":2001-01-02", ":2001-01-01"])
cross("= <", ["int4:1"], [":1", ":2 ", ":x"])
cross("=", [":1"], [":1", ":2"])
cross("=", ["bool:t"], [":yes", ":off", ":maybe"])
case("=", "text:a", "int4:1")
case("=", "int4:1", "bool:t")
case("=", "timestamp:2001-01-01", "text:2001-01-01")

# ---- casts
for source in INT2 + INT4 + INT8:
    for target in "int2 int4 int8 float4 float8 numeric text bool numeric(5,2) varchar(3)".split():
        case("::" + target, source)
for source in FLOAT8 + FLOAT4 + typed("float8", "0.5 1.5 2.5 -0.5 -2.5 32767.4 32767.5 2147483647.5 9223372036854775807 1e15 "
                                      "1e16 123456789.123456789 1e-5 0.0001 1e22 4.35 33.333333333333336"):
    for target in "int2 int4 int8 float4 float8 numeric text numeric(5,2)".split():
        case("::" + target, source)
for source in NUMERIC + typed("numeric", "0.5 1.5 2.5 -0.5 -2.5 32767.5 999.994 999.995 999.999 -999.995 1e-7 2147483647.49 "
                              "9223372036854775807.4 9223372036854775807.5"):
    for target in "int2 int4 int8 float4 float8 numeric(5,2) numeric(3,0) numeric(10,4) text numeric".split():
        case("::" + target, source)
for text in ["5", " 5 ", "-5", "+5", "", "abc", "5.0", "5e3", "1_000", "32768", "2147483648", "9223372036854775808", "NaN", "inf",
             "Infinity", "-infinity", "1e400", "0x10", "t", "true", "TRUE", " yes ", "no", "on", "of", "off", "o", "1", "0",
             "f", "fals", "tr", "y", "n", "12.345", ".5", "5.", "1e-3", "1.10", "- 5", "5 5"]:
    for target in "int2 int4 int8 float4 float8 numeric bool numeric(4,2)".split():
        case("::" + target, "text:" + text)
for text in ["2001-02-03", "2001-02-03 04:05", "2001-02-03T04:05:06.5Z", "2001-02-03 04:05:06+02", "2001-02-30", "infinity",
             "epoch", "20010203", "", "abc", "2001-13-01", "0044-03-15 BC", "2001-02-03 25:00", "2001-02-03 24:00:00"]:
    for target in "date timestamp timestamptz".split():
        case("::" + target, "text:" + text)
for text in ["1 day", "1 day 02:03:04", "-1 day", "1.5 days", "1 week", "1 month 1 day", "P1DT2H", "1:02", "1 year -1 mon", "x",
             "1 fortnight", "2 hours ago", "1.5 hours", "90 minutes", "100 ms", "1 century"]:
    case("::interval", "text:" + text)
for source in DATES + TIMES + ZONED:
    for target in "date timestamp timestamptz text".split():
        case("::" + target, source)
for source in INTERVALS:
    case("::text", source)
for target in "text int4 int8 bool varchar(2)".split():
    case("::" + target, "bool:t")
    case("::" + target, "bool:f")
for text in ["abc", "ab   ", "äöü", "äöüß", ""]:
    case("::varchar(3)", "text:" + text)
    case("::varchar", "text:" + text)
case("::bytea", "text:\\x00ff")
case("::bytea", "text:a\\\\b\\001")
case("::bytea", "text:\\xf")
case("::text", "bytea:\\x00ff")
for target in "int4 text date interval numeric(4,1) bool".split():
    case("::" + target, "text")
case("::bool", "int8:1")
case("::date", "int4:1")
case("::interval", "float8:1")
case("::timestamp", "date:5874897-12-31")
case("::date", "timestamp:1969-12-31 12:00:00")
case("::int4", ":12")
case("::varchar(2)", ":äöü")
case("::numeric(6,3)", ":1.23456")

# ---- text
STRINGS = ["text:", "text:abc", "text:Hello World", "text:äÖü ß", "text:日本語", "text:a", "text:x'y\"z", "text:ΑΣΔ", "text: a  b "]
each("length char_length character_length octet_length bit_length lower upper initcap reverse ascii md5 btrim ltrim rtrim",
     STRINGS)
each("initcap", ["text:hello wORLD-foo_bar 2nd", "text:o'neil", "text:élan vital"])
each("lower upper", ["text:ÀÉÎõÿŸ", "text:ЖЗийκλ", "text:ǅǆ ıİ", "text:ﬀ ŉ"])
each("chr", typed("int4", "65 0 -1 233 26085 128512 1114112 55296"))
for s in STRINGS[:5]:
    for n in (-100, -2, -1, 0, 1, 2, 3, 100):
        case("left", s, "int4:%d" % n)
        case("right", s, "int4:%d" % n)
        case("substring", s, "int4:%d" % n)
        for m in (-1, 0, 1, 2, 2147483647):
            case("substring", s, "int4:%d" % n, "int4:%d" % m)
case("substr", "text:abcdef", "int4:2", "int4:3")
case("substr", "text:abcdef", "int4:-2147483648", "int4:3")
case("substring", "bytea:\\x010203", "int4:2", "int4:1")
case("substring", "text:abc", "int4:2147483647", "int4:2147483647")
for n in (0, 2, 3, 5, 10, -3):
    for s in ("text:abc", "text:äöü", "text:"):
        case("lpad", s, "int4:%d" % n)
        case("rpad", s, "int4:%d" % n)
        for fill in ("text:xy", "text:", "text:é日"):
            case("lpad", s, "int4:%d" % n, fill)
            case("rpad", s, "int4:%d" % n, fill)
    case("repeat", "text:ab", "int4:%d" % n)
case("repeat", "text:abcdefgh", "int4:2147483647")
for s in ("text:xxabcxx", "text:xyzzy", "text:äxä", "text:"):
    for chars in ("text:x", "text:xy", "text:ä", "text:"):
        for f in ("btrim", "ltrim", "rtrim"):
            case(f, s, chars)
for s, f, t in (("abcabc", "b", "XX"), ("abc", "", "x"), ("aaa", "a", ""), ("aaaa", "aa", "b"), ("", "a", "b"), ("äöä", "ä", "ae")):
    case("replace", "text:" + s, "text:" + f, "text:" + t)
    case("translate", "text:" + s, "text:" + f, "text:" + t)
case("translate", "text:12345", "text:143", "text:ax")
case("translate", "text:äbc", "text:äb", "text:aß")
for n in (-4, -3, -2, -1, 0, 1, 2, 3, 4):
    case("split_part", "text:a,b,c", "text:,", "int4:%d" % n)
    case("split_part", "text:a", "text:", "int4:%d" % n)
    case("split_part", "text:", "text:,", "int4:%d" % n)
    case("split_part", "text:a~@~b~@~c", "text:~@~", "int4:%d" % n)
for s, n in (("abc", "c"), ("abc", ""), ("", ""), ("", "a"), ("äöü", "ü"), ("abc", "x")):
    case("position", "text:" + s, "text:" + n)
    case("strpos", "text:" + s, "text:" + n)
    case("starts_with", "text:" + s, "text:" + n)
    case("^@", "text:" + s, "text:" + n)
case("overlay", "text:abcdef", "text:XX", "int4:2")
case("overlay", "text:abcdef", "text:XX", "int4:2", "int4:4")
case("overlay", "text:abcdef", "text:XX", "int4:0")
case("overlay", "text:abcdef", "text:XX", "int4:20", "int4:1")
case("overlay", "text:abcdef", "text:XX", "int4:4", "int4:-2")
cross("||", ["text:a", "text:", "text"], ["text:b", "int4:5", "float8:1.5", "numeric:1.50", "bool:t", "date:2001-01-01", ":x", "int4",
                                         "timestamp:2001-01-01 01:02:03", "interval:1 day", "varchar:v"])
cross("||", ["int4:5", "bool:f", "varchar:v", ":u"], ["text:b", ":x", "varchar:w"])
case("||", "int4:1", "int4:2")
case("||", "bytea:\\x01", "bytea:\\x02")
case("concat", "text:a", "int4:1", "bool:t", "float8", "date:2001-01-01")
case("concat", "text", "int4")
case("concat", ":a", ":b")
case("concat_ws", "text:-", "text:a", "int4", "int4:3", "bool:f")
case("concat_ws", "text", "text:a")
case("concat_ws", "text:,", "text", "text")
case("concat_ws", ":,", ":a", "int4:5")
each("to_hex", INT4 + INT8)
for b in ("\\x", "\\x00", "\\xdeadbeef", "\\x" + "ab" * 60, "\\x5c41"):
    for e in ("hex", "base64", "escape", "HEX", "nope"):
        case("encode", "bytea:" + b, "text:" + e)
for t, e in (("deadBEEF", "hex"), ("de ad", "hex"), ("abc", "hex"), ("xy", "hex"), ("3q2+7w==", "base64"), ("3q2+7w=", "base64"),
             ("3q2+\n7w==", "base64"), ("!!!!", "base64"), ("a\\\\b\\001", "escape"), ("a\\", "escape"), ("", "base64")):
    case("decode", "text:" + t, "text:" + e)
case("convert_from", "bytea:\\xc3a9", "text:UTF8")
case("convert_from", "bytea:\\xc3a9", ":utf-8")
case("convert_from", "bytea:\\xff", "text:UTF8")
case("convert_to", "text:é", "text:UTF8")
for f in ("length", "md5"):
    case(f, "bytea:\\x00ff01")
for s in STRINGS[1:4] + ["text:100%", "text:a_c", "text:a\\c", "text:"]:
    for p in ("abc", "a%", "%c", "%b%", "a_c", "_", "%", "", "___", "%ö%", "H%o W%d", "100\\%", "a\\_c", "a\\\\c", "h%", "%%", "%_",
              "_%", "%l%o%", "%ll%ld"):
        for op in ("~~", "~~*"):
            case(op, s, "text:" + p)
case("!~~", "text:abc", "text:a%")
case("!~~*", "text:ABC", "text:a%")
case("~~", "text:abc", "text")
case("~~", "text:abc", "text:abc\\")
case("~~", "int4:5", "text:5")
case("~~", "varchar:abc", ":a%")
for p, e in (("a#%b", "#"), ("a%", ""), ("a\\%", ""), ("a##", "#"), ("a", "##"), ("a\\b", "#"), ("x", "\\")):
    case("like_escape", "text:" + p, "text:" + e)
for s in ("abc", "Hello World", "foo123bar", "", "äöü", "a.b", "2001-02-03"):
    for p in ("^a", "c$", "[0-9]+", "\\d+", "^\\w+$", "o.o", "l{2}", "(foo|bar)", "^.{3}$", "a\\.b", "[^a-z]", "", "\\d{4}-\\d{2}",
              "[\\d-]+", "\\mWorld", "HELLO", "x*"):
        for op in ("~", "~*", "!~"):
            case(op, "text:" + s, "text:" + p)
case("~", "text:a", "text:[")
case("~", "text:a", "text:(")
case("~", "text:a", "text:*a")
case("~", "text:a", "text:a{256}")
for s, p, r in (("foobarbaz", "b..", "X"), ("foobarbaz", "b(..)", "X\\1Y"), ("Thomas", ".[mN]a.", "M"), ("abc", "", "-"), ("äöü", "ö", "\\&\\&"),
                ("a1b22", "\\d+", "#"), ("aaa", "^a", "b")):
    case("regexp_replace", "text:" + s, "text:" + p, "text:" + r)
    case("regexp_replace", "text:" + s, "text:" + p, "text:" + r, "text:g")
    case("regexp_replace", "text:" + s.upper(), "text:" + p, "text:" + r, "text:gi")
case("substring", "text:foobar", "text:o.b")
case("substring", "text:foobar", "text:o(.)b")
case("substring", "text:foobar", "text:zz")
case("regexp_count", "text:abcabcaBc", "text:abc")
case("regexp_count", "text:abc", "text:")
case("regexp_like", "text:abc", "text:B")

# ---- math
FLOATS = FLOAT8 + typed("float8", "0.5 -0.5 1.5 2.4999 -2.5 100 1e-10 4 -4 27 12345.678 710 -750 -1")
each("ceil ceiling floor round trunc sign sqrt |/ exp ln log log10 degrees radians", FLOATS)
each("sin cos tan asin acos atan", typed("float8", "0 1 -1 0.5 2 Infinity NaN"))
cross("^ power", typed("float8", "0 1 -1 2 -2 0.5 10 1e200 Infinity -Infinity NaN"), typed("float8", "0 1 -1 2 0.5 3 -2 1e3 Infinity NaN"))
cross("^", INT4[:4], INT4[:4])
each("ceil ceiling floor round trunc sign scale min_scale trim_scale", NUMERIC + typed("numeric", "0.5 -0.5 1.5 2.5 -2.5 -0.49 1.49 99.5 "
                                                                                       "1234567.891 1.100 100"))
for n in (-3, -1, 0, 1, 2, 5):
    for v in typed("numeric", "0 1234.5678 -1234.5678 0.005 -0.005 999.95 1e10 0.15 55.555"):
        case("round", v, "int4:%d" % n)
        case("trunc", v, "int4:%d" % n)
each("round", INT4)
case("round", "float8:1.5", "int4:1")
case("sqrt", "numeric:2.5")
each("sqrt", typed("numeric", "0 1 2 4 0.01 100.00 2.5 1234567.89 -1 0.0000001 1e20 99999999999999999999 2.000000000000000000000000 0.5 10 1000000"))
each("exp", typed("numeric", "0 1 2 -1 0.5 10 -10 1.000000000000000000000 20 0.0001 -0.5 30 -30 40"))
each("ln log log10", typed("numeric", "1 2 10 0.5 100 0.001 1e10 0 -1 1.0001 123456789.123456789 2.718281828459045 0.99999 1e-10 1e30"))
cross("log", typed("numeric", "2 10 0.5 3.5 1 0"), typed("numeric", "8 100 0.25 7 1 0 -1 1.5"))
cross("power ^", typed("numeric", "0 1 -1 2 -2 0.5 10 1.05 -1.5 1.0001 12345.678 0.001"),
      typed("numeric", "0 1 2 3 -1 -2 0.5 10 2.5 -0.5 30 1.5 0.333333"))
for v in ("5.35", "0.024", "10.06", "-1", "10", "11", "NaN"):
    case("width_bucket", "float8:" + v, "float8:0.024", "float8:10.06", "int4:5")
    if v != "NaN":
        case("width_bucket", "numeric:" + v, "numeric:0.024", "numeric:10.06", "int4:5")
        case("width_bucket", "numeric:" + v, "numeric:10.06", "numeric:0.024", "int4:5")
case("width_bucket", "numeric:5", "numeric:1", "numeric:1", "int4:5")
case("width_bucket", "float8:5", "float8:1", "float8:2", "int4:0")
each("cbrt", FLOAT8)

# ---- dates and times
STAMPS = ["2001-02-16 20:38:40.123456", "2000-02-29 00:00:00", "1969-12-31 23:59:59.999999", "1900-01-01 00:00:00", "2024-12-30 12:00:00",
          "2021-01-03 05:06:07", "infinity", "-infinity", "0044-03-15 10:00:00 BC", "9999-12-31 23:59:59"]
FIELDS = ["microseconds", "milliseconds", "second", "minute", "hour", "day", "week", "month", "quarter", "year", "decade", "century",
          "millennium", "dow", "isodow", "doy", "isoyear", "epoch", "julian", "HOUR", "days", "foo", "timezone"]
for f in FIELDS:
    for s in STAMPS:
        case("date_trunc", "text:" + f, "timestamp:" + s)
        case("extract", "text:" + f, "timestamp:" + s)
    case("date_trunc", "text:" + f, "timestamptz:" + STAMPS[0])
    case("extract", "text:" + f, "timestamptz:" + STAMPS[0])
    case("date_part", "text:" + f, "timestamp:" + STAMPS[0])
    for d in ("2001-02-16", "0044-03-15 BC", "1970-01-01", "infinity"):
        case("extract", "text:" + f, "date:" + d)
    case("date_part", "text:" + f, "date:2001-02-16")
    for i in ("1 year 2 mons 3 days 04:05:06.789", "-1 day +02:03:04", "25 hours", "-5 years -7 mons", "100 days"):
        case("extract", "text:" + f, "interval:" + i)
        case("date_trunc", "text:" + f, "interval:" + i)
        case("date_part", "text:" + f, "interval:" + i)
case("date_trunc", ":day", "date:2001-02-16")
case("date_trunc", "text", "timestamp:2001-01-01")
cross("+ -", ["timestamp:2001-01-31 12:00:00", "timestamp:2000-02-29", "timestamp:infinity", "timestamptz:2001-03-31 12:00:00+00", "date:2001-01-31",
              "date:infinity"], INTERVALS + ["interval:1 mon", "interval:-1 mon", "interval:300000 years"])
cross("+", INTERVALS[:4], ["timestamp:2001-01-31 12:00:00", "date:2001-01-31", "timestamptz:2001-03-31 12:00:00+00"])
cross("+ -", INTERVALS, INTERVALS)
case("+", "interval:178000000 years", "interval:178000000 years")
each("-", INTERVALS)
cross("* /", INTERVALS, typed("float8", "0 1 2 -1 0.5 1.5 0.333333333 1e10 NaN 7"))
cross("*", typed("float8", "2 0.1"), INTERVALS)
cross("* /", INTERVALS[:3], ["int4:3", "numeric:2.5"])
case("*", "interval:1 day", ":2")
cross("-", TIMES, TIMES[:3])
cross("-", DATES[:3] + ["date:2000-02-29"], DATES[:2] + ["date:infinity"])
cross("+ -", DATES, ["int4:1", "int4:-400", "int4:2147483647"])
case("+", "int4:5", "date:2001-01-01")
cross("-", TIMES[:2], DATES[:2] + ZONED[:2])
case("-", "timestamp:2001-01-02", ":2001-01-01")
case("-", "date:2001-01-02", ":2001-01-01")
case("+", "timestamp:2001-01-02", ":1 day")
case("-", "timestamp:2001-01-02", ":1 day")
AGES = ["2001-04-10 00:00:00", "1957-06-13 00:00:00", "2000-02-29 12:00:00", "2001-03-01 00:00:00", "2001-01-31 23:59:59.5", "2024-12-31 00:00:01"]
cross("age", ["timestamp:" + s for s in AGES], ["timestamp:" + s for s in AGES])
case("age", "timestamptz:2001-04-10 00:00:00+00", "timestamptz:2000-02-29 00:00:00+00")
case("age", "timestamp:infinity", "timestamp:2001-01-01")
for y, m, d in ((2013, 7, 15), (-44, 3, 15), (0, 1, 1), (2013, 2, 29), (2012, 2, 29), (2013, 13, 1), (2013, 1, 0), (5874898, 1, 1), (1, 1, 1)):
    case("make_date", "int4:%d" % y, "int4:%d" % m, "int4:%d" % d)
for v in ((2013, 7, 15, 8, 15, "23.5"), (2013, 7, 15, 24, 0, "0"), (2013, 7, 15, 8, 15, "60"), (2013, 7, 15, 8, 60, "0"), (2013, 2, 30, 0, 0, "0"),
          (-1, 1, 1, 0, 0, "0.0000004"), (2013, 7, 15, 25, 0, "0"), (2013, 7, 15, 8, 15, "59.9999999")):
    case("make_timestamp", *["int4:%s" % x for x in v[:5]], "float8:" + v[5])
case("make_timestamptz", *["int4:%d" % x for x in (2013, 7, 15, 8, 15)], "float8:23.5")
each("to_timestamp", typed("float8", "0 1284352323 1284352323.123456 -1.5 1e10 1e20 Infinity NaN 0.1"))
each("isfinite", DATES + TIMES + ZONED + INTERVALS[:1])
cross("timezone", [":UTC", "text:utc"], ["timestamp:2001-01-01 01:00:00", "timestamptz:2001-01-01 01:00:00+00"])
for stride, origin in (("15 minutes", "2001-01-01"), ("1 day 2 hours", "2001-01-01 00:00:01"), ("1 mon", "2001-01-01"), ("-1 day", "2001-01-01"),
                       ("10 seconds", "2030-01-01")):
    for s in STAMPS[:4] + ["infinity"]:
        case("date_bin", "interval:" + stride, "timestamp:" + s, "timestamp:" + origin)
each("justify_hours justify_days justify_interval", INTERVALS + ["interval:27 hours", "interval:35 days", "interval:1 mon -1 hour", "interval:-3 days 50 hours",
                                                                "interval:-1 mon 1 day", "interval:70 days -30 hours"])
for p in ("YYYY-MM-DD HH24:MI:SS", "YYYY-MM-DD", "Day, DD Mon YYYY", "FMDay FMMonth", "HH12:MI AM", "IYYY-IW", "Q", "DDD", "US MS", "J", "\"quoted\" YY",
          "Dy", "MON", "D", "WW", "CC", "YYYYMMDDHH24MISS", "hh:mi:ss.us", "FMMM/FMDD", "SSSS", "TZ", "month", "Y,YYY", "RM", "W", "FF3", "th DDth", ""):
    for s in STAMPS[:6]:
        case("to_char", "timestamp:" + s, "text:" + p)
case("to_char", "date:2001-02-16", "text:YYYY/MM/DD")
case("to_char", "timestamptz:2001-02-16 20:38:40+00", "text:HH24:MI")
case("to_char", "timestamp:infinity", "text:YYYY")

# ---- to_char of numbers
for p in ("999", "0000", "999.99", "FM999.99", "FM999.00", "9,999,999", "9G999D99", "S999", "999S", "MI999", "999MI", "PL999", "999PR", "SG999", "FM9999", "FM0000",
          "990.99", "0", "9", ".99", "9.9", "FM9.999", "FM990.0", "FMS999", "00.00", "999,999.999", "99V99", "999th", "RN", "FMRN", "EEEE", "9.99EEEE", "L999", "$999.99",
          "\"n=\"999", "FM9,999,999.00", "B999", "", "9 9 9", "FM999.", "999D", "FM0.999", "S0.0", "099.90", "FM099.90"):
    for v in ("0", "1", "-1", "12", "-12.345", "123.456", "1234.5", "-0.5", "0.5", "1234567.891", "0.001", "99.995", "-99.999"):
        case("to_char", "numeric:" + v, "text:" + p)
    for v in ("0", "-5", "485", "12345"):
        case("to_char", "int4:" + v, "text:" + p)
    case("to_char", "int8:1234567890123", "text:" + p)
    for v in ("0", "-0.5", "123.456", "1e10", "1234.5"):
        case("to_char", "float8:" + v, "text:" + p)

# ---- to_date, to_timestamp
for t, p in (("2001-02-03", "YYYY-MM-DD"), ("20010203", "YYYYMMDD"), ("03/02/2001", "DD/MM/YYYY"), ("3 Feb 2001", "DD Mon YYYY"), ("February 3, 2001", "Month DD, YYYY"),
             ("2001-13-01", "YYYY-MM-DD"), ("2001-02-30", "YYYY-MM-DD"), ("abc", "YYYY"), ("01", "YY"), ("99", "YY"), ("2001-034", "YYYY-DDD"), ("2001", "YYYY"),
             ("2001-2-3", "YYYY-MM-DD"), ("  2001  02  03", "YYYY MM DD"), ("2001/02/03", "YYYY-MM-DD")):
    case("to_date", "text:" + t, "text:" + p)
for t, p in (("2001-02-03 04:05:06", "YYYY-MM-DD HH24:MI:SS"), ("2001-02-03 04:05:06.789", "YYYY-MM-DD HH24:MI:SS.MS"), ("2001-02-03 04:05:06.123456", "YYYY-MM-DD HH24:MI:SS.US"),
             ("03.02.2001 11:05 PM", "DD.MM.YYYY HH12:MI AM"), ("2001-02-03T04:05:06", "YYYY-MM-DD\"T\"HH24:MI:SS"), ("2001-02-03 12:05 am", "YYYY-MM-DD HH:MI am"),
             ("2001-02-03 25:05", "YYYY-MM-DD HH24:MI"), ("20010203040506", "YYYYMMDDHH24MISS"), ("2001-02-03 13:05", "YYYY-MM-DD HH12:MI"), ("1284352323", "X")):
    case("to_timestamp", "text:" + t, "text:" + p)

# ---- resolution
case("abs", ":-5")
case("length", "int4:5")
case("nosuch", "int4:5")
case("lower", "int4:5")
case("round", ":1.5")
case("upper", ":a")
case("upper", "varchar:a")
case("sqrt", "int4:4")
case("sqrt", "int8:4")
case("power", "int4:2", "numeric:2")
case("mod", "int4:5", "int8:3")
case("mod", "int2:5", "int4:3")
case("ceil", "int4:5")
case("greatest_", "int4:5")
case("substring", ":abc", "int4:2")
case("left", ":abc", ":2")
case("extract", ":year", ":2001-01-01")
case("to_char", "int2:5", ":999")
case("to_char", "float4:1.5", ":9.9")
case("date_trunc", ":day", ":2001-01-01")
case("+", "date:2001-01-01", ":1")
case("<", "varchar:a", ":b")
case("=", "float4:0.1", "numeric:0.1")
case("&", "int2:3", "int4:5")
case("+", "float4:1.5", "int8:1")
case("+", "float4:1.5", "numeric:1.5")
case("*", "int2:2", "float4:1.5")
for p in ("abc", "a%", "_b(c|d)+", "%.x", "a\\%b", "[a-c]{2}^$", "", "[\\]x]%", "é_"):
    case("similar_to_escape", "text:" + p)
    case("similar_to_escape", "text:" + p, "text:#")
case("similar_to_escape", "text:a#%", "text:#")
case("similar_to_escape", "text:a#%", "text:")
case("similar_to_escape", "text:a#%", "text:##")
for s in ("abc", "abd", "a%", "abcdcd"):
    case("~", "text:" + s, "text:^(?:ab(?:c|d)+)$")
for kind in ("date", "int4", "int8", "float8", "text", "numeric", "bool", "varchar"):
    for source in ("timestamp:2001-02-03 04:05:06", "int4:5", "float8:2.5", ":1", ":2001-01-01", "numeric:2.5", "text:x", "int2:3"):
        if (kind, source) != ("bool", "int2:3"):
            case(kind, source)
for s in ("abc", "abab", "ab"):
    case("~", "text:" + s, "text:^(?:ab)+$")


# ---- asking

ASK = """
create function pg_temp.ask(query text) returns text language plpgsql as $$
declare kind text; shown text; missing bool; code text; message text;
begin
	execute 'select pg_typeof(e)::text, format(''%s'', e), e is null from (select ' || query || ' as e) q' into kind, shown, missing;
	return kind || '|' || case when missing then '\\N'
		else replace(replace(replace(shown, '\\', '\\\\'), E'\\t', '\\t'), E'\\n', '\\n') end;
exception when others then
	get stacked diagnostics code = returned_sqlstate, message = message_text;
	return 'ERROR|' || code || '|' || replace(message, E'\\n', ' ');
end $$;
set timezone = 'UTC'; set datestyle = 'ISO'; set intervalstyle = 'postgres'; set extra_float_digits = 1;
"""


def literal(value):
    return "E'" + value.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n").replace("\t", "\\t") + "'"


def sql_arg(a):
    kind, value = a
    if value is NULL:
        return "null::" + kind
    return literal(value) if kind == "unknown" else literal(value) + "::" + kind


def sql(name, args):
    parts = [sql_arg(a) for a in args]
    if name.startswith("::"):
        return "(%s)%s" % (parts[0], name)
    if name[0].isalpha():
        return "pg_catalog.%s(%s)" % (name, ", ".join(parts))
    if len(parts) == 1:
        return "(%s (%s))" % (name, parts[0])
    return "((%s) %s (%s))" % (parts[0], name, parts[1])


def shown(a):
    kind, value = a
    if value is NULL:
        return kind + "|\\N"
    return kind + "|" + value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def main():
    seen, unique = set(), []
    for name, args in cases:
        key = (name, tuple(args))
        if key not in seen:
            seen.add(key)
            unique.append((name, args))
    script = ASK + "".join("select pg_temp.ask(%s);\n" % literal(sql(n, a)) for n, a in unique)
    done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1"], input=script, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    lines = done.stdout.split("\n")[:-1]
    if len(lines) != len(unique):
        sys.exit("%d answers to %d questions" % (len(lines), len(unique)))
    print("# Written by golden_functions.py from PostgreSQL's answers; see there.")
    for (name, args), answer in zip(unique, lines):
        print("\t".join([name] + [shown(a) for a in args] + ["=>", answer]))


main()
