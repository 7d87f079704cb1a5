/* PostgreSQL's JDBC driver against the appliance. One method per outcome; the name of the method to run is the
 * second argument. What is wrong is an exception: exit code 1. */
import java.math.BigDecimal;
import java.sql.*;
import java.time.*;
import java.util.*;

public class Jdbc {
	static String url;

	static Connection connect(String... options) throws SQLException {
		StringBuilder full = new StringBuilder(url);
		for (String option : options)
			full.append('&').append(option);
		return DriverManager.getConnection(full.toString());
	}

	static void check(Object got, Object expected) {
		if (!Objects.equals(got, expected))
			throw new AssertionError("got " + got + ", expected " + expected);
	}

	/** The named columns of all rows, "a|b" each. */
	static List<String> rows(ResultSet result, String... columns) throws SQLException {
		List<String> all = new ArrayList<>();
		while (result.next()) {
			StringJoiner row = new StringJoiner("|");
			for (String column : columns)
				row.add(result.getString(column));
			all.add(row.toString());
		}
		result.close();
		return all;
	}

	static void metadata() throws Exception {
		try (Connection connection = connect()) {
			DatabaseMetaData meta = connection.getMetaData();
			check(meta.getDatabaseProductName(), "PostgreSQL");
			check(meta.getDatabaseMajorVersion(), 15);
			check(rows(meta.getSchemas(), "TABLE_SCHEM"), List.of("information_schema", "kappa", "pg_catalog", "public"));
			check(rows(meta.getCatalogs(), "TABLE_CAT"), List.of("kappa"));
			check(rows(meta.getTables(null, "public", "%", new String[] {"TABLE", "VIEW", "MATERIALIZED VIEW"}), "TABLE_NAME", "TABLE_TYPE"),
				List.of("by_name|MATERIALIZED VIEW", "totals|MATERIALIZED VIEW", "events|TABLE"));
			check(rows(meta.getTables(null, null, "ev_nts", null), "TABLE_SCHEM", "TABLE_NAME"), List.of("public|events"));
			check(rows(meta.getTables(null, "kappa", "vers%", null), "TABLE_NAME", "TABLE_TYPE"), List.of("versions|VIEW"));
			check(rows(meta.getTables(null, "pg_catalog", "pg_class", null), "TABLE_TYPE"), List.of("SYSTEM VIEW"));
			check(rows(meta.getColumns(null, "public", "events", null), "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME", "COLUMN_SIZE", "DECIMAL_DIGITS",
					  "NULLABLE", "ORDINAL_POSITION"),
				List.of("id|4|int4|10|0|0|1", "name|12|varchar|20|0|1|2", "price|2|numeric|12|3|1|3", "sold|-7|bool|1|0|1|4",
					"at|93|timestamp|29|6|1|5", "ratio|8|float8|17|17|1|6", "day|91|date|13|0|1|7", "raw|-2|bytea|2147483647|0|1|8"));
			check(rows(meta.getColumns(null, null, "tot%", "n%"), "TABLE_NAME", "COLUMN_NAME", "TYPE_NAME"), List.of("totals|n|int8"));
			check(rows(meta.getPrimaryKeys(null, "public", "totals"), "COLUMN_NAME", "KEY_SEQ", "PK_NAME"), List.of("id|1|totals_pkey"));
			check(rows(meta.getPrimaryKeys(null, "public", "events"), "COLUMN_NAME"), List.of());
			check(rows(meta.getIndexInfo(null, "public", "totals", false, false), "INDEX_NAME", "COLUMN_NAME", "NON_UNIQUE", "ASC_OR_DESC"),
				List.of("totals_pkey|id|f|A"));
			check(rows(meta.getIndexInfo(null, "public", "by_name", true, false), "INDEX_NAME", "COLUMN_NAME", "ORDINAL_POSITION"),
				List.of("by_name_key|name|1", "by_name_key|sold|2"));
			check(rows(meta.getBestRowIdentifier(null, "public", "totals", DatabaseMetaData.bestRowSession, true), "COLUMN_NAME"), List.of("id"));
			check(rows(meta.getImportedKeys(null, "public", "totals"), "FK_NAME"), List.of());
			check(rows(meta.getExportedKeys(null, "public", "totals"), "FK_NAME"), List.of());
			check(rows(meta.getFunctions(null, "public", "%"), "FUNCTION_NAME"), List.of());
			check(rows(meta.getProcedures(null, "public", "%"), "PROCEDURE_NAME"), List.of());
			check(rows(meta.getTablePrivileges(null, "public", "totals"), "PRIVILEGE").contains("SELECT"), true);
			check(rows(meta.getTypeInfo(), "TYPE_NAME").containsAll(List.of("int4", "numeric", "timestamptz", "text")), true);
			check(rows(meta.getUDTs(null, null, "%", null), "TYPE_NAME"), List.of());
			check(meta.getMaxColumnNameLength() > 0, true);
		}
	}

