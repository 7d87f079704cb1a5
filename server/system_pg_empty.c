/* Catalogs of what does not exist here: defaults, comments, triggers, policies, publications, functions of
 * users … They are there so that PostgreSQL's tools can ask, and have no rows, ever. In a query over one of
 * them even expressions that this dialect lacks may stand (bind_select.c).
 */
#include "server/system_internal.h"

/* clang-format off */
const struct system_definition postgres_empty_catalogs[] = {
	{"pg_catalog", "pg_attrdef", NULL, 0, 0, NULL, {
		{"oid", TYPE_INT8}, {"adrelid", TYPE_INT8}, {"adnum", TYPE_INT2}, {"adbin", TYPE_TEXT}}, .keys = {"adrelid", "adnum"}},
	{"pg_catalog", "pg_description", NULL, 0, 0, NULL, {
		{"objoid", TYPE_INT8}, {"classoid", TYPE_INT8}, {"objsubid", TYPE_INT4}, {"description", TYPE_TEXT}}, .keys = {"objoid", "classoid", "objsubid"}},
	{"pg_catalog", "pg_shdescription", NULL, 0, 0, NULL, {
		{"objoid", TYPE_INT8}, {"classoid", TYPE_INT8}, {"description", TYPE_TEXT}}, .keys = {"objoid", "classoid"}},
	{"pg_catalog", "pg_inherits", NULL, 0, 0, NULL, {
		{"inhrelid", TYPE_INT8}, {"inhparent", TYPE_INT8}, {"inhseqno", TYPE_INT4},
		{"inhdetachpending", TYPE_BOOL}}, .keys = {"inhrelid", "inhseqno"}},
	{"pg_catalog", "pg_partitioned_table", NULL, 0, 0, NULL, {
		{"partrelid", TYPE_INT8}, {"partstrat", TYPE_TEXT}, {"partnatts", TYPE_INT2},
		{"partdefid", TYPE_INT8}, {"partattrs", TYPE_INT2VECTOR}, {"partexprs", TYPE_TEXT}}, .keys = {"partrelid"}},
	{"pg_catalog", "pg_policy", NULL, 0, 0, NULL, {
		{"oid", TYPE_INT8}, {"polname", TYPE_TEXT}, {"polrelid", TYPE_INT8}, {"polcmd", TYPE_TEXT},
		{"polpermissive", TYPE_BOOL}, {"polroles", TYPE_TEXT}, {"polqual", TYPE_TEXT},
		{"polwithcheck", TYPE_TEXT}}, .keys = {"oid"}},
	{"pg_catalog", "pg_trigger", NULL, 0, 0, NULL, {
		{"oid", TYPE_INT8}, {"tgrelid", TYPE_INT8}, {"tgparentid", TYPE_INT8}, {"tgname", TYPE_TEXT},
		{"tgfoid", TYPE_INT8}, {"tgtype", TYPE_INT2}, {"tgenabled", TYPE_TEXT},
		{"tgisinternal", TYPE_BOOL}, {"tgconstrrelid", TYPE_INT8}, {"tgconstrindid", TYPE_INT8},
		{"tgconstraint", TYPE_INT8}, {"tgdeferrable", TYPE_BOOL}, {"tginitdeferred", TYPE_BOOL},
		{"tgnargs", TYPE_INT2}, {"tgattr", TYPE_INT2VECTOR}, {"tgqual", TYPE_TEXT},
		{"tgoldtable", TYPE_TEXT}, {"tgnewtable", TYPE_TEXT}}, .keys = {"oid"}},
	{"pg_catalog", "pg_event_trigger", NULL, 0, 0, NULL, {
		{"oid", TYPE_INT8}, {"evtname", TYPE_TEXT}, {"evtevent", TYPE_TEXT}, {"evtowner", TYPE_INT8},
		{"evtfoid", TYPE_INT8}, {"evtenabled", TYPE_TEXT}, {"evttags", TYPE_TEXT}}, .keys = {"oid"}},
	{"pg_catalog", "pg_rewrite", NULL, 0, 0, NULL, {
		{"oid", TYPE_INT8}, {"rulename", TYPE_TEXT}, {"ev_class", TYPE_INT8}, {"ev_type", TYPE_TEXT},
		{"ev_enabled", TYPE_TEXT}, {"is_instead", TYPE_BOOL}, {"ev_qual", TYPE_TEXT},
		{"ev_action", TYPE_TEXT}}, .keys = {"oid"}},
	{"pg_catalog", "pg_statistic_ext", NULL, 0, 0, NULL, {
		{"oid", TYPE_INT8}, {"stxrelid", TYPE_INT8}, {"stxname", TYPE_TEXT}, {"stxnamespace", TYPE_INT8},
		{"stxowner", TYPE_INT8}, {"stxstattarget", TYPE_INT4}, {"stxkeys", TYPE_INT2VECTOR},
		{"stxkind", TYPE_TEXT}, {"stxexprs", TYPE_TEXT}}, .keys = {"oid"}},
	{"pg_catalog", "pg_publication", NULL, 0, 0, NULL, {
		{"oid", TYPE_INT8}, {"pubname", TYPE_TEXT}, {"pubowner", TYPE_INT8}, {"puballtables", TYPE_BOOL},
		{"pubinsert", TYPE_BOOL}, {"pubupdate", TYPE_BOOL}, {"pubdelete", TYPE_BOOL},
		{"pubtruncate", TYPE_BOOL}, {"pubviaroot", TYPE_BOOL}}, .keys = {"oid"}},
	{"pg_catalog", "pg_publication_rel", NULL, 0, 0, NULL, {
		{"oid", TYPE_INT8}, {"prpubid", TYPE_INT8}, {"prrelid", TYPE_INT8}, {"prqual", TYPE_TEXT},
		{"prattrs", TYPE_INT2VECTOR}}, .keys = {"oid"}},
	{"pg_catalog", "pg_publication_namespace", NULL, 0, 0, NULL, {
		{"oid", TYPE_INT8}, {"pnpubid", TYPE_INT8}, {"pnnspid", TYPE_INT8}}, .keys = {"oid"}},
	{"pg_catalog", "pg_publication_tables", NULL, 0, 0, NULL, {
		{"pubname", TYPE_TEXT}, {"schemaname", TYPE_TEXT}, {"tablename", TYPE_TEXT}}},
	{"pg_catalog", "pg_subscription", NULL, 0, 0, NULL, {
		{"oid", TYPE_INT8}, {"subdbid", TYPE_INT8}, {"subname", TYPE_TEXT}, {"subowner", TYPE_INT8},
		{"subenabled", TYPE_BOOL}, {"subconninfo", TYPE_TEXT}, {"subpublications", TYPE_TEXT}}, .keys = {"oid"}},
	{"pg_catalog", "pg_proc", NULL, 0, 0, NULL, {
		{"oid", TYPE_INT8}, {"proname", TYPE_TEXT}, {"pronamespace", TYPE_INT8}, {"proowner", TYPE_INT8},
		{"prolang", TYPE_INT8}, {"prokind", TYPE_TEXT}, {"prosecdef", TYPE_BOOL},
		{"proleakproof", TYPE_BOOL}, {"proisstrict", TYPE_BOOL}, {"proretset", TYPE_BOOL},
		{"provolatile", TYPE_TEXT}, {"proparallel", TYPE_TEXT}, {"pronargs", TYPE_INT2},
		{"pronargdefaults", TYPE_INT2}, {"prorettype", TYPE_INT8}, {"proargtypes", TYPE_INT2VECTOR},
		{"proallargtypes", TYPE_TEXT}, {"proargmodes", TYPE_TEXT}, {"proargnames", TYPE_TEXT},
		{"proargdefaults", TYPE_TEXT}, {"prosrc", TYPE_TEXT}, {"probin", TYPE_TEXT}, {"proacl", TYPE_TEXT}}, .keys = {"oid"}},
	{"pg_catalog", "pg_aggregate", NULL, 0, 0, NULL, {
		{"aggfnoid", TYPE_INT8}, {"aggkind", TYPE_TEXT}, {"aggnumdirectargs", TYPE_INT2}}, .keys = {"aggfnoid"}},
	{"pg_catalog", "pg_language", NULL, 0, 0, NULL, {
		{"oid", TYPE_INT8}, {"lanname", TYPE_TEXT}, {"lanowner", TYPE_INT8}, {"lanispl", TYPE_BOOL},
		{"lanpltrusted", TYPE_BOOL}, {"lanacl", TYPE_TEXT}}, .keys = {"oid"}},
	{"pg_catalog", "pg_operator", NULL, 0, 0, NULL, {
		{"oid", TYPE_INT8}, {"oprname", TYPE_TEXT}, {"oprnamespace", TYPE_INT8}, {"oprowner", TYPE_INT8},
		{"oprkind", TYPE_TEXT}, {"oprleft", TYPE_INT8}, {"oprright", TYPE_INT8}, {"oprresult", TYPE_INT8},
		{"oprcode", TYPE_INT8}}, .keys = {"oid"}},
	{"pg_catalog", "pg_cast", NULL, 0, 0, NULL, {
		{"oid", TYPE_INT8}, {"castsource", TYPE_INT8}, {"casttarget", TYPE_INT8}, {"castfunc", TYPE_INT8},
		{"castcontext", TYPE_TEXT}, {"castmethod", TYPE_TEXT}}, .keys = {"oid"}},
	{"pg_catalog", "pg_range", NULL, 0, 0, NULL, {
		{"rngtypid", TYPE_INT8}, {"rngsubtype", TYPE_INT8}, {"rngmultitypid", TYPE_INT8}}, .keys = {"rngtypid"}},
	{"pg_catalog", "pg_enum", NULL, 0, 0, NULL, {
		{"oid", TYPE_INT8}, {"enumtypid", TYPE_INT8}, {"enumsortorder", TYPE_FLOAT4},
		{"enumlabel", TYPE_TEXT}}, .keys = {"oid"}},
	{"pg_catalog", "pg_extension", NULL, 0, 0, NULL, {
		{"oid", TYPE_INT8}, {"extname", TYPE_TEXT}, {"extowner", TYPE_INT8}, {"extnamespace", TYPE_INT8},
		{"extrelocatable", TYPE_BOOL}, {"extversion", TYPE_TEXT}}, .keys = {"oid"}},
	{"pg_catalog", "pg_auth_members", NULL, 0, 0, NULL, {
		{"roleid", TYPE_INT8}, {"member", TYPE_INT8}, {"grantor", TYPE_INT8}, {"admin_option", TYPE_BOOL}}, .keys = {"roleid", "member"}},
	{"pg_catalog", "pg_tablespace", NULL, 0, 0, NULL, {
		{"oid", TYPE_INT8}, {"spcname", TYPE_TEXT}, {"spcowner", TYPE_INT8}, {"spcacl", TYPE_TEXT},
		{"spcoptions", TYPE_TEXT}}, .keys = {"oid"}},
	{"pg_catalog", "pg_depend", NULL, 0, 0, NULL, {
		{"classid", TYPE_INT8}, {"objid", TYPE_INT8}, {"objsubid", TYPE_INT4}, {"refclassid", TYPE_INT8},
		{"refobjid", TYPE_INT8}, {"refobjsubid", TYPE_INT4}, {"deptype", TYPE_TEXT}}},
	{"pg_catalog", "pg_sequence", NULL, 0, 0, NULL, {
		{"seqrelid", TYPE_INT8}, {"seqtypid", TYPE_INT8}, {"seqstart", TYPE_INT8},
		{"seqincrement", TYPE_INT8}, {"seqmax", TYPE_INT8}, {"seqmin", TYPE_INT8}, {"seqcache", TYPE_INT8},
		{"seqcycle", TYPE_BOOL}}, .keys = {"seqrelid"}},
	{"pg_catalog", "pg_sequences", NULL, 0, 0, NULL, {
		{"schemaname", TYPE_TEXT}, {"sequencename", TYPE_TEXT}, {"sequenceowner", TYPE_TEXT},
		{"last_value", TYPE_INT8}}},
	{"pg_catalog", "pg_foreign_table", NULL, 0, 0, NULL, {
		{"ftrelid", TYPE_INT8}, {"ftserver", TYPE_INT8}, {"ftoptions", TYPE_TEXT}}, .keys = {"ftrelid"}},
	{"pg_catalog", "pg_foreign_server", NULL, 0, 0, NULL, {
		{"oid", TYPE_INT8}, {"srvname", TYPE_TEXT}, {"srvowner", TYPE_INT8}, {"srvfdw", TYPE_INT8},
		{"srvtype", TYPE_TEXT}, {"srvversion", TYPE_TEXT}, {"srvacl", TYPE_TEXT}, {"srvoptions", TYPE_TEXT}}, .keys = {"oid"}},
	{"pg_catalog", "pg_foreign_data_wrapper", NULL, 0, 0, NULL, {
		{"oid", TYPE_INT8}, {"fdwname", TYPE_TEXT}, {"fdwowner", TYPE_INT8}, {"fdwhandler", TYPE_INT8},
		{"fdwvalidator", TYPE_INT8}, {"fdwacl", TYPE_TEXT}, {"fdwoptions", TYPE_TEXT}}, .keys = {"oid"}},
	{"pg_catalog", "pg_user_mapping", NULL, 0, 0, NULL, {
		{"oid", TYPE_INT8}, {"umuser", TYPE_INT8}, {"umserver", TYPE_INT8}, {"umoptions", TYPE_TEXT}}, .keys = {"oid"}},
	{"pg_catalog", "pg_opclass", NULL, 0, 0, NULL, {
		{"oid", TYPE_INT8}, {"opcmethod", TYPE_INT8}, {"opcname", TYPE_TEXT}, {"opcnamespace", TYPE_INT8},
		{"opcowner", TYPE_INT8}, {"opcfamily", TYPE_INT8}, {"opcintype", TYPE_INT8},
		{"opcdefault", TYPE_BOOL}, {"opckeytype", TYPE_INT8}}, .keys = {"oid"}},
	{"pg_catalog", "pg_conversion", NULL, 0, 0, NULL, {
		{"oid", TYPE_INT8}, {"conname", TYPE_TEXT}, {"connamespace", TYPE_INT8}, {"conowner", TYPE_INT8}}, .keys = {"oid"}},
	{"pg_catalog", "pg_db_role_setting", NULL, 0, 0, NULL, {
		{"setdatabase", TYPE_INT8}, {"setrole", TYPE_INT8}, {"setconfig", TYPE_TEXT}}, .keys = {"setdatabase", "setrole"}},
	{"pg_catalog", "pg_rules", NULL, 0, 0, NULL, {
		{"schemaname", TYPE_TEXT}, {"tablename", TYPE_TEXT}, {"rulename", TYPE_TEXT},
		{"definition", TYPE_TEXT}}},
	{"pg_catalog", "pg_seclabels", NULL, 0, 0, NULL, {
		{"objoid", TYPE_INT8}, {"classoid", TYPE_INT8}, {"objsubid", TYPE_INT4}, {"provider", TYPE_TEXT},
		{"label", TYPE_TEXT}}},
	{"information_schema", "referential_constraints", NULL, 0, 0, NULL, {
		{"constraint_catalog", TYPE_TEXT}, {"constraint_schema", TYPE_TEXT},
		{"constraint_name", TYPE_TEXT}, {"unique_constraint_name", TYPE_TEXT}, {"update_rule", TYPE_TEXT},
		{"delete_rule", TYPE_TEXT}}},
	{"information_schema", "routines", NULL, 0, 0, NULL, {
		{"specific_name", TYPE_TEXT}, {"routine_catalog", TYPE_TEXT}, {"routine_schema", TYPE_TEXT},
		{"routine_name", TYPE_TEXT}, {"routine_type", TYPE_TEXT}, {"data_type", TYPE_TEXT}}},
	{"information_schema", "triggers", NULL, 0, 0, NULL, {
		{"trigger_catalog", TYPE_TEXT}, {"trigger_schema", TYPE_TEXT}, {"trigger_name", TYPE_TEXT},
		{"event_manipulation", TYPE_TEXT}, {"event_object_table", TYPE_TEXT}}},
	{"information_schema", "sequences", NULL, 0, 0, NULL, {
		{"sequence_catalog", TYPE_TEXT}, {"sequence_schema", TYPE_TEXT}, {"sequence_name", TYPE_TEXT},
		{"data_type", TYPE_TEXT}}},
	{0},
};
/* clang-format on */
