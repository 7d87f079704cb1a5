/* Options of a verb; see cli_internal.h. */
#include "server/cli_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_option *option_find(
	const struct cli_option *options, size_t count, const char *name, size_t size)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(options[i].name) == size && memcmp(options[i].name, name, size) == 0)
			return &options[i];
	return NULL;
}

static const struct cli_option *option_of_letter(const struct cli_option *options, size_t count, char letter)
{
	for (size_t i = 0; i < count; i++)
		if (options[i].letter == letter)
			return &options[i];
	return NULL;
}

static status output_set(const struct cli_option *option, const char *value)
{
	static const char *const names[] = {"table", "json", "csv"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(value, names[i]) == 0) {
			*(enum cli_output *)option->value = (enum cli_output)i;
			return STATUS_OK;
		}
	return error_raise(STATUS_INVALID, "%s is table, json or csv, not \"%s\"", option->name, value);
}

static status option_set(const struct cli_option *option, const char *value)
{
	char *end = NULL;
	errno = 0;
	switch (option->kind) {
	case CLI_FLAG:
	case CLI_NO_FLAG:
		*(bool *)option->value = option->kind == CLI_FLAG;
		return STATUS_OK;
	case CLI_TEXT:
		*(const char **)option->value = value;
		return STATUS_OK;
	case CLI_TEXTS: {
		struct cli_texts *texts = option->value;
		if (texts->count == CLI_ARGUMENTS_MAX)
			return error_raise(
				STATUS_INVALID, "%s is given more than %d times", option->name, CLI_ARGUMENTS_MAX);
		texts->texts[texts->count++] = value;
		return STATUS_OK;
	}
	case CLI_INTEGER: {
		long long number = strtoll(value, &end, 10);
		if (end == value || *end != '\0' || errno != 0 || number < 0)
			return error_raise(STATUS_INVALID, "%s takes a whole number, not \"%s\"", option->name, value);
		*(int64_t *)option->value = number;
		return STATUS_OK;
	}
	case CLI_NUMBER: {
		double number = strtod(value, &end);
		if (end == value || *end != '\0' || !isfinite(number) || number < 0)
			return error_raise(
				STATUS_INVALID, "%s takes a number that is not negative, not \"%s\"", option->name, value);
		*(double *)option->value = number;
		return STATUS_OK;
	}
	case CLI_OUTPUT:
		return output_set(option, value);
	}
	return STATUS_OK;
}

static bool option_is_switch(const struct cli_option *option)
{
	return option->kind == CLI_FLAG || option->kind == CLI_NO_FLAG;
}

/* One option at argv[*at]; moves on behind it. */
static status option_take(const struct cli_option *options, size_t count, int argc, char **argv, int *at)
{
	const char *text = argv[(*at)++];
	const char *value = NULL;
	const struct cli_option *option;
	if (text[1] == '-') {
		const char *equals = strchr(text, '=');
		size_t size = equals != NULL ? (size_t)(equals - text) : strlen(text);
		option = option_find(options, count, text, size);
		value = equals != NULL ? equals + 1 : NULL;
		if (option != NULL && option_is_switch(option) && value != NULL)
			return error_raise(STATUS_INVALID, "%s takes no value", option->name);
	} else {
		option = option_of_letter(options, count, text[1]);
		if (option != NULL && text[2] != '\0') {
			if (option_is_switch(option))
				option = NULL;
			else
				value = text + 2;
		}
	}
	if (option == NULL)
		return error_raise(STATUS_INVALID, "there is no option %s", text);
	if (value == NULL && !option_is_switch(option)) {
		if (*at >= argc)
			return error_raise(STATUS_INVALID, "%s needs a value", text);
		value = argv[(*at)++];
	}
	return option_set(option, value);
}

status cli_options_parse(
	const struct cli_option *options, size_t option_count, int argc, char **argv, struct cli_texts *arguments)
{
	bool ended = false;
	arguments->count = 0;
	for (int at = 2; at < argc;) {
		const char *text = argv[at];
		if (!ended && strcmp(text, "--") == 0) {
			ended = true;
			at++;
		} else if (!ended && text[0] == '-' && text[1] != '\0') {
			status result = option_take(options, option_count, argc, argv, &at);
			if (result != STATUS_OK)
				return result;
		} else if (arguments->count == CLI_ARGUMENTS_MAX) {
			return error_raise(STATUS_INVALID, "more than %d arguments", CLI_ARGUMENTS_MAX);
		} else {
			arguments->texts[arguments->count++] = text;
			at++;
		}
	}
	return STATUS_OK;
}
