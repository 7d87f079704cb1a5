/* Members of a group: who they are, what they can; see group_internal.h. */
#include <stdio.h>
#include <sys/random.h>

#include "base/invariant.h"
#include "ingest/group_internal.h"

enum { CLIENT_ID_KEPT_MAX = 255 }; /* only people read it */

struct slice slice_own(struct slice bytes)
{
	if (bytes.data == NULL)
		return bytes;
	uint8_t *copy = mem_alloc(bytes.size + 1); /* never NULL: that would say "none" */
	memcpy(copy, bytes.data, bytes.size);
	return slice_of(copy, bytes.size);
}

void slice_free(struct slice *bytes)
{
	mem_free((void *)(uintptr_t)bytes->data);
	*bytes = (struct slice){0};
}

struct slice slice_keep(struct arena *arena, struct slice bytes)
{
	return bytes.data == NULL ? bytes : slice_of(arena_copy(arena, bytes.data, bytes.size), bytes.size);
}

static struct slice slice_cut(struct slice bytes, size_t size_max)
{
	return bytes.size <= size_max ? bytes : slice_of(bytes.data, size_max);
}

/* ---- finding ---- */

struct group_member *member_find(const struct group *group, struct slice member_id)
{
	for (struct group_member *member = group->members; member != NULL; member = member->next)
		if (slice_equal(member->member_id, member_id))
			return member;
	return NULL;
}

struct group_member *member_find_static(const struct group *group, struct slice instance_id)
{
	for (struct group_member *member = group->members; member != NULL; member = member->next)
		if (member->instance_id.data != NULL && slice_equal(member->instance_id, instance_id))
			return member;
	return NULL;
}

int16_t member_identify(
	const struct group *group, const struct group_identity *who, struct group_member **out)
{
	struct group_member *member = NULL;
	if (who->instance_id.data != NULL) {
		member = member_find_static(group, who->instance_id);
		if (member != NULL && !slice_equal(member->member_id, who->member_id))
			return KAFKA_FENCED_INSTANCE_ID;
	} else {
		member = member_find(group, who->member_id);
	}
	if (member == NULL)
		return KAFKA_UNKNOWN_MEMBER_ID;
	*out = member;
	return KAFKA_NONE;
}

/* ---- life ---- */

void member_alive(struct group_member *member, int64_t now_ms)
{
	member->deadline_ms = now_ms + member->session_timeout_ms;
}

bool member_is_parked(const struct group_member *member)
{
	return member->join != NULL || member->sync != NULL;
}

size_t join_bytes(const struct group_join *join)
{
	size_t bytes = join->who.member_id.size + join->who.instance_id.size + join->client_host.size + 256;
	for (int32_t i = 0; i < join->protocol_count; i++)
		bytes += join->protocols[i].name.size + join->protocols[i].metadata.size + 16;
	return bytes;
}

static void member_forget(struct group *group, struct group_member *member)
{
	for (int32_t i = 0; i < member->protocol_count; i++) {
		slice_free(&member->protocols[i].name);
		slice_free(&member->protocols[i].metadata);
	}
	mem_free(member->protocols);
	slice_free(&member->client_id);
	slice_free(&member->client_host);
	group->member_bytes -= member->bytes;
}

static void member_learn(struct group *group, struct group_member *member, const struct group_join *join)
{
	member->session_timeout_ms = join->session_timeout_ms;
	member->rebalance_timeout_ms =
		join->rebalance_timeout_ms >= 0 ? join->rebalance_timeout_ms : join->session_timeout_ms;
	member->client_id = slice_own(slice_cut(join->client_id, CLIENT_ID_KEPT_MAX));
	member->client_host = slice_own(join->client_host);
	member->protocol_count = join->protocol_count;
	member->protocols = mem_alloc_zeroed((size_t)join->protocol_count, sizeof *member->protocols);
	for (int32_t i = 0; i < join->protocol_count; i++) {
		member->protocols[i].name = slice_own(join->protocols[i].name);
		member->protocols[i].metadata = slice_own(join->protocols[i].metadata);
	}
	member->bytes = join_bytes(join);
	group->member_bytes += member->bytes;
}

struct group_member *member_add(
	struct group *group, const struct group_join *join, struct slice member_id, int64_t now_ms)
{
	struct group_member *member = mem_alloc_zeroed(1, sizeof *member);
	member->member_id = member_id;
	member->instance_id = slice_own(join->who.instance_id);
	member->assignment = slice_own(slice_of_string(""));
	member_learn(group, member, join);
	member_alive(member, now_ms);
	struct group_member **end = &group->members;
	while (*end != NULL)
		end = &(*end)->next;
	*end = member;
	group->member_count++;
	return member;
}

