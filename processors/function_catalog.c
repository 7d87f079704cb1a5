/* Functions over PostgreSQL's object ids, which are plain bigints here: what clients ask when they describe a
 * result. */
#include "processors/catalog_id.h"
#include "processors/function_family.h"

/* PostgreSQL's typmods count the header of a varlena. */
enum { VARLENA_HEADER = 4 };

/* format_type(oid, typmod): "numeric(10,2)"; a null typmod shows the bare type, an unknown oid "???". */
static status format_type(const struct kernel_call *call)
{
	const struct column *oids = &call->arguments[0], *modifiers = &call->arguments[1];
	uint32_t oid_mask = kernel_mask(call, 0), modifier_mask = kernel_mask(call, 1);
	for (uint32_t row = 0; row < call->row_count; row++) {
		if (column_is_null(oids, row & oid_mask)) {
			column_ensure_nulls(call->result, call->row_count, call->arena);
			call->result->nulls[row] = 1;
			call->result->texts[row] = (struct text){.data = ""};
			continue;
		}
		const char *shown = "???";
		struct type type = {TYPE_COUNT, -1};
		for (enum type_id id = 0; id < TYPE_COUNT; id++) {
			if (oids->i64[row & oid_mask] == type_oid(id))
				type.id = id;
		}
		if (!column_is_null(modifiers, row & modifier_mask) &&
			modifiers->i64[row & modifier_mask] >= VARLENA_HEADER)
			type.modifier = (int32_t)modifiers->i64[row & modifier_mask] - VARLENA_HEADER;
		if (type.id != TYPE_COUNT)
			shown = type_format(type, call->arena);
		call->result->texts[row] = (struct text){.data = shown, .size = (uint32_t)strlen(shown)};
	}
	return STATUS_OK;
}

/* ---- vectors and arrays, as text: "1 2 3" counts from 0, '{a,b}' from 1 ---- */

static bool is_array(struct text text)
{
	return text.size >= 2 && text.data[0] == '{' && text.data[text.size - 1] == '}';
}

static struct text array_inside(struct text text)
{
	return is_array(text) ? (struct text){.data = text.data + 1, .size = text.size - 2} : text;
}

/* Takes the first element off *rest; false when there is none. */
static bool element_take(struct text *rest, char separator, struct text *out)
{
	if (rest->size == 0)
		return false;
	const char *end = memchr(rest->data, separator, rest->size);
	*out = *rest;
	if (end == NULL) {
		*rest = (struct text){.data = ""};
		return true;
	}
	out->size = (uint32_t)(end - rest->data);
	rest->size -= out->size + 1;
	rest->data = end + 1;
	return true;
}

static int64_t element_count(struct text text)
{
	char separator = is_array(text) ? ',' : ' ';
	struct text rest = array_inside(text), element;
	int64_t count = 0;
	while (element_take(&rest, separator, &element))
		count++;
	return count;
}

static bool element_find(struct text text, int64_t index, struct text *out)
{
	char separator = is_array(text) ? ',' : ' ';
	struct text rest = array_inside(text);
	for (int64_t at = is_array(text) ? 1 : 0; element_take(&rest, separator, out); at++) {
		if (at == index)
			return true;
	}
	return false;
}

static int64_t digits_value(struct text text)
{
	int64_t value = 0;
	for (uint32_t i = 0; i < text.size && i < 9; i++)
		value = text.data[i] >= '0' && text.data[i] <= '9' ? value * 10 + (text.data[i] - '0') : value;
	return value;
}

/* array[i]: null outside */
static status text_subscript(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		struct text element;
		if (element_find(text_argument(call, 0, row), i64_argument(call, 1, row), &element))
			call->result->texts[row] = element;
		else
			kernel_set_null(call, row);
	}
	return STATUS_OK;
}

static status vector_subscript(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		struct text element;
		call->result->i64[row] = 0;
		if (element_find(text_argument(call, 0, row), i64_argument(call, 1, row), &element))
			call->result->i64[row] = digits_value(element);
		else
			kernel_set_null(call, row);
	}
	return STATUS_OK;
}

/* array_upper(array, 1), array_length(array, 1): null for an empty one */
static status array_upper(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		struct text array = text_argument(call, 0, row);
		int64_t count = element_count(array);
		call->result->i64[row] = count;
		if (count == 0 || i64_argument(call, 1, row) != 1)
			kernel_set_null(call, row);
	}
	return STATUS_OK;
}

static status cardinality(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		call->result->i64[row] = element_count(text_argument(call, 0, row));
	}
	return STATUS_OK;
}

