/* Record batches over HTTP; see http_records.h. */
#include "server/http_records.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "log/record_batch.h"

enum {
	BYTES_DEFAULT = 4 * 1024 * 1024,
	BYTES_MAX = 32 * 1024 * 1024,
	PARTITION_BYTES_MIN = 256 * 1024, /* of each of many partitions */
	WAIT_MS_MAX = 30000,
	LOOK_MS = 100, /* whether the client has left, or the server stops */
};

struct wanted {
	struct partition *partition;
	int64_t offset;
};

struct reading {
	struct server *server;
	struct wanted *list;
	size_t count;
	size_t bytes_max;
	bool uncommitted;
};

static status offsets_refuse(const char *text)
{
	status code = error_raise(STATUS_INVALID, "parameter offsets is \"%.100s\"", text);
	error_hint("Expected PARTITION:OFFSET, several with commas, each partition once.");
	return code;
}

static status offsets_parse(
	const char *text, const struct topic *topic, struct arena *arena, struct reading *out)
{
	size_t commas = 0;
	int32_t partition_count = topic->config->partitions;
	for (const char *at = text; *at != '\0'; at++)
		commas += *at == ',';
	if (commas >= (size_t)partition_count)
		return offsets_refuse(text);
	out->list = arena_alloc_zeroed(arena, (commas + 1) * sizeof *out->list);
	for (const char *at = text;; at++) {
		char *end;
		long long number = strtoll(at, &end, 10);
		if (end == at || *end != ':' || number < 0 || number >= partition_count)
			return offsets_refuse(text);
		at = end + 1;
		long long offset = strtoll(at, &end, 10);
		if (end == at || (*end != ',' && *end != '\0') || offset < 0)
			return offsets_refuse(text);
		out->list[out->count++] = (struct wanted){topic_partition(topic, (int32_t)number), offset};
		at = end;
		if (*at == '\0')
			return STATUS_OK;
	}
}

static int64_t end_offset(const struct reading *reading, const struct partition *partition)
{
	return reading->uncommitted ? partition_high_watermark(partition)
								: partition_last_stable_offset(partition);
}

static bool any_ready(const struct reading *reading)
{
	for (size_t i = 0; i < reading->count; i++)
		if (reading->list[i].offset < end_offset(reading, reading->list[i].partition))
			return true;
	return false;
}

static status partition_append(
	const struct reading *reading, const struct wanted *wanted, size_t bytes_max, struct buffer *out)
{
	struct partition *partition = wanted->partition;
	int64_t start = partition_log_start(partition);
	int64_t offset = wanted->offset < start ? start : wanted->offset, next = offset;
	if (offset >= end_offset(reading, partition))
		return STATUS_OK;
	size_t head = out->size;
	(void)buffer_reserve(out, HTTP_BATCHES_HEAD_SIZE);
	out->size += HTTP_BATCHES_HEAD_SIZE;
	size_t from = out->size;
	status code = reading->uncommitted
					  ? partition_read(partition, offset, bytes_max, out)
					  : partition_read_committed(partition, offset, INT64_MAX, bytes_max, out, &next);
	if (code == STATUS_END) {
		out->size = head;
		return STATUS_OK;
	}
	if (code != STATUS_OK)
		return code;
	if (reading->uncommitted)
		next = record_batches_end(slice_of(out->data + from, out->size - from), offset);
	uint8_t *at = out->data + head;
	put_be32(at, (uint32_t)partition_number(partition));
	put_be32(at + 4, (uint32_t)(out->size - from));
	put_be64(at + 8, (uint64_t)next);
	put_be64(at + 16, (uint64_t)partition_high_watermark(partition));
	put_be64(at + 24, (uint64_t)partition_log_start(partition));
	return STATUS_OK;
}

static status batches_read(const struct reading *reading, struct buffer *out)
{
	size_t share = reading->bytes_max / reading->count;
	share = share < PARTITION_BYTES_MIN ? PARTITION_BYTES_MIN : share;
	status code = STATUS_OK;
	for (size_t i = 0; i < reading->count && out->size < reading->bytes_max && code == STATUS_OK; i++)
		code = partition_append(reading, &reading->list[i], share, out);
	return code;
}

static status isolation_parse(const struct http_request *request, bool *uncommitted)
{
	const char *text = http_parameter(request, "isolation");
	*uncommitted = text != NULL && strcmp(text, "read_uncommitted") == 0;
	if (text == NULL || *uncommitted || strcmp(text, "read_committed") == 0)
		return STATUS_OK;
	return error_raise(
		STATUS_INVALID, "isolation is read_committed or read_uncommitted, not \"%.50s\"", text);
}

static void batches_await(struct reading *reading, const struct http_request *request, int64_t wait_ms)
{
	int64_t until_ns = clock_monotonic_ns() + wait_ms * 1000000, left_ms;
	uint64_t advances = server_log_advances(reading->server);
	while (!any_ready(reading) && (left_ms = (until_ns - clock_monotonic_ns()) / 1000000) > 0 &&
		   !request->gone(request->gone_context) && !server_is_stopping(reading->server))
		advances = server_log_await(reading->server, advances, left_ms < LOOK_MS ? left_ms : LOOK_MS);
}

status http_topic_batches(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	const struct topic *topic;
	struct reading reading = {.server = server};
	int64_t bytes = 0, wait_ms = 0;
	const char *offsets = http_parameter(request, "offsets");
	status code = topic_find(server_log(server), request->segments[1], &topic);
	if (code == STATUS_OK)
		code = offsets_parse(offsets != NULL ? offsets : "0:0", topic, request->arena, &reading);
	if (code == STATUS_OK)
		code = http_integer(request, "bytes", 1, BYTES_MAX, BYTES_DEFAULT, &bytes);
	if (code == STATUS_OK)
		code = http_integer(request, "wait_ms", 0, WAIT_MS_MAX, 0, &wait_ms);
	if (code == STATUS_OK)
		code = isolation_parse(request, &reading.uncommitted);
	if (code != STATUS_OK)
		return code;
	reading.bytes_max = (size_t)bytes;
	batches_await(&reading, request, wait_ms);
	code = batches_read(&reading, &response->body);
	if (code != STATUS_OK) {
		response->body.size = 0;
		return code;
	}
	response->content_type = "application/octet-stream";
	return STATUS_OK;
}
