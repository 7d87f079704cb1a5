/* See kafka_codec.h. Depth of recursion is the depth of the tables, not of the input. */
#include "ingest/kafka_codec.h"

#include "base/invariant.h"

/* ---- fields in structs ---- */

static void *field_at(const struct kafka_field *field, void *base)
{
	return (uint8_t *)base + field->offset;
}

static const void *field_of(const struct kafka_field *field, const void *base)
{
	return (const uint8_t *)base + field->offset;
}

static int32_t field_count(const struct kafka_field *field, const void *base)
{
	int32_t count;
	memcpy(&count, (const uint8_t *)base + field->count_offset, sizeof count);
	return count;
}

static void field_set_array(const struct kafka_field *field, void *base, void *items, int32_t count)
{
	memcpy(field_at(field, base), &items, sizeof items);
	memcpy((uint8_t *)base + field->count_offset, &count, sizeof count);
}

static void field_set_default(const struct kafka_field *field, void *base)
{
	bool nullable = field->nullable_from != NEVER;
	void *at = field_at(field, base);
	switch (field->type) {
	case KAFKA_BOOL:
		*(bool *)at = field->default_value != 0;
		break;
	case KAFKA_INT8:
		*(int8_t *)at = (int8_t)field->default_value;
		break;
	case KAFKA_INT16:
		*(int16_t *)at = (int16_t)field->default_value;
		break;
	case KAFKA_INT32:
		*(int32_t *)at = (int32_t)field->default_value;
		break;
	case KAFKA_INT64:
		*(int64_t *)at = field->default_value;
		break;
	case KAFKA_UUID:
		memset(at, 0, 16);
		break;
	case KAFKA_STRING:
	case KAFKA_BYTES:
		*(struct slice *)at = nullable ? (struct slice){0} : slice_of_string("");
		break;
	case KAFKA_INT32S:
	case KAFKA_INT64S:
	case KAFKA_STRINGS:
	case KAFKA_ARRAY:
		field_set_array(field, base, NULL, nullable ? -1 : 0);
		break;
	}
}

static void struct_set_defaults(const struct kafka_schema *schema, void *base)
{
	for (size_t i = 0; i < schema->field_count; i++)
		field_set_default(&schema->fields[i], base);
}

void *kafka_struct_new(struct arena *arena, const struct kafka_schema *schema, int32_t count)
{
	INVARIANT(count >= 0);
	uint8_t *items = arena_alloc_zeroed(arena, (size_t)count * schema->size);
	for (int32_t i = 0; i < count; i++)
		struct_set_defaults(schema, items + (size_t)i * schema->size);
	return items;
}

static bool field_has_version(const struct kafka_field *field, int16_t version)
{
	return version >= field->from && version <= field->to;
}

/* ---- reading ---- */

struct reader {
	struct cursor *cursor;
	struct arena *arena;
	int64_t elements_left;
	struct kafka_layout layout;
	const struct kafka_schema *schema; /* where it failed */
	const struct kafka_field *field;
	bool too_large;
};

/* A length or count; −1 is null. */
static int64_t read_length(struct reader *reader, bool wide)
{
	if (reader->layout.flexible) {
		uint64_t length = cursor_varint(reader->cursor);
		if (length > UINT32_MAX)
			reader->cursor->failed = true;
		return reader->cursor->failed ? 0 : (int64_t)length - 1;
	}
	return wide ? (int32_t)cursor_be32(reader->cursor) : (int16_t)cursor_be16(reader->cursor);
}

static struct slice read_slice(struct reader *reader, bool wide, bool nullable)
{
	int64_t length = read_length(reader, wide);
	if (length < 0) {
		if (length < -1 || !nullable)
			reader->cursor->failed = true;
		return (struct slice){0};
	}
	/* Compact strings could be longer; what we accept we can also send back in any version. */
	if (!wide && length > INT16_MAX)
		reader->cursor->failed = true;
	struct slice bytes = cursor_bytes(reader->cursor, (size_t)length);
	if (bytes.data == NULL && !reader->cursor->failed)
		bytes = slice_of_string(""); /* an empty slice is not null */
	return bytes;
}

