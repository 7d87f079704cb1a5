#include "support_circuit.h"

#include <stdio.h>
#include <string.h>

#include "base/invariant.h"

static status sink_push(struct circuit_sink *sink, const struct batch *delta)
{
	struct bench *bench = (struct bench *)(void *)((uint8_t *)sink - offsetof(struct bench, sink));
	INVARIANT(delta->column_count == bench->plan->schema.field_count);
	naive_add_batch(&bench->arena, &bench->output, delta);
	digest_add(&bench->digest, delta);
	return STATUS_OK;
}

static void circuit_open(struct bench *bench)
{
	struct circuit_options options = {&bench->store.store, !bench->committed, bench->memory_bytes_max};
	status code = circuit_create(bench->plan, &options, &bench->circuit);
	if (code != STATUS_OK)
		printf("circuit_create: %s\n", error_current()->text);
	INVARIANT(code == STATUS_OK);
}

void bench_init(struct bench *bench, const struct plan *plan, size_t memory_bytes_max)
{
	*bench = (struct bench){.plan = plan, .memory_bytes_max = memory_bytes_max, .sink = {sink_push}};
	store_init(&bench->store);
	for (unsigned table = 0; table < TABLE_COUNT; table++)
		bench->tables[table].width = COLUMN_COUNT;
	bench->output.width = plan->schema.field_count;
	circuit_open(bench);
}

void bench_deinit(struct bench *bench)
{
	circuit_destroy(bench->circuit);
	store_deinit(&bench->store);
	arena_deinit(&bench->arena);
}

void bench_restart(struct bench *bench)
{
	circuit_destroy(bench->circuit);
	circuit_open(bench);
}

static void shuffle(struct random *random, struct naive_rows *rows)
{
	for (size_t i = rows->count; i > 1; i--) {
		size_t other = random_below(random, (uint32_t)i);
		struct naive_row row = rows->rows[i - 1];
		rows->rows[i - 1] = rows->rows[other];
		rows->rows[other] = row;
	}
}

/* Some of the rows from *at on. */
static status source_push(struct bench *bench, size_t source, const struct naive_rows *rows, size_t *at,
	struct arena *arena, struct random *random)
{
	size_t count = rows->count - *at;
	if (random != NULL && random_chance(random, 50))
		count = 1 + random_below(random, (uint32_t)count);
	struct batch *batch = naive_batch(arena, test_schema(), rows, *at, count);
	bool ones = true;
	for (uint32_t i = 0; i < count; i++)
		ones = ones && batch->weights[i] == 1;
	if (ones)
		batch->weights = NULL;
	/* Columns without nulls come without an array of them. */
	for (uint32_t c = 0; c < batch->column_count; c++) {
		if (memchr(batch->columns[c].nulls, 1, count) == NULL)
			batch->columns[c].nulls = NULL;
	}
	*at += count;
	return circuit_push(bench->circuit, source, batch, arena, &bench->sink);
}

/* All sources, in turns: rows of one come between rows of another. */
static status sources_push(
	struct bench *bench, struct naive_rows *deltas, struct arena *arena, struct random *random)
{
	size_t sources = circuit_source_count(bench->circuit);
	size_t *at = arena_alloc_zeroed(arena, sources * sizeof *at);
	size_t first = random != NULL && sources != 0 ? random_below(random, (uint32_t)sources) : 0;
	status code = STATUS_OK;
	for (unsigned table = 0; random != NULL && table < TABLE_COUNT; table++)
		shuffle(random, &deltas[table]);
	for (bool more = true; code == STATUS_OK && more;) {
		more = false;
		for (size_t i = 0; code == STATUS_OK && i < sources; i++) {
			size_t source = (first + i) % sources;
			const struct naive_rows *delta = &deltas[test_table_of(circuit_source(bench->circuit, source))];
			if (at[source] < delta->count)
				code = source_push(bench, source, delta, &at[source], arena, random);
			more = more || at[source] < delta->count;
		}
	}
	return code;
}

status bench_step(struct bench *bench, const struct change *changes, size_t count, struct random *random)
{
	struct arena arena = {0};
	struct naive_rows deltas[TABLE_COUNT] = {{0}};
	for (unsigned table = 0; table < TABLE_COUNT; table++)
		deltas[table].width = COLUMN_COUNT;
	for (size_t i = 0; i < count; i++) {
		naive_add(&arena, &deltas[changes[i].table], changes[i].row.values, changes[i].row.weight);
		naive_add(
			&bench->arena, &bench->tables[changes[i].table], changes[i].row.values, changes[i].row.weight);
	}
	status code = sources_push(bench, deltas, &arena, random);
	if (code == STATUS_OK)
		code = circuit_step_end(bench->circuit, &arena, &bench->sink);
	arena_deinit(&arena);
	if (code == STATUS_OK)
		code = circuit_flush(bench->circuit, &bench->store.writer);
	if (code != STATUS_OK)
		return code;
	store_commit(&bench->store);
	bench->committed = true;
	circuit_committed(bench->circuit);
	return STATUS_OK;
}

static const struct naive_rows *table_of(void *context, const struct plan *scan)
{
	return &((struct naive_rows *)context)[test_table_of(scan)];
}

bool bench_is_right(struct bench *bench)
{
	struct arena arena = {0};
	struct naive_rows tables[TABLE_COUNT];
	for (unsigned table = 0; table < TABLE_COUNT; table++)
		tables[table] = naive_net(&arena, test_schema(), &bench->tables[table]);
	struct naive_rows expected = naive_evaluate(&arena, bench->plan, table_of, tables);
	bool right = naive_same(&bench->plan->schema, &bench->output, &expected);
	arena_deinit(&arena);
	return right;
}

struct change *changes_random(struct random *random, struct arena *arena, size_t count)
{
	struct change *changes = arena_alloc(arena, count * sizeof *changes);
	struct naive_rows present[2] = {{.width = COLUMN_COUNT}, {.width = COLUMN_COUNT}};
	uint32_t retract_percent = 30;
	for (size_t i = 0; i < count; i++) {
		if (random_chance(random, 3))
			retract_percent = random_chance(random, 30) ? 85 : random_below(random, 50);
		struct change *change = &changes[i];
		change->table = (enum test_table)random_below(random, TABLE_COUNT);
		struct naive_rows *rows = change->table < 2 ? &present[change->table] : NULL;
		if (rows != NULL && rows->count != 0 && random_chance(random, retract_percent)) {
			struct naive_row *row = &rows->rows[random_below(random, (uint32_t)rows->count)];
			int64_t weight = random_chance(random, 50) ? row->weight : 1;
			change->row = (struct naive_row){row->values, -weight};
			row->weight -= weight;
			if (row->weight == 0)
				*row = rows->rows[--rows->count];
			continue;
		}
		struct value values[COLUMN_COUNT];
		for (unsigned c = 0; c < COLUMN_COUNT; c++)
			values[c] = value_random(random, arena, (enum test_column)c);
		int64_t weight = random_chance(random, 10) ? 2 : 1;
		if (rows != NULL && rows->count != 0 && random_chance(random, 15))
			memcpy(values, rows->rows[random_below(random, (uint32_t)rows->count)].values, sizeof values);
		change->row.values = arena_copy(arena, values, sizeof values);
		change->row.weight = weight;
		if (rows != NULL)
			naive_add(arena, rows, values, weight);
	}
	return changes;
}
