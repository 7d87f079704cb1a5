/* Literals, parameters, casts, CASE and its relatives. */
#include <ctype.h>
#include <stdlib.h>

#include "base/invariant.h"
#include "processors/bind.h"
#include "zset/datetime.h"

static const struct expression *unknown_literal(struct binder *binder, const char *text)
{
	struct value value = {.type = type_of(TYPE_UNKNOWN), .null = text == NULL};
	if (text != NULL)
		value.text = (struct text){.data = text, .size = (uint32_t)strlen(text)};
	return expression_constant(binder->arena, &value);
}

/* Digits beyond integer, or with a point or exponent: bigint if it fits, else numeric. */
static status numeric_literal(
	struct binder *binder, const char *digits, int32_t position, const struct expression **out)
{
	struct value value;
	struct slice text = slice_of_string(digits);
	bool integral = strspn(digits, "-0123456789") == strlen(digits);
	if (integral && value_parse(type_of(TYPE_INT8), text, binder->arena, &value) == STATUS_OK) {
		if (value.i64 >= INT32_MIN && value.i64 <= INT32_MAX)
			value.type = type_of(TYPE_INT4);
	} else {
		status code = value_parse(type_of(TYPE_NUMERIC), text, binder->arena, &value);
		if (code != STATUS_OK)
			return bind_positioned(code, position);
	}
	*out = expression_constant(binder->arena, &value);
	return STATUS_OK;
}

status bind_constant(struct binder *binder, const PgQuery__AConst *constant, const struct expression **out)
{
	struct value value = {0};
	if (constant->isnull) {
		*out = unknown_literal(binder, NULL);
		return STATUS_OK;
	}
	switch (constant->val_case) {
	case PG_QUERY__A__CONST__VAL_IVAL:
		value.type = type_of(TYPE_INT4);
		value.i64 = constant->ival->ival;
		*out = expression_constant(binder->arena, &value);
		return STATUS_OK;
	case PG_QUERY__A__CONST__VAL_FVAL:
		return numeric_literal(binder, constant->fval->fval, bind_position(binder, constant->location), out);
	case PG_QUERY__A__CONST__VAL_BOOLVAL:
		*out = bind_boolean_constant(binder, constant->boolval->boolval);
		return STATUS_OK;
	case PG_QUERY__A__CONST__VAL_SVAL:
		*out = unknown_literal(binder, constant->sval->sval);
		return STATUS_OK;
	default:
		return bind_unsupported(
			binder, constant->location, "Use a bytea literal: '\\x…'::bytea.", "a bit string literal");
	}
}

status bind_parameter(
	struct binder *binder, const PgQuery__ParamRef *reference, const struct expression **out)
{
	struct sql_parameters *parameters = binder->parameters;
	int32_t number = reference->number;
	if (parameters == NULL || number < 1 || number > SQL_PARAMETERS_MAX) {
		(void)bind_fail(STATUS_SYNTAX, binder, bind_position(binder, reference->location),
			"there is no parameter $%d", number);
		error_sqlstate("42P02");
		if (parameters == NULL)
			error_hint("A view's definition has no parameters; write the value.");
		return STATUS_SYNTAX;
	}
	if ((size_t)number > parameters->count) {
		enum type_id *types = arena_alloc(binder->arena, (size_t)number * sizeof *types);
		for (size_t i = 0; i < (size_t)number; i++)
			types[i] = i < parameters->count ? parameters->types[i] : TYPE_UNKNOWN;
		parameters->types = types;
		parameters->count = (size_t)number;
	}
	struct expression *expression =
		expression_of(binder->arena, EXPR_PARAMETER, type_of(parameters->types[number - 1]), NULL, 0);
	expression->parameter = (uint32_t)number - 1;
	*out = expression;
	return STATUS_OK;
}

/* ---- casts ---- */

/* Bits of PostgreSQL's INTERVAL_MASK. */
enum {
	FIELDS_MONTH = 1 << 1,
	FIELDS_YEAR = 1 << 2,
	FIELDS_DAY = 1 << 3,
	FIELDS_HOUR = 1 << 10,
	FIELDS_MINUTE = 1 << 11,
	FIELDS_SECOND = 1 << 12,
};

static const struct {
	int32_t field;
	const char *unit;
	int64_t microseconds;
} interval_fields[] = {
	{FIELDS_SECOND, "second", 1},
	{FIELDS_MINUTE, "minute", 60 * MICROSECONDS_PER_SECOND},
	{FIELDS_HOUR, "hour", 3600 * MICROSECONDS_PER_SECOND},
	{FIELDS_DAY, "day", MICROSECONDS_PER_DAY},
	{FIELDS_MONTH, "month", 0},
	{FIELDS_YEAR, "year", 0},
};

/* The literal with the units its fields imply: '3' DAY, '5 03' DAY TO HOUR, '02:03' MINUTE TO SECOND. */
static const char *interval_spelled(
	struct binder *binder, struct text text, int32_t fields, const char *last_unit)
{
	bool numbers = text.size > 0;
	size_t colons = 0, space = 0;
	for (size_t i = 0; i < text.size; i++) {
		const char *others = i == 0 ? "+-. " : ". ";
		numbers = numbers && (isdigit((unsigned char)text.data[i]) || strchr(others, text.data[i]) != NULL);
		colons += text.data[i] == ':';
		space = text.data[i] == ' ' && space == 0 ? i : space;
	}
	const char *before = fields == (FIELDS_MINUTE | FIELDS_SECOND) && colons == 1 ? "00:" : "";
	if (numbers && space != 0 && (fields & FIELDS_DAY) != 0)
		return arena_printf(binder->arena, "%.*s day %.*s %s", (int)space, text.data,
			(int)(text.size - space), text.data + space, last_unit);
	return arena_printf(binder->arena, "%s%.*s%s%s", before, (int)text.size, text.data, numbers ? " " : "",
		numbers ? last_unit : "");
}

