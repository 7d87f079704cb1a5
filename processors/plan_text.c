/* Plans as canonical text: an S-expression that names what is computed and nothing else.
 *
 *   (project [origin #0] [flights #1]
 *     (aggregate (#0) [count(*)]
 *       (scan public.flights origin::text)))
 *
 * Columns inside are numbers, so alias names do not matter; the root's column names are part of what a view
 * is. Its hash is a version's fingerprint: whatever changes this text rebuilds every view.
 */
#include "base/invariant.h"
#include "processors/plan_build.h"

static void canonical_append(const struct plan *plan, bool root, struct buffer *out);

/* Quoted always: a name may hold anything. */
static void name_append(const char *name, struct buffer *out)
{
	buffer_append_byte(out, '"');
	for (const char *at = name; *at != '\0'; at++) {
		if (*at == '"' || *at == '\\')
			buffer_append_byte(out, '\\');
		buffer_append_byte(out, (uint8_t)*at);
	}
	buffer_append_byte(out, '"');
}

static void type_append(struct type type, struct buffer *out)
{
	struct arena scratch;
	arena_init(&scratch);
	buffer_printf(out, "::%s", type_format(type, &scratch));
	arena_deinit(&scratch);
}

static void columns_append(const uint32_t *columns, size_t count, struct buffer *out)
{
	buffer_append_string(out, " (");
	for (size_t i = 0; i < count; i++)
		buffer_printf(out, "%s#%u", i == 0 ? "" : " ", columns[i]);
	buffer_append_byte(out, ')');
}

static void labelled_append(const char *label, const struct expression *expression, struct buffer *out)
{
	if (expression == NULL)
		return;
	buffer_printf(out, " %s[", label);
	expression_format(expression, NULL, out);
	buffer_append_byte(out, ']');
}

static void scan_append(const struct plan *plan, struct buffer *out)
{
	buffer_append_string(out, "(scan ");
	name_append(plan->scan.schema_name, out);
	buffer_append_byte(out, '.');
	name_append(plan->scan.name, out);
	if (plan->scan.version != 0)
		buffer_printf(out, "@%lld", (long long)plan->scan.version);
	for (size_t i = 0; i < plan->schema.field_count; i++) {
		buffer_append_byte(out, ' ');
		name_append(plan->schema.fields[i].name, out);
		type_append(plan->schema.fields[i].type, out);
	}
	const struct scan_bounds *bounds = &plan->scan.bounds;
	for (size_t i = 0; i < bounds->prefix_count; i++)
		labelled_append("=", bounds->prefix[i], out);
	labelled_append(bounds->low_inclusive ? ">=" : ">", bounds->low, out);
	labelled_append(bounds->high_inclusive ? "<=" : "<", bounds->high, out);
}

static void aggregate_append(const struct plan *plan, struct buffer *out)
{
	buffer_append_string(out, plan->aggregate.global ? "(aggregate global" : "(aggregate");
	columns_append(plan->aggregate.groups, plan->aggregate.group_count, out);
	for (size_t i = 0; i < plan->aggregate.call_count; i++) {
		const struct aggregate_call *call = &plan->aggregate.calls[i];
		buffer_printf(out, " [%s(%s", aggregate_name(call->kind), call->distinct ? "distinct " : "");
		if (call->argument >= 0)
			buffer_printf(out, "#%d)", call->argument);
		else
			buffer_append_string(out, "*)");
		if (call->filter >= 0)
			buffer_printf(out, " filter #%d", call->filter);
		type_append(call->type, out);
		buffer_append_byte(out, ']');
	}
}

static void join_append(const struct plan *plan, struct buffer *out)
{
	static const char *const kinds[] = {
		[JOIN_INNER] = "inner", [JOIN_LEFT] = "left", [JOIN_SEMI] = "semi", [JOIN_ANTI] = "anti"};
	buffer_printf(out, "(join %s", kinds[plan->join.kind]);
	columns_append(plan->join.left_keys, plan->join.key_count, out);
	columns_append(plan->join.right_keys, plan->join.key_count, out);
	labelled_append("on", plan->join.residual, out);
}

static void values_append(const struct plan *plan, struct buffer *out)
{
	buffer_append_string(out, "(values");
	for (size_t r = 0; r < plan->values.row_count; r++) {
		buffer_append_string(out, " (");
		for (size_t c = 0; c < plan->schema.field_count; c++)
			labelled_append("", plan->values.rows[r][c], out);
		buffer_append_byte(out, ')');
	}
}

static void sort_append(const struct plan *plan, struct buffer *out)
{
	buffer_append_string(out, plan->kind == PLAN_NUMBER ? "(number" : "(sort");
	if (plan->kind == PLAN_NUMBER)
		buffer_printf(out, " %zu", plan->sort.partition_count);
	for (size_t k = 0; k < plan->sort.key_count; k++) {
		const struct sort_key *key = &plan->sort.keys[k];
		buffer_printf(out, " #%u%s%s", key->column, key->descending ? " desc" : "",
			key->nulls_first ? " nulls first" : "");
	}
}

static void project_append(const struct plan *plan, struct buffer *out)
{
	buffer_append_string(out, "(project");
	for (size_t i = 0; i < plan->schema.field_count; i++)
		labelled_append("", plan->project.expressions[i], out);
}

static void canonical_append(const struct plan *plan, bool root, struct buffer *out)
{
	if (root) {
		buffer_append_string(out, "(view");
		for (size_t i = 0; i < plan->schema.field_count; i++) {
			buffer_append_byte(out, ' ');
			name_append(plan->schema.fields[i].name, out);
			type_append(plan->schema.fields[i].type, out);
		}
		buffer_append_byte(out, ' ');
	}
	switch (plan->kind) {
	case PLAN_SCAN:
		scan_append(plan, out);
		break;
	case PLAN_VALUES:
		values_append(plan, out);
		break;
	case PLAN_FILTER:
		buffer_append_string(out, "(filter");
		labelled_append("", plan->filter.predicate, out);
		break;
	case PLAN_PROJECT:
		project_append(plan, out);
		break;
	case PLAN_AGGREGATE:
		aggregate_append(plan, out);
		break;
	case PLAN_JOIN:
		join_append(plan, out);
		break;
	case PLAN_UNION_ALL:
		buffer_append_string(out, "(union");
		break;
	case PLAN_SORT:
	case PLAN_NUMBER:
		sort_append(plan, out);
		break;
	case PLAN_LIMIT:
		buffer_append_string(out, "(limit");
		labelled_append("", plan->limit.limit, out);
		labelled_append("offset", plan->limit.offset, out);
		break;
	}
	for (size_t c = 0; c < plan->child_count; c++) {
		buffer_append_byte(out, ' ');
		canonical_append(plan->children[c], false, out);
	}
	buffer_append_string(out, root ? "))" : ")");
}

void plan_canonical(const struct plan *plan, struct buffer *out)
{
	canonical_append(plan, true, out);
}