static bool reader_failed(const struct reader *reader)
{
	return reader->cursor->failed || reader->too_large;
}

/* What a value takes on the wire at least, its length included. */
static size_t type_wire_size_min(enum kafka_type type, bool flexible)
{
	switch (type) {
	case KAFKA_BOOL:
	case KAFKA_INT8:
		return 1;
	case KAFKA_INT16:
		return 2;
	case KAFKA_INT32:
		return 4;
	case KAFKA_INT64:
		return 8;
	case KAFKA_UUID:
		return 16;
	case KAFKA_STRING:
		return flexible ? 1 : 2;
	case KAFKA_BYTES:
	case KAFKA_INT32S:
	case KAFKA_INT64S:
	case KAFKA_STRINGS:
	case KAFKA_ARRAY:
		return flexible ? 1 : 4;
	}
	return 1;
}

static size_t struct_wire_size_min(const struct kafka_schema *schema, struct kafka_layout layout)
{
	size_t size = layout.flexible ? 1 : 0; /* the number of tags */
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct kafka_field *field = &schema->fields[i];
		if (field->tag < 0 && field_has_version(field, layout.version))
			size += type_wire_size_min(field->type, layout.flexible);
	}
	return size;
}

static size_t item_wire_size_min(const struct kafka_field *field, struct kafka_layout layout)
{
	if (field->type == KAFKA_ARRAY)
		return struct_wire_size_min(field->element, layout);
	enum kafka_type item = field->type == KAFKA_INT32S   ? KAFKA_INT32
						   : field->type == KAFKA_INT64S ? KAFKA_INT64
														 : KAFKA_STRING;
	return type_wire_size_min(item, layout.flexible);
}

/* Memory for an array's items: never more than in proportion to the bytes that are there for them. */
static uint8_t *read_items(struct reader *reader, const struct kafka_field *field, int64_t count, size_t size)
{
	size_t wire_size_min = item_wire_size_min(field, reader->layout);
	INVARIANT(wire_size_min != 0);
	if (count > (int64_t)(cursor_left(reader->cursor) / wire_size_min)) {
		reader->cursor->failed = true;
		return NULL;
	}
	if (count > reader->elements_left) {
		reader->too_large = true;
		return NULL;
	}
	reader->elements_left -= count;
	return arena_alloc_zeroed(reader->arena, (size_t)count * size);
}

static void read_struct(struct reader *reader, const struct kafka_schema *schema, void *base);

static void read_array(struct reader *reader, const struct kafka_field *field, bool nullable, void *base)
{
	int64_t count = read_length(reader, true);
	if (count < 0) {
		if (count < -1 || !nullable)
			reader->cursor->failed = true;
		field_set_array(field, base, NULL, -1);
		return;
	}
	size_t size = field->type == KAFKA_ARRAY    ? field->element->size
				  : field->type == KAFKA_INT32S ? sizeof(int32_t)
				  : field->type == KAFKA_INT64S ? sizeof(int64_t)
												: sizeof(struct slice);
	uint8_t *items = read_items(reader, field, count, size);
	if (items == NULL)
		return;
	for (int64_t i = 0; i < count && !reader_failed(reader); i++) {
		uint8_t *item = items + (size_t)i * size;
		if (field->type == KAFKA_ARRAY)
			read_struct(reader, field->element, item);
		else if (field->type == KAFKA_INT32S)
			*(int32_t *)(void *)item = (int32_t)cursor_be32(reader->cursor);
		else if (field->type == KAFKA_INT64S)
			*(int64_t *)(void *)item = (int64_t)cursor_be64(reader->cursor);
		else
			*(struct slice *)(void *)item = read_slice(reader, false, false);
	}
	field_set_array(field, base, items, (int32_t)count);
}