/* What is finer than the last field is cut off. */
static status bind_interval_literal(struct binder *binder, const struct expression *literal, int32_t fields,
	int32_t position, const struct expression **out)
{
	size_t last = 0;
	while (last < 5 && (fields & interval_fields[last].field) == 0)
		last++;
	const char *full = interval_spelled(binder, literal->value.text, fields, interval_fields[last].unit);
	struct value value;
	status code = value_parse(type_of(TYPE_INTERVAL), slice_of_string(full), binder->arena, &value);
	if (code != STATUS_OK)
		return bind_positioned(code, position);
	if (interval_fields[last].field == FIELDS_YEAR)
		value.interval.months -= value.interval.months % 12;
	if (interval_fields[last].field == FIELDS_YEAR || interval_fields[last].field == FIELDS_MONTH)
		value.interval.days = 0;
	int64_t unit = interval_fields[last].microseconds;
	if (unit == 0 || unit == MICROSECONDS_PER_DAY)
		value.interval.microseconds = 0;
	else
		value.interval.microseconds -= value.interval.microseconds % unit;
	*out = expression_constant(binder->arena, &value);
	return STATUS_OK;
}

status bind_cast(struct binder *binder, const struct bind_place *place, const PgQuery__TypeCast *cast,
	const struct expression **out)
{
	struct type type;
	int32_t fields = 0;
	const struct expression *argument;
	bool done;
	status code = bind_catalog_cast(binder, place, cast, &done, out);
	if (code != STATUS_OK || done)
		return code;
	code = sql_type_of(binder->tree, cast->type_name, &type, &fields);
	if (code == STATUS_OK)
		code = bind_expression(binder, place, cast->arg, &argument);
	if (code != STATUS_OK)
		return code;
	int32_t location = cast->location >= 0 ? cast->location : cast->type_name->location;
	if (fields == 0)
		return bind_coerce(binder, argument, type, CAST_EXPLICIT, bind_position(binder, location), out);
	if (argument->kind != EXPR_CONSTANT || argument->type.id != TYPE_UNKNOWN || argument->value.null)
		return bind_unsupported(
			binder, location, "Cast to interval, without fields.", "a cast to an interval of certain fields");
	return bind_interval_literal(binder, argument, fields, argument->position, out);
}

/* ---- CASE, COALESCE, GREATEST, LEAST ---- */

static status bind_when(struct binder *binder, const struct bind_place *place,
	const struct expression *subject, const PgQuery__CaseWhen *when, const struct expression **out)
{
	if (subject == NULL)
		return bind_condition(binder, place, when->expr, "CASE/WHEN", out);
	const struct expression *sides[2] = {subject};
	status code = bind_expression(binder, place, when->expr, &sides[1]);
	if (code != STATUS_OK)
		return code;
	return bind_function(binder, "=", sides, 2, bind_position(binder, when->location), out);
}

status bind_case(struct binder *binder, const struct bind_place *place, const PgQuery__CaseExpr *expression,
	const struct expression **out)
{
	const struct expression *subject = NULL;
	status code = STATUS_OK;
	if (expression->arg != NULL) {
		code = bind_expression(binder, place, expression->arg, &subject);
		if (code == STATUS_OK)
			code = bind_settle(binder, subject, &subject);
		if (code != STATUS_OK)
			return code;
	}
	size_t branches = expression->n_args;
	const struct expression **whens = arena_alloc(binder->arena, branches * sizeof *whens);
	const struct expression **results = arena_alloc(binder->arena, (branches + 1) * sizeof *results);
	/* PostgreSQL asks ELSE for its type first. */
	results[0] = bind_null(binder, type_of(TYPE_UNKNOWN));
	for (size_t i = 0; i < branches; i++) {
		const PgQuery__CaseWhen *when = expression->args[i]->case_when;
		code = bind_when(binder, place, subject, when, &whens[i]);
		if (code == STATUS_OK)
			code = bind_expression(binder, place, when->result, &results[i + 1]);
		if (code != STATUS_OK)
			return code;
	}
	if (expression->defresult != NULL) {
		code = bind_expression(binder, place, expression->defresult, &results[0]);
		if (code != STATUS_OK)
			return code;
	}
	struct type type;
	code = bind_common_type(binder, results, branches + 1, "CASE", &type);
	if (code != STATUS_OK)
		return code;
	const struct expression **arguments = arena_alloc(binder->arena, (2 * branches + 1) * sizeof *arguments);
	for (size_t i = 0; i < branches; i++) {
		arguments[2 * i] = whens[i];
		arguments[2 * i + 1] = results[i + 1];
	}
	arguments[2 * branches] = results[0];
	*out = bind_fold(binder, expression_of(binder->arena, EXPR_CASE, type, arguments, 2 * branches + 1));
	return STATUS_OK;
}

status bind_common_call(struct binder *binder, const struct bind_place *place, enum expression_kind kind,
	const char *name, sql_node *const *nodes, size_t count, int32_t location, const struct expression **out)
{
	const struct expression **arguments = arena_alloc(binder->arena, count * sizeof *arguments);
	for (size_t i = 0; i < count; i++) {
		status code = bind_expression(binder, place, nodes[i], &arguments[i]);
		if (code != STATUS_OK)
			return code;
	}
	struct type type;
	status code = bind_common_type(binder, arguments, count, name, &type);
	if (code != STATUS_OK)
		return code;
	struct expression *result = expression_of(binder->arena, kind, type, arguments, count);
	result->position = bind_position(binder, location);
	*out = bind_fold(binder, result);
	return STATUS_OK;
}
