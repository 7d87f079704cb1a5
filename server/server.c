/* The appliance: start, run, stop.
 *
 *   writer thread ─ advanced ─┐                          ┌─► Kafka sessions that wait
 *   engine threads ─ published ┴─ one posted task ─ loop ─┼─► watches (change streams)
 *
 * Stopping:  signal ─► listeners and sessions close ─► loop ends ─► workers joined ─► connectors ─► engine
 *            ─► log ─► lock given back
 */
#include "server/server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/invariant.h"
#include "base/memory.h"
#include "ingest/connectors.h"
#include "server/data_dir.h"
#include "server/http.h"
#include "server/kafka_listener.h"
#include "server/pg_listener.h"
#include "server/security.h"

enum { WORKER_THREADS_MAX = 64, MEBIBYTE = 1024 * 1024, VIEWS_WAIT_MS_MAX = 2000 };

/* Something happened on another thread: told on the loop, once for many. */
struct server_event {
	struct loop_task task; /* first */
	struct server *server;
	atomic_bool posted;
};

struct server {
	const struct server_config *config;
	struct data_dir dir;
	struct log *log;
	_Atomic(struct engine *) engine; /* the log calls back before it is there */
	struct sources *sources;
	_Atomic(struct connectors *) connectors; /* the log calls back before it is there, and after */
	struct loop *loop;
	struct workers *workers;
	struct sql_environment sql;
	struct security *security;
	struct tls_context *tls;
	struct kafka_server *kafka;
	struct pg_server *pg;
	struct listener *http;
	struct server_refusals refusals;
	struct output_budget output_budget;
	uv_signal_t terminate, interrupt, hangup;
	struct server_event appended, published;
	/* For workers that wait for records. */
	pthread_mutex_t advance_lock;
	pthread_cond_t advanced;
	uint64_t advances;
	unsigned advance_waiters;
	struct server_watch *watches;
	int64_t start_ms;
	atomic_bool stopping;
};

/* ---- events ---- */

static void event_post(struct server_event *event)
{
	if (!atomic_exchange(&event->posted, true))
		loop_post(event->server->loop, &event->task);
}

static void log_advanced(void *context)
{
	struct server *server = context;
	struct engine *engine = atomic_load(&server->engine);
	if (engine != NULL)
		engine_wake(engine);
	connectors_wake(atomic_load(&server->connectors));
	pthread_mutex_lock(&server->advance_lock);
	server->advances++;
	if (server->advance_waiters != 0)
		pthread_cond_broadcast(&server->advanced);
	pthread_mutex_unlock(&server->advance_lock);
	event_post(&server->appended);
}

uint64_t server_log_advances(struct server *server)
{
	pthread_mutex_lock(&server->advance_lock);
	uint64_t advances = server->advances;
	pthread_mutex_unlock(&server->advance_lock);
	return advances;
}

uint64_t server_log_await(struct server *server, uint64_t advances, int64_t ms_max)
{
	struct timespec until;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	int64_t nanoseconds = until.tv_nsec + ms_max * 1000000;
	until.tv_sec += (time_t)(nanoseconds / 1000000000);
	until.tv_nsec = (long)(nanoseconds % 1000000000);
	workers_wait_begin();
	pthread_mutex_lock(&server->advance_lock);
	server->advance_waiters++;
	while (server->advances == advances)
		if (pthread_cond_timedwait(&server->advanced, &server->advance_lock, &until) != 0)
			break;
	server->advance_waiters--;
	advances = server->advances;
	pthread_mutex_unlock(&server->advance_lock);
	workers_wait_end();
	return advances;
}

/* Views read their topics from the beginning when they are built. Until they are known, everything is needed.
 */
static bool topic_needed(void *context, const char *topic, char *who, size_t who_size)
{
	struct server *server = context;
	struct engine *engine = atomic_load(&server->engine);
	if (engine != NULL)
		return engine_needs_topic(engine, topic, who, who_size);
	(void)snprintf(who, who_size, "views that are still starting");
	return true;
}

