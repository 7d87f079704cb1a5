/* Where the fields of a record batch (version 2) stand in its bytes, all big-endian; see record_batch.h.
 * Inside log/ only. */
#ifndef KAPPA_LOG_RECORD_BATCH_LAYOUT_H
#define KAPPA_LOG_RECORD_BATCH_LAYOUT_H

enum {
	AT_BASE_OFFSET = 0,
	AT_LENGTH = 8,
	AT_LEADER_EPOCH = 12,
	AT_MAGIC = 16,
	AT_CRC = 17,
	AT_ATTRIBUTES = 21,
	AT_LAST_OFFSET_DELTA = 23,
	AT_BASE_TIMESTAMP = 27,
	AT_MAX_TIMESTAMP = 35,
	AT_PRODUCER_ID = 43,
	AT_PRODUCER_EPOCH = 51,
	AT_BASE_SEQUENCE = 53,
	AT_COUNT = 57,
	LENGTH_FROM = 12, /* what `length` does not count */
	ATTRIBUTE_CODEC = 0x07,
	ATTRIBUTE_LOG_APPEND_TIME = 0x08,
	ATTRIBUTE_TRANSACTIONAL = 0x10,
	ATTRIBUTE_CONTROL = 0x20,
	ATTRIBUTE_HORIZON = 0x40, /* the base timestamp is when tombstones may go: see batch_rewrite.h */
	MAGIC = 2,
};

#endif
