/* Messages of authentication; the notation is that of kafka_messages.h, which includes this. */
#ifndef KAPPA_INGEST_KAFKA_MESSAGES_SECURITY_H
#define KAPPA_INGEST_KAFKA_MESSAGES_SECURITY_H

/* clang-format off */
/* ---- 17 SaslHandshake ---- */

#define KAFKA_FIELDS_sasl_handshake_request(S, F, A, T) \
	F(S, STRING, mechanism, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_sasl_handshake_response(S, F, A, T) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, STRINGS, mechanisms, 0, UP, NEVER, 0)

/* ---- 36 SaslAuthenticate ---- */

#define KAFKA_FIELDS_sasl_authenticate_request(S, F, A, T) \
	F(S, BYTES, auth_bytes, 0, UP, NEVER, 0)

#define KAFKA_FIELDS_sasl_authenticate_response(S, F, A, T) \
	F(S, INT16, error_code, 0, UP, NEVER, 0) \
	F(S, STRING, error_message, 0, UP, 0, 0) \
	F(S, BYTES, auth_bytes, 0, UP, NEVER, 0) \
	F(S, INT64, session_lifetime_ms, 1, UP, NEVER, 0)

/* Elements before what holds them. */
#define KAFKA_STRUCTS_SECURITY(X) \
	X(sasl_handshake_request) X(sasl_handshake_response) \
	X(sasl_authenticate_request) X(sasl_authenticate_response)
/* clang-format on */

#endif
