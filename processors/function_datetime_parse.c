/* to_date(text, template) and to_timestamp(text, template): PostgreSQL's datetime templates, read.
 *
 * Supported fields: YYYY YYY YY Y MM Mon Month DD DDD HH24 HH12 HH MI SS MS US SSSS AM PM Day Dy FM TH;
 * "text" and separators. Others are refused. Spaces before a field are skipped, a separator stands for any
 * separator or none, a character of literal text for any character; what is left of the input is ignored, as
 * in PostgreSQL.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "processors/function_family.h"
#include "processors/utf8.h"
#include "zset/datetime.h"

enum field_kind {
	READ_YEAR,
	READ_MONTH,
	READ_MONTH_NAME,
	READ_DAY,
	READ_DAY_OF_YEAR,
	READ_DAY_NAME,
	READ_HOUR,
	READ_HOUR_12,
	READ_MINUTE,
	READ_SECOND,
	READ_MILLISECOND,
	READ_MICROSECOND,
	READ_SECOND_OF_DAY,
	READ_HALF,
	READ_NOTHING, /* FM, TH */
	READ_REFUSED,
};

/* A word of the template, longest first where one begins another; `digits` it takes when a digit may follow.
 */
static const struct word {
	const char *text;
	enum field_kind kind;
	uint32_t digits;
} words[] = {
	{"A.M.", READ_HALF, 0},
	{"P.M.", READ_HALF, 0},
	{"SSSSS", READ_SECOND_OF_DAY, 5},
	{"SSSS", READ_SECOND_OF_DAY, 5},
	{"IYYY", READ_REFUSED, 0},
	{"IDDD", READ_REFUSED, 0},
	{"Y,YYY", READ_REFUSED, 0},
	{"YYYY", READ_YEAR, 4},
	{"HH24", READ_HOUR, 2},
	{"HH12", READ_HOUR_12, 2},
	{"YYY", READ_YEAR, 3},
	{"DDD", READ_DAY_OF_YEAR, 3},
	{"DAY", READ_DAY_NAME, 0},
	{"TZH", READ_REFUSED, 0},
	{"TZM", READ_REFUSED, 0},
	{"MONTH", READ_MONTH_NAME, 0},
	{"MON", READ_MONTH_NAME, 0},
	{"AM", READ_HALF, 0},
	{"PM", READ_HALF, 0},
	{"AD", READ_REFUSED, 0},
	{"BC", READ_REFUSED, 0},
	{"A.D.", READ_REFUSED, 0},
	{"B.C.", READ_REFUSED, 0},
	{"CC", READ_REFUSED, 0},
	{"YY", READ_YEAR, 2},
	{"DD", READ_DAY, 2},
	{"DY", READ_DAY_NAME, 0},
	{"FM", READ_NOTHING, 0},
	{"FX", READ_REFUSED, 0},
	{"FF", READ_REFUSED, 0},
	{"HH", READ_HOUR_12, 2},
	{"ID", READ_REFUSED, 0},
	{"IW", READ_REFUSED, 0},
	{"IY", READ_REFUSED, 0},
	{"MI", READ_MINUTE, 2},
	{"MM", READ_MONTH, 2},
	{"MS", READ_MILLISECOND, 3},
	{"OF", READ_REFUSED, 0},
	{"RM", READ_REFUSED, 0},
	{"SS", READ_SECOND, 2},
	{"TH", READ_NOTHING, 0},
	{"TZ", READ_REFUSED, 0},
	{"US", READ_MICROSECOND, 6},
	{"WW", READ_REFUSED, 0},
	{"D", READ_REFUSED, 0},
	{"I", READ_REFUSED, 0},
	{"J", READ_REFUSED, 0},
	{"Q", READ_REFUSED, 0},
	{"W", READ_REFUSED, 0},
	{"Y", READ_YEAR, 1},
};

struct moment {
	int64_t year, month, day, day_of_year, hour, minute, second, microsecond, second_of_day;
	bool hour_is_12, afternoon, has_half, has_second_of_day;
};

