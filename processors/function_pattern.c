/* LIKE and ILIKE (operators ~~ !~~ ~~* !~~*), like_escape.
 *
 * A pattern is compiled once per kernel call when it is constant: literal, prefix, suffix and contained
 * literals (no _) are compared as bytes; all others run a matcher that backtracks to the last % only, in
 * O(text × pattern) at worst.
 */
#include <string.h>

#include "processors/function_family.h"
#include "processors/utf8.h"

enum {
	TOKEN_ONE = -1,
	TOKEN_MANY = -2,
	TOKEN_INVALID = -3
}; /* _, %, an escape at the end; else a code point */

enum like_shape { LIKE_EQUALS, LIKE_PREFIX, LIKE_SUFFIX, LIKE_CONTAINS, LIKE_GENERAL };

struct like_pattern {
	enum like_shape shape;
	bool fold; /* ILIKE: compare lower-case forms */
	int32_t *tokens;
	size_t token_count;
	struct buffer literal; /* for all shapes but LIKE_GENERAL */
};

static void pattern_classify(struct like_pattern *pattern)
{
	size_t many = 0, one = 0;
	for (size_t i = 0; i < pattern->token_count; i++) {
		many += pattern->tokens[i] == TOKEN_MANY;
		one += pattern->tokens[i] == TOKEN_ONE || pattern->tokens[i] == TOKEN_INVALID;
	}
	bool first = pattern->token_count > 0 && pattern->tokens[0] == TOKEN_MANY;
	bool last = pattern->token_count > 0 && pattern->tokens[pattern->token_count - 1] == TOKEN_MANY;
	pattern->shape = LIKE_GENERAL;
	if (one != 0 || pattern->fold || many > 2)
		return;
	if (many == 0)
		pattern->shape = LIKE_EQUALS;
	else if (many == 1 && last)
		pattern->shape = LIKE_PREFIX;
	else if (many == 1 && first)
		pattern->shape = LIKE_SUFFIX;
	else if (many == 2 && first && last)
		pattern->shape = LIKE_CONTAINS;
	for (size_t i = 0; i < pattern->token_count && pattern->shape != LIKE_GENERAL; i++) {
		if (pattern->tokens[i] < 0)
			continue;
		char bytes[4];
		buffer_append(&pattern->literal, bytes, utf8_encode((uint32_t)pattern->tokens[i], bytes));
	}
}

/* Room for the tokens comes from the arena. */
static void pattern_compile(struct text text, bool fold, struct arena *arena, struct like_pattern *out)
{
	out->fold = fold;
	out->tokens = arena_alloc(arena, text.size * sizeof *out->tokens);
	out->token_count = 0;
	out->literal.size = 0;
	for (uint32_t at = 0; at < text.size;) {
		char byte = text.data[at];
		bool escaped = byte == '\\';
		at += escaped;
		if (at == text.size) {
			out->tokens[out->token_count++] = TOKEN_INVALID;
			break;
		}
		uint32_t width = utf8_width(text.data, text.size, at);
		uint32_t code = utf8_decode(text.data + at, width);
		int32_t token = (int32_t)(fold ? utf8_lower(code) : code);
		if (!escaped && (byte == '%' || byte == '_'))
			token = byte == '%' ? TOKEN_MANY : TOKEN_ONE;
		at += width;
		if (token == TOKEN_MANY && out->token_count > 0 && out->tokens[out->token_count - 1] == TOKEN_MANY)
			continue; /* %% is % */
		out->tokens[out->token_count++] = token;
	}
	pattern_classify(out);
}

/* An escape at the pattern's end is an error only when a match gets there with text left. */
static status general_match(const struct like_pattern *pattern, struct text text, bool *out)
{
	size_t p = 0, after_many = 0;
	uint32_t at = 0, retry = 0;
	bool many = false;
	while (at < text.size) {
		if (p < pattern->token_count && pattern->tokens[p] == TOKEN_MANY) {
			many = true;
			after_many = ++p;
			retry = at;
			continue;
		}
		if (p < pattern->token_count && pattern->tokens[p] == TOKEN_INVALID) {
			(void)error_raise(STATUS_INVALID, "LIKE pattern must not end with escape character");
			error_sqlstate("22025");
			return STATUS_INVALID;
		}
		uint32_t width = utf8_width(text.data, text.size, at);
		uint32_t code = utf8_decode(text.data + at, width);
		code = pattern->fold ? utf8_lower(code) : code;
		if (p < pattern->token_count &&
			(pattern->tokens[p] == TOKEN_ONE || pattern->tokens[p] == (int32_t)code)) {
			p++;
			at += width;
			continue;
		}
		if (!many) {
			*out = false;
			return STATUS_OK;
		}
		retry += utf8_width(text.data, text.size, retry);
		at = retry;
		p = after_many;
	}
	while (p < pattern->token_count && pattern->tokens[p] == TOKEN_MANY)
		p++;
	*out = p == pattern->token_count;
	return STATUS_OK;
}

