/* Translation of PostgreSQL's regular expressions into the C library's, and calls of it. */
#include "processors/regex.h"

#include <ctype.h>
#include <pthread.h>

#include "base/memory.h"

static pthread_once_t locale_once = PTHREAD_ONCE_INIT;
static locale_t locale_utf8;

static void locale_make(void)
{
	locale_utf8 = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);
}

status regex_enter(locale_t *before)
{
	(void)pthread_once(&locale_once, locale_make);
	if (locale_utf8 == (locale_t)0) {
		(void)error_raise(STATUS_UNSUPPORTED, "regular expressions need the locale C.UTF-8");
		error_hint("Install the C library's C.UTF-8 locale.");
		return STATUS_UNSUPPORTED;
	}
	*before = uselocale(locale_utf8);
	return STATUS_OK;
}

void regex_leave(locale_t before)
{
	(void)uselocale(before);
}

static status regex_refused(const char *what)
{
	(void)error_raise(STATUS_UNSUPPORTED, "%s in regular expressions is not supported", what);
	error_hint("Use POSIX extended syntax: groups, alternatives, brackets, * + ? {m,n}, ^ $, \\d \\w \\s.");
	return STATUS_UNSUPPORTED;
}

static status regex_invalid(const char *why)
{
	(void)error_raise(STATUS_BAD_TEXT, "invalid regular expression: %s", why);
	error_sqlstate("2201B");
	return STATUS_BAD_TEXT;
}

struct translation {
	struct slice pattern;
	size_t at;
	struct buffer *out;
	uint64_t repetitions;
	bool groups_used;
};

/* An escape outside of brackets; `at` stands behind the backslash. */
static status escape_translate(struct translation *translation)
{
	static const struct {
		char escape;
		const char *meaning;
	} table[] = {
		{'d', "[[:digit:]]"},
		{'D', "[^[:digit:]]"},
		{'w', "[[:alnum:]_]"},
		{'W', "[^[:alnum:]_]"},
		{'s', "[[:space:]]"},
		{'S', "[^[:space:]]"},
		{'m', "\\<"},
		{'M', "\\>"},
		{'y', "\\b"},
		{'A', "\\`"},
		{'Z', "\\'"},
		{'t', "\t"},
		{'n', "\n"},
		{'r', "\r"},
		{'f', "\f"},
	};
	if (translation->at == translation->pattern.size)
		return regex_invalid("invalid escape \\ sequence");
	uint8_t byte = translation->pattern.data[translation->at++];
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		if ((uint8_t)table[i].escape == byte) {
			buffer_append_string(translation->out, table[i].meaning);
			return STATUS_OK;
		}
	}
	if (isdigit(byte))
		return regex_refused("a back reference");
	if (byte >= 0x80 || isalpha(byte))
		return regex_refused("this escape sequence");
	buffer_append_byte(translation->out, '\\');
	buffer_append_byte(translation->out, byte);
	return STATUS_OK;
}

/* An escape inside of brackets, where the C library has none. */
static status bracket_escape_translate(struct translation *translation)
{
	if (translation->at == translation->pattern.size)
		return regex_invalid("brackets [] not balanced");
	uint8_t byte = translation->pattern.data[translation->at++];
	switch (byte) {
	case 'd':
		buffer_append_string(translation->out, "[:digit:]");
		return STATUS_OK;
	case 'w':
		buffer_append_string(translation->out, "[:alnum:]_");
		return STATUS_OK;
	case 's':
		buffer_append_string(translation->out, "[:space:]");
		return STATUS_OK;
	case 't':
		buffer_append_byte(translation->out, '\t');
		return STATUS_OK;
	case 'n':
		buffer_append_byte(translation->out, '\n');
		return STATUS_OK;
	case 'r':
		buffer_append_byte(translation->out, '\r');
		return STATUS_OK;
	case '^':
		buffer_append_string(translation->out, "[.^.]");
		return STATUS_OK;
	case ']':
		buffer_append_string(translation->out, "[.].]");
		return STATUS_OK;
	case '-':
		buffer_append_string(translation->out, "[.-.]");
		return STATUS_OK;
	default:
		if (byte >= 0x80 || isalnum(byte))
			return regex_refused("this escape sequence in brackets");
		buffer_append_byte(translation->out, byte);
		return STATUS_OK;
	}
}

/* [: … :], [. … .], [= … =] as they are. */
static void bracket_class_copy(struct translation *translation)
{
	const struct slice pattern = translation->pattern;
	uint8_t kind = pattern.data[translation->at];
	buffer_append_byte(translation->out, '[');
	while (translation->at < pattern.size) {
		uint8_t byte = pattern.data[translation->at++];
		buffer_append_byte(translation->out, byte);
		if (byte == kind && translation->at < pattern.size && pattern.data[translation->at] == ']' &&
			translation->out->size >= 3) {
			buffer_append_byte(translation->out, ']');
			translation->at++;
			return;
		}
	}
}

