/* kappa user: users and their roles. Passwords come from the environment, the terminal or standard input,
 * never from the arguments, which other users of the machine can see.
 */
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "server/cli_internal.h"
#include "server/cli_sql.h"

enum { PASSWORD_SIZE_MAX = 1024 };

static char typed[PASSWORD_SIZE_MAX];

static bool line_read(FILE *from)
{
	if (fgets(typed, sizeof typed, from) == NULL)
		return false;
	typed[strcspn(typed, "\r\n")] = '\0';
	return true;
}

const char *cli_password_ask(const char *prompt)
{
	FILE *terminal = fopen("/dev/tty", "r+e");
	if (terminal == NULL)
		return NULL;
	struct termios before, silent;
	bool shown = tcgetattr(fileno(terminal), &before) != 0;
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	if (!shown)
		(void)tcsetattr(fileno(terminal), TCSAFLUSH, &silent);
	fputs(prompt, terminal);
	(void)fflush(terminal);
	bool got = line_read(terminal);
	if (!shown)
		(void)tcsetattr(fileno(terminal), TCSAFLUSH, &before);
	fputs("\n", terminal);
	(void)fclose(terminal);
	return got ? typed : NULL;
}

static const char *new_password(void)
{
	const char *given = getenv("KAPPA_NEW_PASSWORD");
	if (given != NULL && *given != '\0')
		return given;
	if (isatty(STDIN_FILENO))
		return cli_password_ask("new password: ");
	return line_read(stdin) ? typed : NULL;
}

static void quote(struct buffer *sql, const char *text, char mark)
{
	buffer_append_byte(sql, (uint8_t)mark);
	for (; *text != '\0'; text++) {
		if (*text == mark)
			buffer_append_byte(sql, (uint8_t)mark);
		buffer_append_byte(sql, (uint8_t)*text);
	}
	buffer_append_byte(sql, (uint8_t)mark);
}

static void roles_append(struct buffer *sql, const char *const *roles, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		buffer_append_string(sql, i > 0 ? ", " : "");
		quote(sql, roles[i], '"');
	}
}

static int password_append(const struct cli *cli, struct buffer *sql)
{
	const char *password = new_password();
	if (password == NULL) {
		error_raise(STATUS_INVALID, "there is no new password");
		error_hint("Set KAPPA_NEW_PASSWORD, or write it on standard input.");
		return cli_usage_error(cli);
	}
	buffer_append_string(sql, " PASSWORD ");
	quote(sql, password, '\'');
	return CLI_OK;
}

/* The statement holds a secret: it is not shown, whatever the server says of it. */
static int run(const struct cli *cli, struct buffer *sql, const char *done, const char *name)
{
	buffer_append_byte(sql, 0);
	int code = cli_ask(cli, "POST", "/sql", json_pack("{s:s}", "query", (const char *)sql->data), NULL);
	explicit_bzero(sql->data, sql->size);
	if (code == CLI_OK)
		printf("%s %s\n", done, name);
	return code;
}

static int create(const struct cli *cli, const char *name, const struct cli_texts *roles, bool password)
{
	struct buffer sql;
	buffer_init(&sql);
	buffer_append_string(&sql, "CREATE USER ");
	quote(&sql, name, '"');
	int code = password ? password_append(cli, &sql) : CLI_OK;
	if (roles->count != 0)
		buffer_append_string(&sql, " IN ROLE ");
	roles_append(&sql, roles->texts, roles->count);
	if (code == CLI_OK)
		code = run(cli, &sql, "created user", name);
	buffer_deinit(&sql);
	return code;
}

static int change(
	const struct cli *cli, const char *action, const char *name, const char *const *roles, size_t count)
{
	struct buffer sql;
	buffer_init(&sql);
	int code = CLI_OK;
	const char *done = "changed user";
	if (strcmp(action, "delete") == 0) {
		buffer_append_string(&sql, "DROP USER ");
		quote(&sql, name, '"');
		done = "deleted user";
	} else if (strcmp(action, "password") == 0) {
		buffer_append_string(&sql, "ALTER USER ");
		quote(&sql, name, '"');
		code = password_append(cli, &sql);
	} else {
		bool grant = strcmp(action, "grant") == 0;
		buffer_append_string(&sql, grant ? "GRANT " : "REVOKE ");
		roles_append(&sql, roles, count);
		buffer_append_string(&sql, grant ? " TO " : " FROM ");
		quote(&sql, name, '"');
	}
	if (code == CLI_OK)
		code = run(cli, &sql, done, name);
	buffer_deinit(&sql);
	return code;
}

int cli_user(struct cli *cli)
{
	struct cli_texts roles = {0};
	bool password = true;
	const struct cli_option options[] = {
		{"--role", 0, CLI_TEXTS, &roles},
		{"--no-password", 0, CLI_NO_FLAG, &password},
	};
	struct cli_texts arguments;
	int code = cli_begin(cli, options, sizeof options / sizeof options[0], &arguments, 1, CLI_ARGUMENTS_MAX);
	if (code != CLI_OK)
		return code;
	const char *action = arguments.texts[0];
	static const struct {
		const char *action;
		size_t arguments_min, arguments_max;
	} known[] = {{"list", 1, 1}, {"create", 2, 2}, {"delete", 2, 2}, {"password", 2, 2},
		{"grant", 3, CLI_ARGUMENTS_MAX}, {"revoke", 3, CLI_ARGUMENTS_MAX}};
	bool found = false, fits = false;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (strcmp(action, known[i].action) == 0) {
			found = true;
			fits = arguments.count >= known[i].arguments_min && arguments.count <= known[i].arguments_max;
		}
	}
	if (!found || !fits) {
		error_raise(STATUS_INVALID,
			found ? "%s takes other arguments"
				  : "\"%s\" is none of list, create, delete, password, grant, revoke",
			action);
		return cli_usage_error(cli);
	}
	if (strcmp(action, "list") == 0)
		return cli_sql_run(cli, "SELECT user_name, roles, has_password FROM kappa.users ORDER BY user_name");
	if (strcmp(action, "create") == 0)
		return create(cli, arguments.texts[1], &roles, password);
	return change(cli, action, arguments.texts[1], arguments.texts + 2, arguments.count - 2);
}
