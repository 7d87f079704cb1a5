/* Configuration: where an option is given decides, and what is wrong is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "server/config.h"

static char file_path[64];

static void file_write(const char *text)
{
	snprintf(file_path, sizeof file_path, "/tmp/kappa-config-%d.ini", (int)getpid());
	FILE *file = fopen(file_path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static status load(struct server_config *config, int argc, const char **argv)
{
	bool help = false;
	server_config_init(config);
	return server_config_load(config, argc, (char **)(uintptr_t)argv, &help);
}

static int teardown(void **state)
{
	(void)state;
	unsetenv("KAPPA_PG_PORT");
	unsetenv("KAPPA_STEP_ROWS");
	unsetenv("KAPPA_CONFIG");
	unlink(file_path);
	return 0;
}

static void nothing_given_means_the_defaults(void **state)
{
	(void)state;
	struct server_config config;
	assert_int_equal(load(&config, 0, NULL), STATUS_OK);
	assert_int_equal(config.kafka_port, 9092);
	assert_int_equal(config.pg_port, 5433);
	assert_int_equal(config.http_port, 8088);
	assert_string_equal(config.listen_address, "127.0.0.1");
	assert_string_equal(config.data_dir, "./kappa-data");
	server_config_deinit(&config);
}

static void a_flag_beats_the_environment_beats_the_file(void **state)
{
	(void)state;
	file_write("[kappa]\npg_port = 1\nhttp_port = 2\nstep_rows = 3\n");
	setenv("KAPPA_PG_PORT", "4", 1);
	setenv("KAPPA_STEP_ROWS", "5", 1);
	const char *argv[] = {"--step-rows", "6", "--config", file_path, "--data-dir=/tmp/x"};
	struct server_config config;
	assert_int_equal(load(&config, 5, argv), STATUS_OK);
	assert_int_equal(config.http_port, 2);
	assert_int_equal(config.pg_port, 4);
	assert_int_equal(config.step_rows, 6);
	assert_string_equal(config.data_dir, "/tmp/x");
	server_config_deinit(&config);
}

static void refuses(int argc, const char **argv, const char *part)
{
	struct server_config config;
	assert_int_equal(load(&config, argc, argv), STATUS_INVALID);
	assert_non_null(strstr(error_current()->text, part));
	server_config_deinit(&config);
}

static void what_is_wrong_is_named(void **state)
{
	(void)state;
	refuses(2, (const char *[]){"--pg-port", "70000"}, "--pg-port");
	refuses(2, (const char *[]){"--pg-port", "x"}, "0 to 65535");
	refuses(1, (const char *[]){"--pg-port"}, "value is needed");
	refuses(1, (const char *[]){"--speed"}, "--speed");
	refuses(1, (const char *[]){"serve"}, "serve");
	refuses(2, (const char *[]){"--log-level", "loud"}, "loud");
	refuses(2, (const char *[]){"--config", "/nowhere/kappa.ini"}, "/nowhere/kappa.ini");
	file_write("speed = 3\n");
	refuses(2, (const char *[]){"--config", file_path}, "speed");
	file_write("pg_port = many\n");
	refuses(2, (const char *[]){"--config", file_path}, "many");
	setenv("KAPPA_STEP_ROWS", "none", 1);
	refuses(0, NULL, "KAPPA_STEP_ROWS");
}

static void other_machines_must_be_let_in_on_purpose(void **state)
{
	(void)state;
	refuses(2, (const char *[]){"--listen-address", "0.0.0.0"}, "0.0.0.0");
	struct server_config config;
	assert_int_equal(
		load(&config, 3, (const char *[]){"--listen-address", "0.0.0.0", "--allow-insecure-listen"}),
		STATUS_OK);
	server_config_deinit(&config);
}

static void help_lists_every_option(void **state)
{
	(void)state;
	struct server_config config;
	struct buffer text = {0}, value = {0};
	server_config_init(&config);
	bool help = false;
	const char *argv[] = {"--help"};
	assert_int_equal(server_config_load(&config, 1, (char **)(uintptr_t)argv, &help), STATUS_OK);
	assert_true(help);
	server_config_help(&text);
	buffer_append_byte(&text, 0);
	for (size_t i = 0; i < server_config_count(); i++) {
		const char *name = NULL, *words = NULL;
		server_config_describe(&config, i, &name, &words, &value);
		assert_non_null(strstr((const char *)text.data, words));
	}
	buffer_deinit(&text);
	buffer_deinit(&value);
	server_config_deinit(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(nothing_given_means_the_defaults, teardown),
		cmocka_unit_test_teardown(a_flag_beats_the_environment_beats_the_file, teardown),
		cmocka_unit_test_teardown(what_is_wrong_is_named, teardown),
		cmocka_unit_test_teardown(other_machines_must_be_let_in_on_purpose, teardown),
		cmocka_unit_test_teardown(help_lists_every_option, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
