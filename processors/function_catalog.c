/* Functions over PostgreSQL's object ids, which are plain bigints here: what clients ask when they describe a
 * result. */
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

static const struct function functions[] = {
	F2("format_type", TEXT, INT8, INT4, 0, format_type),
};
FUNCTION_LIST(function_list_catalog, functions);
