/* Comparisons of text and bytea: by bytes, a prefix before its extensions (collation "C"). */
#include <string.h>

#include "processors/function_family.h"

/* Texts under nulls have size 0, so every row may be compared. */
static inline int text_order(const struct text *left, const struct text *right)
{
	uint32_t least = left->size < right->size ? left->size : right->size;
	int order = least == 0 ? 0 : memcmp(left->data, right->data, least);
	return order != 0 ? order : (left->size > right->size) - (left->size < right->size);
}

static inline uint64_t load(const char *at, size_t size)
{
	uint64_t word = 0;
	memcpy(&word, at, size);
	return word;
}

/* Short texts, which most keys are, are compared by two loads that may overlap instead of a call. */
static inline bool text_same(const struct text *left, const struct text *right)
{
	uint32_t size = left->size;
	const char *a = left->data, *b = right->data;
	if (size != right->size)
		return false;
	if (size > 16)
		return memcmp(a, b, size) == 0;
	if (size >= 8)
		return ((load(a, 8) ^ load(b, 8)) | (load(a + size - 8, 8) ^ load(b + size - 8, 8))) == 0;
	if (size >= 4)
		return ((load(a, 4) ^ load(b, 4)) | (load(a + size - 4, 4) ^ load(b + size - 4, 4))) == 0;
	if (size >= 2)
		return ((load(a, 2) ^ load(b, 2)) | (load(a + size - 2, 2) ^ load(b + size - 2, 2))) == 0;
	return size == 0 || a[0] == b[0];
}

#define TEXT_COMPARISON(linkage, name, condition)                                                            \
	linkage status name(const struct kernel_call *call)                                                      \
	{                                                                                                        \
		const struct text *left = call->arguments[0].texts, *right = call->arguments[1].texts;               \
		uint32_t left_mask = kernel_mask(call, 0), right_mask = kernel_mask(call, 1);                        \
		uint8_t *restrict out = call->result->booleans;                                                      \
		for (uint32_t row = 0; row < call->row_count; row++) {                                               \
			const struct text *a = &left[row & left_mask], *b = &right[row & right_mask];                    \
			out[row] = (uint8_t)(condition);                                                                 \
		}                                                                                                    \
		return STATUS_OK;                                                                                    \
	}

TEXT_COMPARISON(, text_equal, text_same(a, b))
TEXT_COMPARISON(static, text_ne, !text_same(a, b))
TEXT_COMPARISON(static, text_lt, text_order(a, b) < 0)
TEXT_COMPARISON(static, text_le, text_order(a, b) <= 0)
TEXT_COMPARISON(static, text_gt, text_order(a, b) > 0)
TEXT_COMPARISON(static, text_ge, text_order(a, b) >= 0)

#define SIX(type)                                                                                            \
	F2("=", BOOL, type, type, STRICT, text_equal), F2("<>", BOOL, type, type, STRICT, text_ne),              \
		F2("<", BOOL, type, type, STRICT, text_lt), F2("<=", BOOL, type, type, STRICT, text_le),             \
		F2(">", BOOL, type, type, STRICT, text_gt), F2(">=", BOOL, type, type, STRICT, text_ge)

static const struct function functions[] = {
	SIX(TEXT),
	SIX(BYTEA),
};
FUNCTION_LIST(function_list_text_comparison, functions);
