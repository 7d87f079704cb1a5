/* EXPLAIN: one node a line, indented under what reads it; expressions name the columns of the child they are
 * computed from. For people; nothing parses it.
 */
#include "base/invariant.h"
#include "processors/plan_build.h"

static const char *column_name(const struct schema *schema, uint32_t column)
{
	return column < schema->field_count ? schema->fields[column].name : "?";
}

static void columns_append(
	const struct schema *schema, const uint32_t *columns, size_t count, struct buffer *out)
{
	for (size_t i = 0; i < count; i++)
		buffer_printf(out, "%s%s", i == 0 ? "" : ", ", column_name(schema, columns[i]));
}

static void relation_append(const struct plan *plan, struct buffer *out)
{
	if (strcmp(plan->scan.schema_name, "public") != 0)
		buffer_printf(out, "%s.", plan->scan.schema_name);
	buffer_append_string(out, plan->scan.name);
	if (plan->scan.version != 0)
		buffer_printf(out, "@%lld", (long long)plan->scan.version);
}

static void bound_append(const char *separator, const char *column, const char *operation,
	const struct expression *value, struct buffer *out)
{
	buffer_printf(out, "%s%s %s ", separator, column, operation);
	expression_format(value, NULL, out);
}

static void scan_explain(const struct plan *plan, struct buffer *out)
{
	const struct scan_bounds *bounds = &plan->scan.bounds;
	bool bounded = bounds->prefix_count > 0 || bounds->low != NULL || bounds->high != NULL;
	bool lookup = bounded && plan->has_key && plan->key_count == 0;
	buffer_append_string(out, lookup ? "Key Lookup on " : bounded ? "Range Scan on " : "Seq Scan on ");
	relation_append(plan, out);
	if (!bounded)
		return;
	const char *separator = " (";
	for (size_t i = 0; i < bounds->prefix_count; i++) {
		bound_append(separator, bounds->names[i], "=", bounds->prefix[i], out);
		separator = " AND ";
	}
	const char *next = bounds->names[bounds->prefix_count];
	if (bounds->low != NULL) {
		bound_append(separator, next, bounds->low_inclusive ? ">=" : ">", bounds->low, out);
		separator = " AND ";
	}
	if (bounds->high != NULL)
		bound_append(separator, next, bounds->high_inclusive ? "<=" : "<", bounds->high, out);
	buffer_append_byte(out, ')');
}

static void project_explain(const struct plan *plan, struct buffer *out)
{
	const struct schema *input = &plan->children[0]->schema;
	buffer_append_string(out, "Project");
	for (size_t i = 0; i < plan->schema.field_count; i++) {
		const struct expression *expression = plan->project.expressions[i];
		const char *name = plan->schema.fields[i].name;
		buffer_append_string(out, i == 0 ? " " : ", ");
		expression_format(expression, input, out);
		if (expression->kind != EXPR_COLUMN || strcmp(column_name(input, expression->column), name) != 0)
			buffer_printf(out, " AS %s", name);
	}
}

static void aggregate_explain(const struct plan *plan, struct buffer *out)
{
	const struct schema *input = &plan->children[0]->schema;
	if (plan->aggregate.call_count == 0 && !plan->aggregate.global) {
		buffer_append_string(out, "Distinct ");
		columns_append(input, plan->aggregate.groups, plan->aggregate.group_count, out);
		return;
	}
	buffer_append_string(out, plan->aggregate.global ? "Aggregate" : "Hash Aggregate");
	for (size_t i = 0; i < plan->aggregate.call_count; i++) {
		const struct aggregate_call *call = &plan->aggregate.calls[i];
		buffer_printf(out, "%s%s(%s%s)", i == 0 ? " " : ", ", aggregate_name(call->kind),
			call->distinct ? "DISTINCT " : "",
			call->argument >= 0 ? column_name(input, (uint32_t)call->argument) : "*");
		if (call->filter >= 0)
			buffer_printf(out, " FILTER (WHERE %s)", column_name(input, (uint32_t)call->filter));
	}
	if (plan->aggregate.group_count > 0) {
		buffer_append_string(out, " by ");
		columns_append(input, plan->aggregate.groups, plan->aggregate.group_count, out);
	}
}