static status bracket_translate(struct translation *translation)
{
	const struct slice pattern = translation->pattern;
	buffer_append_byte(translation->out, '[');
	if (translation->at < pattern.size && pattern.data[translation->at] == '^') {
		buffer_append_byte(translation->out, '^');
		translation->at++;
	}
	for (bool first = true; translation->at < pattern.size; first = false) {
		uint8_t byte = pattern.data[translation->at++];
		if (byte == ']' && !first) {
			buffer_append_byte(translation->out, ']');
			return STATUS_OK;
		}
		if (byte == '\\') {
			status result = bracket_escape_translate(translation);
			if (result != STATUS_OK)
				return result;
		} else if (byte == '[' && translation->at < pattern.size &&
				   strchr(":.=", pattern.data[translation->at]) != NULL) {
			bracket_class_copy(translation);
		} else {
			buffer_append_byte(translation->out, byte);
		}
	}
	return regex_invalid("brackets [] not balanced");
}

/* {m}, {m,}, {m,n}: counts the repetitions that the library will build. */
static status bound_translate(struct translation *translation)
{
	const struct slice pattern = translation->pattern;
	uint64_t number = 0, most = 0;
	buffer_append_byte(translation->out, '{');
	while (translation->at < pattern.size) {
		uint8_t byte = pattern.data[translation->at++];
		buffer_append_byte(translation->out, byte);
		if (isdigit(byte))
			number = number * 10 + (uint64_t)(byte - '0');
		most = number > most ? number : most;
		if (number > 255)
			return regex_invalid("invalid repetition count(s)");
		if (byte == '}')
			break;
		if (!isdigit(byte))
			number = 0;
	}
	translation->repetitions *= most == 0 ? 1 : most;
	if (translation->repetitions > REGEX_REPETITIONS_MAX)
		return error_raise(STATUS_TOO_LARGE,
			"regular expression is too complex: its repetition counts multiply to more than %d",
			REGEX_REPETITIONS_MAX);
	return STATUS_OK;
}

static status pattern_translate(struct translation *translation)
{
	const struct slice pattern = translation->pattern;
	bool after_quantifier = false;
	while (translation->at < pattern.size) {
		uint8_t byte = pattern.data[translation->at++];
		uint8_t next = translation->at < pattern.size ? pattern.data[translation->at] : 0;
		bool quantifier = byte == '*' || byte == '+' || byte == '?' || byte == '{';
		status result = STATUS_OK;
		if (quantifier && after_quantifier)
			return byte == '?' ? regex_refused("a non-greedy quantifier")
							   : regex_invalid("quantifier operand invalid");
		if (byte == '(' && next == '?') {
			bool plain = translation->at + 1 < pattern.size && pattern.data[translation->at + 1] == ':';
			if (!plain || translation->groups_used)
				return regex_refused(plain ? "\"(?:\" here" : "\"(?\"");
			translation->at += 2;
		}
		if (byte == '\\')
			result = escape_translate(translation);
		else if (byte == '[')
			result = bracket_translate(translation);
		else if (byte == '{' && isdigit(next))
			result = bound_translate(translation);
		else if (byte == '{')
			buffer_append_string(translation->out, "\\{");
		else
			buffer_append_byte(translation->out, byte);
		if (result != STATUS_OK)
			return result;
		after_quantifier = quantifier && (byte != '{' || isdigit(next));
	}
	return STATUS_OK;
}

status regex_compile(struct regex *regex, struct slice pattern, bool ignore_case, bool groups_used)
{
	regex_free(regex);
	if (pattern.size > REGEX_PATTERN_SIZE_MAX)
		return error_raise(
			STATUS_TOO_LARGE, "regular expression is longer than %d bytes", REGEX_PATTERN_SIZE_MAX);
	if (pattern.size >= 3 && memcmp(pattern.data, "***", 3) == 0)
		return regex_refused("\"***\"");
	struct buffer text;
	buffer_init(&text);
	struct translation translation = {
		.pattern = pattern, .out = &text, .repetitions = 1, .groups_used = groups_used};
	status result = pattern_translate(&translation);
	if (result == STATUS_OK) {
		buffer_append_byte(&text, 0);
		int code =
			regcomp(&regex->compiled, (const char *)text.data, REG_EXTENDED | (ignore_case ? REG_ICASE : 0));
		char why[120];
		if (code != 0) {
			(void)regerror(code, &regex->compiled, why, sizeof why);
			result = regex_invalid(why);
		}
		regex->filled = code == 0;
	}
	buffer_deinit(&text);
	return result;
}

bool regex_search(
	const struct regex *regex, struct slice text, size_t from, regmatch_t groups[REGEX_GROUPS_MAX])
{
	groups[0] = (regmatch_t){.rm_so = (regoff_t)from, .rm_eo = (regoff_t)text.size};
	/* REG_STARTEND: the text is not terminated; ^ must not match in its middle. */
	int flags = REG_STARTEND | (from > 0 ? REG_NOTBOL : 0);
	const char *data = text.size != 0 ? (const char *)text.data : "";
	return regexec(&regex->compiled, data, REGEX_GROUPS_MAX, groups, flags) == 0;
}

void regex_free(struct regex *regex)
{
	if (regex->filled)
		regfree(&regex->compiled);
	regex->filled = false;
}