/* Texts are short, so looking for the first byte beats a call that prepares for long ones. */
static bool text_contains(struct text text, const char *literal, size_t size)
{
	if (text.size > 256)
		return memmem(text.data, text.size, literal, size) != NULL;
	const char *end = text.data + text.size - size;
	for (const char *at = text.data; at <= end; at++) {
		if (*at == literal[0] && memcmp(at, literal, size) == 0)
			return true;
	}
	return false;
}

static bool literal_match(const struct like_pattern *pattern, struct text text)
{
	const void *literal = pattern->literal.data;
	size_t size = pattern->literal.size;
	if (size > text.size || (size != text.size && pattern->shape == LIKE_EQUALS))
		return false;
	if (size == 0)
		return true;
	if (pattern->shape == LIKE_CONTAINS)
		return text_contains(text, literal, size);
	const char *from = pattern->shape == LIKE_SUFFIX ? text.data + text.size - size : text.data;
	return memcmp(from, literal, size) == 0;
}

static status like(const struct kernel_call *call, bool fold, bool wanted)
{
	struct like_pattern pattern = {0};
	bool constant = kernel_mask(call, 1) == 0, compiled = false;
	status result = STATUS_OK;
	EACH_ROW(call, row)
	{
		if (!compiled)
			pattern_compile(text_argument(call, 1, row), fold, call->arena, &pattern);
		compiled = constant;
		struct text text = text_argument(call, 0, row);
		bool match;
		if (pattern.shape == LIKE_GENERAL)
			result = general_match(&pattern, text, &match);
		else
			match = literal_match(&pattern, text);
		if (result != STATUS_OK)
			break;
		call->result->booleans[row] = match == wanted;
	}
	buffer_deinit(&pattern.literal);
	return result;
}

static status text_like(const struct kernel_call *call)
{
	return like(call, false, true);
}

static status text_not_like(const struct kernel_call *call)
{
	return like(call, false, false);
}

static status text_ilike(const struct kernel_call *call)
{
	return like(call, true, true);
}

static status text_not_ilike(const struct kernel_call *call)
{
	return like(call, true, false);
}

/* The pattern rewritten so that backslash is its escape character. An empty escape: the pattern has none. */
static status escape_rewrite(struct text pattern, struct text escape, struct buffer *out)
{
	if (escape.size != 0 && utf8_count(escape.data, escape.size) != 1) {
		(void)error_raise(STATUS_INVALID, "invalid escape string");
		error_sqlstate("22025");
		error_hint("Escape string must be empty or one character.");
		return STATUS_INVALID;
	}
	bool after_escape = false;
	for (uint32_t at = 0; at < pattern.size;) {
		uint32_t width = utf8_width(pattern.data, pattern.size, at);
		const char *from = pattern.data + at;
		at += width;
		if (!after_escape && width == escape.size && memcmp(from, escape.data, width) == 0) {
			buffer_append_byte(out, '\\');
			after_escape = true;
			continue;
		}
		if (from[0] == '\\' && !after_escape)
			buffer_append_byte(out, '\\');
		buffer_append(out, from, width);
		after_escape = false;
	}
	return STATUS_OK;
}

static status like_escape(const struct kernel_call *call)
{
	struct text_writer writer = text_writer_of(call);
	struct buffer scratch;
	buffer_init(&scratch);
	status result = STATUS_OK;
	EACH_ROW(call, row)
	{
		scratch.size = 0;
		result = escape_rewrite(text_argument(call, 0, row), text_argument(call, 1, row), &scratch);
		if (result == STATUS_OK)
			result = text_writer_put(&writer, buffer_slice(&scratch), &call->result->texts[row]);
		if (result != STATUS_OK)
			break;
	}
	buffer_deinit(&scratch);
	return result;
}

static const struct function functions[] = {
	F2("~~", BOOL, TEXT, TEXT, STRICT_FAILS, text_like),
	F2("!~~", BOOL, TEXT, TEXT, STRICT_FAILS, text_not_like),
	F2("~~*", BOOL, TEXT, TEXT, STRICT_FAILS, text_ilike),
	F2("!~~*", BOOL, TEXT, TEXT, STRICT_FAILS, text_not_ilike),
	F2("like_escape", TEXT, TEXT, TEXT, STRICT_FAILS, like_escape),
};
FUNCTION_LIST(function_list_pattern, functions);