	static void columnsOfResults() throws Exception {
		try (Connection connection = connect(); Statement statement = connection.createStatement();
			 ResultSet result = statement.executeQuery("SELECT id, name, price, count(*) AS n FROM events GROUP BY id, name, price")) {
			ResultSetMetaData meta = result.getMetaData();
			List<String> got = new ArrayList<>();
			for (int i = 1; i <= meta.getColumnCount(); i++)
				got.add(meta.getColumnLabel(i) + " " + meta.getColumnTypeName(i) + " " + meta.getPrecision(i) + " " + meta.getScale(i));
			check(got, List.of("id int4 10 0", "name varchar 20 0", "price numeric 12 3", "n int8 19 0"));
			meta.isNullable(1);
			meta.isAutoIncrement(1);
		}
	}

	/** All types, to and fro, by text and binary: the driver switches to binary on the fifth execution, or at once. */
	static void types() throws Exception {
		LocalDateTime at = LocalDateTime.of(2024, 2, 29, 23, 59, 58, 123456000);
		for (String option : new String[] {"prepareThreshold=5", "prepareThreshold=1", "prepareThreshold=-1", "preferQueryMode=simple",
				 "binaryTransfer=false"}) {
			try (Connection connection = connect(option); PreparedStatement statement = connection.prepareStatement(
					 "SELECT ?::int AS i, ?::bigint AS b, ?::numeric(12,3) AS n, ?::boolean AS t, ?::timestamp AS at, ?::float8 AS f, ?::date AS d, "
					 + "?::text AS s, ?::bytea AS raw, ?::timestamptz AS tz, ?::int2 AS small, ?::real AS r")) {
				for (int round = 0; round < 7; round++) {
					boolean nulls = round == 3;
					int p = 1;
					Object[] values = {-7 * round, 1L << 40, new BigDecimal("-12345.678"), true, at, 0.1 + round, LocalDate.of(1969, 12, 31),
						"naïve 'quoted' \\ 😀", new byte[] {0, 1, (byte)200}, OffsetDateTime.of(at, ZoneOffset.ofHours(2)), (short)-3, 1.5f};
					int[] kinds = {Types.INTEGER, Types.BIGINT, Types.NUMERIC, Types.BOOLEAN, Types.TIMESTAMP, Types.DOUBLE, Types.DATE,
						Types.VARCHAR, Types.BINARY, Types.TIMESTAMP_WITH_TIMEZONE, Types.SMALLINT, Types.REAL};
					for (Object value : values) {
						if (nulls)
							statement.setNull(p, kinds[p - 1]);
						else if (value instanceof byte[])
							statement.setBytes(p, (byte[])value);
						else
							statement.setObject(p, value);
						p++;
					}
					try (ResultSet result = statement.executeQuery()) {
						check(result.next(), true);
						if (nulls) {
							for (int c = 1; c <= 12; c++) {
								check(result.getObject(c), null);
								check(result.wasNull(), true);
							}
							check(result.getInt(1), 0);
							continue;
						}
						check(result.getInt("i"), -7 * round);
						check(result.getLong("b"), 1L << 40);
						check(result.getBigDecimal("n"), new BigDecimal("-12345.678"));
						check(result.getBoolean("t"), true);
						check(result.getObject("at", LocalDateTime.class), at);
						check(result.getDouble("f"), 0.1 + round);
						check(result.getObject("d", LocalDate.class), LocalDate.of(1969, 12, 31));
						check(result.getString("s"), "naïve 'quoted' \\ 😀");
						check(Arrays.toString(result.getBytes("raw")), "[0, 1, -56]");
						check(result.getObject("tz", OffsetDateTime.class).toInstant(), OffsetDateTime.of(at, ZoneOffset.ofHours(2)).toInstant());
						check(result.getShort("small"), (short)-3);
						check(result.getFloat("r"), 1.5f);
					}
				}
			}
		}
	}

