/* The command line: which verbs there are, what --help says, what all of them share. */
#include "server/cli.h"

#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/kafka_request.h"
#include "server/cli_internal.h"

/* What ApiVersions tells clients, for people. */
static void apis_table(struct cli_table *table)
{
	cli_table_column(table, "key", CLI_COLUMN_NUMBER);
	cli_table_column(table, "api", CLI_COLUMN_TEXT);
	cli_table_column(table, "version_min", CLI_COLUMN_NUMBER);
	cli_table_column(table, "version_max", CLI_COLUMN_NUMBER);
	for (size_t i = 0; i < kafka_api_count; i++) {
		cli_table_cellf(table, "%d", kafka_apis[i].key);
		cli_table_cell(table, kafka_apis[i].name);
		cli_table_cellf(table, "%d", kafka_apis[i].version_min);
		cli_table_cellf(table, "%d", kafka_apis[i].version_max);
	}
}

static int run_version(struct cli *cli)
{
	struct cli_texts arguments;
	bool apis = false;
	const struct cli_option options[] = {{"--api", 0, CLI_FLAG, &apis}};
	int code = cli_begin(cli, options, 1, &arguments, 0, 0);
	if (code != CLI_OK)
		return code;
	if (!apis && cli->output == CLI_OUTPUT_TABLE) {
		printf("kappa %s\n", KAPPA_VERSION);
		return CLI_OK;
	}
	struct cli_table table;
	cli_table_init(&table);
	if (apis) {
		apis_table(&table);
	} else {
		cli_table_column(&table, "version", CLI_COLUMN_TEXT);
		cli_table_cell(&table, KAPPA_VERSION);
	}
	cli_table_print(&table, cli->output, true);
	cli_table_deinit(&table);
	return CLI_OK;
}

