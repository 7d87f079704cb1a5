#include "support_views.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/hash.h"

uint32_t random_below(struct fixture *fixture, uint32_t limit)
{
	fixture->random += 0x9e3779b97f4a7c15ULL;
	return (uint32_t)(hash_mix(fixture->random) % limit);
}

void fixture_setup(struct fixture *fixture, uint64_t seed)
{
	*fixture = (struct fixture){.random = seed};
	(void)snprintf(fixture->dir, sizeof fixture->dir, "/tmp/kappa-views-XXXXXX");
	assert_non_null(mkdtemp(fixture->dir));
	(void)snprintf(fixture->path, sizeof fixture->path, "%s/view@1", fixture->dir);
	arena_init(&fixture->arena);
	assert_int_equal(view_environment_create(32 << 20, &fixture->environment), STATUS_OK);
}

void fixture_teardown(struct fixture *fixture)
{
	fixture_close(fixture);
	view_environment_destroy(fixture->environment);
	assert_int_equal(directory_remove(fixture->dir), STATUS_OK);
	arena_deinit(&fixture->arena);
}

struct view_layout fixture_layout(bool keyed)
{
	static struct field fields[] = {
		{"k", {TYPE_INT8, -1}, true},
		{"t", {TYPE_TEXT, -1}, false},
		{"n", {TYPE_NUMERIC, -1}, false},
		{"f", {TYPE_FLOAT8, -1}, false},
	};
	static const uint32_t key[] = {0};
	return (struct view_layout){{fields, 4}, keyed, key, keyed ? 1 : 0, keyed ? "keyed-1" : "unkeyed-1"};
}

void fixture_open(struct fixture *fixture, bool keyed)
{
	struct view_layout layout = fixture_layout(keyed);
	status result = view_store_open(fixture->environment, fixture->path, &layout, &fixture->store);
	if (result != STATUS_OK)
		fail_msg("%s", error_current()->text);
}

void fixture_close(struct fixture *fixture)
{
	view_store_close(fixture->store);
	fixture->store = NULL;
}

void row_fill(struct batch *batch, uint32_t row, int64_t k, uint32_t variant, struct arena *arena)
{
	batch->columns[0].i64[row] = k;
	const char *text = arena_printf(arena, "text %lld variant %u", (long long)k, variant / 2);
	batch->columns[1].texts[row] = (struct text){.data = text, .size = (uint32_t)strlen(text)};
	batch->columns[1].nulls[row] = variant == 3;
	if (variant == 3)
		batch->columns[1].texts[row] = (struct text){.data = text};
	/* Variants 0 and 1 differ in the display scale only: 1.0 and 1.00. */
	batch->columns[2].decimals[row] =
		(struct decimal){.value = variant == 0 ? 10 : 100, .scale = variant == 0 ? 1 : 2};
	batch->columns[3].f64[row] = (double)variant / 4;
}

static uint32_t row_variant(const struct batch *batch, uint32_t row)
{
	return (uint32_t)(batch->columns[3].f64[row] * 4);
}

struct delta {
	struct batch *batch;
	struct arena *arena;
};

static void delta_add(struct delta *delta, int64_t k, uint32_t variant, int64_t weight)
{
	uint32_t row = delta->batch->row_count++;
	row_fill(delta->batch, row, k, variant, delta->arena);
	delta->batch->weights[row] = weight;
}

static void change_keyed(struct fixture *fixture, struct model *model, struct delta *delta)
{
	uint32_t k = random_below(fixture, MODEL_KEYS), fresh = random_below(fixture, MODEL_VARIANTS);
	int64_t *weights = model->weights[k];
	bool insert = true;
	for (uint32_t v = 0; v < MODEL_VARIANTS; v++) {
		if (weights[v] == 0)
			continue;
		delta_add(delta, k, v, -1);
		weights[v] = 0;
		insert = random_below(fixture, 4) != 0;
	}
	if (!insert)
		return;
	delta_add(delta, k, fresh, 1);
	weights[fresh] = 1;
}

static void change_unkeyed(struct fixture *fixture, struct model *model, struct delta *delta)
{
	uint32_t k = random_below(fixture, MODEL_KEYS), variant = random_below(fixture, MODEL_VARIANTS);
	int64_t *weight = &model->weights[k][variant];
	int64_t change = random_below(fixture, 3) == 0 ? -*weight : (int64_t)random_below(fixture, 4) - 1;
	if (*weight + change < 0)
		change = 1;
	delta_add(delta, k, variant, change);
	*weight += change;
}

