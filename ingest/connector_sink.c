/* A file sink; see connector_sink.h. */
#include "ingest/connector_sink.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/diag.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/invariant.h"
#include "base/memory.h"
#include "ingest/sink_position.h"
#include "log/record_batch.h"

enum {
	READ_BYTES = 1024 * 1024,            /* of the log at once */
	PARTITION_BYTES = 2 * 1024 * 1024,   /* of one partition in one plan, about */
	TEXT_BYTES_ENOUGH = 8 * 1024 * 1024, /* of a plan: no further partition is read then */
};

struct connector_sink {
	struct connector_sink_options options;
	struct sink_position position;
	bool unsaved; /* the position is further than what was saved last */
	struct file file;
	uint64_t device, inode; /* of the open file */
	size_t turn;            /* which partition a plan begins with */
	struct buffer text, batches;
	struct record_iterator iterator;
	uint64_t left_out; /* records that could not be converted (errors.tolerance=all) */
};

/* ---- reading the log ---- */

/* Appends the records in [from, until) of a partition as lines, about bytes_max bytes of the log of them;
 * *end is where to go on. On BAD_RECORD *end is that record, and those before it are in the text. */
struct reading {
	struct connector_sink *sink;
	struct partition *partition;
	int64_t until;
	size_t bytes_max;
	int64_t records;
	int64_t end;
};

static status record_write(struct reading *reading, const struct record *record)
{
	struct connector_sink *sink = reading->sink;
	size_t had = sink->text.size;
	status result = converter_decode(&sink->options.config->value, record->value, &sink->text);
	if (result == STATUS_OK) {
		buffer_append_byte(&sink->text, '\n');
		reading->records++;
	} else if (sink->options.config->tolerant) {
		sink->text.size = had;
		sink->left_out++;
		diag(DIAG_WARN, "connect", "record_left_out",
			"connector=\"%s\" topic=%s partition=%d offset=%" PRId64, sink->options.config->name,
			partition_topic(reading->partition)->name, partition_number(reading->partition), record->offset);
	} else {
		sink->text.size = had;
		return error_note(result, "in topic %s, partition %d, offset %" PRId64,
			partition_topic(reading->partition)->name, partition_number(reading->partition), record->offset);
	}
	return STATUS_OK;
}

/* Whole batches, which may begin before reading->end. */
static status batches_write(struct reading *reading, struct slice bytes)
{
	struct record_iterator *iterator = &reading->sink->iterator;
	struct record record;
	status result;
	record_iterator_reset(iterator, bytes);
	while ((result = record_iterator_next(iterator, &record)) == STATUS_OK) {
		if (record.offset < reading->end)
			continue;
		if (record.offset >= reading->until)
			return STATUS_OK;
		result = record_write(reading, &record);
		if (result != STATUS_OK) {
			reading->end = record.offset;
			return result;
		}
		reading->end = record.offset + 1;
	}
	return result == STATUS_END ? STATUS_OK : partition_note_damage(reading->partition, bytes, result);
}

static status range_read(struct reading *reading)
{
	struct buffer *batches = &reading->sink->batches;
	size_t got = 0;
	while (reading->end < reading->until && got < reading->bytes_max) {
		int64_t next;
		batches->size = 0;
		status result =
			partition_read_committed(reading->partition, reading->end, INT64_MAX, READ_BYTES, batches, &next);
		if (result == STATUS_OK)
			result = batches_write(reading, buffer_slice(batches));
		if (result != STATUS_OK)
			return result;
		/* Behind offsets, too, whose records are none of ours: markers, aborted ones. */
		reading->end = next < reading->until ? next : reading->until;
		got += batches->size;
	}
	return STATUS_OK;
}

/* Where to go on in a partition. */
static int64_t offset_next(
	const struct connector_sink *sink, const struct topic *topic, struct partition *partition)
{
	int64_t start = partition_log_start(partition);
	const struct sink_range *known =
		sink_position_offset(&sink->position, topic, partition_number(partition));
	if (known == NULL)
		return start;
	if (known->from < start)
		diag(DIAG_WARN, "connect", "records_gone",
			"connector=\"%s\" topic=%s partition=%d from=%" PRId64 " to=%" PRId64, sink->options.config->name,
			topic->name, partition_number(partition), known->from, start);
	return known->from < start ? start : known->from;
}

