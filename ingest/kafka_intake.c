/* See kafka_intake.h. */
#include "ingest/kafka_intake.h"

#include "base/invariant.h"

void kafka_intake_init(struct kafka_intake *intake, size_t bytes_max)
{
	intake->bytes_max = bytes_max;
	atomic_init(&intake->bytes, 0);
	intake->first = NULL;
	intake->end = &intake->first;
}

void kafka_intake_leave(struct kafka_intake *intake, struct kafka_intake_place *place)
{
	if (place->link == NULL)
		return;
	bool was_first = place == intake->first;
	*place->link = place->next;
	if (place->next != NULL)
		place->next->link = place->link;
	else
		intake->end = place->link;
	place->link = NULL;
	if (was_first && intake->first != NULL)
		intake->first->turn(intake->first);
}

bool kafka_intake_take(struct kafka_intake *intake, struct kafka_intake_place *place, size_t bytes)
{
	INVARIANT(bytes <= intake->bytes_max);
	bool turn = intake->first == NULL || intake->first == place;
	/* Only we take, so what is free can only grow meanwhile. */
	if (turn && atomic_load(&intake->bytes) <= intake->bytes_max - bytes) {
		atomic_fetch_add(&intake->bytes, bytes);
		kafka_intake_leave(intake, place);
		return true;
	}
	if (place->link == NULL) {
		place->next = NULL;
		place->link = intake->end;
		*intake->end = place;
		intake->end = &place->next;
	}
	return false;
}

void kafka_intake_give(struct kafka_intake *intake, size_t bytes)
{
	INVARIANT(atomic_fetch_sub(&intake->bytes, bytes) >= bytes);
}

bool kafka_intake_has_line(const struct kafka_intake *intake)
{
	return intake->first != NULL;
}
