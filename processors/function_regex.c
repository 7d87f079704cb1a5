/* Regular expression functions: ~ ~* !~ !~*, regexp_replace, regexp_like, regexp_count, substring(text from
 * pattern), and SIMILAR TO, whose pattern similar_to_escape() turns into a regular expression. */
#include <string.h>

#include "processors/function_family.h"
#include "processors/regex.h"
#include "processors/utf8.h"

/* A pattern column: compiled again only when the pattern is not constant. */
struct matcher {
	const struct kernel_call *call;
	size_t pattern_argument;
	bool groups_used;
	struct regex regex;
	locale_t locale;
};

static status matcher_open(struct matcher *matcher, const struct kernel_call *call, bool groups_used)
{
	*matcher = (struct matcher){.call = call, .pattern_argument = 1, .groups_used = groups_used};
	return regex_enter(&matcher->locale);
}

static void matcher_close(struct matcher *matcher)
{
	regex_free(&matcher->regex);
	regex_leave(matcher->locale);
}

static status matcher_compile(struct matcher *matcher, uint32_t row, bool ignore_case)
{
	if (matcher->regex.filled && kernel_mask(matcher->call, matcher->pattern_argument) == 0)
		return STATUS_OK;
	struct text pattern = text_argument(matcher->call, matcher->pattern_argument, row);
	return regex_compile(&matcher->regex, text_slice(&pattern), ignore_case, matcher->groups_used);
}

static status matches(const struct kernel_call *call, bool ignore_case, bool wanted)
{
	struct matcher matcher;
	status result = matcher_open(&matcher, call, false);
	if (result != STATUS_OK)
		return result;
	EACH_ROW(call, row)
	{
		result = matcher_compile(&matcher, row, ignore_case);
		if (result != STATUS_OK)
			break;
		struct text text = text_argument(call, 0, row);
		regmatch_t groups[REGEX_GROUPS_MAX];
		call->result->booleans[row] = regex_search(&matcher.regex, text_slice(&text), 0, groups) == wanted;
	}
	matcher_close(&matcher);
	return result;
}

static status regex_match(const struct kernel_call *call)
{
	return matches(call, false, true);
}

static status regex_match_nocase(const struct kernel_call *call)
{
	return matches(call, true, true);
}

static status regex_no_match(const struct kernel_call *call)
{
	return matches(call, false, false);
}

static status regex_no_match_nocase(const struct kernel_call *call)
{
	return matches(call, true, false);
}

struct flags {
	bool global, ignore_case;
};

static status flags_parse(struct text text, bool global_allowed, struct flags *out)
{
	*out = (struct flags){0};
	for (uint32_t i = 0; i < text.size; i++) {
		char flag = text.data[i];
		if (flag == 'g' && global_allowed)
			out->global = true;
		else if (flag == 'i' || flag == 'c')
			out->ignore_case = flag == 'i';
		else if (flag != 's' && flag != 't')
			return error_raise(
				STATUS_INVALID, "invalid or unsupported regular expression option: \"%c\"", flag);
	}
	return STATUS_OK;
}

/* The replacement with \1 … \9, \& and \\ filled in. */
static void replacement_append(
	struct text replacement, struct text text, const regmatch_t *groups, struct buffer *out)
{
	for (uint32_t i = 0; i < replacement.size; i++) {
		char byte = replacement.data[i];
		char next = i + 1 < replacement.size ? replacement.data[i + 1] : 0;
		size_t group = next == '&' ? 0 : next >= '1' && next <= '9' ? (size_t)(next - '0') : REGEX_GROUPS_MAX;
		if (byte != '\\') {
			buffer_append_byte(out, (uint8_t)byte);
		} else if (group < REGEX_GROUPS_MAX) {
			if (groups[group].rm_so >= 0)
				buffer_append(out, text.data + groups[group].rm_so,
					(size_t)(groups[group].rm_eo - groups[group].rm_so));
			i++;
		} else {
			buffer_append_byte(out, '\\');
			i += next == '\\';
		}
	}
}

