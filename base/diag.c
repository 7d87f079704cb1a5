/* Structured diagnostics. A line is built on the caller's stack and leaves in one write(), so
 * lines of several threads do not mix; there is no lock and no state but the level.
 */
#include "base/diag.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum { DIAG_FIELDS_MAX = 2048, DIAG_LINE_MAX = 3 * DIAG_FIELDS_MAX };

static _Atomic int level_least = DIAG_INFO;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void diag_set_level(enum diag_level least)
{
	atomic_store(&level_least, (int)least);
}

struct line {
	char text[DIAG_LINE_MAX];
	size_t size; /* what does not fit is cut; room for the closing "}\n" is kept */
};

static void line_byte(struct line *line, char byte)
{
	if (line->size < sizeof line->text - 8)
		line->text[line->size++] = byte;
}

static void line_text(struct line *line, const char *text)
{
	for (; *text != '\0'; text++)
		line_byte(line, *text);
}

/* A byte inside a JSON string. */
static void line_json_byte(struct line *line, char byte)
{
	static const char digits[] = "0123456789abcdef";
	if (byte == '"' || byte == '\\') {
		line_byte(line, '\\');
		line_byte(line, byte);
	} else if ((unsigned char)byte < 0x20) {
		line_text(line, "\\u00");
		line_byte(line, digits[(unsigned char)byte >> 4]);
		line_byte(line, digits[byte & 15]);
	} else {
		line_byte(line, byte);
	}
}

static bool number_is_json(const char *text, size_t size)
{
	size_t at = size > 0 && text[0] == '-' ? 1 : 0;
	if (at == size || size - at > 15 || (text[at] == '0' && size - at > 1 && text[at + 1] != '.'))
		return false;
	bool dot = false;
	for (size_t i = at; i < size; i++) {
		if (text[i] == '.' && !dot && i > at && i + 1 < size)
			dot = true;
		else if (text[i] < '0' || text[i] > '9')
			return false;
	}
	return true;
}

/* One logfmt field `key=value` or `key="value \" more"` from *at; moves *at behind it. */
static void line_json_field(struct line *line, const char **at)
{
	const char *p = *at;
	line_text(line, ",\"");
	while (*p != '\0' && *p != '=' && *p != ' ')
		line_json_byte(line, *p++);
	line_text(line, "\":");
	if (*p == '=')
		p++;
	if (*p == '"') {
		line_byte(line, '"');
		for (p++; *p != '\0' && *p != '"'; p++) {
			if (*p == '\\' && p[1] != '\0')
				p++;
			line_json_byte(line, *p);
		}
		if (*p == '"')
			p++;
		line_byte(line, '"');
	} else {
		const char *end = p;
		while (*end != '\0' && *end != ' ')
			end++;
		bool bare = number_is_json(p, (size_t)(end - p));
		if (!bare)
			line_byte(line, '"');
		for (; p < end; p++)
			line_json_byte(line, *p);
		if (!bare)
			line_byte(line, '"');
	}
	*at = p;
}

static void time_format(char *text, size_t size)
{
	int64_t now_ms = clock_wall_ms();
	time_t seconds = (time_t)(now_ms / 1000);
	struct tm utc;
	char whole[32];
	if (gmtime_r(&seconds, &utc) == NULL || strftime(whole, sizeof whole, "%Y-%m-%dT%H:%M:%S", &utc) == 0)
		whole[0] = '\0';
	(void)snprintf(text, size, "%s.%03dZ", whole, (int)(now_ms % 1000));
}

void diag(enum diag_level level, const char *component, const char *event, const char *fields, ...)
{
	if ((int)level < atomic_load_explicit(&level_least, memory_order_relaxed))
		return;
	char formatted[DIAG_FIELDS_MAX], when[48];
	va_list args;
	va_start(args, fields);
	(void)vsnprintf(formatted, sizeof formatted, fields, args);
	va_end(args);
	time_format(when, sizeof when);
	struct line line;
	line.size = 0;
	if (isatty(STDERR_FILENO)) {
		const char *const words[] = {
			when, " ", level_names[level], " ", component, " ", event, " ", formatted};
		for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
			line_text(&line, words[i]);
	} else {
		const char *const words[] = {"{\"time\":\"", when, "\",\"level\":\"", level_names[level],
			"\",\"component\":\"", component, "\",\"event\":\"", event, "\""};
		for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
			line_text(&line, words[i]);
		for (const char *at = formatted; *at != '\0';) {
			if (*at == ' ')
				at++;
			else
				line_json_field(&line, &at);
		}
		line.text[line.size++] = '}';
	}
	line.text[line.size++] = '\n';
	ssize_t ignored = write(STDERR_FILENO, line.text, line.size); /* nowhere to complain */
	(void)ignored;
}
