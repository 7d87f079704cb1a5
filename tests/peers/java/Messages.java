import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Scanner;
import java.util.StringJoiner;
import java.util.TreeMap;

import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Field;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.Struct;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.MemoryRecords;

/**
 * Makes bodies of requests and responses with Apache Kafka's own descriptions of its protocol, for test_kafka_golden.c to read and write.
 *
 * Reads lines "key version"; for each it writes lines "key version request response", bodies in hexadecimal, "-" when empty: one with
 * every field of that version filled with a value of its own, two elements in every array; one with null wherever null is allowed, one
 * element in the other arrays. Before them a line with the layouts of both, names, types and what may be null. Nothing for a version that this release no longer, or does not yet, have. Releases that have message classes must also
 * read and write the bytes with them. Runs, compiled once, with 2.3.0's classes too: what that lacks is used in Current only.
 */
public class Messages {
	/** Fields that brokers may add to a response and we never do: "key response tag". A reader skips them by their length. */
	private static final List<String> NOT_SENT = Arrays.asList(
		"1 0", "1 1", "1 2" /* Fetch: diverging epoch, current leader, snapshot */,
		"18 0", "18 1", "18 2", "18 3" /* ApiVersions: features */);

	/** Null in a response by the protocol, but some clients cannot read that: "key name". */
	private static final List<String> NOT_NULL = Arrays.asList("9 metadata");

	private final int key;
	private final boolean request, nulls;
	private int count = 10; /* of values: above every field's default */

	private Messages(int key, boolean request, boolean nulls) {
		this.key = key;
		this.request = request;
		this.nulls = nulls;
	}

	public static void main(String[] arguments) throws Exception {
		Scanner scanner = new Scanner(System.in);
		while (scanner.hasNextInt()) {
			int key = scanner.nextInt();
			int version = scanner.nextInt();
			Schema request = schema(key, version, true), response = schema(key, version, false);
			if (request == null || response == null)
				continue;
			System.out.println(key + " " + version + " " + new Messages(key, true, false).layout(request) + " "
				+ new Messages(key, false, false).layout(response));
			for (boolean nulls : new boolean[] {false, true})
				System.out.println(key + " " + version + " " + new Messages(key, true, nulls).body(request, version) + " "
					+ new Messages(key, false, nulls).body(response, version));
		}
	}

	private static boolean isCurrent() {
		try {
			Class.forName("org.apache.kafka.common.protocol.types.TaggedFields");
			return true;
		} catch (ClassNotFoundException e) {
			return false;
		}
	}

	private static Schema schema(int key, int version, boolean request) throws Exception {
		Schema[] schemas;
		if (isCurrent()) {
			schemas = Current.schemas(key, request);
		} else {
			Object api = ApiKeys.class.getMethod("forId", int.class).invoke(null, key);
			schemas = (Schema[])ApiKeys.class.getField(request ? "requestSchemas" : "responseSchemas").get(api);
		}
		return version < schemas.length ? schemas[version] : null;
	}

	private String body(Schema schema, int version) throws Exception {
		Struct struct = struct(schema);
		ByteBuffer buffer = ByteBuffer.allocate(struct.sizeOf());
		struct.writeTo(buffer);
		buffer.flip();
		if (isCurrent())
			Current.check(key, version, request, buffer.duplicate());
		StringBuilder hex = new StringBuilder();
		while (buffer.hasRemaining())
			hex.append(String.format("%02x", buffer.get()));
		return hex.length() == 0 ? "-" : hex.toString();
	}

	/** "(name:type,...)": a question mark where null is allowed, "#n" before a field with tag n, elements of arrays in brackets. */
	private String layout(Type type) throws Exception {
		if (type instanceof Schema) {
			StringJoiner fields = new StringJoiner(",", "(", ")");
			for (BoundField field : ((Schema)type).fields()) {
				if (!isTags(field.def.type))
					fields.add(field.def.name + ":" + layout(field.def));
				else
					for (Map.Entry<Integer, Field> tag : Current.tags(this, field.def.type).entrySet())
						fields.add("#" + tag.getKey() + tag.getValue().name + ":" + layout(tag.getValue()));
			}
			return fields.toString();
		}
		return isArray(type) ? "[" + layout(element(type)) + "]" : plain(type).toLowerCase();
	}

