#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/invariant.h"

struct status_entry {
	const char *name;
	const char *words;
	const char *sqlstate;
	int16_t kafka;
	bool retriable;
};

static const struct status_entry entries[STATUS_COUNT] = {
#define X(name, words, sqlstate, kafka, retriable) {#name, words, sqlstate, kafka, retriable},
	STATUS_MAP(X)
#undef X
};

static _Thread_local struct error current;

const char *status_name(status code)
{
	INVARIANT(code < STATUS_COUNT);
	return entries[code].name;
}

const char *status_words(status code)
{
	INVARIANT(code < STATUS_COUNT);
	return entries[code].words;
}

const char *status_sqlstate(status code)
{
	INVARIANT(code < STATUS_COUNT);
	return entries[code].sqlstate;
}

int16_t status_kafka_code(status code)
{
	INVARIANT(code < STATUS_COUNT);
	return entries[code].kafka;
}

bool status_retriable(status code)
{
	INVARIANT(code < STATUS_COUNT);
	return entries[code].retriable;
}

status error_raise(status code, const char *format, ...)
{
	INVARIANT(code < STATUS_COUNT && code != STATUS_OK);
	va_list args;
	char text[ERROR_TEXT_MAX]; /* arguments may point into the current trace */
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	current.code = code;
	current.position = 0;
	current.hint[0] = '\0';
	memcpy(current.sqlstate, entries[code].sqlstate, sizeof current.sqlstate);
	memcpy(current.text, text, sizeof text);
	return code;
}

status error_note(status code, const char *format, ...)
{
	va_list args;
	size_t used = strlen(current.text);
	if (used + 2 < sizeof current.text) {
		current.text[used++] = '\n';
		va_start(args, format);
		(void)vsnprintf(current.text + used, sizeof current.text - used, format, args);
		va_end(args);
	}
	return code;
}

void error_hint(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)vsnprintf(current.hint, sizeof current.hint, format, args);
	va_end(args);
}

void error_position(int32_t position_1based)
{
	current.position = position_1based;
}

void error_sqlstate(const char *five)
{
	INVARIANT(strlen(five) == 5);
	memcpy(current.sqlstate, five, 6);
}

const struct error *error_current(void)
{
	return &current;
}

status error_restore(const struct error *error)
{
	if (error != &current)
		current = *error;
	return current.code;
}

status error_from_errno(int saved_errno, const char *format, ...)
{
	va_list args;
	char text[ERROR_TEXT_MAX];
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	bool full = saved_errno == ENOSPC || saved_errno == EDQUOT;
	return error_raise(full ? STATUS_NO_SPACE : STATUS_IO, "%s: %s", text, strerror(saved_errno));
}
