#include "support.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/invariant.h"

struct random random_from_environment(const char *test)
{
	const char *text = getenv("KAPPA_TEST_SEED");
	uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 20240607;
	printf("%s: KAPPA_TEST_SEED=%" PRIu64 "\n", test, seed);
	return (struct random){seed};
}

uint64_t random_word(struct random *random)
{
	random->state += UINT64_C(0x9e3779b97f4a7c15);
	return hash_mix(random->state);
}

uint32_t random_below(struct random *random, uint32_t limit)
{
	return (uint32_t)(random_word(random) % limit);
}

int64_t random_i64(struct random *random)
{
	static const int64_t corners[] = {
		0, 1, -1, INT64_MAX, INT64_MIN, INT64_MAX - 1, INT64_MIN + 1, 255, 256, -256};
	uint32_t choice = random_below(random, 8);
	if (choice == 0)
		return corners[random_below(random, 10)];
	if (choice < 4)
		return (int64_t)random_below(random, 7) - 3;
	return (int64_t)random_word(random) >> random_below(random, 64);
}

struct decimal random_decimal(struct random *random)
{
	__int128 value = 0;
	uint32_t digits = random_below(random, 39);
	if (random_below(random, 2) == 0)
		digits = random_below(random, 4);
	for (uint32_t i = 0; i < digits; i++)
		value = value * 10 + random_below(random, 10);
	/* Trailing zeros, so that one number comes in several scales. */
	uint32_t zeros = random_below(random, 4);
	for (uint32_t i = 0; i < zeros && digits + zeros < 38; i++)
		value *= 10;
	int32_t scale = (int32_t)random_below(random, random_below(random, 3) == 0 ? 39 : 5);
	return (struct decimal){.value = random_below(random, 2) == 0 ? -value : value, .scale = scale};
}

static double random_f64(struct random *random)
{
	static const double corners[] = {
		0.0, -0.0, 1.0, -1.0, 0.1, INFINITY, -INFINITY, 5e-324, 1.7976931348623157e308};
	uint32_t choice = random_below(random, 8);
	if (choice == 0)
		return NAN;
	if (choice < 4)
		return corners[random_below(random, 9)];
	uint64_t bits = random_word(random);
	double value;
	memcpy(&value, &bits, sizeof value);
	return value;
}

static struct text random_text(struct random *random, struct arena *arena)
{
	static const char alphabet[] = {'a', 'b', '\0', '\xff', '\x01'};
	/* Often a shared prefix that ends anywhere in a sort key or past it, then few letters. */
	uint32_t prefix = random_below(random, 2) == 0 ? random_below(random, 18) : 0,
			 tail = random_below(random, 5);
	if (random_below(random, 20) == 0)
		tail = random_below(random, 100);
	char *data = arena_alloc(arena, prefix + tail);
	memset(data, 'p', prefix);
	for (uint32_t i = 0; i < tail; i++)
		data[prefix + i] = alphabet[random_below(random, sizeof alphabet)];
	return (struct text){.data = data, .size = prefix + tail};
}

static struct interval random_interval(struct random *random)
{
	if (random_below(random, 4) == 0)
		return (struct interval){
			random_i64(random), (int32_t)random_word(random), (int32_t)random_word(random)};
	return (struct interval){((int64_t)random_below(random, 3) - 1) * INT64_C(86400000000),
		(int32_t)random_below(random, 121) - 60, (int32_t)random_below(random, 5) - 2};
}

struct value random_value(struct random *random, struct arena *arena, enum type_id type)
{
	struct value value = {.type = type_of(type)};
	switch (type_physical(type)) {
	case PHYS_BOOL:
		value.boolean = random_below(random, 2) != 0;
		break;
	case PHYS_I64:
		value.i64 = random_i64(random);
		break;
	case PHYS_F64:
		value.f64 = random_f64(random);
		break;
	case PHYS_DECIMAL:
		value.decimal = random_decimal(random);
		break;
	case PHYS_TEXT:
		value.text = random_text(random, arena);
		break;
	case PHYS_INTERVAL:
		value.interval = random_interval(random);
		break;
	}
	return value;
}

