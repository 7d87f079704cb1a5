/* Who may do what. Handlers ask kafka_may() for each topic and answer TOPIC_AUTHORIZATION_FAILED in its
 * place; what is not about topics is decided here, before a handler runs. What is not in the table is for
 * admins only.
 */
#include <stddef.h>

#include "base/diag.h"
#include "ingest/kafka_request.h"

enum access {
	ACCESS_ANYBODY,   /* also before authentication */
	ACCESS_USER,      /* anybody who is authenticated; or the handler asks kafka_may() */
	ACCESS_GROUP,     /* whoever may read something */
	ACCESS_GROUP_END, /* whoever may deploy something: groups and their offsets are deleted */
	ACCESS_WRITER,    /* whoever may write something */
	ACCESS_ADMIN,
};

static const struct {
	int16_t key;
	enum access access;
} access_table[] = {
	{0, ACCESS_USER},
	{1, ACCESS_USER},
	{2, ACCESS_USER},
	{3, ACCESS_USER},
	{8, ACCESS_USER},
	{9, ACCESS_USER},
	{10, ACCESS_USER},
	{11, ACCESS_GROUP},
	{12, ACCESS_GROUP},
	{13, ACCESS_GROUP},
	{14, ACCESS_GROUP},
	{15, ACCESS_GROUP},
	{16, ACCESS_GROUP},
	{17, ACCESS_ANYBODY},
	{18, ACCESS_ANYBODY},
	{19, ACCESS_USER},
	{20, ACCESS_USER},
	{21, ACCESS_USER},
	{22, ACCESS_WRITER},
	{23, ACCESS_USER},
	{24, ACCESS_USER},
	{25, ACCESS_WRITER},
	{26, ACCESS_WRITER},
	{28, ACCESS_USER},
	{29, ACCESS_USER},
	{32, ACCESS_USER},
	{33, ACCESS_USER},
	{35, ACCESS_USER},
	{36, ACCESS_ANYBODY},
	{37, ACCESS_USER},
	{42, ACCESS_GROUP_END},
	{43, ACCESS_USER},
	{44, ACCESS_USER},
	{46, ACCESS_USER},
	{47, ACCESS_GROUP_END},
	{60, ACCESS_USER},
	{61, ACCESS_USER},
	{65, ACCESS_WRITER},
	{66, ACCESS_WRITER},
};

static enum access access_of(int16_t key)
{
	for (size_t i = 0; i < sizeof access_table / sizeof access_table[0]; i++) {
		if (access_table[i].key == key)
			return access_table[i].access;
	}
	return ACCESS_ADMIN;
}

bool kafka_may(const struct kafka_request *request, enum user_role role, struct slice topic)
{
	return request->open || (request->user != NULL && user_may(request->user, role, topic));
}

bool kafka_may_describe(const struct kafka_request *request, struct slice topic)
{
	return kafka_may(request, USER_READ, topic) || kafka_may(request, USER_WRITE, topic) ||
		   kafka_may(request, USER_DEPLOY, topic);
}

bool kafka_may_some(const struct kafka_request *request, enum user_role role)
{
	return request->open || (request->user != NULL && user_may_some(request->user, role));
}

const char *kafka_principal(const struct kafka_request *request)
{
	return request->user != NULL ? request->user->name : "";
}

/* KAFKA_NONE: go on. */
static int16_t access_refuse(const struct kafka_request *request)
{
	switch (access_of(request->api->key)) {
	case ACCESS_ANYBODY:
	case ACCESS_USER:
		return KAFKA_NONE;
	case ACCESS_GROUP:
		return kafka_may_some(request, USER_READ) ? KAFKA_NONE : KAFKA_GROUP_AUTHORIZATION_FAILED;
	case ACCESS_GROUP_END:
		return kafka_may_some(request, USER_DEPLOY) ? KAFKA_NONE : KAFKA_GROUP_AUTHORIZATION_FAILED;
	case ACCESS_WRITER:
		return kafka_may_some(request, USER_WRITE) ? KAFKA_NONE : KAFKA_CLUSTER_AUTHORIZATION_FAILED;
	default:
		return kafka_may_some(request, USER_ADMIN) ? KAFKA_NONE : KAFKA_CLUSTER_AUTHORIZATION_FAILED;
	}
}

/* The error for each group that was asked about. */
static const void *describe_groups_refuse(struct kafka_request *request, int16_t error_code)
{
	const struct kafka_describe_groups_request *message = request->message;
	struct kafka_describe_groups_response *answer = KAFKA_NEW(&request->arena, describe_groups_response, 1);
	const struct kafka_mentions *mentions =
		kafka_mentions_of_names(&request->arena, message->groups, message->groups_count);
	answer->groups = KAFKA_NEW(&request->arena, describe_groups_group, mentions->unique);
	for (int32_t i = 0; i < message->groups_count; i++) {
		if (mentions->kinds[i] == KAFKA_MENTIONED_AGAIN)
			continue;
		struct kafka_describe_groups_group *to = &answer->groups[answer->groups_count++];
		to->group_id = message->groups[i];
		to->error_code = error_code;
	}
	return answer;
}

static const void *delete_groups_refuse(struct kafka_request *request, int16_t error_code)
{
	const struct kafka_delete_groups_request *message = request->message;
	struct kafka_delete_groups_response *answer = KAFKA_NEW(&request->arena, delete_groups_response, 1);
	answer->results_count = message->groups_names_count;
	answer->results = KAFKA_NEW(&request->arena, delete_groups_result, message->groups_names_count);
	for (int32_t i = 0; i < message->groups_names_count; i++) {
		answer->results[i].group_id = message->groups_names[i];
		answer->results[i].error_code = error_code;
	}
	return answer;
}

/* An answer of nothing but the error, where the API's answer has a place for one. */
static const void *answer_of_error(struct kafka_request *request, int16_t error_code)
{
	if (request->api->key == 15)
		return describe_groups_refuse(request, error_code);
	if (request->api->key == 42)
		return delete_groups_refuse(request, error_code);
	const struct kafka_schema *schema = request->api->response;
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct kafka_field *field = &schema->fields[i];
		if (strcmp(field->name, "error_code") != 0 || field->type != KAFKA_INT16 ||
			request->layout.version < field->from || request->layout.version > field->to)
			continue;
		char *answer = kafka_struct_new(&request->arena, schema, 1);
		memcpy(answer + field->offset, &error_code, sizeof error_code);
		return answer;
	}
	return NULL;
}

status kafka_access_check(struct kafka_request *request)
{
	if (request->open)
		return STATUS_OK;
	if (request->user == NULL && access_of(request->api->key) != ACCESS_ANYBODY)
		return error_raise(STATUS_UNAUTHENTICATED, "%s before authentication", request->api->name);
	int16_t refused = access_refuse(request);
	if (refused == KAFKA_NONE)
		return STATUS_OK;
	diag(DIAG_INFO, "audit", "refused", "listener=kafka principal=\"%s\" request=%s",
		kafka_principal(request), request->api->name);
	request->refusal = answer_of_error(request, refused);
	if (request->refusal != NULL)
		return STATUS_OK;
	return error_raise(
		STATUS_FORBIDDEN, "user \"%s\" may not send %s", kafka_principal(request), request->api->name);
}
