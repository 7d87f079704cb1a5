/* See group_lag.h. */
#include "server/group_lag.h"

/* Length of the UTF-8 sequence at `at`, 0 when it is none. */
static size_t text_sequence(const uint8_t *at, size_t left)
{
	size_t size = at[0] < 0x80   ? 1
				  : at[0] < 0xc2 ? 0
				  : at[0] < 0xe0 ? 2
				  : at[0] < 0xf0 ? 3
				  : at[0] < 0xf5 ? 4
								 : 0;
	if (size == 0 || size > left || at[0] < 0x20)
		return 0;
	for (size_t i = 1; i < size; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	bool overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
	bool outside = (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf4 && at[1] > 0x8f);
	return overlong || outside ? 0 : size;
}

static const char *text_of(struct arena *arena, struct slice bytes)
{
	char *text = arena_alloc(arena, bytes.size + 1);
	size_t at = 0;
	while (at < bytes.size) {
		size_t size = text_sequence(bytes.data + at, bytes.size - at);
		if (size == 0)
			text[at] = '?';
		else
			memcpy(text + at, bytes.data + at, size);
		at += size == 0 ? 1 : size;
	}
	text[at] = '\0';
	return text;
}

static void lag_fill(
	struct log *log, struct arena *arena, const struct group_offset *offset, struct group_lag *to)
{
	const struct topic *topic;
	to->topic = text_of(arena, offset->topic);
	to->partition = offset->partition;
	to->committed_offset = to->high_watermark = offset->offset;
	if (topic_find(log, to->topic, &topic) == STATUS_OK && offset->partition < topic->config->partitions)
		to->high_watermark = partition_high_watermark(topic_partition(topic, offset->partition));
	int64_t from = to->committed_offset > 0 ? to->committed_offset : 0; /* −2: from the beginning */
	to->lag_records = to->high_watermark > from ? to->high_watermark - from : 0;
}

void group_lag_list(struct group_coordinator *coordinator, struct log *log, struct arena *arena,
	struct group_lag **out, size_t *count)
{
	*out = NULL;
	*count = 0;
	if (coordinator == NULL)
		return;
	struct group_description *groups;
	int32_t group_count;
	group_coordinator_list(coordinator, arena, &groups, &group_count);
	struct group_offset **offsets = arena_alloc(arena, (size_t)group_count * sizeof *offsets);
	int32_t *counts = arena_alloc(arena, (size_t)group_count * sizeof *counts);
	size_t rows = 0;
	for (int32_t g = 0; g < group_count; g++) {
		group_coordinator_offsets(coordinator, groups[g].group, arena, &offsets[g], &counts[g]);
		rows += counts[g] > 0 ? (size_t)counts[g] : 1;
	}
	struct group_lag *to = *out = arena_alloc_zeroed(arena, rows * sizeof *to);
	for (int32_t g = 0; g < group_count; g++) {
		struct group_lag head = {
			.group = text_of(arena, groups[g].group),
			.state = group_state_name(groups[g].state),
			.member_count = groups[g].member_count,
		};
		if (counts[g] == 0)
			*to++ = head;
		for (int32_t i = 0; i < counts[g]; i++, to++) {
			*to = head;
			lag_fill(log, arena, &offsets[g][i], to);
		}
	}
	*count = rows;
}
