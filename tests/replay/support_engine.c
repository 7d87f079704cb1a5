#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "log/record_batch.h"
#include "support_engine.h"

#define must(call)                                                                                           \
	do {                                                                                                     \
		if ((call) != STATUS_OK)                                                                             \
			fail_msg("%s: %s", #call, error_current()->text);                                                \
	} while (0)

void world_run(void (*body)(struct world *world))
{
	struct world world = {0};
	body(&world);
}

int world_main(int argc, char **argv, int (*tests)(void))
{
	/* The main thread's stack grows up to the limit that held when the program was started. */
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_STACK, &limit), 0);
	if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < SQL_STACK_BYTES && argc < 2) {
		limit.rlim_cur = SQL_STACK_BYTES + (1 << 20);
		char marker[] = "big-stack";
		char *arguments[] = {argv[0], marker, NULL};
		if (setrlimit(RLIMIT_STACK, &limit) == 0)
			(void)execv("/proc/self/exe", arguments);
	}
	return tests();
}

static void advanced(void *context)
{
	struct world *world = context;
	struct engine *engine = __atomic_load_n(&world->engine, __ATOMIC_ACQUIRE);
	if (engine != NULL)
		engine_wake(engine);
}

static void start(struct world *world)
{
	char path[128];
	(void)snprintf(path, sizeof path, "%s/log", world->dir);
	struct log_options log_options = {.dir = path, .advanced = advanced, .context = world};
	must(log_open(&log_options, &world->log));
	char views[128];
	(void)snprintf(views, sizeof views, "%s/views", world->dir);
	struct engine_options options = {
		.log = world->log,
		.dir = views,
		.workers = world->workers,
		.step_rows_max = world->step_rows,
		.circuit_bytes_max = world->circuit_bytes,
	};
	struct engine *engine;
	must(engine_open(&options, &engine));
	__atomic_store_n(&world->engine, engine, __ATOMIC_RELEASE);
}

static void stop(struct world *world)
{
	struct engine *engine = world->engine;
	engine_stop(engine);
	log_close(world->log);
	engine_close(engine);
	world->engine = NULL;
}

void world_open(struct world *world, unsigned workers, uint32_t step_rows, size_t circuit_bytes)
{
	*world = (struct world){.workers = workers, .step_rows = step_rows, .circuit_bytes = circuit_bytes};
	strcpy(world->dir, "/tmp/kappa-engine-XXXXXX");
	assert_non_null(mkdtemp(world->dir));
	start(world);
}

void world_reopen(struct world *world)
{
	stop(world);
	start(world);
}

static void shell(const char *format, const char *dir)
{
	char command[256];
	(void)snprintf(command, sizeof command, format, dir);
	assert_int_equal(system(command), 0);
}

void world_delete_views(struct world *world)
{
	stop(world);
	shell("rm -rf %s/views", world->dir);
	start(world);
}

void world_close(struct world *world)
{
	stop(world);
	shell("rm -rf %s", world->dir);
}

static status execute(struct world *world, const struct sql_statement *statement, struct arena *arena)
{
	if (statement->kind == SQL_CREATE_TABLE)
		return engine_create_table(world->engine, statement);
	if (statement->kind == SQL_CREATE_VIEW) {
		struct deploy_request request = {.statements = &statement, .statement_count = 1};
		struct deploy_result result;
		return engine_deploy(world->engine, &request, arena, &result);
	}
	const struct sql_name *name = &statement->drop.names[0];
	if (statement->kind == SQL_DROP_VIEW)
		return engine_drop_view(world->engine, name->name, name->version, statement->drop.cascade);
	return engine_drop_table(world->engine, name->name);
}

status world_try(struct world *world, const char *text)
{
	struct arena arena;
	arena_init(&arena);
	struct sql_script *script = NULL;
	status code = sql_parse(slice_of_string(text), &arena, &script);
	for (size_t i = 0; code == STATUS_OK && i < script->statement_count; i++)
		code = execute(world, &script->statements[i], &arena);
	if (script != NULL)
		sql_script_release(script);
	arena_deinit(&arena);
	return code;
}

void world_sql(struct world *world, const char *text)
{
	must(world_try(world, text));
}

