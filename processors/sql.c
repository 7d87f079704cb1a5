/* From text to statements: bounds checked, scanned, split, blanked, parsed.
 *
 * libpg_query's results are copied into arenas at once: the token list and the trees into the script's own
 * (freed by sql_script_release), what statements say into the caller's. No state; any thread (see sql_stack.c
 * for the stack).
 */
#include "processors/sql_internal.h"

#include <pg_query.h>
#include <stdlib.h>

#include "base/invariant.h"

enum {
	STACK_BYTES_PER_TOKEN = 2560, /* measured: 1922 at worst */
	STACK_BYTES_BASE = 512 * 1024,
};

/* ---- protobuf-c allocates in an arena: one release frees a whole tree ---- */

static void *parser_allocate(void *context, size_t size)
{
	return arena_alloc(context, size);
}

static void parser_free(void *context, void *memory)
{
	(void)context;
	(void)memory;
}

static ProtobufCAllocator parser_allocator(struct arena *arena)
{
	return (ProtobufCAllocator){.alloc = parser_allocate, .free = parser_free, .allocator_data = arena};
}

/* ---- the text ---- */

static size_t utf8_sequence_size(const uint8_t *at, size_t left)
{
	static const struct {
		uint8_t mask, lead, second_low, second_high;
		size_t size;
	} forms[] = {
		{0xff, 0xe0, 0xa0, 0xbf, 3},
		{0xff, 0xed, 0x80, 0x9f, 3},
		{0xf0, 0xe0, 0x80, 0xbf, 3},
		{0xff, 0xf0, 0x90, 0xbf, 4},
		{0xff, 0xf4, 0x80, 0x8f, 4},
	};
	if (at[0] < 0x80)
		return 1;
	if (at[0] >= 0xc2 && at[0] <= 0xdf)
		return left >= 2 && (at[1] & 0xc0) == 0x80 ? 2 : 0;
	if (at[0] >= 0xf1 && at[0] <= 0xf3)
		return left >= 4 && (at[1] & 0xc0) == 0x80 && (at[2] & 0xc0) == 0x80 && (at[3] & 0xc0) == 0x80 ? 4
																									   : 0;
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		if ((at[0] & forms[i].mask) != forms[i].lead)
			continue;
		if (left < forms[i].size || at[1] < forms[i].second_low || at[1] > forms[i].second_high)
			return 0;
		for (size_t k = 2; k < forms[i].size; k++) {
			if ((at[k] & 0xc0) != 0x80)
				return 0;
		}
		return forms[i].size;
	}
	return 0;
}

static status source_check(struct slice text, bool *ascii)
{
	if (text.size > SQL_TEXT_SIZE_MAX)
		return error_raise(STATUS_TOO_LARGE, "the SQL text has %zu bytes; at most %d are accepted", text.size,
			SQL_TEXT_SIZE_MAX);
	*ascii = true;
	for (size_t at = 0; at < text.size;) {
		size_t size = text.data[at] == 0 ? 0 : utf8_sequence_size(text.data + at, text.size - at);
		if (size == 0)
			return error_raise(
				STATUS_BAD_ENCODING, "invalid byte sequence for encoding \"UTF8\": 0x%02x", text.data[at]);
		*ascii = *ascii && size == 1;
		at += size;
	}
	return STATUS_OK;
}

static struct sql_source *source_make(struct slice text, bool ascii, struct arena *arena)
{
	struct sql_source *source = arena_alloc_zeroed(arena, sizeof *source);
	char *copy = arena_alloc(arena, text.size + 1);
	if (text.size != 0)
		memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	source->text = copy;
	source->size = text.size;
	if (ascii)
		return source;
	source->marks = arena_alloc(arena, (text.size / SOURCE_MARK_BYTES + 1) * sizeof *source->marks);
	uint32_t characters = 0;
	for (size_t at = 0; at <= text.size; at++) {
		if (at % SOURCE_MARK_BYTES == 0)
			source->marks[at / SOURCE_MARK_BYTES] = characters;
		characters += at < text.size && (text.data[at] & 0xc0) != 0x80;
	}
	return source;
}