static status text_replace(
	const struct regex *regex, struct text text, struct text replacement, bool global, struct buffer *out)
{
	regmatch_t groups[REGEX_GROUPS_MAX];
	uint32_t at = 0, copied = 0;
	while (at <= text.size && regex_search(regex, text_slice(&text), at, groups)) {
		uint32_t start = (uint32_t)groups[0].rm_so, end = (uint32_t)groups[0].rm_eo;
		buffer_append(out, text.data + copied, start - copied);
		replacement_append(replacement, text, groups, out);
		copied = end;
		status result = text_size_check(out->size);
		if (result != STATUS_OK)
			return result;
		if (!global)
			break;
		/* An empty match moves on by one character. */
		at = end > start ? end : end < text.size ? end + utf8_width(text.data, text.size, end) : end + 1;
	}
	if (copied < text.size)
		buffer_append(out, text.data + copied, text.size - copied);
	return STATUS_OK;
}

static status regexp_replace(const struct kernel_call *call)
{
	struct matcher matcher;
	status result = matcher_open(&matcher, call, true);
	if (result != STATUS_OK)
		return result;
	struct text_writer writer = text_writer_of(call);
	struct buffer scratch;
	buffer_init(&scratch);
	EACH_ROW(call, row)
	{
		struct flags flags = {0};
		scratch.size = 0;
		if (call->argument_count == 4)
			result = flags_parse(text_argument(call, 3, row), true, &flags);
		if (result == STATUS_OK && call->argument_count == 4 && kernel_mask(call, 3) != 0)
			regex_free(&matcher.regex); /* the flags may differ from row to row */
		if (result == STATUS_OK)
			result = matcher_compile(&matcher, row, flags.ignore_case);
		if (result == STATUS_OK)
			result = text_replace(&matcher.regex, text_argument(call, 0, row), text_argument(call, 2, row),
				flags.global, &scratch);
		if (result == STATUS_OK)
			result = text_writer_put(&writer, buffer_slice(&scratch), &call->result->texts[row]);
		if (result != STATUS_OK)
			break;
	}
	buffer_deinit(&scratch);
	matcher_close(&matcher);
	return result;
}

/* The first match, or its first group if it has one; null if nothing matches: substring(text from pattern).
 */
static status regex_substring(const struct kernel_call *call)
{
	struct matcher matcher;
	status result = matcher_open(&matcher, call, true);
	if (result != STATUS_OK)
		return result;
	EACH_ROW(call, row)
	{
		result = matcher_compile(&matcher, row, false);
		if (result != STATUS_OK)
			break;
		struct text text = text_argument(call, 0, row);
		regmatch_t groups[REGEX_GROUPS_MAX];
		size_t group = matcher.regex.compiled.re_nsub > 0 ? 1 : 0;
		if (!regex_search(&matcher.regex, text_slice(&text), 0, groups) || groups[group].rm_so < 0) {
			kernel_set_null(call, row);
			continue;
		}
		call->result->texts[row] = (struct text){.data = text.data + groups[group].rm_so,
			.size = (uint32_t)(groups[group].rm_eo - groups[group].rm_so)};
	}
	matcher_close(&matcher);
	return result;
}

static status regexp_count(const struct kernel_call *call)
{
	struct matcher matcher;
	status result = matcher_open(&matcher, call, false);
	if (result != STATUS_OK)
		return result;
	EACH_ROW(call, row)
	{
		result = matcher_compile(&matcher, row, false);
		if (result != STATUS_OK)
			break;
		struct text text = text_argument(call, 0, row);
		regmatch_t groups[REGEX_GROUPS_MAX];
		int64_t count = 0;
		for (uint32_t at = 0; at <= text.size && regex_search(&matcher.regex, text_slice(&text), at, groups);
			 count++) {
			uint32_t end = (uint32_t)groups[0].rm_eo;
			at = groups[0].rm_eo > groups[0].rm_so ? end
				 : end < text.size                 ? end + utf8_width(text.data, text.size, end)
												   : end + 1;
		}
		call->result->i64[row] = count;
	}
	matcher_close(&matcher);
	return result;
}