static void engine_published(void *context)
{
	struct server *server = context;
	event_post(&server->published);
}

static void appended_run(struct loop_task *task)
{
	struct server_event *event = (struct server_event *)task;
	struct server *server = event->server;
	atomic_store(&event->posted, false);
	if (server->kafka != NULL)
		kafka_server_appended(server->kafka);
	struct server_watch *next = NULL;
	for (struct server_watch *watch = server->watches; watch != NULL; watch = next) {
		next = watch->next;
		if (watch->appended != NULL)
			watch->appended(watch->context);
	}
}

static void published_run(struct loop_task *task)
{
	struct server_event *event = (struct server_event *)task;
	struct server *server = event->server;
	atomic_store(&event->posted, false);
	struct server_watch *next = NULL;
	for (struct server_watch *watch = server->watches; watch != NULL; watch = next) {
		next = watch->next;
		if (watch->published != NULL)
			watch->published(watch->context);
	}
}

void server_watch_add(struct server *server, struct server_watch *watch)
{
	watch->next = server->watches;
	watch->link = &server->watches;
	if (watch->next != NULL)
		watch->next->link = &watch->next;
	server->watches = watch;
}

void server_watch_remove(struct server_watch *watch)
{
	*watch->link = watch->next;
	if (watch->next != NULL)
		watch->next->link = watch->link;
}

/* ---- accessors ---- */

const struct server_config *server_get_config(const struct server *server)
{
	return server->config;
}

struct log *server_log(const struct server *server)
{
	return server->log;
}

struct engine *server_engine(const struct server *server)
{
	return atomic_load(&server->engine);
}

struct sources *server_sources(const struct server *server)
{
	return server->sources;
}

struct group_coordinator *server_groups(const struct server *server)
{
	return server->sql.groups;
}

struct connectors *server_connectors(const struct server *server)
{
	return atomic_load(&server->connectors);
}

struct loop *server_loop(const struct server *server)
{
	return server->loop;
}

struct workers *server_workers(const struct server *server)
{
	return server->workers;
}

struct sql_environment *server_sql(const struct server *server)
{
	return (struct sql_environment *)&server->sql;
}

const struct kafka_broker *server_kafka_broker(const struct server *server)
{
	return kafka_server_broker(server->kafka);
}

struct tls_context *const *server_tls(const struct server *server)
{
	return server->config->tls_cert_file[0] != '\0' ? &server->tls : NULL;
}

struct security *server_security(const struct server *server)
{
	return server->security;
}

int64_t server_start_ms(const struct server *server)
{
	return server->start_ms;
}

bool server_is_stopping(const struct server *server)
{
	return atomic_load(&server->stopping);
}

struct server_connections server_connection_counts(const struct server *server)
{
	if (server_is_stopping(server))
		return (struct server_connections){0};
	return (struct server_connections){
		.kafka = listener_connection_count(kafka_server_listener(server->kafka)),
		.pg = listener_connection_count(pg_server_listener(server->pg)),
		.http = listener_connection_count(server->http),
	};
}

struct output_budget *server_output_budget(struct server *server)
{
	return &server->output_budget;
}

struct server_refusals *server_get_refusals(struct server *server)
{
	return &server->refusals;
}

/* ---- stop ---- */

