/* Functions, operators and casts give what PostgreSQL gave: golden_functions.txt, line by line.
 *
 * Every call is evaluated over constants, over columns (with null rows in between, garbage under the nulls),
 * and over columns mixed with constants; all must agree. Where Kappa differs on purpose golden_deviations.txt
 * says how. Numbers that do not fit 38 digits, and numeric NaN and infinities, must be refused with 22003.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "processors/expression.h"

enum { PARTS_MAX = 24, ARGUMENTS_MAX = 16, LINE_MAX_BYTES = 8192, ROWS = 5 };

struct golden {
	char line[LINE_MAX_BYTES];
	const char *name;
	const char *arguments[ARGUMENTS_MAX]; /* "type|value" */
	size_t argument_count;
	const char *expected;
};

static FILE *golden_open(const char *name)
{
	char path[512];
	(void)snprintf(path, sizeof path, "%s/%s", KAPPA_TEST_DIR, name);
	FILE *file = fopen(path, "r");
	if (file == NULL)
		fail_msg("cannot open %s", path);
	return file;
}

static bool golden_split(struct golden *golden)
{
	golden->line[strcspn(golden->line, "\n")] = 0;
	if (golden->line[0] == 0 || strncmp(golden->line, "# ", 2) == 0)
		return false;
	char *rest = golden->line;
	golden->name = strsep(&rest, "\t");
	golden->argument_count = 0;
	for (char *part = strsep(&rest, "\t"); part != NULL; part = strsep(&rest, "\t")) {
		if (strcmp(part, "=>") == 0) {
			golden->expected = rest;
			return rest != NULL;
		}
		assert_true(golden->argument_count < ARGUMENTS_MAX);
		golden->arguments[golden->argument_count++] = part;
	}
	fail_msg("no => in: %s", golden->name);
	return false;
}

static size_t unescape(const char *from, char *to)
{
	size_t size = 0;
	for (; *from != 0; from++) {
		char byte = *from;
		if (byte == '\\') {
			from++;
			byte = *from == 't' ? '\t' : *from == 'n' ? '\n' : *from;
		}
		to[size++] = byte;
	}
	return size;
}

static struct type type_read(const char *text)
{
	char name[40];
	const char *open = strchr(text, '(');
	(void)snprintf(name, sizeof name, "%.*s", open == NULL ? (int)strlen(text) : (int)(open - text), text);
	struct type type = type_of(TYPE_UNKNOWN);
	if (strcmp(name, "unknown") != 0 && type_parse(name, &type.id) != STATUS_OK)
		fail_msg("type %s", name);
	int precision = 0, scale = 0;
	if (open != NULL && type.id == TYPE_NUMERIC) {
		assert_true(sscanf(open, "(%d,%d)", &precision, &scale) >= 1);
		type.modifier = precision << 16 | scale;
	} else if (open != NULL) {
		type.modifier = atoi(open + 1);
	}
	return type;
}

static status argument_read(const char *text, struct arena *arena, struct value *out)
{
	char name[40], value[LINE_MAX_BYTES];
	const char *bar = strchr(text, '|');
	(void)snprintf(name, sizeof name, "%.*s", (int)(bar - text), text);
	*out = (struct value){.type = type_read(name), .null = strcmp(bar + 1, "\\N") == 0};
	if (out->null)
		return STATUS_OK;
	size_t size = unescape(bar + 1, value);
	struct slice bytes = slice_of(arena_copy(arena, value, size), size);
	if (type_is_string(out->type.id)) {
		out->text = (struct text){.data = (const char *)bytes.data, .size = (uint32_t)size};
		return STATUS_OK;
	}
	return value_parse(out->type, bytes, arena, out);
}

/* ---- binding, as the binder does it ---- */

static status bind_argument(
	struct arena *arena, const struct expression **argument, struct type target, enum cast_context context)
{
	const struct function *cast;
	status result = cast_find((*argument)->type.id, target, context, &cast);
	if (result != STATUS_OK || cast == NULL)
		return result;
	struct expression *call = expression_call(arena, cast, argument, 1);
	call->type = target;
	*argument = call;
	return STATUS_OK;
}

static status bind(const struct golden *golden, struct arena *arena, const struct expression **arguments,
	const struct expression **out)
{
	if (strncmp(golden->name, "::", 2) == 0) {
		*out = arguments[0];
		struct type target = type_read(golden->name + 2);
		status result = bind_argument(arena, out, target, CAST_EXPLICIT);
		if (result == STATUS_OK && (*out)->type.id != target.id) { /* relabelled only */
			struct expression *copy = arena_copy(arena, *out, sizeof **out);
			copy->type = target;
			*out = copy;
		}
		return result;
	}
	enum type_id types[ARGUMENTS_MAX];
	for (size_t i = 0; i < golden->argument_count; i++)
		types[i] = arguments[i]->type.id;
	const struct function *function;
	status result = function_resolve(golden->name, types, golden->argument_count, &function);
	for (size_t i = 0; i < golden->argument_count && result == STATUS_OK; i++) {
		struct type target = type_of(function_argument_type(function, i, types[i]));
		result = bind_argument(arena, &arguments[i], target, CAST_IMPLICIT);
	}
	if (result == STATUS_OK)
		*out = expression_call(arena, function, arguments, golden->argument_count);
	return result;
}