	/** The same prepared lookup again and again, while the view changes under it. */
	static void preparedSelects() throws Exception {
		for (String option : new String[] {"prepareThreshold=1", "prepareThreshold=-1", "prepareThreshold=5"}) {
			try (Connection connection = connect(option);
				 PreparedStatement select = connection.prepareStatement("SELECT n, total FROM totals WHERE id = ?");
				 PreparedStatement insert = connection.prepareStatement("INSERT INTO events (id, price) VALUES (?, ?)")) {
				int id = 1000 + option.hashCode() % 97;
				long n = 0;
				select.setInt(1, id);
				try (ResultSet result = select.executeQuery()) {
					if (result.next())
						n = result.getLong(1);
				}
				for (int i = 1; i <= 12; i++) {
					insert.setInt(1, id);
					insert.setBigDecimal(2, new BigDecimal("1.250"));
					check(insert.executeUpdate(), 1);
					select.setInt(1, id);
					try (ResultSet result = select.executeQuery()) {
						check(result.next(), true);
						check(result.getLong("n"), n + i);
						check(result.getBigDecimal("total").compareTo(new BigDecimal("1.25").multiply(BigDecimal.valueOf(n + i))), 0);
						check(result.next(), false);
					}
				}
			}
		}
	}

	static void batchInserts() throws Exception {
		for (String option : new String[] {"reWriteBatchedInserts=false", "reWriteBatchedInserts=true"}) {
			try (Connection connection = connect(option)) {
				int id = option.endsWith("true") ? 2001 : 2000;
				connection.setAutoCommit(false);
				try (PreparedStatement insert = connection.prepareStatement("INSERT INTO events (id, name, price, sold, at, ratio) VALUES (?, ?, ?, ?, ?, ?)")) {
					for (int i = 0; i < 1000; i++) {
						insert.setInt(1, id);
						insert.setString(2, "row " + i);
						insert.setBigDecimal(3, new BigDecimal(i));
						insert.setBoolean(4, i % 2 == 0);
						insert.setTimestamp(5, Timestamp.valueOf("2024-01-01 00:00:00"));
						insert.setNull(6, Types.DOUBLE);
						insert.addBatch();
					}
					check(insert.executeBatch().length, 1000);
				}
				connection.commit();
				connection.setAutoCommit(true);
				try (Statement statement = connection.createStatement();
					 ResultSet result = statement.executeQuery("SELECT n, total FROM totals WHERE id = " + id)) {
					check(result.next(), true);
					check(result.getLong(1), 1000L);
					check(result.getBigDecimal(2).compareTo(new BigDecimal(499500)), 0);
				}
			}
		}
	}