/* Adds what a partition has to the plan. What follows a record that cannot be converted waits; the failure
 * is told when there is nothing before it any more. */
static status partition_plan(
	struct connector_sink *sink, const struct topic *topic, struct partition *partition)
{
	int64_t from = offset_next(sink, topic, partition);
	struct reading reading = {
		.sink = sink,
		.partition = partition,
		.until = partition_last_stable_offset(partition),
		.bytes_max = PARTITION_BYTES,
		.end = from,
	};
	if (from >= reading.until)
		return STATUS_OK;
	status result = range_read(&reading);
	if (result == STATUS_NOT_FOUND) /* deleted this moment */
		return STATUS_OK;
	if (result != STATUS_OK && !(result == STATUS_BAD_RECORD && reading.end > from))
		return result;
	struct sink_range range = {
		.incarnation = topic->incarnation,
		.partition = partition_number(partition),
		.from = from,
		.to = reading.end,
	};
	memcpy(range.topic, topic->name, sizeof range.topic);
	sink_ranges_add(&sink->position.plan, &range);
	sink->position.plan_records += reading.records;
	return STATUS_OK;
}

/* Fills text and plan with what there is in the topics. Partitions take turns at being first. */
static status plan_make(struct connector_sink *sink)
{
	const struct connector_config *config = sink->options.config;
	sink->text.size = 0;
	sink->position.plan.count = 0;
	sink->position.plan_records = 0;
	size_t total = 0, at = 0;
	const struct topic *topics[CONNECTOR_TOPICS_MAX];
	int32_t counts[CONNECTOR_TOPICS_MAX] = {0}; /* asked once: partitions may be added meanwhile */
	for (size_t i = 0; i < config->topic_count; i++) {
		if (topic_find(sink->options.log, config->topics[i], &topics[i]) != STATUS_OK)
			topics[i] = NULL; /* it may come */
		else
			counts[i] = topics[i]->config->partitions;
		total += (size_t)counts[i];
	}
	struct partition **partitions = mem_alloc_zeroed(total + 1, sizeof(struct partition *));
	for (size_t i = 0; i < config->topic_count; i++)
		for (int32_t p = 0; p < counts[i]; p++)
			partitions[at++] = topic_partition(topics[i], p);
	status result = STATUS_OK;
	for (size_t i = 0; i < total && result == STATUS_OK && sink->text.size < TEXT_BYTES_ENOUGH; i++) {
		struct partition *partition = partitions[(sink->turn + i) % total];
		result = partition_plan(sink, partition_topic(partition), partition);
	}
	sink->turn = total != 0 ? (sink->turn + 1) % total : 0;
	mem_free(partitions);
	sink->position.plan_size = sink->text.size;
	sink->position.plan_hash = hash_bytes(sink->text.data, sink->text.size, 0);
	/* A failure behind good records comes again when it is the first. */
	return result == STATUS_BAD_RECORD && sink->position.plan.count != 0 ? STATUS_OK : result;
}

/* ---- the file ---- */

static bool is_named(const struct connector_sink *sink)
{
	struct stat info;
	return stat(sink->options.config->file, &info) == 0 && (uint64_t)info.st_dev == sink->device &&
		   (uint64_t)info.st_ino == sink->inode;
}

/* Opens what has the name now; makes it when nothing has. */
static status file_reach(struct connector_sink *sink)
{
	const char *path = sink->options.config->file;
	struct stat info;
	if (sink->file.fd >= 0 && is_named(sink))
		return STATUS_OK;
	file_close(&sink->file);
	if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
		return error_raise(STATUS_INVALID, "%s is not a regular file", path);
	status result = file_open(&sink->file, path, FILE_UPDATE);
	if (result == STATUS_NOT_FOUND) {
		result = file_open(&sink->file, path, FILE_CREATE);
		if (result == STATUS_OK)
			result = directory_sync_parent(path);
	}
	if (result != STATUS_OK)
		return result;
	if (fstat(sink->file.fd, &info) != 0)
		return error_from_errno(errno, "%s", path);
	if (!S_ISREG(info.st_mode))
		return error_raise(STATUS_INVALID, "%s is not a regular file", path);
	sink->device = (uint64_t)info.st_dev;
	sink->inode = (uint64_t)info.st_ino;
	return STATUS_OK;
}

