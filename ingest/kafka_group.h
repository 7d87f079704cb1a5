/* What the handlers of group requests share: a request that waits for the coordinator. Private to
 * ingest/kafka_group*.c and kafka_transaction*.c.
 *
 *   kafka_group_wait_new(request, n) ─► group_coordinator_…(…, kafka_group_call(wait, i), …) ─► KAFKA_WAITS
 *   run() again, nothing outside ─► the calls hold their results
 */
#ifndef KAPPA_INGEST_KAFKA_GROUP_H
#define KAPPA_INGEST_KAFKA_GROUP_H

#include "ingest/group_coordinator.h"
#include "ingest/kafka_request.h"

struct kafka_group_wait {
	struct kafka_request *request;
	struct group_call *calls;
	int32_t count;
	void *own; /* the handler's */
};

/* Sets request->state and request->cancel. All `count` calls must then be given to the coordinator. NULL when
 * groups are not served: the answer is COORDINATOR_NOT_AVAILABLE. */
struct kafka_group_wait *kafka_group_wait_new(struct kafka_request *request, int32_t count);
/* Have all calls ended? */
bool kafka_group_wait_over(const struct kafka_request *request);

#endif
