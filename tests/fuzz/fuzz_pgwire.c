/* Hostile bytes for the PostgreSQL protocol. The first byte chooses whether the start-up is done for the
 * input; the rest is what a client sends, in two portions, so that messages are split anywhere. The session
 * is a fake.
 */
#include <stdint.h>

#include "server/pgwire.h"
#include "tests/server/fake_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static status fuzz_flush(void *context, struct buffer *bytes)
{
	size_t *left = context;
	size_t taken = bytes->size;
	bytes->size = 0;
	if (taken > *left)
		return error_raise(STATUS_CANCELLED, "gone");
	*left -= taken;
	return STATUS_OK;
}

static void fuzz_cancel(void *context, int32_t pid, int32_t key)
{
	(void)context;
	(void)pid;
	(void)key;
}

static void feed(struct pgwire *pgwire, const uint8_t *data, size_t size)
{
	pgwire_receive(pgwire, slice_of(data, size));
	enum pgwire_next next = pgwire_run(pgwire, false);
	while (next == PGWIRE_WORK)
		next = pgwire_run(pgwire, true);
	pgwire_output(pgwire)->size = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char startup[] = "\0\0\0\x12\0\3\0\0user\0ann\0";
	if (size < 2)
		return 0;
	size_t left = 16 * 1024 * 1024;
	struct pgwire_options options = {.io = {&left, fuzz_flush, fuzz_cancel}};
	struct pgwire *pgwire = pgwire_create(&options);
	if ((data[0] & 1) != 0)
		feed(pgwire, (const uint8_t *)startup, sizeof startup);
	size_t first = data[1] < size - 2 ? data[1] : size - 2;
	feed(pgwire, data + 2, first);
	feed(pgwire, data + 2 + first, size - 2 - first);
	pgwire_destroy(pgwire);
	if (fake_open_count != 0)
		__builtin_trap();
	return 0;
}
