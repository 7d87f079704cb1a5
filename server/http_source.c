/* Sources over HTTP; see http_source.h. */
#include "server/http_source.h"

#include "ingest/source.h"

static status parameter_need(const struct http_request *request, const char *name, const char **out)
{
	*out = http_parameter(request, name);
	if (*out == NULL || **out == '\0')
		return error_raise(STATUS_INVALID, "parameter %s is missing", name);
	return STATUS_OK;
}

status http_source_open(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	const char *topic;
	int64_t partition = -1;
	struct source_state state;
	status result = parameter_need(request, "topic", &topic);
	if (result == STATUS_OK)
		result = http_may(request, USER_WRITE, topic);
	if (result == STATUS_OK)
		result = http_integer(request, "partition", 0, TOPIC_PARTITIONS_MAX - 1, -1, &partition);
	if (result == STATUS_OK)
		result = source_open(
			server_sources(server), request->segments[1], topic, (int32_t)partition, request->arena, &state);
	if (result != STATUS_OK)
		return result;
	http_answer_json(
		response, json_pack("{s:I, s:I, s:i, s:i, s:s?, s:i}", "producer_id", (json_int_t)state.producer_id,
					  "session", (json_int_t)state.session, "partition", (int)state.partition,
					  "next_sequence", (int)state.next_sequence, "position", state.position,
					  "batch_bytes_max", (int)state.batch_bytes_max));
	return STATUS_OK;
}

status http_source_append(
	struct server *server, const struct http_request *request, struct http_response *response)
{
	const char *topic, *position;
	int64_t session = 0, sequence = 0;
	struct source_appended appended;
	status result = parameter_need(request, "topic", &topic);
	if (result == STATUS_OK)
		result = http_may(request, USER_WRITE, topic);
	if (result == STATUS_OK)
		result = parameter_need(request, "position", &position);
	if (result == STATUS_OK)
		result = http_integer(request, "session", 0, INT64_MAX, 0, &session);
	if (result == STATUS_OK)
		result = http_integer(request, "sequence", 0, INT32_MAX, -1, &sequence);
	if (result == STATUS_OK)
		result = source_append(server_sources(server), request->segments[1], topic, session,
			(int32_t)sequence, slice_of_string(position), request->body, &appended);
	if (result != STATUS_OK)
		return result;
	int64_t next = (sequence + appended.count) & INT32_MAX;
	http_answer_json(response,
		json_pack("{s:I, s:i, s:i, s:I}", "base_offset", (json_int_t)appended.base_offset, "count",
			(int)appended.count, "partition", (int)appended.partition, "next_sequence", (json_int_t)next));
	return STATUS_OK;
}