static const struct cli_verb verbs[] = {
	{"serve", "run the appliance", NULL, NULL, false},
	{"sql", "run SQL and show what it answers",
		"usage: kappa sql [-c TEXT | -f FILE]\n\n"
		"Runs SQL statements and prints their answers as psql does. Without -c or -f the statements are read "
		"from\n"
		"standard input; on a terminal psql is started, if it is installed (KAPPA_PG says where the server "
		"listens,\n"
		"127.0.0.1:5433 unless told).\n\n"
		"  -c, --command TEXT       these statements\n"
		"  -f, --file FILE          the statements in this file; - is standard input\n",
		cli_sql, true},
	{"topic", "create, list, describe, alter, trim, delete topics",
		"usage: kappa topic create NAME [--partitions N] [--segment-bytes N] [CONFIG=VALUE…]\n"
		"       kappa topic list [--internal]\n"
		"       kappa topic describe NAME\n"
		"       kappa topic alter NAME CONFIG=VALUE… [--force]\n"
		"       kappa topic add-partitions NAME COUNT\n"
		"       kappa topic trim NAME --before OFFSET|end [--partition N] [--force]\n"
		"       kappa topic delete NAME\n\n"
		"CONFIG is a name that describe shows: retention.ms, cleanup.policy, …; without value, its "
		"default.\n\n"
		"  --partitions N           how many partitions the topic gets (1)\n"
		"  --segment-bytes N        size at which a partition begins a new file\n"
		"  --internal               list the appliance's own topics, too\n"
		"  --before OFFSET|end      remove the records before this offset; end: all there are\n"
		"  --partition N            of this partition only\n"
		"  --force                  although views need the records; with alter, for good\n"
		"                           (kappa.trim.force=true)\n",
		cli_topic, true},
	{"produce", "append lines to a topic, from standard input or a file that may grow",
		"usage: kappa produce --topic T [--partition N] [--key-separator S]\n"
		"       kappa produce --topic T --file F [--follow] [--source-id ID] [--partition N]\n\n"
		"Appends every line that is not empty as one record. It is durable when the summary is printed.\n\n"
		"  --topic T                the topic; it must exist\n"
		"  --partition N            the partition; otherwise batches take turns\n"
		"  --key-separator S        a line is key, S, value; equal keys go to the same partition\n"
		"  --file F                 the lines of this file, exactly once: what an earlier run has sent is "
		"not sent\n"
		"                           again, also after kill -9 of either side; rotated files are finished "
		"first\n"
		"  --follow                 go on as the file grows and is rotated, until ^C\n"
		"  --source-id ID           what remembers the place in the file (its absolute path)\n",
		cli_produce, false},
	{"consume", "print a topic's records",
		"usage: kappa consume --topic T [--partition N] [--from-beginning | --offset N] [--max-messages N]\n"
		"                     [--timeout-ms N] [--print-key] [--property NAME=VALUE]…\n\n"
		"Prints the values of records as they arrive, until ^C; then says how many there were. -o json "
		"prints\n"
		"whole records, one JSON object a line.\n\n"
		"  --topic T                the topic\n"
		"  --partition N            only this partition; otherwise all of them\n"
		"  --from-beginning         from the first record; otherwise only those that arrive from now on\n"
		"  --offset N               from this offset; earliest or latest\n"
		"  --max-messages N         end after so many\n"
		"  --timeout-ms N           end when none has arrived for so long\n"
		"  --print-key              print the key and a tab before the value\n"
		"  --property NAME=VALUE    as of kafka-console-consumer.sh: print.timestamp, print.partition, "
		"print.offset,\n"
		"                           print.headers, print.key, print.value = true or false; key.separator, "
		"headers.separator,\n"
		"                           line.separator, null.literal\n"
		"  --isolation-level L      read_committed (the default) or read_uncommitted: with records of open "
		"and "
		"aborted\n"
		"                           transactions\n",
		cli_consume, true},
	{"connect", "run file sources and sinks, as Kafka's connect-standalone.sh does",
		"usage: kappa connect [WORKER.properties] CONNECTOR.properties… [--detach]\n"
		"       kappa connect list\n"
		"       kappa connect pause|resume|restart|delete NAME\n\n"
		"Runs connectors from Kafka Connect's own files: FileStreamSource appends the lines of a file to a "
		"topic, "
		"FileStreamSink\n"
		"writes the records of topics as lines to a file, each exactly once. They run inside the appliance; "
		"this "
		"command\n"
		"creates them, shows what they do, and deletes them at ^C. Where they stand is kept: the same "
		"command "
		"goes on.\n\n"
		"  WORKER.properties        the converters for connectors that name none (JsonConverter with "
		"schemas); "
		"the rest of it\n"
		"                           is not needed here\n"
		"  --detach                 return at once and leave them running\n",
		cli_connect, true},
	{"plan", "say what deploying SQL would change",
		"usage: kappa plan FILE…\n\n"
		"Shows which view versions `kappa deploy` would build, and why; builds nothing.\n",
		cli_plan, true},
	{"deploy", "deploy views; changed ones are replayed beside the live version",
		"usage: kappa deploy FILE… [--plan] [--wait | --no-wait]\n\n"
		"Deploys the views (CREATE MATERIALIZED VIEW) of the files, all together as one deployment. A view "
		"whose\n"
		"logic changed gets a new version, which replays the log from offset zero while the old one stays "
		"live;\n"
		"the views that depend on it are staged with it. - is standard input.\n\n"
		"  --plan                   only say what would change\n"
		"  --wait                   show the replay until it has caught up (the default)\n"
		"  --no-wait                return at once; `kappa status` and `kappa replay` show the replay\n",
		cli_deploy, true},
	{"user", "create, list, delete users; grant and revoke their roles",
		"usage: kappa user list\n"
		"       kappa user create NAME [--role ROLE]… [--no-password]\n"
		"       kappa user password NAME\n"
		"       kappa user grant NAME ROLE…\n"
		"       kappa user revoke NAME ROLE…\n"
		"       kappa user delete NAME\n\n"
		"The new password is KAPPA_NEW_PASSWORD, or typed, or the first line of standard input. Roles are "
		"read, write,\n"
		"deploy and admin; the first three also for a name or all names with a beginning: read:orders, "
		"write:in.*\n"
		"The first user must be an admin; from then on everybody has to log in.\n\n"
		"  --role ROLE              in this role\n"
		"  --no-password            let in by a client certificate of that name only\n",
		cli_user, true},
	{"status", "show versions of views, their progress and lag",
		"usage: kappa status\n\nOne line per version of every view.\n", cli_status, true},
	{"replay", "show running replays",
		"usage: kappa replay\n\nThe versions that are being replayed or are paused.\n", cli_replay, true},
	{"diff", "compare two versions of a view at one log offset",
		"usage: kappa diff VIEW [LEFT RIGHT] [--tolerance X] [--samples N]\n\n"
		"Compares versions LEFT and RIGHT, or the live and the newest one, both at the same offsets of the "
		"log.\n"
		"Exit code 1 when they differ.\n\n"
		"  --tolerance X            numbers that differ by no more than X are equal (0)\n"
		"  --samples N              how many different rows to show (10)\n",
		cli_diff, true},
	{"promote", "make a version live",
		"usage: kappa promote VIEW [VERSION] [--if CONDITION]…\n\n"
		"Makes the version (the newest one) live, at once, with all views of its deployment.\n\n"
		"  --if CONDITION           only if the difference to the live version fulfils it: a name "
		"(only_left, only_right,\n"
		"                           changed_rows, match_score), < <= > >= or =, and a number, as in\n"
		"                           --if 'changed_rows < 100'. Exit code 1 when it does not; nothing is "
		"promoted then.\n"
		"  --tolerance X            of that comparison\n",
		cli_promote, true},
	{"rollback", "make the version live that was before the last promotion", "usage: kappa rollback VIEW\n",
		cli_rollback, true},
	{"drop", "drop a view or one version of it",
		"usage: kappa drop VIEW[@VERSION] [--cascade]\n\n"
		"Drops the view with all its versions, or one version that is not live. Dropping a version that is "
		"being\n"
		"replayed cancels the replay.\n\n"
		"  --cascade                drop the views that depend on it, too\n",
		cli_drop, false},
	{"verify", "replay a view from offset zero and compare with what is served",
		"usage: kappa verify VIEW[@VERSION]\n\nExit code 1 when they differ.\n", cli_verify, true},
	{"pause", "pause a replay", "usage: kappa pause VIEW@VERSION\n", cli_pause, false},
	{"resume", "resume a paused replay", "usage: kappa resume VIEW@VERSION\n", cli_resume, false},
	{"version", "print the version",
		"usage: kappa version [--api]\n\n"
		"  --api                    the Kafka APIs this program serves, and their versions; asks no server\n",
		run_version, true},
};