static void read_field(struct reader *reader, const struct kafka_field *field, void *base)
{
	struct cursor *cursor = reader->cursor;
	bool nullable = reader->layout.version >= field->nullable_from;
	void *at = field_at(field, base);
	switch (field->type) {
	case KAFKA_BOOL:
		*(bool *)at = cursor_u8(cursor) != 0;
		break;
	case KAFKA_INT8:
		*(int8_t *)at = (int8_t)cursor_u8(cursor);
		break;
	case KAFKA_INT16:
		*(int16_t *)at = (int16_t)cursor_be16(cursor);
		break;
	case KAFKA_INT32:
		*(int32_t *)at = (int32_t)cursor_be32(cursor);
		break;
	case KAFKA_INT64:
		*(int64_t *)at = (int64_t)cursor_be64(cursor);
		break;
	case KAFKA_UUID: {
		struct slice bytes = cursor_bytes(cursor, 16);
		if (bytes.size == 16)
			memcpy(at, bytes.data, 16);
		break;
	}
	case KAFKA_STRING:
		*(struct slice *)at = read_slice(reader, false, nullable);
		break;
	case KAFKA_BYTES:
		*(struct slice *)at = read_slice(reader, true, nullable);
		break;
	case KAFKA_INT32S:
	case KAFKA_INT64S:
	case KAFKA_STRINGS:
	case KAFKA_ARRAY:
		read_array(reader, field, nullable, base);
		break;
	}
}

static const struct kafka_field *schema_find_tag(
	const struct kafka_schema *schema, uint64_t tag, int16_t version)
{
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct kafka_field *field = &schema->fields[i];
		if (field->tag >= 0 && (uint64_t)field->tag == tag && field_has_version(field, version))
			return field;
	}
	return NULL;
}

static void read_tags(struct reader *reader, const struct kafka_schema *schema, void *base)
{
	struct cursor *whole = reader->cursor;
	uint64_t count = cursor_varint(whole);
	for (uint64_t i = 0; i < count && !reader_failed(reader); i++) {
		uint64_t tag = cursor_varint(whole);
		uint64_t size = cursor_varint(whole);
		if (size > cursor_left(whole)) {
			whole->failed = true;
			return;
		}
		struct cursor value = cursor_of(cursor_bytes(whole, (size_t)size));
		const struct kafka_field *field = schema_find_tag(schema, tag, reader->layout.version);
		if (field == NULL)
			continue; /* newer than we are: skipped, as KIP-482 asks */
		reader->field = field;
		reader->cursor = &value;
		read_field(reader, field, base);
		reader->cursor = whole;
		if (value.failed || cursor_left(&value) != 0)
			whole->failed = true;
	}
}

static void read_struct(struct reader *reader, const struct kafka_schema *schema, void *base)
{
	struct_set_defaults(schema, base);
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct kafka_field *field = &schema->fields[i];
		if (field->tag >= 0 || !field_has_version(field, reader->layout.version))
			continue;
		/* Only the innermost struct notes where it is. */
		reader->schema = schema;
		reader->field = field;
		read_field(reader, field, base);
		if (reader_failed(reader))
			return;
	}
	if (reader->layout.flexible)
		read_tags(reader, schema, base);
}

status kafka_read(struct cursor *cursor, const struct kafka_schema *schema, struct kafka_layout layout,
	struct arena *arena, int64_t elements_max, void **out)
{
	struct reader reader = {
		.cursor = cursor, .arena = arena, .elements_left = elements_max, .layout = layout, .schema = schema};
	const uint8_t *begin = cursor->at;
	void *base = arena_alloc_zeroed(arena, schema->size);
	read_struct(&reader, schema, base);
	const char *field = reader.field != NULL ? reader.field->name : "?";
	if (reader.too_large)
		return error_raise(STATUS_TOO_LARGE, "%s version %d: more than %lld array elements, in %s.%s",
			schema->name, layout.version, (long long)elements_max, reader.schema->name, field);
	if (cursor->failed)
		return error_raise(STATUS_PROTOCOL, "%s version %d: %s.%s cannot be read, near byte %zu",
			schema->name, layout.version, reader.schema->name, field, (size_t)(cursor->at - begin));
	*out = base;
	return STATUS_OK;
}