static void change_state(struct fixture *fixture, struct model *model, struct state_writer *writer)
{
	uint32_t space = random_below(fixture, 2), number = random_below(fixture, MODEL_STATES);
	uint32_t fresh = random_below(fixture, 5) == 0 ? 0 : 1 + random_below(fixture, 1000000);
	char key[16];
	(void)snprintf(key, sizeof key, "%c%u", 'a' + (int)(number % 3), number);
	if (fresh == 0)
		writer->remove(writer, (uint16_t)(space + 7), slice_of_string(key));
	else
		writer->put(writer, (uint16_t)(space + 7), slice_of_string(key), slice_of(&fresh, sizeof fresh));
	model->states[space][number] = fresh;
}

struct view_commit *step_make(struct fixture *fixture, struct model *model, uint32_t changes)
{
	arena_reset(&fixture->arena);
	struct view_layout layout = fixture_layout(model->keyed);
	struct view_commit *commit = view_commit_begin(fixture->store);
	/* Several deltas: the same key may change in more than one of them. */
	for (uint32_t part = 0; part < 3; part++) {
		struct delta delta = {
			batch_make(&fixture->arena, &layout.schema, 2 * changes + 2, true, true), &fixture->arena};
		delta.batch->row_count = 0;
		uint32_t count = changes / 3 + (part == 0 ? changes % 3 : 0);
		for (uint32_t i = 0; i < count; i++) {
			if (model->keyed)
				change_keyed(fixture, model, &delta);
			else
				change_unkeyed(fixture, model, &delta);
			if (random_below(fixture, 3) == 0)
				change_state(fixture, model, view_commit_state(commit));
		}
		assert_int_equal(view_commit_rows(commit, delta.batch), STATUS_OK);
	}
	if (random_below(fixture, 4) == 0) {
		char error[32];
		(void)snprintf(error, sizeof error, "error %llu", (unsigned long long)model->bad_count);
		struct bad_record bad = {"t", 0, model->offset, model->offset * 2, error};
		view_commit_bad_record(commit, &bad);
		model->bad_count++;
	}
	model->offset += 2;
	return commit;
}

void step_finish(struct fixture *fixture, struct model *model, struct view_commit *commit)
{
	(void)fixture;
	struct offset_entry entries[] = {
		{"t", 1, model->offset / 2, 5, 0}, {"t", 0, model->offset, INT64_MIN, 0}};
	struct offset_vector offsets = {entries, 2};
	if (view_commit_finish(commit, &offsets) != STATUS_OK)
		fail_msg("%s", error_current()->text);
}

status snapshot_scan(struct view_snapshot *snapshot, struct digest *digest, int64_t *row_count)
{
	struct arena arena;
	arena_init(&arena);
	struct relation *relation = view_snapshot_relation(snapshot);
	struct scan_request request = {.row_limit = UINT64_MAX};
	struct scan *scan;
	*digest = (struct digest){0, 0};
	*row_count = 0;
	status result = relation->open(relation, &request, &scan);
	struct batch *batch;
	while (result == STATUS_OK && (result = scan->next(scan, &arena, &batch)) == STATUS_OK) {
		digest_add(digest, batch);
		for (uint32_t row = 0; row < batch->row_count; row++)
			*row_count += batch_weight(batch, row);
		arena_reset(&arena);
	}
	scan->close(scan);
	relation->release(relation);
	arena_deinit(&arena);
	return result == STATUS_END ? STATUS_OK : result;
}

struct bad_check {
	uint64_t count;
	int64_t last_offset;
};

static status bad_visit(void *context, const struct bad_record *bad)
{
	struct bad_check *check = context;
	char error[32];
	(void)snprintf(error, sizeof error, "error %llu", (unsigned long long)check->count);
	assert_string_equal(bad->error, error);
	assert_string_equal(bad->topic, "t");
	assert_true(bad->offset > check->last_offset);
	assert_int_equal(bad->timestamp_ms, bad->offset * 2);
	check->last_offset = bad->offset;
	check->count++;
	return STATUS_OK;
}

static void rows_check(struct fixture *fixture, struct view_snapshot *snapshot, const struct model *model)
{
	static int64_t seen[MODEL_KEYS][MODEL_VARIANTS];
	memset(seen, 0, sizeof seen);
	struct arena arena;
	arena_init(&arena);
	struct relation *relation = view_snapshot_relation(snapshot);
	struct scan_request request = {.row_limit = UINT64_MAX};
	struct scan *scan;
	assert_int_equal(relation->open(relation, &request, &scan), STATUS_OK);
	struct batch *batch;
	int64_t last = -1;
	struct view_layout layout = fixture_layout(model->keyed);
	while (scan->next(scan, &arena, &batch) == STATUS_OK) {
		struct batch *expected = batch_make(&arena, &layout.schema, batch->row_count, true, false);
		for (uint32_t row = 0; row < batch->row_count; row++) {
			int64_t k = batch->columns[0].i64[row];
			assert_true(k >= 0 && k < MODEL_KEYS);
			uint32_t variant = row_variant(batch, row);
			row_fill(expected, row, k, variant, &arena);
			assert_true(row_equal(batch, row, expected, row));
			assert_int_equal(batch->columns[2].decimals[row].scale, expected->columns[2].decimals[row].scale);
			assert_int_equal(seen[k][variant], 0);
			seen[k][variant] = batch_weight(batch, row);
			assert_true(!model->keyed || k > last);
			last = k;
		}
	}
	scan->close(scan);
	relation->release(relation);
	arena_deinit(&arena);
	assert_memory_equal(seen, model->weights, sizeof seen);
	(void)fixture;
}