enum { VERB_COUNT = sizeof verbs / sizeof verbs[0] };

static void usage_print(FILE *to)
{
	fputs("usage: kappa VERB [options]\n\nverbs:\n", to);
	for (size_t i = 0; i < VERB_COUNT; i++)
		fprintf(to, "  %-10s %s\n", verbs[i].name, verbs[i].summary);
	fputs("\nkappa VERB --help says more of each. All but serve ask a running server over HTTP: --http "
		  "host:port, or\n"
		  "KAPPA_HTTP, or 127.0.0.1:8088.\n\n"
		  "exit codes: 0 done; 1 versions differ, or a verification or gate failed; 2 wrong usage or an "
		  "unreadable file;\n"
		  "3 no server; 4 the server refused\n",
		to);
}

static void verb_help(const struct cli_verb *verb)
{
	fputs(verb->usage, stdout);
	fputs(
		"\n  --http HOST:PORT         the server (KAPPA_HTTP, or 127.0.0.1:8088); https://HOST:PORT for TLS\n"
		"  -U, --user NAME          log in as this user (KAPPA_USER), with KAPPA_PASSWORD or what is typed\n"
		"  --tls-ca FILE            who signs the server's certificate, PEM (KAPPA_TLS_CA, or the "
		"system's)\n",
		stdout);
	if (verb->rows)
		fputs("  -o, --output FORMAT      table (the default), json or csv\n", stdout);
	fputs("  --help                   this text\n", stdout);
}