/* ---- answers as text ---- */

static void error_append(struct buffer *out)
{
	const struct error *error = error_current();
	buffer_printf(out, "ERROR|%s|%.*s", error->sqlstate, (int)strcspn(error->text, "\n"), error->text);
}

static void value_append(const struct value *value, struct buffer *out)
{
	buffer_printf(out, "%s|", type_name(value->type.id));
	if (value->null) {
		buffer_append_string(out, "\\N");
		return;
	}
	struct buffer text = {0};
	value_format(value, &text);
	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = text.data[i];
		if (byte == '\\' || byte == '\t' || byte == '\n')
			buffer_append_byte(out, '\\');
		buffer_append_byte(out, byte == '\t' ? 't' : byte == '\n' ? 'n' : byte);
	}
	buffer_deinit(&text);
}

static bool answers_equal(const struct buffer *left, const struct buffer *right)
{
	return slice_equal(buffer_slice(left), buffer_slice(right));
}

/* A column of ROWS rows: the value in rows 0, 2, 4; null, over garbage, in row 1 and row 3 of every second
 * argument. */
static struct column column_spread(struct arena *arena, const struct value *value, size_t argument)
{
	struct column column = column_make(arena, value->type, ROWS, true);
	size_t size = physical_size(type_physical(value->type.id));
	for (uint32_t row = 0; row < ROWS; row++) {
		bool garbage = row == 1 || (row == 3 && argument % 2 == 0);
		struct value null = {.type = value->type, .null = true};
		column_set(&column, row, garbage ? &null : value);
		if (garbage && type_physical(value->type.id) != PHYS_TEXT)
			memset((uint8_t *)column.values + row * size, (int)(0x5a + argument), size);
	}
	return column;
}

/* Evaluates with the arguments whose bit is set in `columns` as columns; rows 0, 2 and 4 must all give
 * `wanted`. */
static void evaluate_spread(const struct golden *golden, const struct value *values, unsigned columns,
	const struct buffer *wanted, size_t line)
{
	struct arena arena;
	arena_init(&arena);
	struct batch batch = {.row_count = ROWS, .column_count = (uint32_t)golden->argument_count};
	batch.columns = arena_alloc_zeroed(&arena, golden->argument_count * sizeof *batch.columns + 1);
	const struct expression *arguments[ARGUMENTS_MAX], *expression;
	for (size_t i = 0; i < golden->argument_count; i++) {
		batch.columns[i] = column_spread(&arena, &values[i], i);
		bool is_column = (columns >> i & 1u) != 0 && values[i].type.id != TYPE_UNKNOWN;
		arguments[i] = is_column ? expression_column(&arena, (uint32_t)i, values[i].type)
								 : expression_constant(&arena, &values[i]);
	}
	struct buffer answer = {0};
	struct column column;
	status result = bind(golden, &arena, arguments, &expression);
	if (result == STATUS_OK)
		result = expression_evaluate(expression, &batch, NULL, &arena, &column);
	for (uint32_t row = 0; row < ROWS; row += 2) {
		answer.size = 0;
		if (result != STATUS_OK) {
			error_append(&answer);
		} else {
			struct value value = column_value(&column, row);
			value_append(&value, &answer);
		}
		if (!answers_equal(&answer, wanted))
			fail_msg("line %zu: %s over columns %#x, row %u: %.*s, over constants: %.*s", line, golden->name,
				columns, row, (int)answer.size, (const char *)answer.data, (int)wanted->size,
				(const char *)wanted->data);
	}
	buffer_deinit(&answer);
	arena_deinit(&arena);
}

