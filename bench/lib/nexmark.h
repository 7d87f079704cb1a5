/* A seeded generator of Nexmark-like events as JSON lines: persons, auctions, bids in proportion 1 : 3 : 46.
 *
 * Shapes follow the Nexmark benchmark of the Apache Beam project: half of the bids go to a hot auction, the
 * rest to one of the latest hundred; prices are log-uniform. Event number n alone decides event n, so any
 * range can be generated anywhere.
 */
#ifndef KAPPA_BENCH_NEXMARK_H
#define KAPPA_BENCH_NEXMARK_H

#include "base/bytes.h"

enum nexmark_kind { NEXMARK_PERSON, NEXMARK_AUCTION, NEXMARK_BID };

struct nexmark {
	uint64_t seed;
	int64_t start_ms;           /* event time of event 0 */
	uint32_t events_per_second; /* of event time */
};

struct nexmark nexmark_default(uint64_t seed);
enum nexmark_kind nexmark_event_kind(uint64_t number);
/* Appends the JSON object of event `number`, without a newline. */
void nexmark_event(const struct nexmark *nexmark, uint64_t number, struct buffer *out);

#endif
