#include "replay/group.h"

#include <string.h>

#include "base/clock.h"
#include "base/invariant.h"

struct group *group_create(struct log *log)
{
	struct group *group = mem_alloc_zeroed(1, sizeof *group);
	group->log = log;
	arena_init(&group->arena);
	buffer_init(&group->bytes);
	return group;
}

static void readers_deinit(struct group *group)
{
	for (size_t i = 0; i < group->reader_count; i++) {
		table_release(group->readers[i].table);
		decoder_destroy(group->readers[i].decoder);
		mem_free(group->readers[i].wanted);
	}
	mem_free(group->readers);
	group->readers = NULL;
	group->reader_count = 0;
}

void group_destroy(struct group *group)
{
	if (group == NULL)
		return;
	readers_deinit(group);
	for (size_t i = 0; i < group->version_count; i++)
		version_release(group->versions[i]);
	mem_free(group->versions);
	mem_free(group->inputs);
	arena_deinit(&group->arena);
	buffer_deinit(&group->bytes);
	mem_free(group);
}

/* ---- membership ---- */

static int input_order(const struct group_input *left, const struct group_input *right)
{
	int order = strcmp(left->topic->name, right->topic->name);
	return order != 0 ? order : left->number - right->number;
}

static struct group_input *find_input(const struct group *group, const struct group_input *wanted)
{
	for (size_t i = 0; i < group->input_count; i++)
		if (input_order(&group->inputs[i], wanted) == 0)
			return &group->inputs[i];
	return NULL;
}

static void insert_input(struct group *group, const struct group_input *input)
{
	size_t at = 0;
	while (at < group->input_count && input_order(&group->inputs[at], input) < 0)
		at++;
	group->inputs = mem_resize(group->inputs, (group->input_count + 1) * sizeof *group->inputs);
	memmove(&group->inputs[at + 1], &group->inputs[at], (group->input_count - at) * sizeof *group->inputs);
	group->inputs[at] = *input;
	group->input_count++;
}

static bool runs(const struct version *version)
{
	return !atomic_load(&version->failed) && !atomic_load(&version->dropped);
}

static bool version_reads(const struct version *version, const char *topic)
{
	for (size_t i = 0; i < version->input_count; i++)
		if (strcmp(version->inputs[i].table->table.topic, topic) == 0)
			return true;
	return false;
}

static struct group_reader *reader_of(struct group *group, struct table_entry *table)
{
	for (size_t i = 0; i < group->reader_count; i++)
		if (group->readers[i].table == table)
			return &group->readers[i];
	group->readers = mem_resize(group->readers, (group->reader_count + 1) * sizeof *group->readers);
	struct group_reader *reader = &group->readers[group->reader_count++];
	*reader = (struct group_reader){
		.table = table_retain(table),
		.wanted = mem_alloc_zeroed(table->table.schema.field_count, 1),
	};
	return reader;
}

/* Decoders for the columns that the present versions want; inputs that nobody reads any more go. */
static status rebuild_readers(struct group *group)
{
	readers_deinit(group);
	for (size_t i = 0; i < group->version_count; i++) {
		const struct version *version = group->versions[i];
		for (size_t j = 0; j < version->input_count; j++) {
			const struct version_input *input = &version->inputs[j];
			struct group_reader *reader = reader_of(group, input->table);
			for (size_t k = 0; k < input->table->table.schema.field_count; k++)
				reader->wanted[k] |= input->wanted[k];
		}
	}
	for (size_t i = 0; i < group->reader_count; i++) {
		struct group_reader *reader = &group->readers[i];
		status code = table_decoder(reader->table, reader->wanted, &reader->decoder);
		if (code != STATUS_OK)
			return code;
	}
	size_t kept = 0;
	for (size_t i = 0; i < group->input_count; i++) {
		bool used = false;
		for (size_t j = 0; j < group->version_count && !used; j++)
			used = version_reads(group->versions[j], group->inputs[i].topic->name);
		if (used)
			group->inputs[kept++] = group->inputs[i];
	}
	group->input_count = kept;
	group->next_input = 0;
	return STATUS_OK;
}

static const struct offset_entry *stored_offset(
	const struct offset_vector *offsets, const char *topic, int32_t partition)
{
	for (size_t i = 0; i < offsets->count; i++)
		if (offsets->entries[i].partition == partition && strcmp(offsets->entries[i].topic, topic) == 0)
			return &offsets->entries[i];
	return NULL;
}

