/* Words for numbers, and a replay's line; see cli_internal.h. */
#include "server/cli_internal.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

void cli_format_grouped(struct buffer *out, int64_t number)
{
	char digits[32];
	int size =
		snprintf(digits, sizeof digits, "%" PRIu64, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
	if (number < 0)
		buffer_append_byte(out, '-');
	for (int i = 0; i < size; i++) {
		if (i != 0 && (size - i) % 3 == 0)
			buffer_append_byte(out, ',');
		buffer_append_byte(out, (uint8_t)digits[i]);
	}
}

/* Three digits and a unit; never "1000K". */
void cli_format_short(struct buffer *out, double number)
{
	static const char *const units[] = {"", "K", "M", "G", "T", "P", "E"};
	size_t unit = 0;
	if (!isfinite(number)) {
		buffer_append_string(out, "?");
		return;
	}
	while (fabs(number) >= 999.5 && unit + 1 < sizeof units / sizeof units[0]) {
		number /= 1000;
		unit++;
	}
	if (unit == 0)
		buffer_printf(out, "%.0f", number);
	else
		buffer_printf(out, fabs(number) < 99.95 ? "%.1f%s" : "%.0f%s", number, units[unit]);
}

void cli_format_bytes(struct buffer *out, uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	size_t unit = 0;
	double number = (double)bytes;
	while (number >= 1023.5 && unit + 1 < sizeof units / sizeof units[0]) {
		number /= 1024;
		unit++;
	}
	buffer_printf(out, unit == 0 || number >= 99.95 ? "%.0f %s" : "%.1f %s", number, units[unit]);
}

void cli_format_seconds(struct buffer *out, double seconds)
{
	if (!isfinite(seconds) || seconds < 0) {
		buffer_append_string(out, "?");
	} else if (seconds < 9.95) {
		buffer_printf(out, "%.1f s", seconds);
	} else if (seconds < 59.5) {
		buffer_printf(out, "%.0f s", seconds);
	} else if (seconds < 3599.5) {
		int64_t whole = llround(seconds);
		buffer_printf(out, "%" PRId64 " min %" PRId64 " s", whole / 60, whole % 60);
	} else {
		int64_t minutes = (int64_t)fmin(seconds / 60, 1e15);
		buffer_printf(out, "%" PRId64 " h %" PRId64 " min", minutes / 60, minutes % 60);
	}
}

/* done / total in thousandths, rounded down: what is not done is never called 100%. */
static int64_t permille(int64_t done, int64_t total)
{
	if (done >= total)
		return 1000;
	if (done <= 0)
		return 0;
	return (int64_t)((__int128)done * 1000 / total);
}

void cli_format_percent(struct buffer *out, int64_t done, int64_t total)
{
	int64_t share = permille(done, total);
	buffer_printf(out, "%" PRId64 ".%" PRId64 "%%", share / 10, share % 10);
}

void cli_format_bar(struct buffer *out, int64_t done, int64_t total)
{
	int64_t full = permille(done, total) * CLI_BAR_CELLS / 1000;
	for (int64_t i = 0; i < CLI_BAR_CELLS; i++)
		buffer_append_string(out, i < full ? "█" : "░");
}

static bool progress_is_done(const struct cli_progress *progress)
{
	return strcmp(progress->state, "live") == 0 || strcmp(progress->state, "standby") == 0;
}

void cli_format_progress(struct buffer *out, const struct cli_progress *progress)
{
	char name[512];
	int size = snprintf(name, sizeof name, "%s@%" PRId64, progress->view, progress->version);
	int padding = (int)progress->name_width - size;
	bool done = progress_is_done(progress);
	buffer_printf(
		out, "%s%*s  %-9s  ", name, padding > 0 ? padding : 0, "", done ? "caught up" : progress->state);
	int64_t at = done ? progress->total : progress->done;
	cli_format_bar(out, at, progress->total);
	buffer_append_string(out, "  ");
	size_t before = out->size;
	cli_format_percent(out, at, progress->total);
	while (out->size - before < 6)
		buffer_append_byte(out, ' ');
	buffer_append_string(out, "  ");
	cli_format_short(out, (double)at);
	buffer_append_byte(out, '/');
	cli_format_short(out, (double)progress->total);
	buffer_append_string(out, " records");
	if (done) {
		buffer_append_string(out, "  in ");
		cli_format_seconds(out, progress->elapsed_seconds);
	} else if (strcmp(progress->state, "replaying") == 0) {
		if (progress->records_per_second > 0) {
			buffer_append_string(out, "  ");
			cli_format_short(out, progress->records_per_second);
			buffer_append_string(out, " rec/s");
		}
		if (progress->eta_seconds >= 0) {
			buffer_append_string(out, "  ETA ");
			cli_format_seconds(out, progress->eta_seconds);
		}
	}
	if (progress->from_version > 0)
		buffer_printf(out, "   (%s@%" PRId64 " stays live)", progress->view, progress->from_version);
	else if (done && strcmp(progress->state, "live") == 0)
		buffer_append_string(out, "   (live)");
}