/* The next bytes go to the end of the file that has the name now. */
static status file_locate(struct connector_sink *sink)
{
	struct sink_position *position = &sink->position;
	int64_t size;
	status result = file_reach(sink);
	if (result == STATUS_OK)
		result = file_size(&sink->file, &size);
	if (result != STATUS_OK)
		return result;
	if (position->file == NULL || strcmp(position->file, sink->options.config->file) != 0) {
		mem_free(position->file);
		position->file = mem_copy_string(sink->options.config->file);
	}
	position->device = sink->device;
	position->inode = sink->inode;
	position->length = size;
	return STATUS_OK;
}

/* ---- plans ---- */

static status position_save(struct connector_sink *sink)
{
	char *text = sink_position_format(&sink->position);
	status result = sink->options.save(sink->options.context, text);
	free(text);
	return result;
}

static status text_write(struct connector_sink *sink)
{
	status result = file_write(&sink->file, sink->position.length, buffer_slice(&sink->text));
	return result == STATUS_OK ? file_sync(&sink->file) : result;
}

status connector_sink_step(struct connector_sink *sink, bool *did)
{
	struct sink_position *position = &sink->position;
	INVARIANT(!position->planned);
	status result = plan_make(sink);
	if (result != STATUS_OK)
		return result;
	*did = position->plan.count != 0;
	if (position->plan.count == 0)
		return STATUS_OK;
	if (sink->text.size != 0) {
		result = file_locate(sink);
		if (result != STATUS_OK)
			return result;
		position->planned = true;
		result = position_save(sink);
		if (result == STATUS_OK)
			result = text_write(sink);
		if (result != STATUS_OK)
			return result;
	}
	sink_position_settle(position);
	sink->unsaved = true;
	return STATUS_OK;
}

status connector_sink_settle(struct connector_sink *sink)
{
	if (!sink->unsaved || sink->position.planned)
		return STATUS_OK;
	status result = position_save(sink);
	sink->unsaved = result != STATUS_OK;
	return result;
}

/* ---- redo ---- */

/* The plan's text again, from the log. *same is false when not all of it is there any more. */
static status plan_read(struct connector_sink *sink, bool *same)
{
	const struct sink_position *position = &sink->position;
	sink->text.size = 0;
	*same = true;
	for (size_t i = 0; i < position->plan.count; i++) {
		const struct sink_range *range = &position->plan.list[i];
		const struct topic *topic;
		if (topic_find(sink->options.log, range->topic, &topic) != STATUS_OK ||
			topic->incarnation != range->incarnation || range->partition >= topic->config->partitions) {
			*same = false;
			continue;
		}
		struct partition *partition = topic_partition(topic, range->partition);
		int64_t start = partition_log_start(partition);
		struct reading reading = {
			.sink = sink,
			.partition = partition,
			.until = range->to,
			.bytes_max = SIZE_MAX,
			.end = range->from < start ? start : range->from,
		};
		status result = range_read(&reading);
		if (result != STATUS_OK)
			return result;
	}
	*same = *same && sink->text.size == position->plan_size &&
			hash_bytes(sink->text.data, sink->text.size, 0) == position->plan_hash;
	return STATUS_OK;
}

/* Are the plan's bytes in the file? */
static status plan_is_done(struct connector_sink *sink, bool *done)
{
	const struct sink_position *position = &sink->position;
	struct buffer bytes;
	size_t got = 0;
	buffer_init(&bytes);
	uint8_t *room = buffer_reserve(&bytes, position->plan_size);
	status result = file_read(&sink->file, position->length, room, position->plan_size, &got);
	*done =
		result == STATUS_OK && got == position->plan_size && hash_bytes(room, got, 0) == position->plan_hash;
	buffer_deinit(&bytes);
	return result;
}