static void handle_close(uv_handle_t *handle)
{
	if (handle->loop != NULL && !uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void server_stop(struct server *server)
{
	if (atomic_exchange(&server->stopping, true))
		return;
	/* From here on a second signal has its default effect: the process ends. */
	handle_close((uv_handle_t *)&server->terminate);
	handle_close((uv_handle_t *)&server->interrupt);
	handle_close((uv_handle_t *)&server->hangup);
	pg_server_close(server->pg);
	kafka_server_close(server->kafka);
	listener_close(server->http);
	loop_stop(server->loop);
}

static void signal_received(uv_signal_t *handle, int number)
{
	struct server *server = handle->data;
	diag(DIAG_INFO, "server", "stopping", "signal=%d", number);
	server_stop(server);
}

static void server_close(struct server *server)
{
	if (server->loop != NULL) {
		server_stop(server);
		loop_run(server->loop);
	}
	workers_destroy(server->workers);
	if (server->loop != NULL)
		loop_run(server->loop); /* what workers posted: sessions whose connections are gone */
	connectors_stop(server_connectors(server));
	if (server->engine != NULL)
		engine_stop(server->engine);
	if (server->log != NULL)
		log_close(server->log);
	engine_close(server->engine);
	connectors_close(server_connectors(server));
	sources_destroy(server->sources);
	loop_destroy(server->loop);
	pg_server_destroy(server->pg);
	kafka_server_destroy(server->kafka);
	security_destroy(server->security);
	tls_context_release(server->tls);
	data_dir_close(&server->dir);
}

/* ---- start ---- */

/* Reads certificate, key and authorities. Connections keep what they have. */
static status tls_load(struct server *server)
{
	const struct server_config *config = server->config;
	if (config->tls_cert_file[0] == '\0')
		return STATUS_OK;
	struct tls_options options = {
		.certificate_file = config->tls_cert_file,
		.key_file = config->tls_key_file,
		.client_ca_file = config->tls_client_ca_file[0] != '\0' ? config->tls_client_ca_file : NULL,
		.client_required = config->tls_client_required,
	};
	struct tls_context *context = NULL;
	status result = tls_context_create(&options, &context);
	if (result != STATUS_OK)
		return result;
	tls_context_release(server->tls);
	server->tls = context;
	return STATUS_OK;
}

static void hangup_received(uv_signal_t *handle, int number)
{
	(void)number;
	struct server *server = handle->data;
	if (server->tls == NULL)
		diag(DIAG_INFO, "server", "nothing_to_reload", "signal=hangup");
	else if (tls_load(server) == STATUS_OK)
		diag(DIAG_INFO, "server", "tls_reloaded", "file=\"%s\"", server->config->tls_cert_file);
	else
		diag(DIAG_ERROR, "server", "tls_not_reloaded", "error=\"%s\" kept=\"the certificate from before\"",
			error_current()->text);
}

static status signals_watch(struct server *server)
{
	uv_loop_t *uv = loop_uv(server->loop);
	uv_signal_init(uv, &server->terminate);
	uv_signal_init(uv, &server->interrupt);
	server->terminate.data = server;
	server->interrupt.data = server;
	uv_signal_init(uv, &server->hangup);
	server->hangup.data = server;
	int failed = uv_signal_start(&server->terminate, signal_received, SIGTERM);
	if (failed == 0)
		failed = uv_signal_start(&server->interrupt, signal_received, SIGINT);
	if (failed == 0)
		failed = uv_signal_start(&server->hangup, hangup_received, SIGHUP);
	return failed == 0 ? STATUS_OK : error_raise(STATUS_IO, "cannot watch signals: %s", uv_strerror(failed));
}

/* As many descriptors as the system lets us have; says so when that is fewer than the Kafka clients alone may
 * need: a socket each, and two more while a range of a file is sent. */
static void files_limit_raise(const struct server_config *config)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	if (limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur < 3 * (rlim_t)config->connections_max)
		diag(DIAG_WARN, "server", "few_descriptors",
			"limit=%llu connections_max=%lld hint=\"raise LimitNOFILE (ulimit -Hn), or lower "
			"connections_max\"",
			(unsigned long long)limit.rlim_cur, (long long)config->connections_max);
}

static status storage_open(struct server *server)
{
	const struct server_config *config = server->config;
	status result = data_dir_open(config->data_dir, &server->dir);
	if (result != STATUS_OK)
		return result;
	struct log_options log_options = {
		.dir = server->dir.log_path,
		.segment_bytes = config->segment_bytes,
		.advanced = log_advanced,
		.context = server,
		.needed = topic_needed,
		.needed_context = server,
		.clean_interval_ms = config->clean_interval_ms,
		.clean_bytes_max = (size_t)config->clean_memory_mb * MEBIBYTE,
	};
	result = log_open(&log_options, &server->log);
	if (result != STATUS_OK)
		return error_note(result, "while opening the log in %s", server->dir.log_path);
	struct engine_options engine_options = {
		.log = server->log,
		.dir = server->dir.views_path,
		.memory_bytes_max = (size_t)config->memory_mb * MEBIBYTE,
		.workers = (unsigned)config->workers,
		.step_rows_max = (uint32_t)config->step_rows,
		.step_delay_ms = config->step_delay_ms,
		.published = engine_published,
		.context = server,
	};
	struct engine *engine = NULL;
	result = engine_open(&engine_options, &engine);
	if (result != STATUS_OK)
		return error_note(result, "while opening the views in %s", server->dir.views_path);
	atomic_store(&server->engine, engine);
	engine_wake(engine);
	return STATUS_OK;
}

/* NULL = any: while only this machine can connect. See docs/CONNECT.md. */
static const char *connect_directories(const struct server_config *config)
{
	if (strcmp(config->connect_dirs, "loopback") == 0)
		return server_config_is_loopback(config) ? NULL : "";
	return strcmp(config->connect_dirs, "none") == 0 ? "" : config->connect_dirs;
}

static status connectors_start(struct server *server)
{
	struct connectors_options options = {
		.log = server->log,
		.directories = connect_directories(server->config),
		.private_directory = server->config->data_dir,
	};
	options.sources = server->sources = sources_create(server->log);
	struct connectors *connectors = NULL;
	status result = connectors_open(&options, &connectors);
	if (result != STATUS_OK)
		return error_note(result, "while opening the connectors");
	atomic_store(&server->connectors, connectors);
	return STATUS_OK;
}

struct listener_options server_listening(
	struct server *server, int64_t port, struct listener_refusals *refusals)
{
	const struct server_config *config = server->config;
	return (struct listener_options){
		.address = config->listen_address,
		.port = port,
		.connections_max = (unsigned)config->connections_max,
		.connections_per_address_max = (unsigned)config->connections_per_address_max,
		.refusals = refusals,
		.budget = &server->output_budget,
		.workers = server->workers,
		.tls = server_tls(server),
		.tls_required = config->tls_required && server_tls(server) != NULL,
	};
}

static status listeners_open(struct server *server)
{
	const struct server_config *config = server->config;
	server->output_budget.bytes_max = (size_t)config->output_memory_mb << 20;
	struct kafka_server_options kafka = {
		.loop = server->loop,
		.listening = server_listening(server, config->kafka_port, &server->refusals.kafka),
		.log = server->log,
		.advertised_host = config->kafka_advertised_host[0] != '\0' ? config->kafka_advertised_host : NULL,
		.security = security_for_kafka(server->security),
		.group_initial_delay_ms = config->group_initial_delay_ms,
		.intake_bytes_max = (size_t)config->input_memory_mb << 20,
		.offsets_retention_ms = config->offsets_retention_minutes * 60 * 1000,
	};
	status result = kafka_server_open(&kafka, &server->kafka);
	if (result != STATUS_OK)
		return result;
	server->sql.groups = kafka_server_broker(server->kafka)->groups;
	struct pg_server_options pg = {
		.loop = server->loop,
		.listening = server_listening(server, config->pg_port, &server->refusals.pg),
		.environment = &server->sql,
	};
	result = pg_server_open(&pg, &server->pg);
	return result == STATUS_OK ? http_listener_open(server, &server->http) : result;
}

/* systemd's readiness protocol: a datagram to the socket it names. */
static void systemd_notify(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (path == NULL || strlen(path) >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(address.sun_path, path, strlen(path));
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&address, size) < 0)
		diag(DIAG_WARN, "server", "notify_failed", "socket=\"%s\"", path);
	close(fd);
}

