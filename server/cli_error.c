/* Saying what went wrong, and reading answers' fields; see cli_internal.h. */
#include <string.h>

#include "processors/sql.h"
#include "server/cli_internal.h"

void cli_error_say(void)
{
	const struct error *error = error_current();
	fprintf(stderr, "kappa: %s\n", error->text);
	if (error->hint[0] != '\0')
		fprintf(stderr, "hint: %s\n", error->hint);
}

void cli_error_answer(struct buffer *out, const json_t *answer, const char *sql)
{
	const json_t *error = json_object_get(answer, "error");
	int64_t position = cli_json_integer(error, "position", 0);
	buffer_printf(out, "ERROR:  %s\n", cli_json_text(error, "message"));
	if (sql != NULL && position > 0 && position <= INT32_MAX)
		sql_position_describe(sql, (int32_t)position, out);
	if (*cli_json_text(error, "detail") != '\0')
		buffer_printf(out, "DETAIL:  %s\n", cli_json_text(error, "detail"));
	if (*cli_json_text(error, "hint") != '\0')
		buffer_printf(out, "HINT:  %s\n", cli_json_text(error, "hint"));
}

int cli_refused(const struct cli_answer *answer, const char *sql)
{
	json_error_t why;
	json_t *json = json_loadb((const char *)answer->body.data, answer->body.size, 0, &why);
	if (json_is_object(json_object_get(json, "error"))) {
		struct buffer text;
		buffer_init(&text);
		cli_error_answer(&text, json, sql);
		(void)fflush(stdout);
		(void)fwrite(text.data, 1, text.size, stderr);
		buffer_deinit(&text);
	} else if (json_is_integer(json_object_get(json, "error_code"))) { /* Kafka Connect's shape */
		fprintf(stderr, "kappa: %s\n", cli_json_text(json, "message"));
	} else {
		fprintf(stderr, "kappa: the server answered with HTTP status %d\n", answer->code);
	}
	json_decref(json);
	return CLI_REFUSED;
}

const char *cli_json_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

int64_t cli_json_integer(const json_t *object, const char *name, int64_t fallback)
{
	const json_t *value = json_object_get(object, name);
	return json_is_integer(value) ? json_integer_value(value) : fallback;
}

double cli_json_real(const json_t *object, const char *name, double fallback)
{
	const json_t *value = json_object_get(object, name);
	return json_is_number(value) ? json_number_value(value) : fallback;
}

bool cli_json_true(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}