/* ---- tokens ---- */

struct parser {
	struct arena *arena;        /* the caller's */
	struct arena *parser_arena; /* the script's */
	const struct sql_source *source;
	struct sql_token *tokens;
	size_t token_count;
};

/* libpg_query's cursor positions count characters, from 1, in the text it was given. */
static status parser_error(const PgQueryError *error, const struct parser *parser, size_t base)
{
	(void)error_raise(STATUS_SYNTAX, "%s", error->message != NULL ? error->message : "syntax error");
	if (error->cursorpos > 0)
		error_position(sql_source_position(parser->source, base) + error->cursorpos - 1);
	return STATUS_SYNTAX;
}

/* An identifier, or a keyword that PostgreSQL lets one use as a name. */
static bool token_is_word(const PgQuery__ScanToken *token)
{
	return token->token == PG_QUERY__TOKEN__IDENT || token->token == PG_QUERY__TOKEN__UIDENT ||
		   token->keyword_kind == PG_QUERY__KEYWORD_KIND__UNRESERVED_KEYWORD ||
		   token->keyword_kind == PG_QUERY__KEYWORD_KIND__COL_NAME_KEYWORD;
}

static status tokens_keep(struct parser *parser, const PgQueryProtobuf *packed)
{
	ProtobufCAllocator allocator = parser_allocator(parser->parser_arena);
	PgQuery__ScanResult *scan =
		pg_query__scan_result__unpack(&allocator, packed->len, (const uint8_t *)packed->data);
	if (scan == NULL)
		return error_raise(STATUS_INTERNAL, "the parser's token list cannot be read");
	parser->tokens = arena_alloc(parser->parser_arena, scan->n_tokens * sizeof *parser->tokens);
	for (size_t i = 0; i < scan->n_tokens; i++) {
		const PgQuery__ScanToken *token = scan->tokens[i];
		if (token->token == PG_QUERY__TOKEN__SQL_COMMENT || token->token == PG_QUERY__TOKEN__C_COMMENT)
			continue;
		parser->tokens[parser->token_count++] = (struct sql_token){
			.start = token->start,
			.end = token->end,
			.kind = (int32_t)token->token,
			.word = token_is_word(token),
		};
	}
	return STATUS_OK;
}

static status parser_scan(struct parser *parser)
{
	PgQueryScanResult result = pg_query_scan(parser->source->text);
	status code =
		result.error != NULL ? parser_error(result.error, parser, 0) : tokens_keep(parser, &result.pbuf);
	pg_query_free_scan_result(result);
	return code;
}

/* ---- one statement ---- */

struct parse_job {
	struct parser *parser;
	struct sql_tree *tree;
	const char *text; /* blanked */
};

static status parse_unpack(struct parse_job *job, const PgQueryProtobuf *packed)
{
	ProtobufCAllocator allocator = parser_allocator(job->parser->parser_arena);
	PgQuery__ParseResult *parsed =
		pg_query__parse_result__unpack(&allocator, packed->len, (const uint8_t *)packed->data);
	if (parsed == NULL || parsed->n_stmts != 1 || parsed->stmts[0]->stmt == NULL)
		return sql_fail(STATUS_SYNTAX, job->tree, 0, "this is not one statement");
	job->tree->node = parsed->stmts[0]->stmt;
	return sql_versions_check(job->tree);
}

static status parse_run(void *context)
{
	struct parse_job *job = context;
	PgQueryProtobufParseResult result = pg_query_parse_protobuf(job->text);
	status code = result.error != NULL ? parser_error(result.error, job->parser, job->tree->base)
									   : parse_unpack(job, &result.parse_tree);
	pg_query_free_protobuf_parse_result(result);
	return code;
}

