/* What consumers put into the metadata of a JoinGroup request: {version i16, topics: count i32 of strings,
 * user data, …}. A group needs none of it, but for two questions: is a topic subscribed to (then its offsets
 * must not be deleted), and does a static member that comes back want the same topics.
 */
#include "ingest/group_internal.h"

static bool topics_walk(struct slice metadata, struct slice *list, struct slice wanted, bool *found)
{
	struct cursor cursor = cursor_of(metadata);
	(void)cursor_be16(&cursor);
	const uint8_t *from = cursor.at;
	int32_t count = (int32_t)cursor_be32(&cursor);
	for (int32_t i = 0; i < count && !cursor.failed; i++) {
		struct slice topic = cursor_bytes(&cursor, cursor_be16(&cursor));
		if (!cursor.failed && slice_equal(topic, wanted))
			*found = true;
	}
	if (cursor.failed || count < 0)
		return false;
	*list = slice_of(from, (size_t)(cursor.at - from));
	return true;
}

bool subscription_topics(struct slice metadata, struct slice *out)
{
	bool found = false;
	return topics_walk(metadata, out, (struct slice){0}, &found);
}

bool subscription_has(struct slice metadata, struct slice topic)
{
	struct slice list;
	bool found = false;
	return topics_walk(metadata, &list, topic, &found) && found;
}