static void ready_tell(const struct server *server)
{
	const char *address = server->config->listen_address;
	const char *open = strchr(address, ':') != NULL ? "[" : "", *close = open[0] != '\0' ? "]" : "";
	printf("ready kafka=%s%s%s:%lld pg=%s%s%s:%lld http=%s%s%s:%lld\n", open, address, close,
		(long long)listener_port(kafka_server_listener(server->kafka)), open, address, close,
		(long long)listener_port(pg_server_listener(server->pg)), open, address, close,
		(long long)listener_port(server->http));
	fflush(stdout);
	systemd_notify("READY=1");
}

static void event_init(struct server_event *event, struct server *server, void (*run)(struct loop_task *task))
{
	event->task.run = run;
	event->server = server;
}

static status server_start(struct server *server)
{
	status result = loop_create(&server->loop);
	if (result != STATUS_OK)
		return result;
	server->workers = workers_create(WORKER_THREADS_MAX);
	result = signals_watch(server);
	if (result == STATUS_OK)
		result = storage_open(server);
	if (result != STATUS_OK)
		return result;
	server->sql = (struct sql_environment){
		.log = server->log,
		.engine = server->engine,
		.config = server->config,
	};
	server->security = security_create(server->engine, server->config);
	result = tls_load(server);
	if (result == STATUS_OK)
		result = security_bootstrap(server->security);
	if (result == STATUS_OK)
		result = connectors_start(server);
	server->sql.connectors = server_connectors(server);
	return result == STATUS_OK ? listeners_open(server) : result;
}

