/* The command line: every verb but `serve`. A client of a running server; opens no data directory. */
#ifndef KAPPA_SERVER_CLI_H
#define KAPPA_SERVER_CLI_H

/* argv[0] is the program, argv[1] the verb. Returns the exit code. */
int cli_main(int argc, char **argv);

#endif