static status array_to_string(const struct kernel_call *call)
{
	struct text_writer writer = text_writer_of(call);
	EACH_ROW(call, row)
	{
		struct text array = text_argument(call, 0, row), separator = text_argument(call, 1, row);
		struct text rest = array_inside(array), element;
		struct buffer joined;
		buffer_init(&joined);
		for (size_t i = 0; element_take(&rest, is_array(array) ? ',' : ' ', &element); i++) {
			if (i > 0)
				buffer_append(&joined, separator.data, separator.size);
			buffer_append(&joined, element.data, element.size);
		}
		status code = text_writer_put(&writer, buffer_slice(&joined), &call->result->texts[row]);
		buffer_deinit(&joined);
		if (code != STATUS_OK)
			return code;
	}
	return STATUS_OK;
}

/* ARRAY(SELECT … FROM unnest(array)) where there is nothing to unnest: an empty array. */
static status unnest_nothing(const struct kernel_call *call)
{
	uint32_t mask = kernel_mask(call, 0);
	for (uint32_t row = 0; row < call->row_count; row++) {
		call->result->texts[row] = (struct text){.data = "{}", .size = 2};
		if (column_is_null(&call->arguments[0], row & mask) ||
			element_count(text_argument(call, 0, row)) == 0)
			continue;
		error_raise(STATUS_UNSUPPORTED, "ARRAY(SELECT … FROM unnest(…)) is not supported");
		error_hint("Use one row per element.");
		return STATUS_UNSUPPORTED;
	}
	return STATUS_OK;
}

/* _pg_expandarray(vector, n): its n-th record (element, n), n from 1 */
static status expanded_record(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		struct text element = {.data = ""};
		int64_t number = i64_argument(call, 1, row);
		(void)element_find(text_argument(call, 0, row), number - 1, &element);
		const char *record =
			arena_printf(call->arena, "(%.*s,%lld)", (int)element.size, element.data, (long long)number);
		call->result->texts[row] = (struct text){.data = record, .size = (uint32_t)strlen(record)};
	}
	return STATUS_OK;
}

/* (record).field of a record of integers, "(3,1)"; fields count from 1 */
static status record_field(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		struct text record = text_argument(call, 0, row), field = {.data = ""};
		bool wrapped = record.size >= 2 && record.data[0] == '(' && record.data[record.size - 1] == ')';
		struct text rest = {.data = record.data + wrapped, .size = record.size - 2u * wrapped};
		int64_t wanted = i64_argument(call, 1, row);
		for (int64_t i = 0; i < wanted && element_take(&rest, ',', &field); i++)
			;
		call->result->i64[row] = digits_value(field);
	}
	return STATUS_OK;
}

/* ---- facts that are the same for all objects ---- */

static status always_true(const struct kernel_call *call)
{
	for (uint32_t row = 0; row < call->row_count; row++)
		call->result->booleans[row] = 1;
	return STATUS_OK;
}

static status always_false(const struct kernel_call *call)
{
	for (uint32_t row = 0; row < call->row_count; row++)
		call->result->booleans[row] = 0;
	return STATUS_OK;
}

static status always_null(const struct kernel_call *call)
{
	for (uint32_t row = 0; row < call->row_count; row++)
		kernel_set_null(call, row);
	return STATUS_OK;
}

static void text_set(const struct kernel_call *call, uint32_t row, const char *text)
{
	call->result->texts[row] = (struct text){.data = text, .size = (uint32_t)strlen(text)};
}

/* What users made, and pg_catalog. Schema kappa is on the search path too, but \d is to show what users made:
 * \dv kappa.* lists it. */
static status table_is_visible(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		int64_t id = i64_argument(call, 0, row);
		call->result->booleans[row] =
			id >= CATALOG_OID_USER_MIN ||
			(id - CATALOG_OID_SYSTEM_MIN) / CATALOG_OID_SYSTEM_SCHEMA == 1; /* pg_catalog */
	}
	return STATUS_OK;
}

static status get_userbyid(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		long long id = i64_argument(call, 0, row);
		bool owner = id == CATALOG_OID_OWNER;
		text_set(call, row, owner ? "kappa" : arena_printf(call->arena, "unknown (OID=%lld)", id));
	}
	return STATUS_OK;
}

static status encoding_to_char(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		text_set(call, row, i64_argument(call, 0, row) == CATALOG_ENCODING_UTF8 ? "UTF8" : "");
	}
	return STATUS_OK;
}

static status current_schemas(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		bool implicit = call->arguments[0].booleans[row & kernel_mask(call, 0)] != 0;
		text_set(call, row, implicit ? "{pg_catalog,public,kappa}" : "{public,kappa}");
	}
	return STATUS_OK;
}