int cli_usage_error(const struct cli *cli)
{
	const struct error *error = error_current();
	fprintf(stderr, "kappa %s: %s\n", cli->verb->name, error->text);
	if (error->hint[0] != '\0')
		fprintf(stderr, "hint: %s\n", error->hint);
	else
		fprintf(stderr, "hint: kappa %s --help\n", cli->verb->name);
	return CLI_USAGE;
}

int cli_begin(struct cli *cli, const struct cli_option *options, size_t option_count,
	struct cli_texts *arguments, size_t argument_min, size_t argument_max)
{
	struct cli_option all[CLI_ARGUMENTS_MAX];
	for (size_t i = 0; i < option_count; i++)
		all[i] = options[i];
	all[option_count++] = (struct cli_option){"--http", 0, CLI_TEXT, &cli->address};
	if (cli->verb->rows)
		all[option_count++] = (struct cli_option){"--output", 'o', CLI_OUTPUT, &cli->output};
	all[option_count++] = (struct cli_option){"--user", 'U', CLI_TEXT, &cli->user};
	all[option_count++] = (struct cli_option){"--tls-ca", 0, CLI_TEXT, &cli->tls_ca};
	if (cli_options_parse(all, option_count, cli->argc, cli->argv, arguments) != STATUS_OK)
		return cli_usage_error(cli);
	cli_http_identity(cli->user, cli->tls_ca);
	if (arguments->count < argument_min) {
		error_raise(STATUS_INVALID, "an argument is missing");
		return cli_usage_error(cli);
	}
	if (arguments->count > argument_max) {
		error_raise(STATUS_INVALID, "\"%s\" is one argument too many", arguments->texts[argument_max]);
		return cli_usage_error(cli);
	}
	return CLI_OK;
}

/* ---- ^C ---- */

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

void cli_interrupt_catch(void)
{
	/* Without SA_RESTART: what waits wakes up. A second ^C ends at once. */
	struct sigaction action = {.sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND};
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
}

bool cli_interrupted(void)
{
	return interrupted != 0;
}

/* ---- main ---- */

static bool asks_for_help(int argc, char **argv)
{
	for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

static const char *environment(const char *name)
{
	const char *value = getenv(name);
	return value != NULL && *value != '\0' ? value : NULL;
}

static int verb_run(const struct cli_verb *verb, int argc, char **argv)
{
	const char *address = getenv("KAPPA_HTTP");
	struct cli cli = {
		.verb = verb,
		.address = address != NULL && *address != '\0' ? address : "127.0.0.1:8088",
		.user = environment("KAPPA_USER"),
		.tls_ca = environment("KAPPA_TLS_CA"),
		.argc = argc,
		.argv = argv,
	};
	if (asks_for_help(argc, argv)) {
		verb_help(verb);
		return CLI_OK;
	}
	int code = verb->run(&cli);
	if (fflush(stdout) != 0 && code == CLI_OK) {
		perror("kappa: standard output");
		code = CLI_USAGE;
	}
	return code;
}

int cli_main(int argc, char **argv)
{
	/* A reader that has seen enough (| head) ends us quietly. Sockets do not signal. */
	signal(SIGPIPE, SIG_DFL);
	if (setlocale(LC_CTYPE, "") == NULL || MB_CUR_MAX == 1)
		(void)setlocale(LC_CTYPE, "C.UTF-8"); /* our own texts are UTF-8 */
	const char *name = argc >= 2 ? argv[1] : "";
	if (strcmp(name, "--version") == 0)
		name = "version";
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		usage_print(stdout);
		return CLI_OK;
	}
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (strcmp(verbs[i].name, name) == 0 && verbs[i].run != NULL)
			return verb_run(&verbs[i], argc, argv);
	if (*name != '\0')
		fprintf(stderr, "kappa: there is no verb \"%s\"\n", name);
	usage_print(stderr);
	return CLI_USAGE;
}
