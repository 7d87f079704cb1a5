#include "support_hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct slice hex_read(struct arena *arena, const char *hex)
{
	size_t size = strcmp(hex, "-") == 0 ? 0 : strlen(hex) / 2;
	uint8_t *bytes = arena_alloc(arena, size + 1);
	for (size_t i = 0; i < size; i++) {
		unsigned byte;
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		bytes[i] = (uint8_t)byte;
	}
	return slice_of(bytes, size);
}
