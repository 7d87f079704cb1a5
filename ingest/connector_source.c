/* A file source; see connector_source.h. */
#include "ingest/connector_source.h"

#include <inttypes.h>

#include "base/diag.h"
#include "ingest/line_file.h"

enum {
	BATCH_BYTES_WANTED = 512 * 1024,
	BATCH_BYTES_RESERVE = 4096, /* of the topic's limit: batch header, position, envelope */
	BATCH_LINES_MAX = 100000,
	GROWTH_MAX = 8, /* a converted line is at most so many times as large, envelope and record apart */
};

struct connector_source {
	const struct connector_config *config;
	struct sources *sources;
	char *id;
	struct line_file *file;
	struct line_file_limits limits;
	int64_t session;
	int32_t next_sequence;
	int64_t byte; /* where the next line begins */
	struct buffer lines, records, token;
};

static void file_note(void *context, const char *text)
{
	const struct connector_source *source = context;
	diag(DIAG_WARN, "connect", "source_file", "connector=\"%s\" note=\"%s\"", source->config->name, text);
}

static status topic_need(struct log *log, const char *name)
{
	const struct topic *topic;
	if (topic_find(log, name, &topic) == STATUS_OK)
		return STATUS_OK;
	struct topic_config config = topic_config_default();
	status result = topic_create(log, name, &config);
	return result == STATUS_EXISTS ? STATUS_OK : result;
}

static status source_begin(struct connector_source *source, struct arena *arena)
{
	const struct connector_config *config = source->config;
	struct source_state state;
	struct line_file_position position;
	struct line_file_options options = {
		.follow = true, .keep_empty = true, .note = file_note, .context = source};
	status result = source_open(source->sources, source->id, config->topics[0], -1, arena, &state);
	if (result == STATUS_OK && state.position != NULL)
		result = line_file_position_parse(state.position, &position);
	if (result == STATUS_OK)
		result =
			line_file_open(config->file, state.position != NULL ? &position : NULL, &options, &source->file);
	if (result != STATUS_OK)
		return result;
	size_t batch_max = (size_t)state.batch_bytes_max;
	size_t line_max = batch_max > 2 * BATCH_BYTES_RESERVE ? batch_max - BATCH_BYTES_RESERVE : batch_max / 2;
	/* Whatever the converter makes of several lines, they fit; a single line may turn out too large. */
	size_t wanted = line_max / GROWTH_MAX;
	source->limits = (struct line_file_limits){
		.bytes_wanted = wanted < BATCH_BYTES_WANTED ? wanted : BATCH_BYTES_WANTED,
		.bytes_max = line_max,
		.lines_max = BATCH_LINES_MAX,
	};
	source->session = state.session;
	source->next_sequence = state.next_sequence;
	source->byte = state.position != NULL ? position.offset : 0;
	return STATUS_OK;
}

status connector_source_open(struct log *log, struct sources *sources, const struct connector_config *config,
	struct connector_source **out)
{
	status result = topic_need(log, config->topics[0]);
	if (result != STATUS_OK)
		return result;
	struct connector_source *source = mem_alloc_zeroed(1, sizeof *source);
	struct arena arena;
	struct buffer id;
	arena_init(&arena);
	buffer_init(&id);
	buffer_printf(&id, "connect:%s:%s%c", config->name, config->file, 0);
	source->id = (char *)id.data;
	source->config = config;
	source->sources = sources;
	result = source_begin(source, &arena);
	arena_deinit(&arena);
	if (result == STATUS_OK)
		*out = source;
	else
		connector_source_close(source);
	return result;
}

void connector_source_close(struct connector_source *source)
{
	if (source == NULL)
		return;
	line_file_close(source->file);
	buffer_deinit(&source->lines);
	buffer_deinit(&source->records);
	buffer_deinit(&source->token);
	mem_free(source->id);
	mem_free(source);
}

/* The lines as records, a line each: a converter writes no newline. */
static void lines_convert(struct connector_source *source)
{
	const uint8_t *at = source->lines.data, *end = at + source->lines.size;
	source->records.size = 0;
	while (at < end) {
		const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
		converter_encode(&source->config->value, slice_of(at, (size_t)(newline - at)), &source->records);
		buffer_append_byte(&source->records, '\n');
		at = newline + 1;
	}
}

status connector_source_step(struct connector_source *source, bool *did)
{
	struct line_file_position position;
	struct source_appended appended;
	int32_t count;
	status result = line_file_read(source->file, &source->limits, &source->lines, &count, &position);
	if (result == STATUS_END) {
		*did = false;
		return STATUS_OK;
	}
	if (result != STATUS_OK)
		return result;
	lines_convert(source);
	source->token.size = 0;
	line_file_position_format(&position, &source->token);
	result = source_append(source->sources, source->id, source->config->topics[0], source->session,
		source->next_sequence, buffer_slice(&source->token), buffer_slice(&source->records), &appended);
	if (result != STATUS_OK)
		return result;
	source->next_sequence = (int32_t)(((int64_t)source->next_sequence + appended.count) & INT32_MAX);
	source->byte = position.offset;
	*did = true;
	return STATUS_OK;
}

void connector_source_progress(
	const struct connector_source *source, int64_t *records, struct buffer *position)
{
	*records = source->next_sequence;
	buffer_printf(position, "byte %" PRId64, source->byte);
}