static void golden_answer(const struct golden *golden, size_t line, struct buffer *out)
{
	struct arena arena;
	arena_init(&arena);
	struct value values[ARGUMENTS_MAX], value;
	const struct expression *arguments[ARGUMENTS_MAX], *expression;
	status result = STATUS_OK;
	for (size_t i = 0; i < golden->argument_count && result == STATUS_OK; i++) {
		result = argument_read(golden->arguments[i], &arena, &values[i]);
		if (result == STATUS_OK)
			arguments[i] = expression_constant(&arena, &values[i]);
	}
	bool read = result == STATUS_OK;
	if (result == STATUS_OK)
		result = bind(golden, &arena, arguments, &expression);
	if (result == STATUS_OK)
		result = expression_evaluate_constant(expression, NULL, &arena, &value);
	out->size = 0;
	if (result == STATUS_OK)
		value_append(&value, out);
	else
		error_append(out);
	unsigned all = (1u << golden->argument_count) - 1;
	if (read) {
		evaluate_spread(golden, values, all, out, line);
		if (golden->argument_count > 1) {
			evaluate_spread(golden, values, 1, out, line);
			evaluate_spread(golden, values, all & ~1u, out, line);
		}
	}
	arena_deinit(&arena);
}

/* ---- what may differ ---- */

/* 22003 is right for numerics that 38 digits cannot hold. */
static bool beyond_numeric(const char *expected, const char *answer)
{
	if (strncmp(answer, "ERROR|22003", 11) != 0 || strncmp(expected, "numeric|", 8) != 0)
		return false;
	const char *text = expected + 8;
	if (strstr(text, "NaN") != NULL || strstr(text, "Infinity") != NULL)
		return true;
	size_t digits = 0, scale = 0;
	bool point = false, leading = true;
	for (; *text != 0; text++) {
		if (*text == '.') {
			point = true;
		} else if (*text >= '0' && *text <= '9') {
			leading = leading && *text == '0';
			digits += !leading;
			scale += point;
		}
	}
	return digits > 38 || scale > 38;
}

static bool same_outcome(const char *expected, const char *answer)
{
	if (strcmp(expected, answer) == 0)
		return true;
	/* Of an error the SQLSTATE counts; the words are compared when asked for. */
	if (strncmp(expected, "ERROR|", 6) == 0 && strncmp(answer, expected, 11) == 0)
		return getenv("GOLDEN_WORDS") == NULL || strstr(expected, "pg_catalog") != NULL;
	return beyond_numeric(expected, answer);
}

struct deviations {
	struct golden *lines;
	size_t count;
};

static void deviations_read(struct deviations *deviations)
{
	FILE *file = golden_open("golden_deviations.txt");
	enum { DEVIATIONS_MAX = 400 };
	deviations->lines = mem_alloc_zeroed(DEVIATIONS_MAX, sizeof *deviations->lines);
	deviations->count = 0;
	while (fgets(deviations->lines[deviations->count].line, LINE_MAX_BYTES, file) != NULL) {
		assert_true(deviations->count < DEVIATIONS_MAX - 1);
		deviations->count += golden_split(&deviations->lines[deviations->count]);
	}
	(void)fclose(file);
}

static const char *deviation_find(const struct deviations *deviations, const struct golden *golden)
{
	for (size_t d = 0; d < deviations->count; d++) {
		const struct golden *line = &deviations->lines[d];
		bool same = strcmp(line->name, golden->name) == 0 && line->argument_count == golden->argument_count;
		for (size_t i = 0; i < golden->argument_count && same; i++)
			same =
				strcmp(line->arguments[i], "*") == 0 || strcmp(line->arguments[i], golden->arguments[i]) == 0;
		if (same)
			return line->expected;
	}
	return NULL;
}

static void calls_answer_as_postgresql_does(void **state)
{
	(void)state;
	static struct golden golden;
	struct deviations deviations;
	deviations_read(&deviations);
	FILE *file = golden_open("golden_functions.txt");
	struct buffer answer = {0};
	size_t wrong = 0, count = 0, deviating = 0;
	for (size_t line = 1; fgets(golden.line, sizeof golden.line, file) != NULL; line++) {
		if (!golden_split(&golden))
			continue;
		golden_answer(&golden, line, &answer);
		buffer_append_byte(&answer, 0);
		count++;
		const char *deviation = deviation_find(&deviations, &golden);
		const char *expected = deviation != NULL ? deviation : golden.expected;
		deviating += deviation != NULL;
		if (same_outcome(expected, (const char *)answer.data))
			continue;
		wrong++;
		if (wrong > 60 && getenv("GOLDEN_ALL") == NULL)
			continue;
		(void)fprintf(stderr, "%zu: %s", line, golden.name);
		for (size_t i = 0; i < golden.argument_count; i++)
			(void)fprintf(stderr, "\t%s", golden.arguments[i]);
		(void)fprintf(stderr, "\n\texpected %s\n\tanswered %s\n", expected, (const char *)answer.data);
	}
	(void)fclose(file);
	buffer_deinit(&answer);
	mem_free(deviations.lines);
	(void)fprintf(stderr, "%zu calls, %zu wrong, %zu deviations\n", count, wrong, deviating);
	assert_int_equal(wrong, 0);
	assert_true(count > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_answer_as_postgresql_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
