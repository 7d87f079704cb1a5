/* The token pass: what we accept beyond PostgreSQL's grammar is blanked in place before the parser sees it,
 * so that positions in errors stay true, and noted aside.
 *
 *   delays@2                                    name@version, no space around the @; also "delays"@2,
 * public.delays@2 CREATE OR REPLACE MATERIALIZED VIEW         OR REPLACE
 *
 * A blanked version must belong to a relation's name: after parsing, sql_versions_check() looks for a
 * relation at its place in the tree and refuses what has none (SELECT a@2).
 */
#include <ctype.h>

#include "base/invariant.h"
#include "processors/sql_internal.h"

static bool token_is(const struct sql_tree *tree, size_t token, int32_t kind)
{
	return token < tree->token_count && tree->tokens[token].kind == kind;
}

int32_t sql_token_location(const struct sql_tree *tree, int32_t kind)
{
	for (size_t i = 0; i < tree->token_count; i++) {
		if (tree->tokens[i].kind == kind)
			return tree->tokens[i].start - (int32_t)tree->base;
	}
	return -1;
}

static bool tokens_touch(const struct sql_tree *tree, size_t left)
{
	return left + 1 < tree->token_count && tree->tokens[left].end == tree->tokens[left + 1].start;
}

/* Where the (dotted) name that ends with `token` begins. */
static size_t name_first_token(const struct sql_tree *tree, size_t token)
{
	while (token >= 2 && token_is(tree, token - 1, PG_QUERY__TOKEN__ASCII_46) && tree->tokens[token - 2].word)
		token -= 2;
	return token;
}

static status version_note(struct sql_tree *tree, char *text, size_t at)
{
	const struct sql_token *number = &tree->tokens[at + 1];
	int32_t base = (int32_t)tree->base;
	int64_t version = 0;
	for (int32_t i = number->start; i < number->end; i++) {
		char digit = text[i - base];
		if (!isdigit((unsigned char)digit) || version > INT32_MAX / 10)
			return sql_fail(STATUS_SYNTAX, tree, number->start - base, "invalid version number");
		version = version * 10 + (digit - '0');
	}
	if (version == 0)
		return sql_fail(STATUS_SYNTAX, tree, number->start - base, "versions are numbered from 1");
	for (int32_t i = tree->tokens[at].start; i < number->end; i++)
		text[i - base] = ' ';
	tree->versions[tree->version_count++] = (struct sql_version){
		.location = tree->tokens[name_first_token(tree, at - 1)].start - base,
		.at_location = tree->tokens[at].start - base,
		.version = version,
	};
	return STATUS_OK;
}

static void or_replace_note(struct sql_tree *tree, char *text)
{
	static const int32_t wanted[] = {PG_QUERY__TOKEN__CREATE, PG_QUERY__TOKEN__OR, PG_QUERY__TOKEN__REPLACE,
		PG_QUERY__TOKEN__MATERIALIZED, PG_QUERY__TOKEN__VIEW};
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
		if (!token_is(tree, i, wanted[i]))
			return;
	}
	tree->or_replace = true;
	for (size_t i = 1; i <= 2; i++) {
		size_t start = (size_t)tree->tokens[i].start - tree->base;
		memset(text + start, ' ', (size_t)(tree->tokens[i].end - tree->tokens[i].start));
	}
}

status sql_token_pass(struct sql_tree *tree, char *text, struct arena *arena)
{
	or_replace_note(tree, text);
	size_t candidates = 0;
	for (size_t i = 0; i < tree->token_count; i++)
		candidates += tree->tokens[i].kind == PG_QUERY__TOKEN__Op;
	tree->versions = arena_alloc(arena, candidates * sizeof *tree->versions);
	for (size_t i = 1; i < tree->token_count; i++) {
		const struct sql_token *token = &tree->tokens[i];
		if (token->kind != PG_QUERY__TOKEN__Op || token->end - token->start != 1 ||
			text[(size_t)token->start - tree->base] != '@')
			continue;
		if (!tree->tokens[i - 1].word || !tokens_touch(tree, i - 1) || !tokens_touch(tree, i) ||
			!token_is(tree, i + 1, PG_QUERY__TOKEN__ICONST))
			continue;
		status code = version_note(tree, text, i);
		if (code != STATUS_OK)
			return code;
	}
	return STATUS_OK;
}