/* After an ordinary restart the views are there in a moment; who connects meanwhile waits in the backlog.
 * What takes longer (a rebuild from the log) goes on beside: its views answer "still replaying". */
static void views_await(const struct server *server)
{
	int64_t until_ns = clock_monotonic_ns() + (int64_t)VIEWS_WAIT_MS_MAX * 1000000;
	while (!engine_is_ready(server_engine(server)) && clock_monotonic_ns() < until_ns)
		uv_sleep(1);
}

static enum diag_level level_parse(const char *text)
{
	return strcmp(text, "debug") == 0   ? DIAG_DEBUG
		   : strcmp(text, "warn") == 0  ? DIAG_WARN
		   : strcmp(text, "error") == 0 ? DIAG_ERROR
										: DIAG_INFO;
}

status server_run(const struct server_config *config)
{
	struct server *server = mem_alloc_zeroed(1, sizeof *server);
	server->config = config;
	server->start_ms = clock_wall_ms();
	server->dir.lock.fd = -1;
	pthread_condattr_t monotonic;
	INVARIANT(pthread_condattr_init(&monotonic) == 0);
	INVARIANT(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
	INVARIANT(pthread_cond_init(&server->advanced, &monotonic) == 0);
	INVARIANT(pthread_mutex_init(&server->advance_lock, NULL) == 0);
	(void)pthread_condattr_destroy(&monotonic);
	event_init(&server->appended, server, appended_run);
	event_init(&server->published, server, published_run);
	diag_set_level(level_parse(config->log_level));
	files_limit_raise(config);
	status result = server_start(server);
	struct error failure = *error_current();
	if (result == STATUS_OK) {
		views_await(server);
		ready_tell(server);
		loop_run(server->loop);
		systemd_notify("STOPPING=1");
	}
	server_close(server);
	(void)pthread_cond_destroy(&server->advanced);
	(void)pthread_mutex_destroy(&server->advance_lock);
	mem_free(server);
	return result == STATUS_OK ? STATUS_OK : error_restore(&failure);
}
