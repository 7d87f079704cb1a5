/* A sink's position; see sink_position.h. */
#include "ingest/sink_position.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/invariant.h"
#include "base/memory.h"

void sink_position_init(struct sink_position *position)
{
	*position = (struct sink_position){0};
}

void sink_position_deinit(struct sink_position *position)
{
	mem_free(position->file);
	mem_free(position->offsets.list);
	mem_free(position->plan.list);
	sink_position_init(position);
}

void sink_ranges_add(struct sink_ranges *ranges, const struct sink_range *range)
{
	if (ranges->count == ranges->capacity) {
		ranges->capacity = ranges->capacity == 0 ? 4 : ranges->capacity * 2;
		ranges->list = mem_resize(ranges->list, ranges->capacity * sizeof *ranges->list);
	}
	ranges->list[ranges->count++] = *range;
}

static struct sink_range *range_find(
	const struct sink_ranges *ranges, const char *topic, uint64_t incarnation, int32_t partition)
{
	for (size_t i = 0; i < ranges->count; i++) {
		struct sink_range *range = &ranges->list[i];
		if (range->partition == partition && range->incarnation == incarnation &&
			strcmp(range->topic, topic) == 0)
			return range;
	}
	return NULL;
}

struct sink_range *sink_position_offset(
	const struct sink_position *position, const struct topic *topic, int32_t partition)
{
	return range_find(&position->offsets, topic->name, topic->incarnation, partition);
}

/* Where a topic was deleted and created again, the offsets of the old one are not wanted any more. */
static void offsets_forget(struct sink_ranges *offsets, const char *topic, uint64_t incarnation)
{
	size_t kept = 0;
	for (size_t i = 0; i < offsets->count; i++)
		if (strcmp(offsets->list[i].topic, topic) != 0 || offsets->list[i].incarnation == incarnation)
			offsets->list[kept++] = offsets->list[i];
	offsets->count = kept;
}

void sink_position_settle(struct sink_position *position)
{
	for (size_t i = 0; i < position->plan.count; i++) {
		struct sink_range next = position->plan.list[i];
		next.from = next.to;
		struct sink_range *known =
			range_find(&position->offsets, next.topic, next.incarnation, next.partition);
		if (known != NULL) {
			*known = next;
			continue;
		}
		offsets_forget(&position->offsets, next.topic, next.incarnation);
		sink_ranges_add(&position->offsets, &next);
	}
	position->length += (int64_t)position->plan_size;
	position->records += position->plan_records;
	position->planned = false;
	position->plan.count = 0;
	position->plan_size = position->plan_hash = 0;
	position->plan_records = 0;
}

/* ---- text ---- */

static json_t *ranges_json(const struct sink_ranges *ranges, bool planned)
{
	json_t *list = json_array();
	for (size_t i = 0; i < ranges->count; i++) {
		const struct sink_range *range = &ranges->list[i];
		json_t *json = json_pack("{s:s, s:I, s:i}", "topic", range->topic, "incarnation",
			(json_int_t)range->incarnation, "partition", (int)range->partition);
		json_object_set_new(json, planned ? "from" : "offset", json_integer(range->from));
		if (planned)
			json_object_set_new(json, "to", json_integer(range->to));
		json_array_append_new(list, json);
	}
	return list;
}

char *sink_position_format(const struct sink_position *position)
{
	json_t *json = json_pack("{s:s, s:I, s:s*, s:I, s:I, s:I, s:o}", "type", "sink", "records",
		(json_int_t)position->records, "file", position->file, "device", (json_int_t)position->device,
		"inode", (json_int_t)position->inode, "length", (json_int_t)position->length, "offsets",
		ranges_json(&position->offsets, false));
	/* A path that is no UTF-8 cannot come here: it was JSON before. */
	INVARIANT(json != NULL);
	if (position->planned) {
		char hash[20];
		(void)snprintf(hash, sizeof hash, "%016" PRIx64, position->plan_hash);
		json_object_set_new(json, "plan",
			json_pack("{s:I, s:s, s:I, s:o}", "size", (json_int_t)position->plan_size, "hash", hash,
				"records", (json_int_t)position->plan_records, "ranges", ranges_json(&position->plan, true)));
	}
	char *text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	INVARIANT(text != NULL);
	return text;
}

static bool ranges_parse(const json_t *list, bool planned, struct sink_ranges *out)
{
	size_t i;
	json_t *json;
	json_array_foreach(list, i, json)
	{
		const char *topic;
		json_int_t incarnation, partition, from, to = 0;
		if (json_unpack(json, "{s:s, s:I, s:I, s:I, s?I}", "topic", &topic, "incarnation", &incarnation,
				"partition", &partition, planned ? "from" : "offset", &from, "to", &to) != 0)
			return false;
		if (topic_name_check(topic) != STATUS_OK || incarnation <= 0 || partition < 0 ||
			partition >= TOPIC_PARTITIONS_MAX || from < 0 || (planned && to < from))
			return false;
		struct sink_range range = {
			.incarnation = (uint64_t)incarnation,
			.partition = (int32_t)partition,
			.from = from,
			.to = to,
		};
		(void)snprintf(range.topic, sizeof range.topic, "%s", topic);
		sink_ranges_add(out, &range);
	}
	return json_is_array(list);
}

static bool plan_parse(json_t *json, struct sink_position *position)
{
	const char *hash;
	json_int_t size, records;
	json_t *ranges;
	if (json_unpack(json, "{s:I, s:s, s:I, s:o}", "size", &size, "hash", &hash, "records", &records, "ranges",
			&ranges) != 0 ||
		size < 0 || records < 0)
		return false;
	position->planned = true;
	position->plan_size = (uint64_t)size;
	position->plan_records = records;
	position->plan_hash = strtoull(hash, NULL, 16);
	return ranges_parse(ranges, true, &position->plan);
}

static bool position_parse(const json_t *json, struct sink_position *position)
{
	const char *type = NULL, *file = NULL;
	json_int_t records, device, inode, length;
	json_t *offsets, *plan = NULL;
	if (json_unpack((json_t *)(uintptr_t)json, "{s:s, s:I, s?s, s:I, s:I, s:I, s:o, s?o}", "type", &type,
			"records", &records, "file", &file, "device", &device, "inode", &inode, "length", &length,
			"offsets", &offsets, "plan", &plan) != 0)
		return false;
	if (strcmp(type, "sink") != 0 || records < 0 || length < 0)
		return false;
	position->records = records;
	position->file = file != NULL ? mem_copy_string(file) : NULL;
	position->device = (uint64_t)device;
	position->inode = (uint64_t)inode;
	position->length = length;
	return ranges_parse(offsets, false, &position->offsets) && (plan == NULL || plan_parse(plan, position));
}

status sink_position_parse(struct sink_position *position, const char *text)
{
	json_error_t why;
	struct sink_position parsed;
	sink_position_init(&parsed);
	json_t *json = json_loads(text, 0, &why);
	bool valid = json != NULL && position_parse(json, &parsed);
	json_decref(json);
	if (!valid) {
		sink_position_deinit(&parsed);
		return error_raise(STATUS_DAMAGED, "a sink's position cannot be read: %.200s", text);
	}
	sink_position_deinit(position);
	*position = parsed;
	return STATUS_OK;
}