static status size_pretty(const struct kernel_call *call)
{
	static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
	EACH_ROW(call, row)
	{
		int64_t size = i64_argument(call, 0, row);
		size_t unit = 0;
		/* As PostgreSQL: up to ten thousand of a unit, rounded to the nearest. */
		while (unit < 5 && (size >= 10 * 1024 || size <= -10 * 1024)) {
			size = (size + (size < 0 ? -512 : 512)) / 1024;
			unit++;
		}
		text_set(call, row, arena_printf(call->arena, "%lld %s", (long long)size, units[unit]));
	}
	return STATUS_OK;
}

static status to_regtype(const struct kernel_call *call)
{
	EACH_ROW(call, row)
	{
		struct text name = text_argument(call, 0, row);
		enum type_id id = TYPE_UNKNOWN;
		const char *terminated = arena_printf(call->arena, "%.*s", (int)name.size, name.data);
		call->result->i64[row] = 0;
		if (type_parse(terminated, &id) == STATUS_OK)
			call->result->i64[row] = type_oid(id);
		else
			kernel_set_null(call, row);
	}
	return STATUS_OK;
}

static const struct function functions[] = {
	F2("format_type", TEXT, INT8, INT4, 0, format_type),
	F1("to_regtype", INT8, TEXT, STRICT, to_regtype),
	F2("[]", TEXT, TEXT, INT4, STRICT, text_subscript),
	F2("[]", INT2, INT2VECTOR, INT4, STRICT, vector_subscript),
	F2(".", INT4, TEXT, INT4, STRICT, record_field),
	F2("_pg_expandarray", TEXT, INT2VECTOR, INT8, STRICT, expanded_record),
	F2("array_upper", INT4, TEXT, INT4, STRICT, array_upper),
	F2("array_upper", INT4, INT2VECTOR, INT4, STRICT, array_upper),
	F2("array_length", INT4, TEXT, INT4, STRICT, array_upper),
	F2("array_length", INT4, INT2VECTOR, INT4, STRICT, array_upper),
	F1("cardinality", INT4, TEXT, STRICT, cardinality),
	F1("cardinality", INT4, INT2VECTOR, STRICT, cardinality),
	F2("array_to_string", TEXT, TEXT, TEXT, STRICT, array_to_string),
	F1("unnest", TEXT, TEXT, FAILS, unnest_nothing),
	F2("array_to_string", TEXT, INT2VECTOR, TEXT, STRICT, array_to_string),
	F1("current_schemas", TEXT, BOOL, STRICT, current_schemas),
	F1("pg_get_userbyid", TEXT, INT8, STRICT, get_userbyid),
	F1("pg_table_is_visible", BOOL, INT8, STRICT, table_is_visible),
	F1("pg_type_is_visible", BOOL, INT8, STRICT, always_true),
	F1("pg_function_is_visible", BOOL, INT8, STRICT, always_true),
	F1("pg_relation_is_publishable", BOOL, INT8, STRICT, always_false),
	F1("pg_encoding_to_char", TEXT, INT4, STRICT, encoding_to_char),
	F1("pg_size_pretty", TEXT, INT8, STRICT, size_pretty),
	/* Defaults, comments, privileges of others: there are none. */
	F2("pg_get_expr", TEXT, TEXT, INT8, 0, always_null),
	F3("pg_get_expr", TEXT, TEXT, INT8, BOOL, 0, always_null),
	F2("obj_description", TEXT, INT8, TEXT, 0, always_null),
	F1("obj_description", TEXT, INT8, 0, always_null),
	F2("shobj_description", TEXT, INT8, TEXT, 0, always_null),
	F2("col_description", TEXT, INT8, INT4, 0, always_null),
	F1("pg_get_function_result", TEXT, INT8, 0, always_null),
	F1("pg_get_function_arguments", TEXT, INT8, 0, always_null),
	F1("pg_get_function_identity_arguments", TEXT, INT8, 0, always_null),
	F1("pg_get_partkeydef", TEXT, INT8, 0, always_null),
	F2("has_table_privilege", BOOL, INT8, TEXT, STRICT, always_true),
	F3("has_table_privilege", BOOL, TEXT, INT8, TEXT, STRICT, always_true),
	F2("has_table_privilege", BOOL, TEXT, TEXT, STRICT, always_true),
	F2("has_schema_privilege", BOOL, TEXT, TEXT, STRICT, always_true),
	F2("has_schema_privilege", BOOL, INT8, TEXT, STRICT, always_true),
	F3("has_schema_privilege", BOOL, TEXT, TEXT, TEXT, STRICT, always_true),
	F2("has_database_privilege", BOOL, TEXT, TEXT, STRICT, always_true),
	F3("has_column_privilege", BOOL, INT8, INT8, TEXT, STRICT, always_true),
};
FUNCTION_LIST(function_list_catalog, functions);