void world_deploy(struct world *world, const char *text)
{
	struct arena arena;
	arena_init(&arena);
	struct sql_script *script;
	must(sql_parse(slice_of_string(text), &arena, &script));
	const struct sql_statement *statements[16];
	assert_true(script->statement_count <= 16);
	for (size_t i = 0; i < script->statement_count; i++)
		statements[i] = &script->statements[i];
	struct deploy_request request = {statements, script->statement_count, true, false};
	struct deploy_result result;
	must(engine_deploy(world->engine, &request, &arena, &result));
	sql_script_release(script);
	arena_deinit(&arena);
}

void world_produce(struct world *world, const char *topic_name, int32_t partition, const char *lines)
{
	const struct topic *topic;
	must(topic_find(world->log, topic_name, &topic));
	struct record_batch_builder builder;
	record_batch_builder_init(&builder);
	int64_t timestamp_ms = 1000000;
	for (const char *at = lines; *at != '\0';) {
		size_t size = strcspn(at, "\n");
		record_batch_builder_add(&builder, timestamp_ms++, (struct slice){0}, slice_of(at, size), NULL, 0);
		at += size + (at[size] == '\n');
	}
	struct buffer batch;
	buffer_init(&batch);
	must(record_batch_builder_finish(&builder, CODEC_NONE, NULL, &batch));
	int64_t offset;
	must(log_append_wait(world->log, topic_partition(topic, partition), batch.data, batch.size, &offset));
	record_batch_builder_deinit(&builder);
	buffer_deinit(&batch);
}

void world_wait(struct world *world, const char *view, int64_t version)
{
	must(engine_wait_caught_up(world->engine, view, version, NULL, NULL));
	must(engine_wait_for_log(world->engine, 20000));
}

static int text_order(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

char *world_rows(struct world *world, const char *view, int64_t version)
{
	struct publication *publication = engine_publication(world->engine);
	struct view_snapshot *snapshot = publication_snapshot(publication, view, version);
	if (snapshot == NULL)
		fail_msg("no snapshot of %s@%lld", view, (long long)version);
	const struct schema *schema = view_snapshot_schema(snapshot);
	struct relation *relation = view_snapshot_relation(snapshot);
	uint32_t columns[SCHEMA_FIELDS_MAX];
	for (uint32_t i = 0; i < schema->field_count; i++)
		columns[i] = i;
	struct scan_request request = {
		.columns = columns, .column_count = schema->field_count, .row_limit = UINT64_MAX};
	struct scan *scan;
	must(relation->open(relation, &request, &scan));
	struct arena arena;
	arena_init(&arena);
	char **lines = NULL;
	size_t count = 0;
	struct batch *batch;
	status code;
	while ((code = scan->next(scan, &arena, &batch)) == STATUS_OK) {
		for (uint32_t row = 0; row < batch->row_count; row++) {
			struct buffer line;
			buffer_init(&line);
			for (uint32_t i = 0; i < batch->column_count; i++) {
				struct value value = column_value(&batch->columns[i], row);
				if (i != 0)
					buffer_append_byte(&line, '|');
				if (!value.null)
					value_format(&value, &line);
			}
			buffer_append_byte(&line, 0);
			for (int64_t copies = batch_weight(batch, row); copies > 0; copies--) {
				lines = mem_resize(lines, (count + 1) * sizeof *lines);
				lines[count++] = mem_copy_string((char *)line.data);
			}
			buffer_deinit(&line);
		}
	}
	assert_int_equal(code, STATUS_END);
	scan->close(scan);
	relation->release(relation);
	publication_release(publication);
	if (count != 0)
		qsort(lines, count, sizeof *lines, text_order);
	struct buffer all;
	buffer_init(&all);
	for (size_t i = 0; i < count; i++) {
		buffer_printf(&all, "%s\n", lines[i]);
		mem_free(lines[i]);
	}
	buffer_append_byte(&all, 0);
	mem_free(lines);
	arena_deinit(&arena);
	return (char *)all.data;
}

struct digest world_digest(struct world *world, const char *view, int64_t version)
{
	struct publication *publication = engine_publication(world->engine);
	struct view_snapshot *snapshot = publication_snapshot(publication, view, version);
	if (snapshot == NULL)
		fail_msg("no snapshot of %s@%lld", view, (long long)version);
	struct digest digest = view_snapshot_digest(snapshot);
	publication_release(publication);
	return digest;
}
