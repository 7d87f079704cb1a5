/* to_char(number, template): PostgreSQL's numeric templates.
 *
 * A template is read into elements (digits, point, separators, signs, literal text) and counts; the number is
 * rounded to the digits the template has after the point and then laid out element by element, right-aligned
 * to the digits before the point. Supported: 9 0 . D , G S MI PL SG PR FM V L th TH and literal text. RN,
 * EEEE and B are refused.
 */
#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "processors/function_family.h"
#include "zset/decimal.h"

enum element_kind {
	ELEMENT_NINE,
	ELEMENT_ZERO,
	ELEMENT_POINT,
	ELEMENT_COMMA,
	ELEMENT_SIGN,
	ELEMENT_MINUS,
	ELEMENT_PLUS,
	ELEMENT_BOTH_SIGNS,
	ELEMENT_BRACKETS,
	ELEMENT_FILL,
	ELEMENT_SHIFT,
	ELEMENT_CURRENCY,
	ELEMENT_ORDINAL,
	ELEMENT_ORDINAL_UPPER,
	ELEMENT_LITERAL,
	ELEMENT_REFUSED,
};

struct element {
	enum element_kind kind;
	char literal; /* one byte of ELEMENT_LITERAL */
};

enum sign_place { SIGN_NONE, SIGN_BEFORE, SIGN_AFTER };
enum { ELEMENTS_MAX = 512, DIGITS_MAX = 1100 };

struct template
{
	struct element elements[ELEMENTS_MAX];
	size_t count;
	int32_t before, after;         /* digits before and after the point */
	int32_t shift;                 /* V: digits behind it; the number is multiplied by that power of ten */
	int32_t zero_first, zero_last; /* digits before the first 0; digits up to the last one */
	int32_t sign_digits;           /* digits before the S */
	enum sign_place sign_place;
	bool filled; /* FM: no padding */
	bool has_point, has_zero, has_shift, has_sign, has_minus, has_plus, has_brackets;
};

static status template_invalid(const char *why)
{
	(void)error_raise(STATUS_SYNTAX, "invalid number template: %s", why);
	return STATUS_SYNTAX;
}

static const struct {
	const char *word;
	enum element_kind kind;
} words[] = {
	{"EEEE", ELEMENT_REFUSED},
	{"FM", ELEMENT_FILL},
	{"MI", ELEMENT_MINUS},
	{"PL", ELEMENT_PLUS},
	{"PR", ELEMENT_BRACKETS},
	{"RN", ELEMENT_REFUSED},
	{"SG", ELEMENT_BOTH_SIGNS},
	{"SP", ELEMENT_REFUSED},
	{"TH", ELEMENT_ORDINAL},
	{",", ELEMENT_COMMA},
	{".", ELEMENT_POINT},
	{"0", ELEMENT_ZERO},
	{"9", ELEMENT_NINE},
	{"B", ELEMENT_REFUSED},
	{"C", ELEMENT_REFUSED},
	{"D", ELEMENT_POINT},
	{"G", ELEMENT_COMMA},
	{"L", ELEMENT_CURRENCY},
	{"S", ELEMENT_SIGN},
	{"V", ELEMENT_SHIFT},
};

static status word_refused(const char *word)
{
	(void)error_raise(STATUS_UNSUPPORTED, "to_char pattern \"%s\" is not supported", word);
	error_hint("Supported for numbers: 9 0 . D , G S MI PL SG PR FM V L TH and \"text\".");
	return STATUS_UNSUPPORTED;
}

