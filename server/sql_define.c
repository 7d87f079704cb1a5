/* Definitions: CREATE TABLE, CREATE MATERIALIZED VIEW, DROP. The engine does them; here they get their
 * notices. */
#include <string.h>
#include <strings.h>

#include "server/sql_internal.h"
#include "server/workers.h"

static status name_check(const struct sql_name *name)
{
	if (name->schema_name == NULL || strcmp(name->schema_name, "public") == 0)
		return STATUS_OK;
	error_raise(
		STATUS_UNSUPPORTED, "tables and views live in schema public, not in \"%s\"", name->schema_name);
	error_position(name->position);
	return STATUS_UNSUPPORTED;
}

/* ---- CREATE ---- */

static status table_create_execute(struct sql_session *session, const struct sql_statement *statement)
{
	status result = name_check(&statement->create_table.name);
	if (result != STATUS_OK)
		return result;
	const char *topic = statement->create_table.name.name;
	for (size_t i = 0; i < statement->create_table.option_count; i++) {
		if (strcmp(statement->create_table.options[i].name, "topic") == 0)
			topic = statement->create_table.options[i].value;
	}
	result = access_check_topic(session, topic);
	if (result != STATUS_OK)
		return result;
	result = engine_create_table(session->environment.engine, statement);
	if (result == STATUS_EXISTS && statement->create_table.if_not_exists) {
		session_notice(session, SQL_NOTICE, "relation \"%s\" already exists, skipping",
			statement->create_table.name.name);
		return STATUS_OK;
	}
	return result;
}

/* `wait` is the session's option, the engine's are the others. */
static status wait_option_take(struct sql_statement *statement, struct arena *arena, bool *wait)
{
	*wait = true;
	size_t count = statement->create_view.option_count, kept = 0;
	struct sql_option *options = arena_alloc(arena, count * sizeof *options);
	for (size_t i = 0; i < count; i++) {
		const struct sql_option *option = &statement->create_view.options[i];
		if (strcmp(option->name, "wait") != 0) {
			options[kept++] = *option;
			continue;
		}
		bool off = strcasecmp(option->value, "false") == 0 || strcasecmp(option->value, "off") == 0 ||
				   strcmp(option->value, "0") == 0;
		bool on = strcasecmp(option->value, "true") == 0 || strcasecmp(option->value, "on") == 0 ||
				  strcmp(option->value, "1") == 0;
		if (!on && !off) {
			error_raise(STATUS_INVALID, "option \"wait\" is true or false, not \"%s\"", option->value);
			error_position(option->position);
			return STATUS_INVALID;
		}
		*wait = on;
	}
	statement->create_view.options = options;
	statement->create_view.option_count = kept;
	return STATUS_OK;
}

static status caught_up_wait(struct sql_cursor *cursor, const struct deploy_item *item)
{
	struct sql_session *session = cursor->session;
	workers_wait_begin();
	status result = engine_wait_caught_up(
		session->environment.engine, item->view, item->version, session_is_cancelled, cursor);
	workers_wait_end();
	if (result == STATUS_CANCELLED)
		session_notice(session, SQL_NOTICE,
			"\"%s\" goes on replaying, and will be live when it has caught up", item->view);
	return result;
}

static status item_report(struct sql_cursor *cursor, const struct deploy_item *item, bool wait)
{
	struct sql_session *session = cursor->session;
	long long version = (long long)item->version;
	switch (item->action) {
	case DEPLOY_CREATE:
		return wait ? caught_up_wait(cursor, item) : STATUS_OK;
	case DEPLOY_UNCHANGED:
		session_notice(
			session, SQL_NOTICE, "\"%s\" keeps version %lld: %s", item->view, version, item->reason);
		return STATUS_OK;
	case DEPLOY_REPLACE:
	case DEPLOY_DEPENDENT:
		session_notice(session, SQL_NOTICE,
			"\"%s@%lld\" replays from offset 0 beside version %lld (%s); SELECT * FROM kappa.replays shows "
			"its "
			"progress, SELECT kappa.promote('%s', %lld) makes it live",
			item->view, version, (long long)item->from_version, item->reason, item->view, version);
		return STATUS_OK;
	}
	return STATUS_OK;
}

static status view_create_execute(struct sql_cursor *cursor, const struct sql_statement *statement)
{
	struct arena *arena = &cursor->arena;
	status result = name_check(&statement->create_view.name);
	struct sql_statement *copy = arena_copy(arena, statement, sizeof *statement);
	bool wait = true;
	if (result == STATUS_OK)
		result = wait_option_take(copy, arena, &wait);
	if (result != STATUS_OK)
		return result;
	const struct sql_statement *const statements[] = {copy};
	struct deploy_request request = {
		.statements = statements,
		.statement_count = 1,
		.allow_replace = statement->create_view.or_replace,
	};
	struct deploy_result deployed = {0};
	result = engine_deploy(cursor->session->environment.engine, &request, arena, &deployed);
	for (size_t i = 0; i < deployed.item_count && result == STATUS_OK; i++)
		result = item_report(cursor, &deployed.items[i], wait);
	return result;
}

/* ---- DROP ---- */

static status drop_one(
	struct sql_session *session, const struct sql_statement *statement, const struct sql_name *name)
{
	status result = name_check(name);
	if (result != STATUS_OK)
		return result;
	struct engine *engine = session->environment.engine;
	bool is_table = statement->kind == SQL_DROP_TABLE;
	result = is_table ? engine_drop_table(engine, name->name)
					  : engine_drop_view(engine, name->name, name->version, statement->drop.cascade);
	bool missing = result == STATUS_NOT_FOUND || result == STATUS_UNKNOWN_RELATION;
	if (missing && statement->drop.if_exists) {
		session_notice(session, SQL_NOTICE, "%s \"%s\" does not exist, skipping",
			is_table ? "table" : "materialized view", name->name);
		return STATUS_OK;
	}
	if (missing) {
		error_sqlstate("42P01");
		error_position(name->position);
	}
	return result;
}

static void define_audit(struct sql_session *session, const struct sql_statement *statement)
{
	switch (statement->kind) {
	case SQL_CREATE_TABLE:
		session_audit(session, "table_created", statement->create_table.name.name);
		break;
	case SQL_CREATE_VIEW:
		session_audit(session, "view_deployed", statement->create_view.name.name);
		break;
	default:
		for (size_t i = 0; i < statement->drop.name_count; i++)
			session_audit(session, statement->kind == SQL_DROP_TABLE ? "table_dropped" : "view_dropped",
				statement->drop.names[i].name);
	}
}

status define_execute(struct sql_cursor *cursor, const struct sql_statement *statement)
{
	struct sql_session *session = cursor->session;
	status result = STATUS_OK;
	switch (statement->kind) {
	case SQL_CREATE_TABLE:
		result = table_create_execute(session, statement);
		break;
	case SQL_CREATE_VIEW:
		result = view_create_execute(cursor, statement);
		break;
	case SQL_DROP_TABLE:
	case SQL_DROP_VIEW:
		for (size_t i = 0; i < statement->drop.name_count && result == STATUS_OK; i++)
			result = drop_one(session, statement, &statement->drop.names[i]);
		break;
	default:
		return error_raise(STATUS_UNSUPPORTED, "%s is not supported", statement->tag);
	}
	if (result == STATUS_OK)
		define_audit(session, statement);
	session_definitions_changed(session);
	return result;
}