struct reader {
	struct text input, template;
	uint32_t at, template_at;
	int32_t extra; /* separators and spaces skipped beyond those of the template */
	struct moment moment;
};

static const struct word *word_at(struct text template, uint32_t at)
{
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		size_t size = strlen(words[i].text);
		if (template.size - at >= size && strncasecmp(template.data + at, words[i].text, size) == 0)
			return &words[i];
	}
	return NULL;
}

static bool is_separator(char byte)
{
	return byte > ' ' && byte < 0x7f && !isalnum((unsigned char)byte);
}

static bool input_is_space(const struct reader *reader)
{
	return reader->at < reader->input.size && isspace((unsigned char)reader->input.data[reader->at]) != 0;
}

/* May a digit follow the field just passed? Then it takes only its own number of digits. */
static bool digit_follows(const struct reader *reader)
{
	if (reader->template_at >= reader->template.size)
		return false;
	const struct word *next = word_at(reader->template, reader->template_at);
	if (next != NULL)
		return next->digits > 0;
	return isdigit((unsigned char)reader->template.data[reader->template_at]) != 0;
}

static status field_invalid(const struct reader *reader, const struct word *word, const char *why)
{
	uint32_t left = reader->input.size - reader->at;
	(void)error_raise(STATUS_BAD_DATETIME, "invalid value \"%.*s\" for \"%s\"", (int)(left < 20 ? left : 20),
		reader->input.data + reader->at, word->text);
	if (why != NULL)
		error_hint("%s", why);
	return STATUS_BAD_DATETIME;
}

static status number_read(struct reader *reader, const struct word *word, int64_t *out, uint32_t *digits)
{
	uint32_t most = digit_follows(reader) ? word->digits : 9;
	uint32_t start = reader->at;
	int64_t number = 0;
	while (reader->at < reader->input.size && reader->at - start < most &&
		   isdigit((unsigned char)reader->input.data[reader->at])) {
		number = number * 10 + (reader->input.data[reader->at] - '0');
		reader->at++;
	}
	*digits = reader->at - start;
	if (*digits == 0 || (most != 9 && *digits < most)) {
		bool at_end = reader->at == reader->input.size;
		reader->at = start;
		if (at_end && most != 9)
			return error_raise(
				STATUS_BAD_DATETIME, "source string too short for \"%s\" formatting field", word->text);
		return field_invalid(reader, word, NULL);
	}
	*out = number;
	return STATUS_OK;
}

static const char *const month_names[] = {"january", "february", "march", "april", "may", "june", "july",
	"august", "september", "october", "november", "december"};