/* Counts what an element means for the whole number, and checks that elements agree with each other. */
static status element_count(struct template *template, enum element_kind kind)
{
	switch (kind) {
	case ELEMENT_NINE:
	case ELEMENT_ZERO:
		if (template->has_brackets)
			return template_invalid("digits must be ahead of \"PR\"");
		if (kind == ELEMENT_NINE && template->has_shift) {
			template->shift++;
			break;
		}
		if (kind == ELEMENT_ZERO && !template->has_zero && !template->has_point) {
			template->has_zero = true;
			template->zero_first = template->before;
		}
		template->before += !template->has_point;
		template->after += template->has_point;
		if (kind == ELEMENT_ZERO)
			template->zero_last = template->before + template->after;
		break;
	case ELEMENT_POINT:
		if (template->has_point)
			return template_invalid("multiple decimal points");
		if (template->has_shift)
			return template_invalid("cannot use \"V\" and decimal point together");
		template->has_point = true;
		break;
	case ELEMENT_SIGN:
		if (template->has_sign && !template->has_point)
			return template_invalid("cannot use \"S\" twice");
		if (template->has_plus || template->has_minus || template->has_brackets)
			return template_invalid("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together");
		if (!template->has_point) {
			template->sign_place = SIGN_BEFORE;
			template->sign_digits = template->before;
		} else if (template->sign_place == SIGN_NONE) {
			template->sign_place = SIGN_AFTER;
		}
		template->has_sign = true;
		break;
	case ELEMENT_MINUS:
	case ELEMENT_PLUS:
	case ELEMENT_BOTH_SIGNS:
		if (template->has_sign)
			return template_invalid("cannot use \"S\" and \"MI\"/\"PL\"/\"SG\" together");
		template->has_minus = template->has_minus || kind != ELEMENT_PLUS;
		template->has_plus = template->has_plus || kind != ELEMENT_MINUS;
		break;
	case ELEMENT_BRACKETS:
		if (template->has_sign || template->has_plus || template->has_minus)
			return template_invalid("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together");
		template->has_brackets = true;
		break;
	case ELEMENT_FILL:
		template->filled = true;
		break;
	case ELEMENT_SHIFT:
		if (template->has_point)
			return template_invalid("cannot use \"V\" and decimal point together");
		template->has_shift = true;
		break;
	default:
		break;
	}
	return STATUS_OK;
}

static bool word_matches(struct text text, uint32_t at, const char *word)
{
	size_t size = strlen(word);
	if (text.size - at < size)
		return false;
	bool upper = strncmp(text.data + at, word, size) == 0;
	bool lower = true;
	for (size_t i = 0; i < size; i++)
		lower = lower && text.data[at + i] == (char)tolower((unsigned char)word[i]);
	return upper || lower;
}

static status element_add(struct template *template, struct element element)
{
	if (template->count == ELEMENTS_MAX)
		return error_raise(STATUS_TOO_LARGE, "number template has more than %d elements", ELEMENTS_MAX);
	template->elements[template->count++] = element;
	return element_count(template, element.kind);
}

/* The element at *at, and past it. */
static status element_read(struct template *template, struct text text, uint32_t *at)
{
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (!word_matches(text, *at, words[i].word))
			continue;
		struct element element = {.kind = words[i].kind};
		if (element.kind == ELEMENT_REFUSED)
			return word_refused(words[i].word);
		if (element.kind == ELEMENT_ORDINAL && text.data[*at] == 'T')
			element.kind = ELEMENT_ORDINAL_UPPER;
		*at += (uint32_t)strlen(words[i].word);
		return element_add(template, element);
	}
	if (text.data[*at] != '"') {
		*at += 1;
		return element_add(template, (struct element){ELEMENT_LITERAL, text.data[*at - 1]});
	}
	status result = STATUS_OK;
	for (*at += 1; *at < text.size && text.data[*at] != '"' && result == STATUS_OK; *at += 1) {
		if (text.data[*at] == '\\' && *at + 1 < text.size)
			*at += 1;
		result = element_add(template, (struct element){ELEMENT_LITERAL, text.data[*at]});
	}
	*at += *at < text.size;
	return result;
}

static status template_read(struct text text, struct template *out)
{
	memset(out, 0, sizeof *out);
	for (uint32_t at = 0; at < text.size;) {
		status result = element_read(out, text, &at);
		if (result != STATUS_OK)
			return result;
	}
	return STATUS_OK;
}