/* The regular expression of a SIMILAR TO pattern. An empty escape: the pattern has none. */
static status similar_rewrite(struct text pattern, struct text escape, struct buffer *out)
{
	if (escape.size != 0 && utf8_count(escape.data, escape.size) != 1) {
		(void)error_raise(STATUS_INVALID, "invalid escape string");
		error_sqlstate("22025");
		error_hint("Escape string must be empty or one character.");
		return STATUS_INVALID;
	}
	bool escaped = false, in_brackets = false;
	buffer_append_string(out, "^(?:");
	for (uint32_t at = 0; at < pattern.size;) {
		uint32_t width = utf8_width(pattern.data, pattern.size, at);
		const char *from = pattern.data + at;
		at += width;
		bool is_escape = width == escape.size && memcmp(from, escape.data, width) == 0;
		if (escaped && from[0] == '"')
			return error_raise(
				STATUS_UNSUPPORTED, "SUBSTRING with a SQL regular expression is not supported");
		if (escaped || (in_brackets && from[0] == '\\' && !is_escape))
			buffer_append_byte(out, '\\');
		if (escaped || (in_brackets && !is_escape)) {
			buffer_append(out, from, width);
			in_brackets = in_brackets && (escaped || from[0] != ']');
			escaped = false;
		} else if (is_escape) {
			escaped = true;
		} else if (from[0] == '%') {
			buffer_append_string(out, ".*");
		} else if (from[0] == '_') {
			buffer_append_byte(out, '.');
		} else if (from[0] == '(') {
			buffer_append_string(out, "(?:");
		} else {
			if (strchr("\\.^$", from[0]) != NULL)
				buffer_append_byte(out, '\\');
			buffer_append(out, from, width);
			in_brackets = from[0] == '[';
		}
	}
	buffer_append_string(out, ")$");
	return STATUS_OK;
}

static status similar_to_escape(const struct kernel_call *call)
{
	struct text_writer writer = text_writer_of(call);
	struct text escape = {.data = "\\", .size = 1};
	struct buffer scratch;
	buffer_init(&scratch);
	status result = STATUS_OK;
	EACH_ROW(call, row)
	{
		if (call->argument_count == 2)
			escape = text_argument(call, 1, row);
		scratch.size = 0;
		result = similar_rewrite(text_argument(call, 0, row), escape, &scratch);
		if (result == STATUS_OK)
			result = text_writer_put(&writer, buffer_slice(&scratch), &call->result->texts[row]);
		if (result != STATUS_OK)
			break;
	}
	buffer_deinit(&scratch);
	return result;
}

static const struct function functions[] = {
	F2("~", BOOL, TEXT, TEXT, STRICT_FAILS, regex_match),
	F2("~*", BOOL, TEXT, TEXT, STRICT_FAILS, regex_match_nocase),
	F2("!~", BOOL, TEXT, TEXT, STRICT_FAILS, regex_no_match),
	F2("!~*", BOOL, TEXT, TEXT, STRICT_FAILS, regex_no_match_nocase),
	F2("regexp_like", BOOL, TEXT, TEXT, STRICT_FAILS, regex_match),
	F2("regexp_count", INT4, TEXT, TEXT, STRICT_FAILS, regexp_count),
	F3("regexp_replace", TEXT, TEXT, TEXT, TEXT, STRICT_FAILS, regexp_replace),
	F4("regexp_replace", TEXT, TEXT, TEXT, TEXT, TEXT, STRICT_FAILS, regexp_replace),
	F2("substring", TEXT, TEXT, TEXT, STRICT_FAILS, regex_substring),
	F1("similar_to_escape", TEXT, TEXT, STRICT_FAILS, similar_to_escape),
	F2("similar_to_escape", TEXT, TEXT, TEXT, STRICT_FAILS, similar_to_escape),
};
FUNCTION_LIST(function_list_regex, functions);