void member_update(struct group *group, struct group_member *member, const struct group_join *join)
{
	member_forget(group, member);
	member_learn(group, member, join);
}

void member_free(struct group *group, struct group_member *member)
{
	INVARIANT(!member_is_parked(member));
	struct group_member **link = &group->members;
	while (*link != member)
		link = &(*link)->next;
	*link = member->next;
	group->member_count--;
	if (group->leader == member)
		group->leader = NULL;
	member_forget(group, member);
	slice_free(&member->member_id);
	slice_free(&member->instance_id);
	slice_free(&member->assignment);
	mem_free(member);
}

struct slice member_id_make(const struct group *group, const struct group_join *join)
{
	uint8_t bytes[16];
	if (group->options->random != NULL)
		group->options->random(group->options->random_context, bytes);
	else
		INVARIANT(getrandom(bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes);
	struct slice prefix = join->who.instance_id.data != NULL ? join->who.instance_id : join->client_id;
	prefix = slice_cut(prefix, CLIENT_ID_KEPT_MAX);
	char *text = mem_alloc(prefix.size + 40);
	if (prefix.size != 0)
		memcpy(text, prefix.data, prefix.size);
	size_t size = prefix.size;
	if (size != 0)
		text[size++] = '-';
	for (size_t i = 0; i < sizeof bytes; i++) {
		static const char hex[] = "0123456789abcdef";
		text[size++] = hex[bytes[i] >> 4];
		text[size++] = hex[bytes[i] & 15];
		if (i == 3 || i == 5 || i == 7 || i == 9)
			text[size++] = '-';
	}
	return slice_of(text, size);
}

/* ---- protocols ---- */

static const struct group_protocol *protocol_find(const struct group_member *member, struct slice name)
{
	for (int32_t i = 0; i < member->protocol_count; i++)
		if (slice_equal(member->protocols[i].name, name))
			return &member->protocols[i];
	return NULL;
}

struct slice member_metadata(const struct group_member *member, struct slice protocol)
{
	const struct group_protocol *found = protocol_find(member, protocol);
	return found != NULL ? found->metadata : slice_of_string("");
}

bool member_matches(const struct group_member *member, const struct group_join *join)
{
	if (member->protocol_count != join->protocol_count)
		return false;
	for (int32_t i = 0; i < join->protocol_count; i++)
		if (!slice_equal(member->protocols[i].name, join->protocols[i].name) ||
			!slice_equal(member->protocols[i].metadata, join->protocols[i].metadata))
			return false;
	return true;
}

static bool protocol_known_by_all(
	const struct group *group, struct slice name, const struct group_member *except)
{
	for (const struct group_member *member = group->members; member != NULL; member = member->next)
		if (member != except && protocol_find(member, name) == NULL)
			return false;
	return true;
}

bool group_protocol_fits(
	const struct group *group, const struct group_join *join, const struct group_member *self)
{
	bool alone = group->member_count == (self != NULL ? 1 : 0);
	if (!alone && !slice_equal(group->protocol_type, join->protocol_type))
		return false;
	for (int32_t i = 0; i < join->protocol_count; i++)
		if (protocol_known_by_all(group, join->protocols[i].name, self))
			return true;
	return false;
}

/* The one protocol this member votes for: its first that all know. */
static const struct group_protocol *member_vote(const struct group *group, const struct group_member *member)
{
	for (int32_t i = 0; i < member->protocol_count; i++)
		if (protocol_known_by_all(group, member->protocols[i].name, NULL))
			return &member->protocols[i];
	return NULL;
}

/* With equal votes the one that an older member voted for: no chance is involved. */
struct slice group_protocol_choose(const struct group *group)
{
	struct slice best = {0};
	int32_t best_votes = 0;
	for (const struct group_member *candidate = group->members; candidate != NULL;
		 candidate = candidate->next) {
		const struct group_protocol *vote = member_vote(group, candidate);
		if (vote == NULL || (best.data != NULL && slice_equal(vote->name, best)))
			continue;
		int32_t votes = 0;
		for (const struct group_member *voter = group->members; voter != NULL; voter = voter->next) {
			const struct group_protocol *other = member_vote(group, voter);
			votes += other != NULL && slice_equal(other->name, vote->name);
		}
		if (votes > best_votes) {
			best = vote->name;
			best_votes = votes;
		}
	}
	return best;
}