/* A number as it goes into a template: digits, at most one point. */
struct digits {
	char text[DIGITS_MAX + 8];
	bool negative;
};

/* Laying out one number. `position` counts digit and point elements passed. */
struct layout {
	const struct template *template;
	const char *number, *at; /* the digits, and the next one to write */
	const char
		*last;      /* FM: the last digit after the point that is shown; the point itself: none; NULL: all */
	int32_t spaces; /* digit places before the number's first digit */
	int32_t position, end;
	enum sign_place sign_place;
	bool negative, brackets, sign_done, inside;
	struct buffer *out;
};

static bool leading_zero_hidden(const struct layout *layout)
{
	return !layout->template->has_zero && layout->at == layout->number && *layout->number == '0' &&
		   layout->template->after != 0;
}

static void sign_write(struct layout *layout)
{
	const struct template *template = layout->template;
	bool reached = layout->position >= layout->spaces ||
				   (template->has_zero && template->zero_first == layout->position);
	bool only_point = layout->last != NULL && *layout->last == '.';
	if (layout->sign_done || !reached || (leading_zero_hidden(layout) && !only_point))
		return;
	if (template->has_sign) {
		if (layout->sign_place != SIGN_BEFORE)
			return;
		buffer_append_byte(layout->out, layout->negative ? '-' : '+');
	} else if (layout->brackets) {
		buffer_append_byte(layout->out, layout->negative ? '<' : ' ');
	} else if (layout->negative) {
		buffer_append_byte(layout->out, '-');
	} else if (!template->filled) {
		buffer_append_byte(layout->out, ' ');
	}
	layout->sign_done = true;
}

static void closing_sign_write(struct layout *layout)
{
	if (layout->sign_done && layout->brackets)
		buffer_append_byte(layout->out, layout->negative ? '>' : ' ');
	else if (layout->template->has_sign && layout->sign_place == SIGN_AFTER)
		buffer_append_byte(layout->out, layout->negative ? '-' : '+');
}

static void next_digit_write(struct layout *layout, enum element_kind kind)
{
	const struct template *template = layout->template;
	bool only_point = layout->last != NULL && *layout->last == '.';
	if (*layout->at == '.') {
		buffer_append_byte(layout->out, '.');
	} else if (layout->last != NULL && layout->at > layout->last && kind != ELEMENT_ZERO) {
		/* a zero after the last digit that FM shows */
	} else if (leading_zero_hidden(layout)) {
		if (!template->filled)
			buffer_append_byte(layout->out, ' ');
		else if (only_point)
			buffer_append_byte(layout->out, '0');
	} else if (*layout->at != 0) {
		buffer_append_byte(layout->out, (uint8_t)*layout->at);
		layout->inside = true;
	}
	layout->at += *layout->at != 0;
}

static void digit_write(struct layout *layout, enum element_kind kind)
{
	const struct template *template = layout->template;
	layout->inside = false;
	sign_write(layout);
	bool zeros_begun = template->has_zero && template->zero_first <= layout->position;
	if (layout->position >= layout->spaces) {
		next_digit_write(layout, kind);
	} else if (zeros_begun) {
		buffer_append_byte(layout->out, '0');
		layout->inside = true;
	} else if (!template->filled) {
		buffer_append_byte(layout->out, ' ');
	}
	int32_t end = layout->last != NULL && layout->last == layout->at ? layout->position : layout->end;
	if (layout->position + 1 == end)
		closing_sign_write(layout);
	layout->position++;
}

static const char *ordinal_suffix(const char *number)
{
	size_t size = strlen(number);
	char last = number[size - 1], before = size > 1 ? number[size - 2] : '0';
	if (before == '1' || last < '1' || last > '3')
		return "th";
	return last == '1' ? "st" : last == '2' ? "nd" : "rd";
}