void kafka_skip_tags(struct cursor *cursor)
{
	uint64_t count = cursor_varint(cursor);
	for (uint64_t i = 0; i < count && !cursor->failed; i++) {
		(void)cursor_varint(cursor);
		uint64_t size = cursor_varint(cursor);
		if (size > cursor_left(cursor))
			cursor->failed = true;
		else
			(void)cursor_bytes(cursor, (size_t)size);
	}
}

/* ---- writing ---- */

struct writing {
	int16_t version;
	bool flexible;
	struct kafka_loose *loose; /* NULL = everything is copied */
};

static void write_struct(
	struct buffer *out, const struct kafka_schema *schema, struct writing layout, const void *from);

static void write_length(struct buffer *out, struct writing layout, bool wide, int64_t length)
{
	if (layout.flexible)
		buffer_append_varint(out, (uint64_t)(length + 1));
	else if (wide)
		buffer_append_be32(out, (uint32_t)length);
	else
		buffer_append_be16(out, (uint16_t)length);
}

static void loose_add(struct kafka_loose *loose, size_t at, struct slice bytes)
{
	if (loose->count == loose->capacity) {
		loose->capacity = loose->capacity == 0 ? 4 : loose->capacity * 2;
		loose->list = mem_resize(loose->list, loose->capacity * sizeof *loose->list);
	}
	loose->list[loose->count++] = (struct kafka_loose_bytes){at, bytes};
	loose->size += bytes.size;
}

static void write_slice(
	struct buffer *out, struct writing layout, bool wide, bool nullable, struct slice bytes)
{
	if (bytes.data == NULL && nullable) {
		write_length(out, layout, wide, -1);
		return;
	}
	INVARIANT(bytes.size <= (wide ? (size_t)INT32_MAX : (size_t)INT16_MAX));
	write_length(out, layout, wide, (int64_t)bytes.size);
	if (layout.loose != NULL && bytes.size >= KAFKA_LOOSE_BYTES_MIN)
		loose_add(layout.loose, out->size, bytes);
	else
		buffer_append(out, bytes.data, bytes.size);
}

static void write_array(struct buffer *out, struct writing layout, const struct kafka_field *field,
	bool nullable, const void *base)
{
	int32_t count = field_count(field, base);
	if (count < 0) {
		write_length(out, layout, true, nullable ? -1 : 0);
		return;
	}
	const uint8_t *items;
	memcpy(&items, field_of(field, base), sizeof items);
	write_length(out, layout, true, count);
	for (int32_t i = 0; i < count; i++) {
		if (field->type == KAFKA_ARRAY)
			write_struct(out, field->element, layout, items + (size_t)i * field->element->size);
		else if (field->type == KAFKA_INT32S)
			buffer_append_be32(out, ((const uint32_t *)(const void *)items)[i]);
		else if (field->type == KAFKA_INT64S)
			buffer_append_be64(out, ((const uint64_t *)(const void *)items)[i]);
		else
			write_slice(out, layout, false, false, ((const struct slice *)(const void *)items)[i]);
	}
}