/* The version's own inputs at its stored offsets, into `own` (a group used as a list). */
static status version_positions(struct group *own, struct version *version)
{
	struct offset_vector offsets;
	version_missed_clear(version);
	view_store_offsets(version->store, &own->arena, &offsets);
	for (size_t i = 0; i < version->input_count; i++) {
		const struct table_entry *table = version->inputs[i].table;
		const struct topic *topic;
		status code = topic_find(own->log, table->table.topic, &topic);
		if (code != STATUS_OK || topic->incarnation != table->incarnation) {
			code = error_raise(STATUS_NOT_FOUND, "topic \"%s\" of table \"%s\" is gone", table->table.topic,
				table->table.name);
			error_hint("Drop the views that read it and the table, or restore the log directory.");
			return code;
		}
		for (int32_t number = 0; number < topic->config->partitions; number++) {
			const struct offset_entry *stored = stored_offset(&offsets, topic->name, number);
			struct group_input input = {
				.topic = topic,
				.partition = topic_partition(topic, number),
				.number = number,
				.position = stored != NULL ? stored->offset : 0,
				.max_event_time_us = stored != NULL ? stored->max_event_time_us : INT64_MIN,
			};
			if (input.position > partition_high_watermark(input.partition))
				return error_raise(STATUS_DAMAGED,
					"view %s version %lld has read topic \"%s\" partition %d up to %lld, but the log ends at "
					"%lld",
					version->definition.view, (long long)version->definition.number, topic->name, number,
					(long long)input.position, (long long)partition_high_watermark(input.partition));
			if (find_input(own, &input) != NULL)
				continue;
			if (stored != NULL)
				version_missed_restore(version, topic, stored);
			int64_t start = partition_log_start(input.partition);
			if (input.position < start) {
				version_miss(version, topic, number, input.position, start);
				input.position = start;
			}
			insert_input(own, &input);
		}
	}
	return STATUS_OK;
}

static void count_progress(const struct group *group, struct version *version)
{
	int64_t done = 0;
	int64_t total = 0;
	for (size_t i = 0; i < version->definition.target_count; i++) {
		const struct version_target *target = &version->definition.targets[i];
		total += target->offset;
		for (size_t j = 0; j < group->input_count; j++) {
			const struct group_input *input = &group->inputs[j];
			if (input->number == target->partition && strcmp(input->topic->name, target->topic) == 0)
				done += input->position < target->offset ? input->position : target->offset;
		}
	}
	atomic_store(&version->records_done, done);
	atomic_store(&version->records_total, total);
}

status group_add(struct group *group, struct version *version)
{
	INVARIANT(!group->open);
	struct group *own = group_create(group->log);
	status code = version_positions(own, version);
	if (code == STATUS_OK) {
		for (size_t i = 0; i < own->input_count; i++) {
			const struct group_input *shared = find_input(group, &own->inputs[i]);
			INVARIANT(shared == NULL || shared->position == own->inputs[i].position);
			if (shared == NULL)
				insert_input(group, &own->inputs[i]);
		}
		group->versions = mem_resize(group->versions, (group->version_count + 1) * sizeof(struct version *));
		group->versions[group->version_count++] = version_retain(version);
		code = rebuild_readers(group);
		count_progress(group, version);
	}
	group_destroy(own);
	return code;
}

void group_remove(
	struct group *group, bool (*leaves)(const struct version *version, void *context), void *context)
{
	INVARIANT(!group->open);
	size_t kept = 0;
	for (size_t i = 0; i < group->version_count; i++) {
		struct version *version = group->versions[i];
		if (leaves(version, context))
			version_release(version);
		else
			group->versions[kept++] = version;
	}
	if (kept == group->version_count)
		return;
	group->version_count = kept;
	status code = rebuild_readers(group);
	INVARIANT(code == STATUS_OK); /* these decoders could be made before */
}

/* Partitions of a topic are inputs 0 … count − 1, one behind the other. */
static size_t inputs_of_topic(const struct group *group, size_t first)
{
	size_t end = first;
	while (end < group->input_count && group->inputs[end].topic == group->inputs[first].topic)
		end++;
	return end - first;
}

bool group_is_stale(const struct group *group)
{
	for (size_t i = 0; i < group->input_count; i += inputs_of_topic(group, i))
		if (inputs_of_topic(group, i) < (size_t)group->inputs[i].topic->config->partitions)
			return true;
	return false;
}

/* `from` … `to` of the input were trimmed before any of its versions read them. */
static void input_miss(struct group *group, const struct group_input *input, int64_t from, int64_t to)
{
	for (size_t i = 0; i < group->version_count; i++)
		if (runs(group->versions[i]) && version_reads(group->versions[i], input->topic->name))
			version_miss(group->versions[i], input->topic, input->number, from, to);
}