static void ordinal_write(struct layout *layout, bool upper)
{
	if (layout->number[0] == '#' || layout->negative || layout->template->has_point)
		return;
	for (const char *at = ordinal_suffix(layout->number); *at != 0; at++)
		buffer_append_byte(layout->out, (uint8_t)(upper ? toupper((unsigned char)*at) : *at));
}

static void element_write(struct layout *layout, const struct element *element)
{
	bool filled = layout->template->filled;
	switch (element->kind) {
	case ELEMENT_NINE:
	case ELEMENT_ZERO:
	case ELEMENT_POINT:
		digit_write(layout, element->kind);
		break;
	case ELEMENT_COMMA:
		if (layout->inside)
			buffer_append_byte(layout->out, ',');
		else if (!filled)
			buffer_append_byte(layout->out, ' ');
		break;
	case ELEMENT_MINUS:
		if (layout->negative || !filled)
			buffer_append_byte(layout->out, layout->negative ? '-' : ' ');
		break;
	case ELEMENT_PLUS:
		if (!layout->negative || !filled)
			buffer_append_byte(layout->out, layout->negative ? ' ' : '+');
		break;
	case ELEMENT_BOTH_SIGNS:
		buffer_append_byte(layout->out, layout->negative ? '-' : '+');
		break;
	case ELEMENT_CURRENCY:
		buffer_append_byte(layout->out, ' '); /* the C locale has no currency */
		break;
	case ELEMENT_ORDINAL:
	case ELEMENT_ORDINAL_UPPER:
		ordinal_write(layout, element->kind == ELEMENT_ORDINAL_UPPER);
		break;
	case ELEMENT_LITERAL:
		buffer_append_byte(layout->out, (uint8_t)element->literal);
		break;
	default:
		break; /* S, PR, FM, V act through the counts */
	}
}

/* FM shows digits after the point up to the last that is not 0, or that a 0 of the template stands for. */
static const char *last_shown(const struct template *template, const char *number, int32_t spaces)
{
	const char *point = strchr(number, '.');
	if (!template->filled || !template->has_point || point == NULL)
		return NULL;
	const char *last = point;
	for (const char *at = point + 1; *at != 0; at++)
		last = *at != '0' ? at : last;
	if (template->zero_last > spaces) {
		int32_t size = (int32_t)strlen(number), zero = template->zero_last - spaces;
		const char *last_zero = number + (zero < size - 1 ? zero : size - 1);
		last = last < last_zero ? last_zero : last;
	}
	return last;
}

static void number_write(const struct template *template, struct digits *digits, struct buffer *out)
{
	int32_t before = template->before + template->shift;
	int32_t width = (int32_t)strcspn(digits->text, ".");
	if (width > before) {
		memset(digits->text, '#', (size_t)(before + template->after + 1));
		digits->text[before] = '.';
		digits->text[before + template->after + 1] = 0;
	}
	struct layout layout = {
		.template = template,
		.number = digits->text,
		.at = digits->text,
		.spaces = width < before ? before - width : 0,
		.negative = digits->negative,
		.sign_place = template->sign_place,
		.out = out,
	};
	layout.last = last_shown(template, digits->text, layout.spaces);
	layout.brackets = template->has_brackets && (digits->negative || !template->filled);
	if (template->has_plus || template->has_minus) {
		layout.sign_done = template->has_minus;
	} else {
		layout.sign_done = !digits->negative && template->filled && !template->has_sign;
		if (layout.sign_place == SIGN_BEFORE && template->sign_digits == before)
			layout.sign_place = SIGN_AFTER;
	}
	int32_t count = template->after + before - 1 + (!layout.sign_done && layout.spaces == 0);
	layout.end = count + (layout.spaces != 0) + template->has_point;
	for (size_t i = 0; i < template->count; i++)
		element_write(&layout, &template->elements[i]);
}