/* The residual sees the left columns, then the right ones. */
static void residual_explain(const struct plan *plan, struct buffer *out)
{
	const struct schema *left = &plan->children[0]->schema, *right = &plan->children[1]->schema;
	size_t count = left->field_count + right->field_count;
	struct schema both = {mem_alloc_zeroed(count, sizeof(struct field)), count};
	for (size_t i = 0; i < count; i++)
		both.fields[i] = i < left->field_count ? left->fields[i] : right->fields[i - left->field_count];
	expression_format(plan->join.residual, &both, out);
	mem_free(both.fields);
}

static void join_explain(const struct plan *plan, struct buffer *out)
{
	static const char *const kinds[] = {
		[JOIN_INNER] = "", [JOIN_LEFT] = " Left", [JOIN_SEMI] = " Semi", [JOIN_ANTI] = " Anti"};
	bool keyed = plan->join.key_count > 0;
	buffer_printf(out, "%s%s Join", keyed ? "Hash" : "Nested Loop", kinds[plan->join.kind]);
	const char *separator = " on (";
	for (size_t k = 0; k < plan->join.key_count; k++) {
		buffer_printf(out, "%s%s = %s", separator,
			column_name(&plan->children[0]->schema, plan->join.left_keys[k]),
			column_name(&plan->children[1]->schema, plan->join.right_keys[k]));
		separator = " AND ";
	}
	if (plan->join.residual != NULL) {
		buffer_append_string(out, separator);
		residual_explain(plan, out);
	}
	if (keyed || plan->join.residual != NULL)
		buffer_append_byte(out, ')');
}

static void sort_explain(const struct plan *plan, struct buffer *out)
{
	buffer_append_string(out, plan->kind == PLAN_NUMBER ? "Number by " : "Sort by ");
	for (size_t k = 0; k < plan->sort.key_count; k++) {
		const struct sort_key *key = &plan->sort.keys[k];
		buffer_printf(out, "%s%s%s", k == 0 ? "" : ", ", column_name(&plan->schema, key->column),
			key->descending ? " DESC" : "");
		if (key->nulls_first != key->descending)
			buffer_append_string(out, key->nulls_first ? " NULLS FIRST" : " NULLS LAST");
	}
}

static void limit_explain(const struct plan *plan, struct buffer *out)
{
	buffer_append_string(out, "Limit");
	if (plan->limit.limit != NULL) {
		buffer_append_byte(out, ' ');
		expression_format(plan->limit.limit, NULL, out);
	}
	if (plan->limit.offset != NULL) {
		buffer_append_string(out, " Offset ");
		expression_format(plan->limit.offset, NULL, out);
	}
}

static void node_explain(const struct plan *plan, struct buffer *out)
{
	switch (plan->kind) {
	case PLAN_SCAN:
		scan_explain(plan, out);
		break;
	case PLAN_VALUES:
		buffer_printf(
			out, "Values (%zu row%s)", plan->values.row_count, plan->values.row_count == 1 ? "" : "s");
		break;
	case PLAN_FILTER:
		buffer_append_string(out, "Filter ");
		expression_format(plan->filter.predicate, &plan->children[0]->schema, out);
		break;
	case PLAN_PROJECT:
		project_explain(plan, out);
		break;
	case PLAN_AGGREGATE:
		aggregate_explain(plan, out);
		break;
	case PLAN_JOIN:
		join_explain(plan, out);
		break;
	case PLAN_UNION_ALL:
		buffer_append_string(out, "Append");
		break;
	case PLAN_SORT:
	case PLAN_NUMBER:
		sort_explain(plan, out);
		break;
	case PLAN_LIMIT:
		limit_explain(plan, out);
		break;
	}
}

static void explain_append(const struct plan *plan, int indent, struct buffer *out)
{
	for (int i = 0; i < indent; i++)
		buffer_append_string(out, "  ");
	node_explain(plan, out);
	buffer_append_byte(out, '\n');
	for (size_t c = 0; c < plan->child_count; c++)
		explain_append(plan->children[c], indent + 1, out);
}

void plan_explain(const struct plan *plan, struct buffer *out)
{
	explain_append(plan, 0, out);
}
