/* Fuzz target: any bytes as a partition's active segment. Recovery ends with a partition whose records
 * can all be read, or with DAMAGED; never otherwise, and a second recovery of its result changes nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/file.h"
#include "base/invariant.h"
#include "log/partition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t recover_and_read(const struct topic *topic, const char *path)
{
	struct partition *partition = partition_allocate(topic, 0, path);
	struct buffer bytes;
	int64_t end = -1, found = 0;
	buffer_init(&bytes);
	status result = partition_recover(partition);
	INVARIANT(result == STATUS_OK || result == STATUS_DAMAGED);
	if (result == STATUS_OK) {
		end = partition_high_watermark(partition);
		for (int64_t offset = 0; offset < end;) {
			bytes.size = 0;
			INVARIANT(partition_read(partition, offset, 4096, &bytes) == STATUS_OK);
			struct slice left = buffer_slice(&bytes);
			struct record_batch batch;
			while (left.size != 0) {
				INVARIANT(record_batch_verify(left, &batch) == STATUS_OK);
				INVARIANT(batch.base_offset == offset);
				offset += batch.last_offset_delta + 1;
				left = slice_of(left.data + batch.size, left.size - batch.size);
			}
		}
		result = partition_find_time(partition, 0, &found, &found);
		(void)result; /* its records may be anything */
	}
	buffer_deinit(&bytes);
	partition_destroy(partition);
	return end;
}

static char dir[64];

static void directory_forget(void)
{
	status ignored = directory_remove(dir);
	(void)ignored;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct topic_config config = {.partitions = 1, .segment_bytes = INT32_MAX};
	static struct topic topic = {.name = "fuzz", .config = &config};
	char path[SEGMENT_PATH_MAX];
	if (dir[0] == '\0') {
		diag_set_level((enum diag_level)(DIAG_ERROR + 1));
		(void)snprintf(dir, sizeof dir, "%s/kappa-fuzz-%d",
			access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
		status made = directory_create(dir);
		INVARIANT(made == STATUS_OK || made == STATUS_EXISTS);
		INVARIANT(atexit(directory_forget) == 0);
	}
	segment_path(path, dir, 0, SEGMENT_LOG);
	INVARIANT(file_write_all(path, slice_of(data, size)) == STATUS_OK);
	int64_t end = recover_and_read(&topic, dir);
	INVARIANT(recover_and_read(&topic, dir) == end);
	return 0;
}
