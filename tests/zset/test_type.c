/* zset/type.c: names, aliases, OIDs and modifiers as PostgreSQL has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support.h"

static void test_every_type_parses_its_own_name(void **unused)
{
	(void)unused;
	for (unsigned id = 0; id < TYPE_COUNT; id++) {
		enum type_id parsed;
		assert_int_equal(type_parse(type_name((enum type_id)id), &parsed), STATUS_OK);
		assert_int_equal(parsed, id);
		assert_true(physical_size(type_physical((enum type_id)id)) > 0);
	}
}

static void test_aliases_and_case_are_accepted(void **unused)
{
	(void)unused;
	static const struct {
		const char *name;
		enum type_id id;
	} cases[] = {{"INT", TYPE_INT4}, {"int8", TYPE_INT8}, {"BigInt", TYPE_INT8}, {"float", TYPE_FLOAT8},
		{"decimal", TYPE_NUMERIC}, {"varchar", TYPE_VARCHAR}, {"timestamptz", TYPE_TIMESTAMPTZ},
		{"timestamp", TYPE_TIMESTAMP}, {"bool", TYPE_BOOL}, {"pg_catalog.int2", TYPE_INT2}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		enum type_id parsed;
		assert_int_equal(type_parse(cases[i].name, &parsed), STATUS_OK);
		assert_int_equal(parsed, cases[i].id);
	}
}

static void test_unknown_name_is_not_found(void **unused)
{
	(void)unused;
	enum type_id parsed = TYPE_BOOL;
	assert_int_equal(type_parse("geometry", &parsed), STATUS_NOT_FOUND);
	assert_int_equal(parsed, TYPE_BOOL);
	assert_string_equal(error_current()->sqlstate, "42704");
	assert_non_null(strstr(error_current()->text, "geometry"));
}

static void test_modifiers_are_shown(void **unused)
{
	(void)unused;
	struct arena arena;
	arena_init(&arena);
	assert_string_equal(type_format((struct type){TYPE_NUMERIC, 10 << 16 | 2}, &arena), "numeric(10,2)");
	assert_string_equal(type_format((struct type){TYPE_VARCHAR, 20}, &arena), "character varying(20)");
	assert_string_equal(type_format(type_of(TYPE_NUMERIC), &arena), "numeric");
	assert_int_equal(type_oid(TYPE_TIMESTAMPTZ), 1184);
	assert_int_equal(type_wire_size(TYPE_DATE), 4);
	assert_true(type_is_numeric(TYPE_FLOAT4) && !type_is_numeric(TYPE_DATE));
	assert_true(type_is_string(TYPE_UNKNOWN) && !type_is_string(TYPE_BYTEA));
	arena_deinit(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_type_parses_its_own_name),
		cmocka_unit_test(test_aliases_and_case_are_accepted),
		cmocka_unit_test(test_unknown_name_is_not_found),
		cmocka_unit_test(test_modifiers_are_shown),
	};
	return cmocka_run_group_tests_name("zset/type", tests, NULL, NULL);
}
