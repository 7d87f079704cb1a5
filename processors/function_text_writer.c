/* Bytes of text results: chunks from the step's arena, filled row after row. */
#include <string.h>

#include "processors/function_family.h"

enum { CHUNK_SIZE = 16 * 1024 };

char *text_writer_reserve(struct text_writer *writer, size_t size)
{
	/* What a chunk has left is given up: at most one text's length of it. */
	if (size > writer->left) {
		writer->left = size > CHUNK_SIZE ? size : CHUNK_SIZE;
		writer->at = arena_alloc(writer->arena, writer->left);
	}
	return writer->at;
}

status text_size_check(size_t size)
{
	if (size <= TEXT_SIZE_MAX)
		return STATUS_OK;
	return error_raise(
		STATUS_TOO_LARGE, "text of %zu bytes is larger than the limit of %d bytes", size, TEXT_SIZE_MAX);
}

status text_writer_put(struct text_writer *writer, struct slice bytes, struct text *out)
{
	status result = text_size_check(bytes.size);
	if (result != STATUS_OK)
		return result;
	char *at = text_writer_reserve(writer, bytes.size);
	if (bytes.size != 0)
		memcpy(at, bytes.data, bytes.size);
	*out = text_writer_commit(writer, bytes.size);
	return STATUS_OK;
}