static status digits_of_decimal(
	const struct template *template, const struct decimal *value, struct digits *out)
{
	struct decimal shown = *value;
	for (int32_t i = 0; i < template->shift; i++) {
		const struct decimal ten = {.value = 10};
		status result = decimal_multiply(&shown, &ten, &shown);
		if (result != STATUS_OK)
			return result;
	}
	if (shown.scale > template->after) {
		status result = decimal_round(&shown, template->after, &shown);
		if (result != STATUS_OK)
			return result;
	}
	out->negative = shown.value < 0;
	if (out->negative)
		shown = decimal_negate(&shown);
	struct buffer text = {0};
	decimal_format(&shown, &text);
	/* Digits the number does not have are zeros; its text has at most 40 bytes, templates at most
	 * ELEMENTS_MAX. */
	if (template->after > shown.scale && shown.scale == 0)
		buffer_append_byte(&text, '.');
	for (int32_t i = shown.scale; i < template->after; i++)
		buffer_append_byte(&text, '0');
	memcpy(out->text, text.data, text.size);
	out->text[text.size] = 0;
	buffer_deinit(&text);
	return STATUS_OK;
}

/* Floats show no more digits than they have: 15, or 6 for real. */
static status digits_of_float(
	const struct template *template, double value, bool is_float4, struct digits *out)
{
	value *= pow(10, template->shift);
	int32_t limit = is_float4 ? FLT_DIG : DBL_DIG;
	out->negative = value < 0;
	value = fabs(value);
	if (isnan(value) || isinf(value)) {
		(void)snprintf(out->text, sizeof out->text, "%s", isnan(value) ? "NaN" : "Infinity");
		return STATUS_OK;
	}
	int32_t width = snprintf(out->text, sizeof out->text, "%.0f", value);
	int32_t after = width >= limit ? 0 : width + template->after > limit ? limit - width : template->after;
	(void)snprintf(out->text, sizeof out->text, "%.*f", (int)after, value);
	return STATUS_OK;
}

static status digits_of_row(
	const struct kernel_call *call, uint32_t row, const struct template *template, struct digits *out)
{
	switch (type_physical(call->arguments[0].type.id)) {
	case PHYS_DECIMAL:
		return digits_of_decimal(template, decimal_argument(call, 0, row), out);
	case PHYS_F64:
		return digits_of_float(
			template, f64_argument(call, 0, row), call->arguments[0].type.id == TYPE_FLOAT4, out);
	default: {
		struct decimal value = decimal_from_i64(i64_argument(call, 0, row));
		return digits_of_decimal(template, &value, out);
	}
	}
}

static status to_char(const struct kernel_call *call)
{
	struct text_writer writer = text_writer_of(call);
	struct template *template = arena_alloc(call->arena, sizeof *template);
	struct digits *digits = arena_alloc(call->arena, sizeof *digits);
	bool constant = kernel_mask(call, 1) == 0, read = false;
	struct buffer scratch;
	buffer_init(&scratch);
	status result = STATUS_OK;
	EACH_ROW(call, row)
	{
		if (!read)
			result = template_read(text_argument(call, 1, row), template);
		read = constant;
		if (result == STATUS_OK)
			result = digits_of_row(call, row, template, digits);
		if (result != STATUS_OK)
			break;
		scratch.size = 0;
		number_write(template, digits, &scratch);
		result = text_writer_put(&writer, buffer_slice(&scratch), &call->result->texts[row]);
		if (result != STATUS_OK)
			break;
	}
	buffer_deinit(&scratch);
	return result;
}

static const struct function functions[] = {
	F2("to_char", TEXT, NUMERIC, TEXT, STRICT_FAILS, to_char),
	F2("to_char", TEXT, INT4, TEXT, STRICT_FAILS, to_char),
	F2("to_char", TEXT, INT8, TEXT, STRICT_FAILS, to_char),
	F2("to_char", TEXT, FLOAT4, TEXT, STRICT_FAILS, to_char),
	F2("to_char", TEXT, FLOAT8, TEXT, STRICT_FAILS, to_char),
};
FUNCTION_LIST(function_list_format, functions);