	private String layout(Field field) throws Exception {
		return (isNullable(field) ? "?" : "") + layout(field.type);
	}

	private boolean isNullable(Field field) {
		return field.type.isNullable() && (request || !NOT_NULL.contains(key + " " + field.name));
	}

	private static boolean isTags(Type type) {
		return type.getClass().getSimpleName().equals("TaggedFields");
	}

	private static boolean isArray(Type type) {
		return type.getClass().getSimpleName().endsWith("ArrayOf");
	}

	private static Type element(Type array) throws Exception {
		return isCurrent() ? Current.element(array) : (Type)array.getClass().getMethod("type").invoke(array);
	}

	/** Compact or not follows from the version. */
	private static String plain(Type type) {
		return type.toString().replace("COMPACT_", "").replace("NULLABLE_", "");
	}

	private Struct struct(Schema schema) throws Exception {
		Struct struct = new Struct(schema);
		for (BoundField field : schema.fields())
			struct.set(field, value(field.def));
		return struct;
	}

	private Object value(Field field) throws Exception {
		boolean isWritable = isCurrent() || field.type != Type.RECORDS; /* as null: 2.3.0 says it could be, and fails */
		return nulls && isNullable(field) && isWritable ? null : value(field.type);
	}

	private Object value(Type type) throws Exception {
		if (type instanceof Schema)
			return struct((Schema)type);
		if (isTags(type)) {
			Map<Integer, Object> tags = new TreeMap<>();
			for (Map.Entry<Integer, Field> tag : Current.tags(this, type).entrySet())
				tags.put(tag.getKey(), value(tag.getValue()));
			return tags;
		}
		if (isArray(type)) {
			List<Object> items = new ArrayList<>();
			for (int i = 0; i < (nulls ? 1 : 2); i++)
				items.add(value(element(type)));
			return items.toArray();
		}
		count++;
		switch (plain(type)) {
		case "BOOLEAN":
			return true;
		case "INT8":
			return (byte)count;
		case "INT16":
			return (short)(0x0100 + count);
		case "INT32":
			return 0x01020300 + count;
		case "INT64":
			return 0x0102030405060700L + count;
		case "STRING":
			return "text " + count;
		case "BYTES":
			return ByteBuffer.wrap(("bytes " + count).getBytes(StandardCharsets.UTF_8));
		case "RECORDS":
			return MemoryRecords.readableRecords(ByteBuffer.wrap(("records " + count).getBytes(StandardCharsets.UTF_8)));
		case "UUID":
			return Current.uuid(count);
		default:
			throw new IllegalArgumentException("no value for a " + type);
		}
	}

	/** What is not in 2.3.0. */
	private static final class Current {
		static Schema[] schemas(int key, boolean request) {
			ApiMessageType type = ApiMessageType.fromApiKey((short)key);
			return request ? type.requestSchemas() : type.responseSchemas();
		}

		static Type element(Type array) {
			return array.arrayElementType().get();
		}

		static Object uuid(int count) {
			return new Uuid(0x0102030405060700L + count, 0x08090a0b0c0d0e00L + count);
		}

		static Map<Integer, Field> tags(Messages messages, Type type) {
			Map<Integer, Field> tags = new TreeMap<>(((TaggedFields)type).fields());
			tags.keySet().removeIf(tag -> messages.nulls || !messages.request && NOT_SENT.contains(messages.key + " " + tag));
			return tags;
		}

		/** The message class reads these bytes and writes them again. */
		static void check(int key, int version, boolean request, ByteBuffer bytes) {
			ApiMessageType type = ApiMessageType.fromApiKey((short)key);
			ApiMessage message = request ? type.newRequest() : type.newResponse();
			ByteBuffer in = bytes.duplicate();
			message.read(new ByteBufferAccessor(in), (short)version);
			ObjectSerializationCache cache = new ObjectSerializationCache();
			ByteBuffer out = ByteBuffer.allocate(message.size(cache, (short)version));
			message.write(new ByteBufferAccessor(out), cache, (short)version);
			out.flip();
			if (in.hasRemaining() || !out.equals(bytes))
				throw new IllegalStateException(type + " version " + version + ": its schema and its class differ");
		}
	}
}
