/* Hostile record batches: header, CRC, check, iteration, decompression.
 *
 * The first byte chooses: bit 0 = the bytes are a whole batch; else they are records, wrapped into a batch
 * with a right header, right CRC and the codec of bits 1–3, so that the fuzzer gets past the checksum.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/invariant.h"
#include "base/memory.h"
#include "log/compress.h"
#include "log/record_batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(struct slice bytes, int32_t expected)
{
	struct record_iterator iterator;
	struct record record;
	int64_t count = 0;
	uint64_t sum = 0;
	record_iterator_init(&iterator, bytes);
	status result;
	while ((result = record_iterator_next(&iterator, &record)) == STATUS_OK) {
		struct record_header header;
		sum += hash_bytes(record.key.data, record.key.size, 1) +
			   hash_bytes(record.value.data, record.value.size, 2);
		while (record_header_next(&record, &header) == STATUS_OK)
			sum += header.key.size + header.value.size;
		count += 1;
	}
	/* What the broker has accepted, every reader can read. */
	INVARIANT(expected < 0 || (result == STATUS_END && count == expected));
	INVARIANT(sum != 1 || count > 0);
	record_iterator_deinit(&iterator);
}

static void wrap(uint8_t choice, const uint8_t *data, size_t size, struct buffer *out)
{
	(void)buffer_reserve(out, RECORD_BATCH_HEADER_SIZE + size);
	memset(out->data, 0, RECORD_BATCH_HEADER_SIZE);
	out->size = RECORD_BATCH_HEADER_SIZE;
	int32_t count = choice >> 4;
	if (count == 15 && size > 2)
		count = (data[0] << 8 | data[1]);
	buffer_append(out, data, size);
	put_be32(out->data + 8, (uint32_t)(out->size - 12));
	out->data[16] = 2;
	put_be16(out->data + 21, (choice >> 1) & 7);
	put_be32(out->data + 23, (uint32_t)(count - 1));
	memset(out->data + 43, 0xff, 14);
	put_be32(out->data + 57, (uint32_t)count);
	put_be32(out->data + 17, crc32c(0, out->data + 21, out->size - 21));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct buffer batch = {0}, inflated = {0};
	uint8_t choice = data[0];
	if ((choice & 1) != 0)
		buffer_append(&batch, data + 1, size - 1);
	else
		wrap(choice, data + 1, size - 1, &batch);
	/* Bounded at less than in production, so that bombs do not slow the fuzzer down. */
	if (decompress_append(
			(enum codec)((choice >> 1) & 7), slice_of(data + 1, size - 1), 1 << 20, &inflated) == STATUS_OK)
		INVARIANT(inflated.size <= 1 << 20);
	walk(buffer_slice(&batch), -1);
	struct record_batch header;
	if (record_batch_check(batch.data, batch.size, &header) == STATUS_OK)
		walk(buffer_slice(&batch), header.count);
	buffer_deinit(&batch);
	buffer_deinit(&inflated);
	return 0;
}