/* Tokens [first, last) make a statement. */
static status statement_parse(struct parser *parser, size_t first, size_t last, struct sql_statement *out)
{
	size_t base = (size_t)parser->tokens[first].start;
	size_t size = (size_t)parser->tokens[last - 1].end - base;
	struct sql_tree *tree = arena_alloc_zeroed(parser->parser_arena, sizeof *tree);
	*tree = (struct sql_tree){.source = parser->source,
		.base = base,
		.tokens = parser->tokens + first,
		.token_count = last - first};
	if (tree->token_count > SQL_TOKENS_MAX) {
		(void)sql_fail(STATUS_TOO_LARGE, tree, 0, "the statement has %zu tokens; at most %d are accepted",
			tree->token_count, SQL_TOKENS_MAX);
		error_hint("Split it into several statements.");
		return STATUS_TOO_LARGE;
	}
	char *text = arena_alloc(parser->arena, size + 1);
	memcpy(text, parser->source->text + base, size);
	text[size] = '\0';
	char *blanked = arena_copy(parser->parser_arena, text, size + 1);
	status code = sql_token_pass(tree, blanked, parser->parser_arena);
	if (code != STATUS_OK)
		return code;
	struct parse_job job = {parser, tree, blanked};
	code = sql_stack_run(STACK_BYTES_BASE + tree->token_count * STACK_BYTES_PER_TOKEN, parse_run, &job);
	if (code != STATUS_OK)
		return code;
	*out = (struct sql_statement){
		.text = text, .text_position = sql_source_position(parser->source, base), .tree = tree};
	return sql_statement_build(out, parser->arena);
}

/* ---- the script ---- */

/* The first token after `first` that ends a statement: a semicolon outside of parentheses, or the end. */
static size_t statement_end(const struct parser *parser, size_t first)
{
	int64_t depth = 0;
	for (size_t i = first; i < parser->token_count; i++) {
		int32_t kind = parser->tokens[i].kind;
		depth += kind == PG_QUERY__TOKEN__ASCII_40;
		depth -= kind == PG_QUERY__TOKEN__ASCII_41;
		if (kind == PG_QUERY__TOKEN__ASCII_59 && depth <= 0)
			return i;
	}
	return parser->token_count;
}

static status script_fill(struct parser *parser, struct sql_script *script)
{
	size_t count_max = 1;
	for (size_t i = 0; i < parser->token_count; i++)
		count_max += parser->tokens[i].kind == PG_QUERY__TOKEN__ASCII_59;
	script->statements = arena_alloc_zeroed(parser->arena, count_max * sizeof *script->statements);
	for (size_t first = 0; first < parser->token_count;) {
		size_t end = statement_end(parser, first);
		if (end > first) {
			status code = statement_parse(parser, first, end, &script->statements[script->statement_count]);
			if (code != STATUS_OK)
				return code;
			script->statement_count++;
		}
		first = end + 1;
	}
	if (script->statement_count == 0) {
		script->statements[0] =
			(struct sql_statement){.kind = SQL_EMPTY, .text = "", .text_position = 1, .tag = ""};
		script->statement_count = 1;
	}
	return STATUS_OK;
}

status sql_parse(struct slice text, struct arena *arena, struct sql_script **out)
{
	bool ascii = false;
	status code = source_check(text, &ascii);
	if (code != STATUS_OK)
		return code;
	struct sql_script *script = arena_alloc_zeroed(arena, sizeof *script);
	struct arena *parser_arena = mem_alloc(sizeof *parser_arena);
	arena_init(parser_arena);
	script->parser_memory = parser_arena;
	struct parser parser = {
		.arena = arena, .parser_arena = parser_arena, .source = source_make(text, ascii, parser_arena)};
	code = parser_scan(&parser);
	if (code == STATUS_OK)
		code = script_fill(&parser, script);
	if (code != STATUS_OK) {
		sql_script_release(script);
		return code;
	}
	*out = script;
	return STATUS_OK;
}

void sql_script_release(struct sql_script *script)
{
	if (script == NULL || script->parser_memory == NULL)
		return;
	arena_deinit(script->parser_memory);
	mem_free(script->parser_memory);
	script->parser_memory = NULL;
	for (size_t i = 0; i < script->statement_count; i++) {
		script->statements[i].tree = NULL;
		if (script->statements[i].explained != NULL)
			script->statements[i].explained->tree = NULL;
	}
}
