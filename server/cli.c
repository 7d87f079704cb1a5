/* The command line's entry: --help and version. */
#include "server/cli.h"

#include <stdio.h>
#include <string.h>

static const char usage[] = "usage: kappa <verb> [options]\n"
							"\n"
							"  serve     run the appliance (kappa serve --help)\n"
							"  version   print the version\n";

int cli_main(int argc, char **argv)
{
	const char *verb = argc >= 2 ? argv[1] : "--help";
	if (strcmp(verb, "version") == 0 || strcmp(verb, "--version") == 0) {
		printf("kappa %s\n", KAPPA_VERSION);
		return 0;
	}
	if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0 || strcmp(verb, "help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	fprintf(stderr, "kappa: unknown verb \"%s\"\n%s", verb, usage);
	return 2;
}