void group_refresh(struct group *group)
{
	INVARIANT(!group->open);
	for (size_t i = 0; i < group->input_count; i += inputs_of_topic(group, i)) {
		const struct topic *topic = group->inputs[i].topic;
		int32_t count = topic->config->partitions;
		for (int32_t number = (int32_t)inputs_of_topic(group, i); number < count; number++) {
			struct group_input input = {
				.topic = topic,
				.partition = topic_partition(topic, number),
				.number = number,
				.position = partition_log_start(topic_partition(topic, number)),
				.max_event_time_us = INT64_MIN,
			};
			if (input.position > 0)
				input_miss(group, &input, 0, input.position);
			insert_input(group, &input);
		}
	}
}

status group_merge(struct group *group, struct group *other)
{
	INVARIANT(!group->open && !other->open);
	for (size_t i = 0; i < other->input_count; i++) {
		const struct group_input *shared = find_input(group, &other->inputs[i]);
		INVARIANT(shared == NULL || shared->position == other->inputs[i].position);
		if (shared == NULL)
			insert_input(group, &other->inputs[i]);
	}
	group->versions =
		mem_resize(group->versions, (group->version_count + other->version_count) * sizeof(struct version *));
	for (size_t i = 0; i < other->version_count; i++)
		group->versions[group->version_count++] = other->versions[i];
	other->version_count = 0;
	other->input_count = 0;
	readers_deinit(other);
	return rebuild_readers(group);
}

int64_t group_position(const struct group *group, const struct group_input *input)
{
	const struct group_input *found = find_input(group, input);
	return found != NULL ? found->position : -1;
}

bool group_meets(const struct group *left, const struct group *right)
{
	size_t shared = 0;
	for (size_t i = 0; i < left->input_count; i++) {
		int64_t position = group_position(right, &left->inputs[i]);
		if (position < 0)
			continue;
		if (position != left->inputs[i].position)
			return false;
		shared++;
	}
	return shared != 0;
}

/* ---- the step ---- */

struct version_sink {
	struct circuit_sink base;
	struct view_commit *commit;
};

static status sink_push(struct circuit_sink *base, const struct batch *delta)
{
	return view_commit_rows(((struct version_sink *)base)->commit, delta);
}

static void step_open(struct group *group)
{
	for (size_t i = 0; i < group->version_count; i++)
		if (runs(group->versions[i]))
			group->versions[i]->commit = view_commit_begin(group->versions[i]->store);
	group->open = true;
	group->step_rows = 0;
	group->step_began_ns = clock_monotonic_ns();
}

static void step_fail(struct version *version)
{
	if (version->commit != NULL)
		view_commit_abandon(version->commit);
	version->commit = NULL;
	version_fail(version, error_current());
}

static status push_version(struct group *group, struct version *version, const struct table_entry *table,
	const struct group_input *input, const struct decode_result *result)
{
	struct version_sink sink = {{sink_push}, version->commit};
	for (size_t i = 0; i < result->bad_count; i++) {
		struct bad_record bad = {input->topic->name, input->number, result->bad[i].offset,
			result->bad[i].timestamp_ms, result->bad[i].error};
		view_commit_bad_record(version->commit, &bad);
	}
	if (result->batch->row_count == 0)
		return STATUS_OK;
	for (size_t source = 0; source < version->source_count; source++) {
		if (version->inputs[version->source_inputs[source]].table != table)
			continue;
		status code = circuit_push(version->circuit, source, result->batch, &group->arena, &sink.base);
		if (code != STATUS_OK)
			return error_note(code, "while processing %s partition %d offsets from %lld", input->topic->name,
				input->number, (long long)input->position);
	}
	return STATUS_OK;
}

static bool version_uses(const struct version *version, const struct table_entry *table)
{
	for (size_t i = 0; i < version->input_count; i++)
		if (version->inputs[i].table == table)
			return true;
	return false;
}

/* The current error is that of all who read the topic; the others go on without it. */
static void fail_readers(struct group *group, const struct topic *topic)
{
	for (size_t i = 0; i < group->version_count; i++)
		if (runs(group->versions[i]) && version_reads(group->versions[i], topic->name))
			step_fail(group->versions[i]);
}

static void push_chunk(struct group *group, struct group_input *input, int64_t to)
{
	int64_t from = input->position;
	for (size_t i = 0; i < group->reader_count; i++) {
		struct group_reader *reader = &group->readers[i];
		if (strcmp(reader->table->table.topic, input->topic->name) != 0)
			continue;
		struct decode_result result;
		status code = decoder_run(
			reader->decoder, buffer_slice(&group->bytes), input->number, from, to, &group->arena, &result);
		if (code != STATUS_OK) {
			(void)partition_note_damage(input->partition, buffer_slice(&group->bytes), code);
			fail_readers(group, input->topic);
			break;
		}
		if (result.max_event_time_us > input->max_event_time_us)
			input->max_event_time_us = result.max_event_time_us;
		for (size_t j = 0; j < group->version_count; j++) {
			struct version *version = group->versions[j];
			if (!runs(version) || !version_uses(version, reader->table))
				continue;
			if (push_version(group, version, reader->table, input, &result) != STATUS_OK)
				step_fail(version);
			else
				atomic_fetch_add(&version->records_read, to - from);
		}
	}
	group->step_rows += (uint64_t)(to - from);
	input->position = to;
	for (size_t i = 0; i < group->version_count; i++)
		count_progress(group, group->versions[i]);
}

