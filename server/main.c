/* The program: `kappa serve …` is the appliance, every other verb its command line. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "server/cli.h"
#include "server/server.h"

static int fail(const char *doing)
{
	const struct error *error = error_current();
	fprintf(stderr, "kappa serve: %s: %s\n", doing, error->text);
	if (error->hint[0] != '\0')
		fprintf(stderr, "hint: %s\n", error->hint);
	return error->code == STATUS_INVALID ? 2 : 1;
}

static int serve(int argc, char **argv)
{
	struct server_config config;
	server_config_init(&config);
	bool help = false;
	int code = 0;
	if (server_config_load(&config, argc, argv, &help) != STATUS_OK) {
		code = fail("configuration");
	} else if (help) {
		struct buffer text;
		buffer_init(&text);
		server_config_help(&text);
		fwrite(text.data, 1, text.size, stdout);
		buffer_deinit(&text);
	} else if (server_run(&config) != STATUS_OK) {
		code = fail("cannot go on");
	}
	server_config_deinit(&config);
	return code;
}

int main(int argc, char **argv)
{
	/* A peer that closes its socket is an error of that write, not the end of the program. */
	signal(SIGPIPE, SIG_IGN);
	if (argc >= 2 && strcmp(argv[1], "serve") == 0)
		return serve(argc - 2, argv + 2);
	return cli_main(argc, argv);
}