static void write_field(
	struct buffer *out, struct writing layout, const struct kafka_field *field, const void *base)
{
	bool nullable = layout.version >= field->nullable_from;
	const void *at = field_of(field, base);
	switch (field->type) {
	case KAFKA_BOOL:
		buffer_append_byte(out, *(const bool *)at ? 1 : 0);
		break;
	case KAFKA_INT8:
		buffer_append_byte(out, *(const uint8_t *)at);
		break;
	case KAFKA_INT16:
		buffer_append_be16(out, *(const uint16_t *)at);
		break;
	case KAFKA_INT32:
		buffer_append_be32(out, *(const uint32_t *)at);
		break;
	case KAFKA_INT64:
		buffer_append_be64(out, *(const uint64_t *)at);
		break;
	case KAFKA_UUID:
		buffer_append(out, at, 16);
		break;
	case KAFKA_STRING:
		write_slice(out, layout, false, nullable, *(const struct slice *)at);
		break;
	case KAFKA_BYTES:
		write_slice(out, layout, true, nullable, *(const struct slice *)at);
		break;
	case KAFKA_INT32S:
	case KAFKA_INT64S:
	case KAFKA_STRINGS:
	case KAFKA_ARRAY:
		write_array(out, layout, field, nullable, base);
		break;
	}
}

/* A tagged field is left out while it holds its default. */
static bool field_is_default(const struct kafka_field *field, const void *base)
{
	const void *at = field_of(field, base);
	switch (field->type) {
	case KAFKA_BOOL:
		return *(const bool *)at == (field->default_value != 0);
	case KAFKA_INT8:
		return *(const int8_t *)at == field->default_value;
	case KAFKA_INT16:
		return *(const int16_t *)at == field->default_value;
	case KAFKA_INT32:
		return *(const int32_t *)at == field->default_value;
	case KAFKA_INT64:
		return *(const int64_t *)at == field->default_value;
	case KAFKA_UUID: {
		static const uint8_t zero[16];
		return memcmp(at, zero, sizeof zero) == 0;
	}
	case KAFKA_STRING:
	case KAFKA_BYTES: {
		const struct slice *bytes = at;
		return field->nullable_from != NEVER ? bytes->data == NULL : bytes->size == 0;
	}
	case KAFKA_INT32S:
	case KAFKA_INT64S:
	case KAFKA_STRINGS:
	case KAFKA_ARRAY:
		return field->nullable_from != NEVER ? field_count(field, base) < 0 : field_count(field, base) <= 0;
	}
	return false;
}

static void write_tags(
	struct buffer *out, struct writing layout, const struct kafka_schema *schema, const void *base)
{
	uint64_t count = 0;
	struct buffer values = {0};
	layout.loose = NULL;                               /* a tagged field is preceded by its size */
	for (size_t i = 0; i < schema->field_count; i++) { /* the tables list tags in ascending order */
		const struct kafka_field *field = &schema->fields[i];
		if (field->tag < 0 || !field_has_version(field, layout.version) || field_is_default(field, base))
			continue;
		struct buffer value = {0};
		write_field(&value, layout, field, base);
		buffer_append_varint(&values, (uint64_t)field->tag);
		buffer_append_varint(&values, value.size);
		buffer_append(&values, value.data, value.size);
		buffer_deinit(&value);
		count += 1;
	}
	buffer_append_varint(out, count);
	buffer_append(out, values.data, values.size);
	buffer_deinit(&values);
}

static void write_struct(
	struct buffer *out, const struct kafka_schema *schema, struct writing layout, const void *from)
{
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct kafka_field *field = &schema->fields[i];
		if (field->tag < 0 && field_has_version(field, layout.version))
			write_field(out, layout, field, from);
	}
	if (layout.flexible)
		write_tags(out, layout, schema, from);
}

void kafka_write(
	struct buffer *out, const struct kafka_schema *schema, struct kafka_layout layout, const void *from)
{
	write_struct(out, schema, (struct writing){layout.version, layout.flexible, NULL}, from);
}

void kafka_write_loose(struct buffer *out, struct kafka_loose *loose, const struct kafka_schema *schema,
	struct kafka_layout layout, const void *from)
{
	write_struct(out, schema, (struct writing){layout.version, layout.flexible, loose}, from);
}
