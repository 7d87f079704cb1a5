/* Hostile SQL: the input is a script. It is parsed; every SELECT and INSERT is bound, every SELECT also as a
 * view's definition; plans are written as text. No crash, no overflow of the stack, no read out of bounds; an
 * error carries a position within the text; and a plan's canonical text binds to itself: the same text twice
 * gives the same plan.
 */
#include <stdlib.h>

/* The tests' catalog in memory; fuzzers are linked with the program's libraries alone. */
#include "tests/processors/support_catalog.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(status code, size_t size)
{
	const struct error *error = error_current();
	if (code == STATUS_INTERNAL || error->code != code || error->text[0] == '\0')
		abort();
	if (error->position < 0 || (size_t)error->position > size + 1)
		abort();
}

static void check_plan(const struct plan *plan)
{
	struct buffer text;
	buffer_init(&text);
	plan_canonical(plan, &text);
	plan_explain(plan, &text);
	buffer_deinit(&text);
}

static void bind_statement(const struct sql_statement *statement, struct arena *arena, size_t size)
{
	struct sql_parameters parameters = {0};
	const struct plan *plan = NULL;
	struct sql_insert insert;
	status code = STATUS_OK;
	if (statement->kind == SQL_SELECT)
		code = sql_bind_query(statement, support_catalog(), &parameters, arena, &plan);
	else if (statement->kind == SQL_EXPLAIN)
		code = sql_bind_query(statement->explained, support_catalog(), &parameters, arena, &plan);
	else if (statement->kind == SQL_INSERT)
		code = sql_bind_insert(statement, support_catalog(), &parameters, arena, &insert);
	if (code != STATUS_OK)
		check_error(code, size);
	else if (plan != NULL)
		check_plan(plan);
}

static void bind_view_twice(const char *query, struct arena *arena, size_t size)
{
	struct buffer texts[2];
	for (size_t i = 0; i < 2; i++) {
		const struct plan *plan;
		buffer_init(&texts[i]);
		status code = sql_bind_view(query, support_catalog(), arena, &plan, NULL, NULL);
		if (code == STATUS_OK)
			plan_canonical(plan, &texts[i]);
		else
			check_error(code, size);
	}
	if (!slice_equal(buffer_slice(&texts[0]), buffer_slice(&texts[1])))
		abort();
	buffer_deinit(&texts[0]);
	buffer_deinit(&texts[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct sql_script *script;
	arena_init(&arena);
	status code = sql_parse(slice_of(data, size), &arena, &script);
	if (code != STATUS_OK) {
		check_error(code, size);
		arena_deinit(&arena);
		return 0;
	}
	for (size_t i = 0; i < script->statement_count; i++) {
		const struct sql_statement *statement = &script->statements[i];
		bind_statement(statement, &arena, size);
		if (statement->kind == SQL_SELECT)
			bind_view_twice(statement->text, &arena, size);
		else if (statement->kind == SQL_CREATE_VIEW)
			bind_view_twice(statement->create_view.query, &arena, size);
	}
	sql_script_release(script);
	arena_deinit(&arena);
	return 0;
}
