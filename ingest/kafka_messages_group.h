/* Messages of groups and their offsets; the notation is that of kafka_messages.h, which includes this. */
#ifndef KAPPA_INGEST_KAFKA_MESSAGES_GROUP_H
#define KAPPA_INGEST_KAFKA_MESSAGES_GROUP_H

/* clang-format off */
/* ---- 10 FindCoordinator ---- */

#define KAFKA_FIELDS_find_coordinator_request(S, F, A, T) \
	F(S, STRING, key, 0, 3, NEVER, 0) \
	F(S, INT8, key_type, 1, UP, NEVER, 0) \
	F(S, STRINGS, coordinator_keys, 4, UP, NEVER, 0)

#define KAFKA_FIELDS_find_coordinator_item(S, F, A, T) \
	F(S, STRING, key, 4, UP, NEVER, 0) \
	F(S, INT32, node_id, 4, UP, NEVER, -1) \
	F(S, STRING, host, 4, UP, NEVER, 0) \
	F(S, INT32, port, 4, UP, NEVER, -1) \
	F(S, INT16, error_code, 4, UP, NEVER, 0) \
	F(S, STRING, error_message, 4, UP, 4, 0)

#define KAFKA_FIELDS_find_coordinator_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 1, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, 3, NEVER, 0) \
	F(S, STRING, error_message, 1, 3, 1, 0) \
	F(S, INT32, node_id, 0, 3, NEVER, -1) \
	F(S, STRING, host, 0, 3, NEVER, 0) \
	F(S, INT32, port, 0, 3, NEVER, -1) \
	A(S, find_coordinator_item, coordinators, 4, UP, NEVER)

/* Elements before what holds them. */
#define KAFKA_STRUCTS_GROUP(X) \
	X(find_coordinator_request) X(find_coordinator_item) X(find_coordinator_response)
/* clang-format on */

#endif
