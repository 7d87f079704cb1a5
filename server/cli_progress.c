/* Watching replays; see cli_progress.h. */
#include "server/cli_progress.h"

#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum { POLL_MS = 100, LINE_MS = 1000 };

struct watch {
	const struct cli *cli;
	const struct cli_watched *watched;
	size_t count;
	int64_t began_ns;
	size_t name_width;
	bool terminal;
	size_t drawn;        /* lines on the terminal to draw over */
	bool *finished;      /* per version: its final line is printed */
	int64_t *printed_ns; /* not a terminal: when a line of it was printed */
	double *elapsed;     /* until it had caught up; −1 = not yet */
};

const json_t *cli_version_find(const json_t *answer, const char *view, int64_t version)
{
	size_t i;
	json_t *entry;
	json_array_foreach(json_object_get(answer, "versions"), i,
		entry) if (strcmp(cli_json_text(entry, "view"), view) == 0 &&
				   cli_json_integer(entry, "version", 0) == version) return entry;
	return NULL;
}

static void line_format(const struct watch *watch, size_t at, const json_t *entry, struct buffer *out)
{
	struct cli_progress progress = {
		.view = watch->watched[at].view,
		.version = watch->watched[at].version,
		.from_version = watch->watched[at].from_version,
		.state = cli_json_text(entry, "state"),
		.done = cli_json_integer(entry, "records_done", 0),
		.total = cli_json_integer(entry, "records_total", 0),
		.records_per_second = cli_json_real(entry, "records_per_second", 0),
		.eta_seconds = cli_json_real(entry, "eta_seconds", -1),
		.elapsed_seconds = watch->elapsed[at],
		.name_width = watch->name_width,
	};
	cli_format_progress(out, &progress);
}

/* A line longer than the terminal would wrap, and drawing over it go wrong. */
static void line_fit(struct buffer *line)
{
	struct winsize size;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return;
	while (line->size != 0 && cli_text_width((const char *)line->data, line->size) >= size.ws_col)
		do
			line->size--;
		while (line->size != 0 && (line->data[line->size] & 0xc0) == 0x80);
}

static void watch_draw(struct watch *watch, const json_t *answer)
{
	struct buffer screen, line;
	buffer_init(&screen);
	buffer_init(&line);
	if (watch->drawn != 0)
		buffer_printf(&screen, "\033[%zuA", watch->drawn);
	for (size_t i = 0; i < watch->count; i++) {
		line.size = 0;
		line_format(
			watch, i, cli_version_find(answer, watch->watched[i].view, watch->watched[i].version), &line);
		line_fit(&line);
		buffer_append(&screen, line.data, line.size);
		buffer_append_string(&screen, "\033[K\n");
	}
	watch->drawn = watch->count;
	(void)fwrite(screen.data, 1, screen.size, stdout);
	(void)fflush(stdout);
	buffer_deinit(&line);
	buffer_deinit(&screen);
}

static void watch_lines(struct watch *watch, const json_t *answer, int64_t now_ns)
{
	for (size_t i = 0; i < watch->count; i++) {
		bool caught_up = watch->elapsed[i] >= 0;
		bool due = watch->printed_ns[i] == 0 || now_ns - watch->printed_ns[i] >= LINE_MS * INT64_C(1000000);
		if (watch->finished[i] || (!caught_up && !due))
			continue;
		struct buffer line;
		buffer_init(&line);
		line_format(
			watch, i, cli_version_find(answer, watch->watched[i].view, watch->watched[i].version), &line);
		buffer_append_byte(&line, '\n');
		(void)fwrite(line.data, 1, line.size, stdout);
		buffer_deinit(&line);
		watch->printed_ns[i] = now_ns;
		watch->finished[i] = caught_up;
	}
	(void)fflush(stdout);
}

/* Looks at every version's state: are all caught up? */
static int watch_look(struct watch *watch, const json_t *answer, int64_t now_ns, bool *all)
{
	*all = true;
	for (size_t i = 0; i < watch->count; i++) {
		const struct cli_watched *watched = &watch->watched[i];
		const json_t *entry = cli_version_find(answer, watched->view, watched->version);
		const char *state = cli_json_text(entry, "state");
		if (entry == NULL) {
			fprintf(stderr, "kappa: %s@%" PRId64 " was dropped while it was replaying\n", watched->view,
				watched->version);
			return CLI_REFUSED;
		}
		if (strcmp(state, "failed") == 0) {
			fprintf(stderr, "kappa: %s@%" PRId64 " failed: %s\n", watched->view, watched->version,
				cli_json_text(entry, "error"));
			return CLI_REFUSED;
		}
		bool caught_up = strcmp(state, "live") == 0 || strcmp(state, "standby") == 0;
		if (caught_up && watch->elapsed[i] < 0)
			watch->elapsed[i] = (double)(now_ns - watch->began_ns) / 1e9;
		*all = *all && caught_up;
	}
	return CLI_OK;
}

static int watch_run(struct watch *watch, struct cli_http *http)
{
	for (;;) {
		json_t *answer;
		bool all;
		int code = cli_call(http, "GET", "/versions", NULL, &answer);
		if (code != CLI_OK)
			return code;
		int64_t now_ns = clock_monotonic_ns();
		code = watch_look(watch, answer, now_ns, &all);
		if (code == CLI_OK && watch->terminal)
			watch_draw(watch, answer);
		else if (code == CLI_OK)
			watch_lines(watch, answer, now_ns);
		json_decref(answer);
		if (code != CLI_OK || all)
			return code;
		struct timespec pause = {0, POLL_MS * 1000000};
		(void)nanosleep(&pause, NULL);
		if (cli_interrupted()) {
			fprintf(stderr,
				"kappa: the replay goes on; `kappa replay` shows it, `kappa drop VIEW@VERSION` cancels it\n");
			return CLI_INTERRUPTED;
		}
	}
}

int cli_progress_watch(
	const struct cli *cli, const struct cli_watched *watched, size_t count, int64_t began_ns)
{
	struct arena arena;
	struct cli_http *http;
	if (cli_http_create(cli->address, &http) != STATUS_OK)
		return cli_usage_error(cli);
	arena_init(&arena);
	struct watch watch = {
		.cli = cli,
		.watched = watched,
		.count = count,
		.began_ns = began_ns,
		.terminal = isatty(STDOUT_FILENO) != 0,
		.finished = arena_alloc_zeroed(&arena, count * sizeof(bool)),
		.printed_ns = arena_alloc_zeroed(&arena, count * sizeof(int64_t)),
		.elapsed = arena_alloc(&arena, count * sizeof(double)),
	};
	for (size_t i = 0; i < count; i++) {
		int width = snprintf(NULL, 0, "%s@%" PRId64, watched[i].view, watched[i].version);
		watch.name_width = (size_t)width > watch.name_width ? (size_t)width : watch.name_width;
		watch.elapsed[i] = -1;
	}
	cli_interrupt_catch();
	int code = watch_run(&watch, http);
	arena_deinit(&arena);
	cli_http_destroy(http);
	return code;
}
