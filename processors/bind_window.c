/* row_number() OVER (PARTITION BY … ORDER BY …), in queries: the rows of the plan, after WHERE and GROUP BY,
 * are sorted and counted (ATTACH_NUMBER).
 */
#include "processors/bind.h"

static status window_refuse(
	struct binder *binder, const struct bind_place *place, const PgQuery__FuncCall *call, const char *name)
{
	const char *hint = "Use GROUP BY in a subquery and join its result; TUMBLE() makes windows of time.";
	const PgQuery__WindowDef *window = call->over;
	enum { FRAME_DEFAULT = 1058 }; /* FRAMEOPTION_DEFAULTS of PostgreSQL's parser */
	if (strcmp(name, "row_number") != 0)
		return bind_unsupported(binder, call->location, hint, "a window function (OVER)");
	if (binder->for_view)
		return bind_unsupported(binder, call->location, hint, "row_number() in a view");
	if (window->name[0] != '\0' || window->refname[0] != '\0' || window->frame_options != FRAME_DEFAULT)
		return bind_unsupported(
			binder, call->location, "Write OVER (PARTITION BY … ORDER BY …).", "a named window or a frame");
	if (call->n_args > 0 || call->agg_filter != NULL || call->agg_distinct || call->n_agg_order > 0)
		return bind_fail(STATUS_UNKNOWN_FUNCTION, binder, bind_position(binder, call->location),
			"row_number() takes no arguments, FILTER or ORDER BY of its own");
	if (strcmp(place->clause, "the SELECT list") == 0 || strcmp(place->clause, "ORDER BY") == 0)
		return STATUS_OK;
	(void)bind_fail(STATUS_GROUPING, binder, bind_position(binder, call->location),
		"window functions are not allowed in %s", place->clause);
	error_sqlstate("42P20");
	return STATUS_GROUPING;
}

static status window_argument(struct binder *binder, const struct bind_place *place, const sql_node *node,
	struct expression_list *arguments)
{
	const struct expression *expression;
	status code = bind_expression(binder, place, node, &expression);
	if (code == STATUS_OK)
		code = bind_settle(binder, expression, &expression);
	if (code == STATUS_OK)
		expression_list_add(arguments, binder->arena, expression);
	return code;
}

status bind_window_call(struct binder *binder, const struct bind_place *place, const PgQuery__FuncCall *call,
	const char *name, const struct expression **out)
{
	const PgQuery__WindowDef *window = call->over;
	status code = window_refuse(binder, place, call, name);
	if (code != STATUS_OK)
		return code;
	size_t partitions = window->n_partition_clause, orders = window->n_order_clause;
	struct sort_key *keys = arena_alloc_zeroed(binder->arena, (partitions + orders) * sizeof *keys);
	struct expression_list arguments = {0};
	for (size_t i = 0; i < partitions && code == STATUS_OK; i++)
		code = window_argument(binder, place, window->partition_clause[i], &arguments);
	for (size_t i = 0; i < orders && code == STATUS_OK; i++) {
		const PgQuery__SortBy *sort = window->order_clause[i]->sort_by;
		code = bind_sort_key_of(binder, sort, &keys[partitions + i]);
		if (code == STATUS_OK)
			code = window_argument(binder, place, sort->node, &arguments);
	}
	if (code != STATUS_OK)
		return code;
	struct bind_subquery subquery = {.kind = ATTACH_NUMBER, .partition_count = partitions, .sort_keys = keys};
	*out = bind_attached(binder, place, subquery, arguments.items, arguments.count, type_of(TYPE_INT8));
	return STATUS_OK;
}
