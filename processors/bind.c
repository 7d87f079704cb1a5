/* The binder's ways in: a query to run once, a view's defining query, an INSERT. */
#include "processors/bind.h"
#include "base/invariant.h"

enum {
	BIND_STACK_BYTES = 4 * 1024 * 1024
}; /* SQL_DEPTH_MAX levels of expressions, also of a sanitized build */

struct bind_job {
	struct binder binder;
	struct bind_limits limits;
	const struct sql_tree *tree;
	struct sql_insert *insert;
	const struct plan *plan;
};

static void job_init(struct bind_job *job, const struct sql_tree *tree, struct sql_catalog *catalog,
	struct sql_parameters *parameters, struct arena *arena)
{
	*job = (struct bind_job){.tree = tree};
	job->binder = (struct binder){
		.arena = arena, .catalog = catalog, .tree = tree, .parameters = parameters, .limits = &job->limits};
}

/* A parameter nothing decided is text. */
static void parameters_settle(struct sql_parameters *parameters)
{
	for (size_t i = 0; parameters != NULL && i < parameters->count; i++) {
		if (parameters->types[i] == TYPE_UNKNOWN)
			parameters->types[i] = TYPE_TEXT;
	}
}

static status query_run(void *context)
{
	struct bind_job *job = context;
	const struct plan *plan;
	status code = bind_select(&job->binder, job->tree->node->select_stmt, NULL, true, &plan);
	if (code != STATUS_OK)
		return code;
	job->plan = plan_simplify(job->binder.arena, plan, job->binder.for_view);
	return STATUS_OK;
}

status sql_bind_query(const struct sql_statement *statement, struct sql_catalog *catalog,
	struct sql_parameters *parameters, struct arena *arena, const struct plan **out)
{
	const struct sql_tree *tree = statement->tree;
	if (tree == NULL || tree->node->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
		return error_raise(STATUS_INTERNAL, "not a query to bind");
	struct bind_job job;
	job_init(&job, tree, catalog, parameters, arena);
	status code = sql_stack_run(BIND_STACK_BYTES, query_run, &job);
	if (code != STATUS_OK)
		return code;
	parameters_settle(parameters);
	*out = job.plan;
	return STATUS_OK;
}

static status insert_run(void *context)
{
	struct bind_job *job = context;
	struct sql_insert bound;
	status code = bind_insert(&job->binder, job->tree->node->insert_stmt, &bound);
	if (code != STATUS_OK)
		return code;
	bound.source = plan_simplify(job->binder.arena, bound.source, false);
	*job->insert = bound;
	return STATUS_OK;
}

status sql_bind_insert(const struct sql_statement *statement, struct sql_catalog *catalog,
	struct sql_parameters *parameters, struct arena *arena, struct sql_insert *out)
{
	const struct sql_tree *tree = statement->tree;
	if (tree == NULL || tree->node->node_case != PG_QUERY__NODE__NODE_INSERT_STMT)
		return error_raise(STATUS_INTERNAL, "not an INSERT to bind");
	struct bind_job job;
	job_init(&job, tree, catalog, parameters, arena);
	job.insert = out;
	status code = sql_stack_run(BIND_STACK_BYTES, insert_run, &job);
	if (code == STATUS_OK)
		parameters_settle(parameters);
	return code;
}

/* Rows of a view are known by its columns' names. */
static status names_check(const struct schema *schema)
{
	for (size_t i = 0; i < schema->field_count; i++) {
		for (size_t k = 0; k < i; k++) {
			if (strcmp(schema->fields[i].name, schema->fields[k].name) != 0)
				continue;
			(void)error_raise(
				STATUS_EXISTS, "column \"%s\" specified more than once", schema->fields[i].name);
			error_sqlstate("42701");
			error_hint("Name the output columns apart: expression AS name.");
			return STATUS_EXISTS;
		}
	}
	return STATUS_OK;
}

static status view_bind(const struct sql_script *script, struct sql_catalog *catalog, struct arena *arena,
	struct bind_uses *uses, const struct plan **out)
{
	const struct sql_statement *statement = &script->statements[0];
	if (script->statement_count != 1 || statement->kind != SQL_SELECT)
		return error_raise(STATUS_SYNTAX, "a view is defined by one query");
	struct bind_job job;
	job_init(&job, statement->tree, catalog, NULL, arena);
	job.binder.for_view = true;
	job.binder.uses = uses;
	status code = sql_stack_run(BIND_STACK_BYTES, query_run, &job);
	if (code == STATUS_OK)
		code = names_check(&job.plan->schema);
	if (code == STATUS_OK && job.plan->schema.field_count == 0)
		code = error_raise(STATUS_UNSUPPORTED, "a view without columns is not supported");
	if (code == STATUS_OK)
		*out = job.plan;
	return code;
}

status sql_bind_view(const char *query, struct sql_catalog *catalog, struct arena *arena,
	const struct plan **out, struct sql_use **uses, size_t *use_count)
{
	struct sql_script *script;
	struct bind_uses collected = {0};
	status code = sql_parse(slice_of_string(query), arena, &script);
	if (code != STATUS_OK)
		return code;
	code = view_bind(script, catalog, arena, &collected, out);
	sql_script_release(script);
	if (code != STATUS_OK || uses == NULL)
		return code;
	*uses = collected.items;
	*use_count = collected.count;
	return STATUS_OK;
}