int64_t sql_version_at(const struct sql_tree *tree, int32_t location)
{
	for (size_t i = 0; i < tree->version_count; i++) {
		if (tree->versions[i].location == location)
			return tree->versions[i].version;
	}
	return 0;
}

/* ---- which versions belong to relations ---- */

struct version_search {
	const struct sql_tree *tree;
	bool *found; /* per version */
	int depth;
};

static void search_mark(struct version_search *search, int32_t location)
{
	for (size_t i = 0; i < search->tree->version_count; i++)
		search->found[i] = search->found[i] || search->tree->versions[i].location == location;
}

static void search_message(struct version_search *search, const ProtobufCMessage *message);

/* TUMBLE(delays@2, …) in FROM: the relation is written where the grammar sees a column. */
static void search_range_function(struct version_search *search, const PgQuery__RangeFunction *range)
{
	for (size_t i = 0; i < range->n_functions; i++) {
		const sql_node *list = range->functions[i];
		if (list->node_case != PG_QUERY__NODE__NODE_LIST || list->list->n_items == 0)
			continue;
		const sql_node *call = list->list->items[0];
		if (call->node_case != PG_QUERY__NODE__NODE_FUNC_CALL || call->func_call->n_args == 0)
			continue;
		const sql_node *first = call->func_call->args[0];
		if (first->node_case == PG_QUERY__NODE__NODE_COLUMN_REF)
			search_mark(search, first->column_ref->location);
	}
}

static void search_field(
	struct version_search *search, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	const uint8_t *base = (const uint8_t *)message;
	if (field->type != PROTOBUF_C_TYPE_MESSAGE)
		return;
	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		size_t count;
		memcpy(&count, base + field->quantifier_offset, sizeof count);
		ProtobufCMessage **items;
		memcpy(&items, base + field->offset, sizeof items);
		for (size_t i = 0; i < count; i++)
			search_message(search, items[i]);
		return;
	}
	if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
		uint32_t which;
		memcpy(&which, base + field->quantifier_offset, sizeof which);
		if (which != field->id)
			return;
	}
	const ProtobufCMessage *child;
	memcpy(&child, base + field->offset, sizeof child);
	if (child != NULL)
		search_message(search, child);
}

/* Visits the whole tree by the messages' own descriptions, so that no kind of node can be forgotten. */
static void search_message(struct version_search *search, const ProtobufCMessage *message)
{
	enum {
		MESSAGE_DEPTH_MAX = SQL_DEPTH_MAX * 6
	}; /* messages per level of nesting; deeper trees are refused later */
	if (search->depth >= MESSAGE_DEPTH_MAX)
		return;
	search->depth++;
	if (message->descriptor == &pg_query__range_var__descriptor)
		search_mark(search, ((const PgQuery__RangeVar *)message)->location);
	else if (message->descriptor == &pg_query__range_function__descriptor)
		search_range_function(search, (const PgQuery__RangeFunction *)message);
	for (unsigned i = 0; i < message->descriptor->n_fields; i++)
		search_field(search, message, &message->descriptor->fields[i]);
	search->depth--;
}

status sql_versions_check(const struct sql_tree *tree)
{
	if (tree->version_count == 0 || tree->node->node_case == PG_QUERY__NODE__NODE_DROP_STMT)
		return STATUS_OK; /* DROP has no locations in its tree; sql_statement_build() reads its tokens */
	struct version_search search = {.tree = tree};
	search.found = mem_alloc_zeroed(tree->version_count, sizeof *search.found);
	search_message(&search, &tree->node->base);
	status code = STATUS_OK;
	for (size_t i = 0; i < tree->version_count && code == STATUS_OK; i++) {
		if (search.found[i])
			continue;
		code = sql_fail(STATUS_SYNTAX, tree, tree->versions[i].at_location, "syntax error at or near \"@\"");
		error_hint("name@version names a version of a view; only a relation may be written so.");
	}
	mem_free(search.found);
	return code;
}