/* The file is the plan's. Overwriting what is there already would do; not to write is better still. */
static status redo_in_place(struct connector_sink *sink)
{
	struct sink_position *position = &sink->position;
	bool done = false, same = false;
	int64_t size = 0;
	status result = plan_is_done(sink, &done);
	if (result == STATUS_OK && !done)
		result = plan_read(sink, &same);
	if (result == STATUS_OK && !done)
		result = file_size(&sink->file, &size);
	if (result != STATUS_OK)
		return result;
	if (!done) {
		diag(DIAG_INFO, "connect", "sink_redo", "connector=\"%s\" bytes=%zu at=%" PRId64,
			sink->options.config->name, sink->text.size, position->length);
		if (size < position->length)
			position->length = size; /* somebody made it shorter */
		result = text_write(sink);
	}
	/* The records changed meanwhile (compaction, retention): of a longer text the torn rest goes. */
	int64_t planned_end = position->length + (int64_t)position->plan_size;
	if (result == STATUS_OK && !done && !same) {
		position->plan_size = sink->text.size;
		if (size <= planned_end)
			result = file_truncate(&sink->file, position->length + (int64_t)position->plan_size);
		if (result == STATUS_OK)
			result = file_sync(&sink->file);
	}
	return done && result == STATUS_OK ? file_sync(&sink->file) : result;
}

/* The file was rotated or removed while the sink was down. Whether the plan was carried out in it cannot be
 * known; rather twice than not at all. */
static status redo_elsewhere(struct connector_sink *sink)
{
	bool same;
	status result = plan_read(sink, &same);
	if (result == STATUS_OK)
		result = file_locate(sink);
	if (result != STATUS_OK)
		return result;
	diag(DIAG_WARN, "connect", "sink_file_changed", "connector=\"%s\" file=\"%s\" bytes_perhaps_twice=%zu",
		sink->options.config->name, sink->options.config->file, sink->text.size);
	sink->position.plan_size = sink->text.size;
	sink->position.plan_hash = hash_bytes(sink->text.data, sink->text.size, 0);
	result = position_save(sink);
	return result == STATUS_OK ? text_write(sink) : result;
}

static status sink_redo(struct connector_sink *sink)
{
	struct sink_position *position = &sink->position;
	if (!position->planned)
		return STATUS_OK;
	status result = file_reach(sink);
	if (result != STATUS_OK)
		return result;
	bool same_file = position->file != NULL && strcmp(position->file, sink->options.config->file) == 0 &&
					 position->device == sink->device && position->inode == sink->inode;
	result = same_file ? redo_in_place(sink) : redo_elsewhere(sink);
	if (result != STATUS_OK)
		return result;
	sink_position_settle(position);
	sink->unsaved = true;
	return STATUS_OK;
}

/* ---- life ---- */

status connector_sink_open(const struct connector_sink_options *options, struct connector_sink **out)
{
	struct connector_sink *sink = mem_alloc_zeroed(1, sizeof *sink);
	sink->options = *options;
	sink->options.position = NULL;
	sink->file.fd = -1;
	sink_position_init(&sink->position);
	record_iterator_init(&sink->iterator, (struct slice){0});
	status result = STATUS_OK;
	if (options->position != NULL)
		result = sink_position_parse(&sink->position, options->position);
	if (result == STATUS_OK)
		result = sink_redo(sink);
	if (result == STATUS_OK)
		*out = sink;
	else
		connector_sink_close(sink);
	return result;
}

void connector_sink_close(struct connector_sink *sink)
{
	if (sink == NULL)
		return;
	file_close(&sink->file);
	record_iterator_deinit(&sink->iterator);
	buffer_deinit(&sink->text);
	buffer_deinit(&sink->batches);
	sink_position_deinit(&sink->position);
	mem_free(sink);
}

void connector_sink_progress(const struct connector_sink *sink, int64_t *records, struct buffer *position)
{
	const struct sink_ranges *offsets = &sink->position.offsets;
	*records = sink->position.records;
	for (size_t i = 0; i < offsets->count; i++)
		buffer_printf(position, "%s%s-%d@%" PRId64, i != 0 ? "," : "", offsets->list[i].topic,
			offsets->list[i].partition, offsets->list[i].from);
}