void snapshot_check(struct fixture *fixture, struct view_snapshot *snapshot, const struct model *model)
{
	rows_check(fixture, snapshot, model);
	int64_t row_count, expected_count = 0;
	for (size_t k = 0; k < MODEL_KEYS; k++)
		for (size_t v = 0; v < MODEL_VARIANTS; v++)
			expected_count += model->weights[k][v];
	struct digest digest;
	assert_int_equal(snapshot_scan(snapshot, &digest, &row_count), STATUS_OK);
	assert_int_equal(row_count, expected_count);
	assert_int_equal(view_snapshot_row_count(snapshot), expected_count);
	assert_true(digest_equal(digest, view_snapshot_digest(snapshot)));
	const struct offset_vector *offsets = view_snapshot_offsets(snapshot);
	if (model->offset == 0) {
		assert_int_equal(offsets->count, 0);
	} else {
		assert_int_equal(offsets->count, 2);
		assert_int_equal(offsets->entries[0].partition, 0);
		assert_int_equal(offsets->entries[0].offset, model->offset);
		assert_int_equal(offsets->entries[0].max_event_time_us, INT64_MIN);
		assert_int_equal(offsets->entries[1].offset, model->offset / 2);
		assert_int_equal(offsets->entries[1].max_event_time_us, 5);
	}
	assert_int_equal(view_snapshot_bad_count(snapshot), model->bad_count);
	struct bad_check check = {0, -1};
	assert_int_equal(view_snapshot_bad_records(snapshot, bad_visit, &check), STATUS_OK);
	assert_int_equal(check.count, model->bad_count);
}

struct state_check {
	const struct model *model;
	uint32_t space, group, count;
	char last[16];
};

static status state_visit(void *context, struct slice key, struct slice value)
{
	struct state_check *check = context;
	char text[16] = {0};
	assert_true(key.size < sizeof text && value.size == sizeof(uint32_t));
	memcpy(text, key.data, key.size);
	assert_true(strcmp(text, check->last) > 0);
	memcpy(check->last, text, sizeof text);
	assert_int_equal(text[0], 'a' + (int)check->group);
	uint32_t number = (uint32_t)strtoul(text + 1, NULL, 10), stored;
	memcpy(&stored, value.data, sizeof stored);
	assert_int_equal(stored, check->model->states[check->space][number]);
	check->count++;
	return STATUS_OK;
}

void states_check(struct fixture *fixture, const struct model *model)
{
	struct state_store *states = view_store_state(fixture->store);
	for (uint32_t space = 0; space < 2; space++) {
		uint32_t present[3] = {0};
		for (uint32_t number = 0; number < MODEL_STATES; number++) {
			char key[16];
			(void)snprintf(key, sizeof key, "%c%u", 'a' + (int)(number % 3), number);
			struct buffer value = {0};
			uint32_t expected = model->states[space][number];
			status result = states->get(states, (uint16_t)(space + 7), slice_of_string(key), &value);
			assert_int_equal(result, expected != 0 ? STATUS_OK : STATUS_NOT_FOUND);
			if (expected != 0) {
				present[number % 3]++;
				assert_true(
					value.size == sizeof expected && memcmp(value.data, &expected, sizeof expected) == 0);
			}
			buffer_deinit(&value);
		}
		for (uint32_t group = 0; group < 3; group++) {
			struct state_check check = {model, space, group, 0, ""};
			char prefix[] = {(char)('a' + (int)group), 0};
			assert_int_equal(
				states->scan(states, (uint16_t)(space + 7), slice_of_string(prefix), state_visit, &check),
				STATUS_OK);
			assert_int_equal(check.count, present[group]);
		}
	}
}

bool snapshot_is_of_one_step(struct view_snapshot *snapshot)
{
	struct digest digest;
	int64_t rows;
	return snapshot_scan(snapshot, &digest, &rows) == STATUS_OK &&
		   digest_equal(digest, view_snapshot_digest(snapshot)) && rows == view_snapshot_row_count(snapshot);
}
