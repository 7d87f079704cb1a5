/* Messages of producer ids and transactions; the notation is that of kafka_messages.h, which includes this.
 */
#ifndef KAPPA_INGEST_KAFKA_MESSAGES_TRANSACTION_H
#define KAPPA_INGEST_KAFKA_MESSAGES_TRANSACTION_H

/* clang-format off */
/* ---- 22 InitProducerId ---- */

#define KAFKA_FIELDS_init_producer_id_request(S, F, A, T) \
	F(S, STRING, transactional_id, 0, UP, 0, 0) \
	F(S, INT32, transaction_timeout_ms, 0, UP, NEVER, 0) \
	F(S, INT64, producer_id, 3, UP, NEVER, -1) \
	F(S, INT16, producer_epoch, 3, UP, NEVER, -1)

#define KAFKA_FIELDS_init_producer_id_response(S, F, A, T) \
	F(S, INT32, throttle_time_ms, 0, UP, NEVER, 0) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, INT64, producer_id, 0, UP, NEVER, -1) \
	F(S, INT16, producer_epoch, 0, UP, NEVER, 0)

/* Elements before what holds them. */
#define KAFKA_STRUCTS_TRANSACTION(X) \
	X(init_producer_id_request) X(init_producer_id_response)
/* clang-format on */

#endif
