/* Rows of system relations. */
#include "server/system_rows.h"

#include <string.h>

#include "base/invariant.h"

enum { CHUNK_ROWS = 256 };

/* ---- building ---- */

status system_rows_begin(struct system_rows *rows)
{
	INVARIANT(rows->row_count == 0 || rows->column == rows->schema.field_count);
	if (rows->row_count >= rows->row_limit)
		return STATUS_END;
	if (rows->arena.used_bytes > SYSTEM_ROWS_BYTES_MAX) {
		error_raise(
			STATUS_OUT_OF_MEMORY, "the relation's rows take more than %d bytes", SYSTEM_ROWS_BYTES_MAX);
		error_hint("Use LIMIT.");
		return STATUS_OUT_OF_MEMORY;
	}
	if (rows->row_count == rows->chunk_count * CHUNK_ROWS) {
		if (rows->chunk_count == rows->chunk_capacity) {
			rows->chunk_capacity = rows->chunk_capacity > 0 ? rows->chunk_capacity * 2 : 4;
			rows->chunks = mem_resize(rows->chunks, rows->chunk_capacity * sizeof(struct value *));
		}
		rows->chunks[rows->chunk_count++] =
			arena_alloc(&rows->arena, CHUNK_ROWS * rows->schema.field_count * sizeof(struct value));
	}
	rows->row_count++;
	rows->column = 0;
	return STATUS_OK;
}

static struct value *value_next(struct system_rows *rows)
{
	size_t width = rows->schema.field_count;
	INVARIANT(rows->row_count > 0 && rows->column < width);
	uint64_t row = rows->row_count - 1;
	struct value *value = &rows->chunks[row / CHUNK_ROWS][row % CHUNK_ROWS * width + rows->column];
	*value = (struct value){.type = rows->schema.fields[rows->column].type};
	rows->column++;
	return value;
}

void rows_null(struct system_rows *rows)
{
	value_next(rows)->null = true;
}

void rows_bytes(struct system_rows *rows, struct slice text)
{
	struct value *value = value_next(rows);
	INVARIANT(type_physical(value->type.id) == PHYS_TEXT);
	value->text =
		(struct text){.data = arena_copy(&rows->arena, text.data, text.size), .size = (uint32_t)text.size};
}

void rows_text(struct system_rows *rows, const char *text)
{
	if (text == NULL)
		rows_null(rows);
	else
		rows_bytes(rows, slice_of_string(text));
}

void rows_i64(struct system_rows *rows, int64_t number)
{
	struct value *value = value_next(rows);
	INVARIANT(type_physical(value->type.id) == PHYS_I64);
	value->i64 = number;
}

void rows_f64(struct system_rows *rows, double number)
{
	struct value *value = value_next(rows);
	INVARIANT(type_physical(value->type.id) == PHYS_F64);
	value->f64 = number;
}

void rows_bool(struct system_rows *rows, bool truth)
{
	struct value *value = value_next(rows);
	INVARIANT(type_physical(value->type.id) == PHYS_BOOL);
	value->boolean = truth;
}

void rows_timestamp_ms(struct system_rows *rows, int64_t timestamp_ms)
{
	rows_i64(rows, timestamp_ms * 1000);
}

/* ---- reading ---- */

struct system_relation {
	struct relation base; /* first */
	struct system_fill *fill;
	bool filled;
	struct system_rows rows;
};

struct system_scan {
	struct scan base; /* first */
	struct system_relation *relation;
	uint64_t row;
	bool (*cancelled)(void *context);
	void *cancel_context;
};

static status scan_next(struct scan *base, struct arena *arena, struct batch **out)
{
	struct system_scan *scan = (struct system_scan *)base;
	struct system_rows *rows = &scan->relation->rows;
	if (scan->cancelled != NULL && scan->cancelled(scan->cancel_context))
		return error_raise(STATUS_CANCELLED, "canceling statement due to user request");
	if (scan->row >= rows->row_count)
		return STATUS_END;
	uint64_t left = rows->row_count - scan->row;
	uint32_t count = left < BATCH_ROWS_TYPICAL ? (uint32_t)left : BATCH_ROWS_TYPICAL;
	size_t width = rows->schema.field_count;
	struct batch *batch = batch_make(arena, &rows->schema, count, true, false);
	for (uint32_t i = 0; i < count; i++, scan->row++) {
		const struct value *values = &rows->chunks[scan->row / CHUNK_ROWS][scan->row % CHUNK_ROWS * width];
		for (size_t column = 0; column < width; column++)
			column_set(&batch->columns[column], i, &values[column]);
	}
	*out = batch;
	return STATUS_OK;
}

static void scan_close(struct scan *scan)
{
	mem_free(scan);
}

static status relation_open(struct relation *base, const struct scan_request *request, struct scan **out)
{
	struct system_relation *relation = (struct system_relation *)base;
	if (!relation->filled) {
		/* Functions do their work once, however often the rows are read. */
		relation->rows.row_limit = request->row_limit;
		status filled = relation->fill->fill(relation->fill, &relation->rows);
		if (filled != STATUS_OK && filled != STATUS_END)
			return filled;
		relation->filled = true;
	}
	struct system_scan *scan = mem_alloc_zeroed(1, sizeof *scan);
	scan->base.next = scan_next;
	scan->base.close = scan_close;
	scan->relation = relation;
	scan->cancelled = request->cancelled;
	scan->cancel_context = request->cancel_context;
	*out = &scan->base;
	return STATUS_OK;
}

static void relation_release(struct relation *base)
{
	struct system_relation *relation = (struct system_relation *)base;
	relation->fill->destroy(relation->fill);
	mem_free(relation->rows.chunks);
	arena_deinit(&relation->rows.arena);
	mem_free(relation);
}

struct relation *system_rows_relation(const struct schema *schema, struct system_fill *fill)
{
	struct system_relation *relation = mem_alloc_zeroed(1, sizeof *relation);
	arena_init(&relation->rows.arena);
	relation->rows.schema = schema_copy(schema, &relation->rows.arena);
	relation->base.schema = relation->rows.schema;
	relation->base.row_estimate = UINT64_MAX;
	relation->base.open = relation_open;
	relation->base.release = relation_release;
	relation->fill = fill;
	return &relation->base;
}
