"""PostgreSQL's JDBC driver: what Java programs, DBeaver and their like do first."""
import pytest

import peers
from appliance import Appliance


@pytest.fixture(scope="module")
def kappa():
    with Appliance() as appliance:
        appliance.sql("CREATE TABLE events (id integer NOT NULL, name varchar(20), price numeric(12,3), sold boolean, at timestamp, "
                      "ratio double precision, day date, raw bytea) WITH (topic = 'events')")
        appliance.sql("CREATE MATERIALIZED VIEW totals AS SELECT id, count(*) AS n, sum(price) AS total FROM events GROUP BY id")
        appliance.sql("CREATE MATERIALIZED VIEW by_name AS SELECT name, sold, count(*) AS n FROM events GROUP BY name, sold")
        yield appliance


@pytest.fixture(scope="module")
def program():
    return peers.compiled(peers.jars("jdbc"), "Jdbc.java")


@pytest.mark.parametrize("method", ["metadata", "columnsOfResults", "types", "preparedSelects", "batchInserts", "transactions", "fetchSize", "errors",
                                    "cancel"])
def test_jdbc(kappa, program, method):
    url = "jdbc:postgresql://127.0.0.1:%d/kappa?user=kappa" % kappa.pg_port
    code, output = peers.run(peers.java(program, "Jdbc", url, method))
    assert code == 0 and "ok " + method in output, output[-4000:]
