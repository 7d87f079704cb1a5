/* The way of a worker to a client: bytes wait here until the loop takes them, and the worker while there are
 * too many. The stream has two owners, the worker and the connection, and outlives both.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "base/memory.h"
#include "server/connection_internal.h"
#include "server/workers.h"

struct connection_stream {
	struct loop_task task;
	struct loop *loop;
	struct output_budget *budget;
	atomic_uint references;
	/* loop thread */
	struct connection *connection;
	struct connection_stream *next, **link;
	/* shared */
	pthread_mutex_t mutex;
	pthread_cond_t room;
	struct buffer waiting; /* from workers, not yet the loop's */
	size_t unsent_bytes;   /* the connection's, when last looked at */
	bool posted;
	atomic_bool detached;
};

static void stream_unsent_set(struct connection_stream *stream, size_t unsent_bytes)
{
	pthread_mutex_lock(&stream->mutex);
	stream->unsent_bytes = unsent_bytes;
	if (unsent_bytes <= CONNECTION_OUTPUT_LOW)
		pthread_cond_broadcast(&stream->room);
	pthread_mutex_unlock(&stream->mutex);
}

static void stream_detach(struct connection_stream *stream)
{
	pthread_mutex_lock(&stream->mutex);
	atomic_store(&stream->detached, true);
	pthread_cond_broadcast(&stream->room);
	pthread_mutex_unlock(&stream->mutex);
	stream->connection = NULL;
	*stream->link = stream->next;
	if (stream->next != NULL)
		stream->next->link = stream->link;
	connection_stream_release(stream);
}

static void stream_run(struct loop_task *task)
{
	struct connection_stream *stream = (struct connection_stream *)task;
	struct buffer bytes;
	pthread_mutex_lock(&stream->mutex);
	bytes = stream->waiting;
	output_budget_give(stream->budget, bytes.size);
	buffer_init(&stream->waiting);
	stream->posted = false;
	if (stream->connection != NULL)
		stream->unsent_bytes = bytes.size + connection_pending(stream->connection);
	pthread_mutex_unlock(&stream->mutex);
	if (stream->connection != NULL) {
		connection_write_buffer(stream->connection, &bytes);
		if (stream->connection != NULL)
			stream_unsent_set(stream, connection_pending(stream->connection));
	}
	buffer_deinit(&bytes);
	connection_stream_release(stream);
}

struct connection_stream *connection_stream_create(struct connection *connection)
{
	struct connection_stream *stream = mem_alloc_zeroed(1, sizeof *stream);
	stream->task.run = stream_run;
	stream->loop = connection->set->loop;
	stream->budget = connection->set->budget;
	atomic_init(&stream->references, 2); /* the caller's and the connection's */
	pthread_mutex_init(&stream->mutex, NULL);
	pthread_cond_init(&stream->room, NULL);
	buffer_init(&stream->waiting);
	stream->connection = connection;
	stream->next = connection->streams;
	stream->link = &connection->streams;
	if (stream->next != NULL)
		stream->next->link = &stream->next;
	connection->streams = stream;
	if (connection->closing)
		stream_detach(stream);
	return stream;
}

struct connection_stream *connection_stream_retain(struct connection_stream *stream)
{
	atomic_fetch_add(&stream->references, 1);
	return stream;
}

void connection_stream_release(struct connection_stream *stream)
{
	if (stream == NULL || atomic_fetch_sub(&stream->references, 1) > 1)
		return;
	output_budget_give(stream->budget, stream->waiting.size);
	buffer_deinit(&stream->waiting);
	pthread_cond_destroy(&stream->room);
	pthread_mutex_destroy(&stream->mutex);
	mem_free(stream);
}

static bool stream_is_full(struct connection_stream *stream)
{
	size_t max = output_budget_is_spent(stream->budget) ? CONNECTION_OUTPUT_LOW : CONNECTION_OUTPUT_HIGH;
	return !atomic_load(&stream->detached) && stream->waiting.size + stream->unsent_bytes > max;
}

status connection_stream_write(struct connection_stream *stream, struct slice bytes)
{
	pthread_mutex_lock(&stream->mutex);
	if (stream_is_full(stream)) {
		workers_wait_begin();
		while (stream_is_full(stream))
			pthread_cond_wait(&stream->room, &stream->mutex);
		workers_wait_end();
	}
	bool detached = atomic_load(&stream->detached);
	if (!detached) {
		buffer_append(&stream->waiting, bytes.data, bytes.size);
		output_budget_take(stream->budget, bytes.size);
		if (!stream->posted) {
			stream->posted = true;
			connection_stream_retain(stream);
			loop_post(stream->loop, &stream->task);
		}
	}
	pthread_mutex_unlock(&stream->mutex);
	return detached ? error_raise(STATUS_CANCELLED, "the client closed the connection") : STATUS_OK;
}

bool connection_stream_is_detached(struct connection_stream *stream)
{
	return atomic_load(&stream->detached);
}

void connection_streams_tell(struct connection *connection)
{
	for (struct connection_stream *stream = connection->streams; stream != NULL; stream = stream->next)
		stream_unsent_set(stream, connection->pending_bytes);
}

void connection_streams_detach(struct connection *connection)
{
	while (connection->streams != NULL)
		stream_detach(connection->streams);
}