/* Compacted or aborted records leave gaps: where the first batch begins, if that is behind `position`. */
static int64_t gap_end(struct slice bytes, int64_t position, int64_t to)
{
	struct record_batch batch;
	if (bytes.size == 0)
		return to;
	if (record_batch_header(bytes, &batch) != STATUS_OK || batch.base_offset < position)
		return position;
	return batch.base_offset < to ? batch.base_offset : to;
}

void group_chunk(struct group *group, const int64_t *ends, bool *progressed)
{
	*progressed = false;
	for (size_t tried = 0; tried < group->input_count; tried++) {
		size_t index = (group->next_input + tried) % group->input_count;
		struct group_input *input = &group->inputs[index];
		if (input->position >= ends[index])
			continue;
		group->next_input = (index + 1) % group->input_count;
		if (!group->open)
			step_open(group);
		arena_reset(&group->arena);
		group->bytes.size = 0;
		int64_t to = 0;
		status code = partition_read_committed(
			input->partition, input->position, ends[index], GROUP_CHUNK_BYTES, &group->bytes, &to);
		if (code == STATUS_OK && to <= input->position)
			code = error_raise(STATUS_DAMAGED, "topic \"%s\" partition %d does not advance at offset %lld",
				input->topic->name, input->number, (long long)input->position);
		int64_t start = partition_log_start(input->partition);
		if (code == STATUS_OUT_OF_RANGE && input->position < start) {
			input_miss(group, input, input->position, start); /* trimmed by force */
			input->position = start;
			*progressed = true;
			return;
		}
		if (to > ends[index])
			to = ends[index];
		if (code == STATUS_OK)
			input->position = gap_end(buffer_slice(&group->bytes), input->position, to);
		if (to - input->position > BATCH_ROWS_MAX)
			to = input->position +
				 BATCH_ROWS_MAX; /* compressed batches can hold more than a decoder takes at a time */
		if (code == STATUS_OK) {
			push_chunk(group, input, to);
		} else {
			fail_readers(group, input->topic);
			input->position = ends[index]; /* nobody is left to read it */
		}
		*progressed = true;
		return;
	}
}

size_t group_step_bytes(const struct group *group)
{
	size_t bytes = 0;
	for (size_t i = 0; i < group->version_count; i++) {
		const struct version *version = group->versions[i];
		if (version->commit != NULL)
			bytes += view_commit_bytes(version->commit) + circuit_dirty_bytes(version->circuit);
	}
	return bytes;
}

static status finish_version(struct group *group, struct version *version)
{
	struct version_sink sink = {{sink_push}, version->commit};
	status code = circuit_step_end(version->circuit, &group->arena, &sink.base);
	if (code == STATUS_OK)
		code = circuit_flush(version->circuit, view_commit_state(version->commit));
	if (code != STATUS_OK)
		return code;
	struct offset_vector offsets = {
		arena_alloc(&group->arena, group->input_count * sizeof *offsets.entries), 0};
	for (size_t i = 0; i < group->input_count; i++) {
		const struct group_input *input = &group->inputs[i];
		if (version_reads(version, input->topic->name))
			offsets.entries[offsets.count++] =
				(struct offset_entry){input->topic->name, input->number, input->position,
					input->max_event_time_us, version_missed(version, input->topic, input->number)};
	}
	struct view_commit *commit = version->commit;
	version->commit = NULL;
	code = view_commit_finish(commit, &offsets);
	if (code != STATUS_OK)
		return code;
	circuit_committed(version->circuit);
	atomic_store(&version->memory_bytes, circuit_memory_bytes(version->circuit));
	return STATUS_OK;
}

void group_step_finish(struct group *group)
{
	if (!group->open)
		step_open(group);
	arena_reset(&group->arena);
	for (size_t i = 0; i < group->version_count; i++) {
		struct version *version = group->versions[i];
		if (version->commit == NULL)
			continue;
		if (!runs(version)) {
			view_commit_abandon(version->commit);
			version->commit = NULL;
		} else if (finish_version(group, version) != STATUS_OK) {
			step_fail(version);
		}
		count_progress(group, version);
	}
	group->open = false;
}