static const char *const day_names[] = {
	"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};

/* Whole names where the template spells the whole word, else their first three letters. */
static status name_read(
	struct reader *reader, const struct word *word, const char *const *names, size_t count, int64_t *out)
{
	bool whole = strlen(word->text) == 5 || strcmp(word->text, "DAY") == 0;
	for (size_t i = 0; i < count; i++) {
		size_t size = whole ? strlen(names[i]) : 3;
		if (reader->input.size - reader->at < size ||
			strncasecmp(reader->input.data + reader->at, names[i], size) != 0)
			continue;
		reader->at += (uint32_t)size;
		*out = (int64_t)i + 1;
		return STATUS_OK;
	}
	return field_invalid(
		reader, word, "The given value did not match any of the allowed values for this field.");
}

/* Years of fewer than four digits are the nearest to 2020. */
static int64_t year_complete(int64_t year, uint32_t digits)
{
	if (digits >= 4)
		return year;
	if (year < 70)
		return year + 2000;
	if (year < 100)
		return year + 1900;
	return year < 520 ? year + 2000 : year < 1000 ? year + 1000 : year;
}

static status half_read(struct reader *reader, const struct word *word)
{
	const char *at = reader->input.data + reader->at;
	size_t size = strlen(word->text), left = reader->input.size - reader->at;
	char morning[5], afternoon[5];
	(void)memcpy(morning, word->text, size + 1);
	(void)memcpy(afternoon, word->text, size + 1);
	morning[0] = 'A';
	afternoon[0] = 'P';
	bool is_morning = left >= size && strncasecmp(at, morning, size) == 0;
	bool is_afternoon = left >= size && strncasecmp(at, afternoon, size) == 0;
	if (!is_morning && !is_afternoon)
		return field_invalid(
			reader, word, "The given value did not match any of the allowed values for this field.");
	reader->at += (uint32_t)size;
	reader->moment.has_half = true;
	reader->moment.afternoon = is_afternoon;
	reader->moment.hour_is_12 = true;
	return STATUS_OK;
}

static int64_t fraction_scale(int64_t number, uint32_t digits, uint32_t wanted)
{
	for (; digits < wanted; digits++)
		number *= 10;
	for (; digits > wanted; digits--)
		number /= 10;
	return number;
}

static status number_field_read(struct reader *reader, const struct word *word)
{
	struct moment *moment = &reader->moment;
	int64_t number = 0;
	uint32_t digits = 0;
	status result = number_read(reader, word, &number, &digits);
	if (result != STATUS_OK)
		return result;
	switch (word->kind) {
	case READ_YEAR:
		moment->year = word->digits == 4 ? number : year_complete(number, digits);
		break;
	case READ_MONTH:
		moment->month = number;
		break;
	case READ_DAY:
		moment->day = number;
		break;
	case READ_DAY_OF_YEAR:
		moment->day_of_year = number;
		break;
	case READ_HOUR:
	case READ_HOUR_12:
		moment->hour = number;
		moment->hour_is_12 = moment->hour_is_12 || word->kind == READ_HOUR_12;
		break;
	case READ_MINUTE:
		moment->minute = number;
		break;
	case READ_SECOND:
		moment->second = number;
		break;
	case READ_MILLISECOND:
		moment->microsecond += fraction_scale(number, digits, 3) * 1000;
		break;
	case READ_MICROSECOND:
		moment->microsecond += fraction_scale(number, digits, 6);
		break;
	default:
		moment->second_of_day = number;
		moment->has_second_of_day = true;
		break;
	}
	return STATUS_OK;
}

static status field_read(struct reader *reader, const struct word *word)
{
	int64_t ignored;
	switch (word->kind) {
	case READ_REFUSED:
		(void)error_raise(
			STATUS_UNSUPPORTED, "template pattern \"%s\" is not supported for reading", word->text);
		error_hint(
			"Supported: YYYY MM Mon Month DD DDD HH24 HH12 MI SS MS US SSSS AM PM Day Dy and \"text\".");
		return STATUS_UNSUPPORTED;
	case READ_NOTHING:
		return STATUS_OK;
	case READ_MONTH_NAME:
		return name_read(reader, word, month_names, 12, &reader->moment.month);
	case READ_DAY_NAME:
		return name_read(reader, word, day_names, 7, &ignored);
	case READ_HALF:
		return half_read(reader, word);
	default:
		return number_field_read(reader, word);
	}
}

/* One byte of the template that is no field. */
static void literal_pass(struct reader *reader, char byte, bool quoted)
{
	bool at_end = reader->at >= reader->input.size;
	if (!quoted && (isspace((unsigned char)byte) || is_separator(byte))) {
		reader->extra--;
		if (!at_end && (input_is_space(reader) || is_separator(reader->input.data[reader->at]))) {
			reader->at++;
			reader->extra++;
		}
	} else if (reader->extra > 0) {
		reader->extra--;
	} else if (!at_end) {
		reader->at += utf8_width(reader->input.data, reader->input.size, reader->at);
	}
}

static void quoted_pass(struct reader *reader)
{
	const struct text *template = &reader->template;
	for (reader->template_at++; reader->template_at < template->size; reader->template_at++) {
		char byte = template->data[reader->template_at];
		if (byte == '"')
			break;
		if (byte == '\\' && reader->template_at + 1 < template->size)
			byte = template->data[++reader->template_at];
		if (utf8_starts_character((uint8_t)byte))
			literal_pass(reader, byte, true);
	}
	reader->template_at += reader->template_at < template->size;
}

static status template_read(struct reader *reader)
{
	for (bool first = true; reader->template_at < reader->template.size; first = false) {
		const struct word *word = word_at(reader->template, reader->template_at);
		for (; (first || word != NULL) && input_is_space(reader); reader->at++)
			reader->extra++;
		if (reader->at >= reader->input.size && word == NULL)
			break;
		if (word == NULL) {
			char byte = reader->template.data[reader->template_at];
			if (byte == '"') {
				quoted_pass(reader);
			} else {
				reader->template_at++;
				literal_pass(reader, byte, false);
			}
			continue;
		}
		if (reader->at >= reader->input.size)
			break; /* fields without input keep their defaults */
		reader->template_at += (uint32_t)strlen(word->text);
		status result = field_read(reader, word);
		if (result != STATUS_OK)
			return result;
		if (word->kind != READ_NOTHING)
			reader->extra = 0;
	}
	return STATUS_OK;
}

static status moment_out_of_range(struct text input)
{
	(void)error_raise(STATUS_OUT_OF_RANGE, "date/time field value out of range: \"%.*s\"",
		(int)(input.size < 100 ? input.size : 100), input.data);
	error_sqlstate("22008");
	return STATUS_OUT_OF_RANGE;
}

/* Year 0, which to_date('', …) leaves, is 1 BC. */
static status moment_compute(struct reader *reader, int64_t *days, int64_t *time_us)
{
	struct moment *moment = &reader->moment;
	if (moment->hour_is_12) {
		if (moment->hour < 1 || moment->hour > 12) {
			(void)error_raise(STATUS_BAD_DATETIME, "hour \"%lld\" is invalid for the 12-hour clock",
				(long long)moment->hour);
			error_hint("Use the 24-hour clock, or give an hour between 1 and 12.");
			return STATUS_BAD_DATETIME;
		}
		moment->hour = moment->hour % 12 + (moment->afternoon ? 12 : 0);
	}
	if (moment->has_second_of_day) {
		moment->hour = moment->second_of_day / 3600;
		moment->minute = moment->second_of_day / 60 % 60;
		moment->second = moment->second_of_day % 60;
	}
	bool valid = moment->year <= 294276 && moment->month >= 1 && moment->month <= 12 && moment->day >= 1 &&
				 moment->day <= 31 && moment->hour < 24 && moment->minute < 60 && moment->second < 60;
	if (!valid)
		return moment_out_of_range(reader->input);
	int32_t year = (int32_t)moment->year, month = (int32_t)moment->month;
	*days = date_from_civil(year, month, (int32_t)moment->day);
	int64_t next = month == 12 ? date_from_civil(year + 1, 1, 1) : date_from_civil(year, month + 1, 1);
	if (moment->day_of_year > 0) {
		*days = date_from_civil(year, 1, 1) + moment->day_of_year - 1;
		next = date_from_civil(year + 1, 1, 1);
	}
	if (*days >= next)
		return moment_out_of_range(reader->input);
	*time_us = ((moment->hour * 60 + moment->minute) * 60 + moment->second) * MICROSECONDS_PER_SECOND +
			   moment->microsecond;
	return STATUS_OK;
}

static status parse(const struct kernel_call *call, bool to_date)
{
	EACH_ROW(call, row)
	{
		struct reader reader = {
			.input = text_argument(call, 0, row),
			.template = text_argument(call, 1, row),
			.moment = {.month = 1, .day = 1},
		};
		int64_t days, time_us;
		status result = template_read(&reader);
		if (result == STATUS_OK)
			result = moment_compute(&reader, &days, &time_us);
		if (result != STATUS_OK)
			return result;
		call->result->i64[row] = to_date ? days : days * MICROSECONDS_PER_DAY + time_us;
	}
	return STATUS_OK;
}

static status to_date(const struct kernel_call *call)
{
	return parse(call, true);
}

static status to_timestamp(const struct kernel_call *call)
{
	return parse(call, false);
}

static const struct function functions[] = {
	F2("to_date", DATE, TEXT, TEXT, STRICT_FAILS, to_date),
	F2("to_timestamp", TIMESTAMPTZ, TEXT, TEXT, STRICT_FAILS, to_timestamp),
};
FUNCTION_LIST(function_list_datetime_parse, functions);