struct schema random_schema(struct random *random, struct arena *arena, uint32_t field_count_max)
{
	static const enum type_id types[] = {
		TYPE_BOOL, TYPE_INT4, TYPE_INT8, TYPE_FLOAT8, TYPE_NUMERIC, TYPE_TEXT, TYPE_TIMESTAMP, TYPE_INTERVAL};
	struct schema schema = {.field_count = 1 + random_below(random, field_count_max)};
	schema.fields = arena_alloc_zeroed(arena, schema.field_count * sizeof *schema.fields);
	for (size_t i = 0; i < schema.field_count; i++) {
		schema.fields[i].name = arena_printf(arena, "c%zu", i);
		schema.fields[i].type = type_of(types[random_below(random, 8)]);
	}
	return schema;
}

struct batch *random_batch(
	struct random *random, struct arena *arena, const struct schema *schema, uint32_t row_count)
{
	struct batch *batch = batch_make(arena, schema, row_count, true, true);
	for (uint32_t row = 0; row < row_count; row++) {
		/* A third of the rows repeat an earlier one, so that consolidation has something to do. */
		uint32_t source = row > 0 && random_below(random, 3) == 0 ? random_below(random, row) : row;
		for (uint32_t c = 0; c < batch->column_count; c++) {
			struct column *column = &batch->columns[c];
			struct value value =
				source != row ? column_value(column, source) : random_value(random, arena, column->type.id);
			if (source == row && random_below(random, 6) == 0)
				value.null = true;
			column_set(column, row, &value);
		}
		batch->weights[row] = (int64_t)random_below(random, 5) - 2;
	}
	for (uint32_t c = 0; c < batch->column_count; c++) {
		bool any = false;
		for (uint32_t row = 0; row < row_count; row++)
			any = any || batch->columns[c].nulls[row] != 0;
		if (!any && random_below(random, 2) == 0)
			batch->columns[c].nulls = NULL;
	}
	return batch;
}

void golden_unescape(char *field)
{
	char *to = field;
	for (const char *from = field; *from != '\0'; from++) {
		if (*from == '\\' && from[1] != '\0') {
			from++;
			*to++ = *from == 'n' ? '\n' : *from == 't' ? '\t' : *from == 'r' ? '\r' : *from;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

size_t golden_read(const char *name, void (*visit)(size_t line, char **fields, size_t field_count))
{
	char path[1024];
	const char *folder = getenv("KAPPA_GOLDEN_DIR"); /* a larger sample, made by golden.sql */
	(void)snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : KAPPA_TEST_DIR, name);
	FILE *file = fopen(path, "r");
	if (file == NULL)
		printf("cannot open %s\n", path);
	INVARIANT(file != NULL);
	char *text = NULL;
	size_t capacity = 0, line = 0;
	ssize_t size;
	while ((size = getline(&text, &capacity, file)) > 0) {
		line++;
		if (text[size - 1] == '\n')
			text[size - 1] = '\0';
		char *fields[GOLDEN_FIELDS_MAX], *rest = text;
		size_t field_count = 0;
		while (rest != NULL && field_count < GOLDEN_FIELDS_MAX)
			fields[field_count++] = strsep(&rest, "\t");
		visit(line, fields, field_count);
	}
	free(text);
	(void)fclose(file);
	return line;
}

static size_t differences;

void golden_compare(size_t line, const char *what, const char *wanted, const char *got)
{
	if (strcmp(wanted, got) == 0)
		return;
	if (differences++ < 40)
		printf("line %zu: %s: wanted %s, got %s\n", line, what, wanted, got);
}

void golden_check(const char *name, size_t lines)
{
	size_t found = differences;
	differences = 0;
	printf("%s: %zu lines, %zu differences\n", name, lines, found);
	assert_true(lines > 10);
	assert_int_equal(found, 0);
}

const char *golden_result(status code, const struct buffer *text)
{
	static char result[4096];
	if (code != STATUS_OK)
		(void)snprintf(result, sizeof result, "!%s", error_current()->sqlstate);
	else
		(void)snprintf(result, sizeof result, "%.*s", (int)text->size, (const char *)text->data);
	return result;
}