	/** Rolled back, nothing came. */
	static void transactions() throws Exception {
		try (Connection connection = connect(); Statement statement = connection.createStatement()) {
			connection.setAutoCommit(false);
			statement.executeUpdate("INSERT INTO events (id, price) VALUES (3000, 1)");
			connection.rollback();
			statement.executeUpdate("INSERT INTO events (id, price) VALUES (3001, 1)");
			Savepoint savepoint = connection.setSavepoint("here");
			statement.executeUpdate("INSERT INTO events (id, price) VALUES (3002, 1)");
			connection.rollback(savepoint);
			connection.commit();
			connection.setAutoCommit(true);
			check(rows(statement.executeQuery("SELECT id FROM totals WHERE id >= 3000 AND id < 3010"), "id"), List.of("3001"));
			check(connection.isValid(2), true);
			connection.setReadOnly(true);
			connection.setReadOnly(false);
		}
	}

	/** A cursor's worth at a time. */
	static void fetchSize() throws Exception {
		try (Connection connection = connect(); Statement statement = connection.createStatement()) {
			connection.setAutoCommit(false);
			statement.setFetchSize(70);
			try (ResultSet result = statement.executeQuery("SELECT x FROM generate_series(1, 1000) AS s(x) ORDER BY x")) {
				long sum = 0, count = 0;
				while (result.next()) {
					sum += result.getLong(1);
					count++;
				}
				check(count + " " + sum, "1000 500500");
			}
			statement.setMaxRows(10);
			check(rows(statement.executeQuery("SELECT x FROM generate_series(1, 1000) AS s(x)"), "x").size(), 10);
			connection.commit();
		}
	}

	static void fails(Connection connection, String sql, String state) throws SQLException {
		try (Statement statement = connection.createStatement()) {
			statement.execute(sql);
		} catch (SQLException error) {
			check(error.getSQLState(), state);
			return;
		}
		throw new AssertionError(sql + " did not fail");
	}

	static void errors() throws Exception {
		try (Connection connection = connect()) {
			fails(connection, "SELEC 1", "42601");
			fails(connection, "SELECT * FROM nothing", "42P01");
			fails(connection, "SELECT nothing FROM totals", "42703");
			fails(connection, "SELECT 1/0", "22012");
			fails(connection, "SELECT 'x'::int", "22P02");
			fails(connection, "SELECT nothing(1)", "42883");
			fails(connection, "SELECT 2147483647 + 1", "22003");
			fails(connection, "UPDATE events SET id = 1", "0A000");
			connection.setAutoCommit(false);
			fails(connection, "SELECT 1/0", "22012");
			fails(connection, "SELECT 1", "25P02");
			connection.rollback();
			try (PreparedStatement statement = connection.prepareStatement("SELECT ?::int / ?::int")) {
				for (int i = 0; i < 8; i++) {
					statement.setInt(1, 6);
					statement.setInt(2, i % 2);
					try (ResultSet result = statement.executeQuery()) {
						result.next();
						check(result.getInt(1), 6);
						check(i % 2, 1);
					} catch (SQLException error) {
						check(error.getSQLState(), "22012");
						check(i % 2, 0);
						connection.rollback();
					}
				}
			}
		}
	}

	static void cancel() throws Exception {
		try (Connection connection = connect(); Statement statement = connection.createStatement()) {
			statement.setQueryTimeout(1);
			long began = System.nanoTime();
			try {
				statement.executeQuery("SELECT count(*) FROM generate_series(1, 10000) AS a(x), generate_series(1, 10000) AS b(x), generate_series(1, 10000) AS c(x) "
					+ "WHERE a.x + b.x + c.x = -1");
				throw new AssertionError("was not cancelled");
			} catch (SQLException error) {
				check(error.getSQLState(), "57014");
			}
			check(System.nanoTime() - began < 10_000_000_000L, true);
			statement.setQueryTimeout(0);
			check(rows(statement.executeQuery("SELECT 1 AS one"), "one"), List.of("1"));
		}
	}

	public static void main(String[] arguments) throws Exception {
		url = arguments[0];
		TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
		Jdbc.class.getDeclaredMethod(arguments[1]).invoke(null);
		System.out.println("ok " + arguments[1]);
	}
}
