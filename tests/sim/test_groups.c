/* A seeded simulation of one group: members that join, stall, crash, come back (static and dynamic), change
 * their minds and leave; zombies that go on with what they remember; a store that is slow, full, compacted;
 * a coordinator that is killed and restarted from what was durable; a transaction that stages and ends.
 *
 * What must hold for every seed:
 *   - a partition has one owner per generation;
 *   - a generation that anybody heard of never comes back with another meaning, and never goes back;
 *   - a commit that was acknowledged is there, one that was refused is not, and what was once read stays;
 *   - nobody commits with a generation older than one that anybody has heard of;
 *   - when the faults end, all members own all partitions within bounded simulated time.
 *
 * KAPPA_SIM_SEEDS: how many seeds (default 300); KAPPA_SIM_SEED: only this one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/diag.h"
#include "ingest/group_coordinator.h"
#include "ingest/kafka_error.h"

#include "support_world.h"

enum {
	CLIENTS_MAX = 6,
	PARTITIONS_MAX = WORLD_PARTITION_MAX, /* of the topic that is assigned; one more is the transaction's */
	GENERATIONS_MAX = 4096,
	VALUES_MAX = 1 << 16,
	SESSION_MS = 6000,
	REBALANCE_MS = 9000,
	CHAOS_MS = 60000,
	CALM_MS = 60000,
};

static uint64_t seed_running;

/* ---- what is true, as far as anybody was told ---- */

static struct group_coordinator *coordinator;
static struct group_coordinator_options options;
static int32_t partitions, clients;
static int32_t generation_told; /* the newest */
static int32_t owners[GENERATIONS_MAX][PARTITIONS_MAX];

struct value {
	int32_t partition;
	bool refused;
};
static struct value values[VALUES_MAX]; /* committed offsets are unique numbers, in the order of commits */
static int32_t value_count;
static int64_t value_acked[PARTITIONS_MAX + 1];

static int64_t value_new(int32_t partition)
{
	assert_true(value_count + 1 < VALUES_MAX);
	values[++value_count] = (struct value){.partition = partition};
	return value_count;
}

/* ---- calls ---- */

enum kind { KIND_NONE, KIND_JOIN, KIND_SYNC, KIND_HEARTBEAT, KIND_COMMIT, KIND_FETCH, KIND_STAGE, KIND_END };

struct sim_call {
	struct group_call base; /* first */
	struct arena arena;
	enum kind kind;
	bool done;
	/* Of a commit. */
	struct group_offset offset;
	int32_t generation, generation_told;
	bool fenced;   /* by a newer process with the same instance id */
	int64_t acked; /* of a fetch: what was acknowledged when it was asked */
	struct group_offset *offsets;
	int32_t count;
};

static void generation_hear(int32_t generation)
{
	assert_true(generation >= generation_told);
	assert_true(generation < GENERATIONS_MAX);
	generation_told = generation;
}

static void sim_call_done(struct group_call *base)
{
	struct sim_call *call = (struct sim_call *)base;
	assert_false(call->done);
	if (call->kind == KIND_JOIN && base->error_code == KAFKA_NONE)
		generation_hear(base->generation);
	call->done = true;
}

static void sim_call_begin(struct sim_call *call, enum kind kind)
{
	assert_int_equal(call->kind, KIND_NONE);
	call->base = (struct group_call){.arena = &call->arena, .done = sim_call_done};
	call->kind = kind;
	call->done = false;
	call->generation_told = generation_told;
	call->fenced = false;
}

static void sim_call_end(struct sim_call *call)
{
	call->kind = KIND_NONE;
	arena_reset(&call->arena);
}

/* The connection breaks: nobody hears the answer. */
static void sim_call_break(struct sim_call *call)
{
	if (call->kind == KIND_NONE)
		return;
	if (!call->done)
		assert_true(group_coordinator_drop(coordinator, &call->base, sim_ms));
	sim_call_end(call);
}

/* ---- members ---- */

enum phase { OFFLINE, JOINING, SYNCING, STABLE };

struct client {
	int32_t number;
	bool is_static;
	char instance[16], member_id[128];
	enum phase phase;
	int32_t generation;
	bool leads;
	struct buffer plan; /* of the leader: for each member its id and partitions */
	struct group_assignment assignments[CLIENTS_MAX * 2];
	int32_t assignment_count;
	uint16_t owned; /* a bit for each partition */
	uint32_t taste; /* what its metadata says */
	int64_t asleep_until_ms, heartbeat_ms;
	struct sim_call call;
	/* What a process that was thought dead goes on with. */
	bool readmitted; /* the newer process has been answered */
	char ghost_id[128];
	int32_t ghost_generation;
	uint16_t ghost_owned;
	struct sim_call ghost_call;
};

static struct client members[CLIENTS_MAX];
static const struct slice GROUP = {(const uint8_t *)"g", 1};
static const struct slice TOPIC = {(const uint8_t *)"t", 1};

static struct group_identity client_identity(const struct client *client, const char *member_id)
{
	return (struct group_identity){slice_of_string(member_id),
		client->is_static ? slice_of_string(client->instance) : (struct slice){0}};
}

static void client_rejoin(struct client *client, bool forget)
{
	client->phase = JOINING;
	client->owned = 0;
	if (forget)
		client->member_id[0] = '\0';
}

/* A consumer's subscription to one topic; what follows differs with the member's taste. */
static struct slice client_metadata(const struct client *client, uint8_t bytes[16])
{
	memcpy(bytes, "\0\1\0\0\0\1\0\1t", 9);
	put_be32(bytes + 9, client->taste);
	return slice_of(bytes, 13);
}

static void client_join(struct client *client)
{
	uint8_t metadata[16];
	struct group_protocol protocols[2] = {
		{slice_of_string("range"), client_metadata(client, metadata)},
		{slice_of_string("roundrobin"), client_metadata(client, metadata)},
	};
	if (client->number % 2 == 1) {
		struct group_protocol first = protocols[0];
		protocols[0] = protocols[1];
		protocols[1] = first;
	}
	struct group_join join = {
		.who = client_identity(client, client->member_id),
		.client_id = slice_of_string("sim"),
		.client_host = slice_of_string("/sim"),
		.session_timeout_ms = SESSION_MS,
		.rebalance_timeout_ms = REBALANCE_MS,
		.protocol_type = slice_of_string("consumer"),
		.protocols = protocols,
		.protocol_count = 2,
		.id_first = client->number % 3 != 2,
	};
	sim_call_begin(&client->call, KIND_JOIN);
	group_coordinator_join(coordinator, GROUP, &join, &client->call.base, sim_ms);
}

/* The leader deals the partitions out; sometimes it forgets a member, which must then get nothing. */
static void client_plan(struct client *client)
{
	const struct group_call *answer = &client->call.base;
	client->plan.size = 0;
	client->assignment_count = 0;
	size_t begins[CLIENTS_MAX * 2];
	assert_true(answer->member_count <= CLIENTS_MAX * 2);
	for (int32_t m = 0; m < answer->member_count; m++) {
		begins[m] = client->plan.size;
		buffer_append(&client->plan, answer->members[m].member_id.data, answer->members[m].member_id.size);
		uint16_t owned = 0;
		for (int32_t p = m; p < partitions; p += answer->member_count)
			owned = (uint16_t)(owned | 1u << p);
		buffer_append_be16(&client->plan, owned);
		buffer_append_be32(&client->plan, (uint32_t)answer->generation);
	}
	for (int32_t m = 0; m < answer->member_count; m++) {
		const uint8_t *at = client->plan.data + begins[m];
		size_t id_size = answer->members[m].member_id.size;
		client->assignments[client->assignment_count++] =
			(struct group_assignment){slice_of(at, id_size), slice_of(at + id_size, 6)};
	}
}

static void client_joined(struct client *client)
{
	const struct group_call *answer = &client->call.base;
	switch (answer->error_code) {
	case KAFKA_NONE:
		client->generation = answer->generation;
		client->readmitted = client->is_static;
		(void)snprintf(client->member_id, sizeof client->member_id, "%.*s", (int)answer->member_id.size,
			(const char *)answer->member_id.data);
		client->leads = slice_equal(answer->leader, answer->member_id);
		assert_true(client->leads == (answer->member_count > 0));
		client_plan(client);
		client->phase = SYNCING;
		break;
	case KAFKA_MEMBER_ID_REQUIRED:
		assert_false(client->is_static);
		(void)snprintf(client->member_id, sizeof client->member_id, "%.*s", (int)answer->member_id.size,
			(const char *)answer->member_id.data);
		break;
	case KAFKA_UNKNOWN_MEMBER_ID:
	case KAFKA_FENCED_INSTANCE_ID:
		client_rejoin(client, true);
		break;
	default:
		assert_true(answer->error_code == KAFKA_REBALANCE_IN_PROGRESS ||
					answer->error_code == KAFKA_COORDINATOR_NOT_AVAILABLE);
	}
}

static void client_sync(struct client *client)
{
	struct group_sync sync = {
		.who = client_identity(client, client->member_id),
		.generation = client->generation,
		.assignments = client->assignments,
		.assignment_count = client->leads ? client->assignment_count : 0,
	};
	sim_call_begin(&client->call, KIND_SYNC);
	group_coordinator_sync(coordinator, GROUP, &sync, &client->call.base, sim_ms);
}

static void client_synced(struct client *client)
{
	const struct group_call *answer = &client->call.base;
	if (answer->error_code != KAFKA_NONE) {
		client_rejoin(client,
			answer->error_code == KAFKA_UNKNOWN_MEMBER_ID || answer->error_code == KAFKA_FENCED_INSTANCE_ID);
		return;
	}
	client->phase = STABLE;
	client->heartbeat_ms = sim_ms;
	client->owned = 0;
	if (answer->assignment.size == 0)
		return;
	assert_int_equal(answer->assignment.size, 6);
	client->owned = get_be16(answer->assignment.data);
	int32_t generation = (int32_t)get_be32(answer->assignment.data + 2);
	assert_int_equal(generation, client->generation);
	for (int32_t p = 0; p < partitions; p++) {
		if ((client->owned & 1u << p) == 0)
			continue;
		int32_t *owner = &owners[generation][p];
		assert_true(*owner == 0 || *owner == client->number + 1);
		*owner = client->number + 1;
	}
}

static void commit_begin(struct sim_call *call, const struct client *client, const char *member_id,
	int32_t generation, uint16_t owned)
{
	int32_t partition = (int32_t)chance((uint64_t)partitions);
	if ((owned & 1u << partition) == 0)
		return;
	sim_call_begin(call, KIND_COMMIT);
	call->generation = generation;
	call->offset = (struct group_offset){.topic = TOPIC,
		.partition = partition,
		.offset = value_new(partition),
		.leader_epoch = -1,
		.metadata = slice_of_string("m")};
	struct group_commit commit = {.group = GROUP,
		.who = client_identity(client, member_id),
		.generation = generation,
		.retention_ms = -1,
		.offsets = &call->offset,
		.count = 1};
	group_coordinator_commit(coordinator, &commit, &call->base, sim_ms);
}

static int16_t commit_finish(struct sim_call *call)
{
	int16_t error_code = call->base.error_code;
	if (error_code == KAFKA_NONE)
		error_code = call->offset.error_code;
	if (error_code == KAFKA_NONE) {
		/* Nobody with an older generation than one that was told already. */
		assert_true(call->generation >= call->generation_told);
		assert_false(call->fenced);
		if (value_acked[call->offset.partition] < call->offset.offset)
			value_acked[call->offset.partition] = call->offset.offset;
	} else if (error_code != KAFKA_COORDINATOR_NOT_AVAILABLE) {
		values[call->offset.offset].refused = true;
	}
	return error_code;
}

static void client_stable_answer(struct client *client, int16_t error_code)
{
	if (error_code == KAFKA_REBALANCE_IN_PROGRESS)
		client_rejoin(client, false);
	else if (error_code == KAFKA_ILLEGAL_GENERATION || error_code == KAFKA_UNKNOWN_MEMBER_ID ||
			 error_code == KAFKA_FENCED_INSTANCE_ID)
		client_rejoin(client, true);
	else
		assert_true(error_code == KAFKA_NONE || error_code == KAFKA_COORDINATOR_NOT_AVAILABLE);
}

static void client_answer(struct client *client)
{
	struct sim_call *call = &client->call;
	switch (call->kind) {
	case KIND_JOIN:
		client_joined(client);
		break;
	case KIND_SYNC:
		client_synced(client);
		break;
	case KIND_HEARTBEAT:
		client_stable_answer(client, call->base.error_code);
		break;
	default:
		client_stable_answer(client, commit_finish(call));
	}
	sim_call_end(call);
}

static void client_crash(struct client *client)
{
	sim_call_break(&client->call);
	if (client->phase == STABLE && client->ghost_call.kind == KIND_NONE && once_in(2)) {
		client->readmitted = false;
		memcpy(client->ghost_id, client->member_id, sizeof client->ghost_id);
		client->ghost_generation = client->generation;
		client->ghost_owned = client->owned;
	}
	client->phase = OFFLINE;
	client->owned = 0;
	client->member_id[0] = '\0';
	client->asleep_until_ms = sim_ms + (int64_t)chance(once_in(2) ? 500 : 2 * SESSION_MS);
}

static void client_leave(struct client *client)
{
	struct sim_call leave = {.kind = KIND_NONE};
	struct group_identity who = client_identity(client, client->member_id);
	int16_t error_code;
	arena_init(&leave.arena);
	sim_call_begin(&leave, KIND_HEARTBEAT);
	group_coordinator_leave(coordinator, GROUP, &who, &error_code, 1, &leave.base, sim_ms);
	sim_call_break(&leave);
	arena_deinit(&leave.arena);
	client_crash(client);
}

static void client_heartbeat(struct client *client)
{
	struct group_identity who = client_identity(client, client->member_id);
	client->heartbeat_ms = sim_ms + SESSION_MS / 3;
	sim_call_begin(&client->call, KIND_HEARTBEAT);
	group_coordinator_heartbeat(coordinator, GROUP, &who, client->generation, &client->call.base, sim_ms);
}

static void ghost_step(struct client *client)
{
	struct sim_call *call = &client->ghost_call;
	if (call->kind != KIND_NONE && call->done) {
		(void)commit_finish(call);
		sim_call_end(call);
	}
	if (call->kind == KIND_NONE && client->ghost_id[0] != '\0' && once_in(40)) {
		commit_begin(call, client, client->ghost_id, client->ghost_generation, client->ghost_owned);
		call->fenced = client->readmitted;
	}
}

static void client_step(struct client *client, bool chaos)
{
	if (chaos)
		ghost_step(client);
	if (sim_ms < client->asleep_until_ms)
		return;
	if (chaos && once_in(900)) {
		client_crash(client);
		return;
	}
	if (chaos && once_in(700)) {
		client->asleep_until_ms = sim_ms + (int64_t)chance(2 * SESSION_MS);
		return;
	}
	if (client->call.kind != KIND_NONE) {
		if (client->call.done)
			client_answer(client);
		return;
	}
	switch (client->phase) {
	case OFFLINE:
		client_rejoin(client, true);
		break;
	case JOINING:
		client_join(client);
		break;
	case SYNCING:
		client_sync(client);
		break;
	case STABLE:
		if (chaos && once_in(600)) {
			client_leave(client);
		} else if (chaos && once_in(600)) {
			client->taste++;
			client_rejoin(client, false);
		} else if (sim_ms >= client->heartbeat_ms) {
			client_heartbeat(client);
		} else if (once_in(10)) {
			commit_begin(&client->call, client, client->member_id, client->generation, client->owned);
		}
	}
}

/* ---- a reader, and a transaction ---- */

static struct sim_call reader;
static int64_t value_read[PARTITIONS_MAX + 1];

static void reader_step(void)
{
	if (reader.kind == KIND_NONE && once_in(30)) {
		sim_call_begin(&reader, KIND_FETCH);
		int32_t partition = (int32_t)chance((uint64_t)partitions);
		reader.offset = (struct group_offset){.topic = TOPIC, .partition = partition};
		reader.acked = value_acked[partition];
		reader.offsets = &reader.offset;
		reader.count = 1;
		group_coordinator_fetch(
			coordinator, GROUP, &reader.offsets, &reader.count, false, true, &reader.base);
	}
	if (reader.kind == KIND_NONE || !reader.done)
		return;
	if (reader.base.error_code == KAFKA_NONE) {
		int64_t found = reader.offset.offset;
		int32_t partition = reader.offset.partition;
		assert_int_equal(reader.offset.error_code, KAFKA_NONE);
		assert_true(found >= reader.acked || (found == -1 && reader.acked == 0));
		assert_true(found >= value_read[partition] || value_read[partition] == 0);
		if (found > 0) {
			assert_true(found <= value_count);
			assert_int_equal(values[found].partition, partition);
			assert_false(values[found].refused);
			value_read[partition] = found;
		}
	}
	sim_call_end(&reader);
}

/* stage ─► (acknowledged) ─► decided ─► end ─► (acknowledged) ─► what is read is what was decided. */
static struct {
	struct sim_call call;
	enum { TXN_IDLE, TXN_STAGE, TXN_END, TXN_READ_OPEN, TXN_READ } step;
	int64_t value, committed;
	bool commit, staged;
} txn;

static void txn_begin(void)
{
	int32_t partition = PARTITIONS_MAX;
	struct sim_call *call = &txn.call;
	switch (txn.step) {
	case TXN_IDLE:
		txn.value = value_new(partition);
		txn.commit = once_in(2);
		txn.step = TXN_STAGE;
		break;
	case TXN_STAGE:
		sim_call_begin(call, KIND_STAGE);
		call->offset = (struct group_offset){.topic = TOPIC,
			.partition = partition,
			.offset = txn.value,
			.leader_epoch = 3,
			.metadata = slice_of_string("")};
		struct group_commit commit = {
			.group = GROUP, .generation = -1, .retention_ms = -1, .offsets = &call->offset, .count = 1};
		group_coordinator_stage(coordinator, 77, &commit, &call->base, sim_ms);
		break;
	case TXN_END:
		sim_call_begin(call, KIND_END);
		group_coordinator_stage_end(coordinator, 77, txn.commit, &call->base, sim_ms);
		break;
	case TXN_READ_OPEN:
	case TXN_READ:
		sim_call_begin(call, KIND_FETCH);
		call->offset = (struct group_offset){.topic = TOPIC, .partition = partition};
		call->offsets = &call->offset;
		call->count = 1;
		group_coordinator_fetch(
			coordinator, GROUP, &call->offsets, &call->count, false, txn.step == TXN_READ_OPEN, &call->base);
	}
}

static void txn_step(void)
{
	struct sim_call *call = &txn.call;
	if (call->kind == KIND_NONE && once_in(5))
		txn_begin();
	if (call->kind == KIND_NONE || !call->done)
		return;
	if (call->base.error_code == KAFKA_NONE) {
		switch (txn.step) {
		case TXN_STAGE:
			assert_int_equal(call->offset.error_code, KAFKA_NONE);
			txn.step = once_in(2) ? TXN_READ_OPEN : TXN_END;
			break;
		case TXN_READ_OPEN:
			assert_int_equal(call->offset.error_code, KAFKA_UNSTABLE_OFFSET_COMMIT);
			txn.step = TXN_END;
			break;
		case TXN_END:
			if (txn.commit)
				txn.committed = txn.value;
			txn.step = TXN_READ;
			break;
		default:
			assert_int_equal(call->offset.error_code, KAFKA_NONE);
			assert_int_equal(call->offset.offset, txn.committed != 0 ? txn.committed : -1);
			txn.step = TXN_IDLE;
		}
	}
	sim_call_end(call);
}

/* ---- the coordinator's life ---- */

static void coordinator_start(void)
{
	coordinator = group_coordinator_create(&options);
	for (struct world_batch *batch = durable; batch != NULL; batch = batch->next)
		assert_int_equal(group_coordinator_load(coordinator, buffer_slice(&batch->bytes)), STATUS_OK);
	group_coordinator_loaded(coordinator, sim_ms);
}

/* kill -9: connections break; a batch on its way may have reached the disk, or not. */
static void coordinator_kill(void)
{
	for (int32_t c = 0; c < clients; c++) {
		sim_call_break(&members[c].call);
		sim_call_break(&members[c].ghost_call);
	}
	sim_call_break(&reader);
	sim_call_break(&txn.call);
	if (flying != NULL) {
		struct world_batch *batch = flying;
		flying = NULL;
		if (once_in(2)) {
			store_keep(batch);
		} else {
			buffer_deinit(&batch->bytes);
			mem_free(batch);
		}
		group_coordinator_appended(coordinator, STATUS_SHUTDOWN);
	}
	group_coordinator_destroy(coordinator);
}

static void store_step(bool chaos)
{
	store_full = chaos && once_in(20);
	if (flying != NULL && sim_ms >= flying_until_ms) {
		struct world_batch *batch = flying;
		flying = NULL;
		store_keep(batch);
		group_coordinator_appended(coordinator, STATUS_OK);
	}
	if (sim_ms >= group_coordinator_deadline_ms(coordinator))
		group_coordinator_tick(coordinator, sim_ms);
}

static void world_step(bool chaos)
{
	sim_ms += 1 + (int64_t)chance(40);
	store_step(chaos);
	for (int32_t c = 0; c < clients; c++)
		client_step(&members[c], chaos);
	reader_step();
	txn_step();
	if (chaos && once_in(1200)) {
		coordinator_kill();
		if (once_in(3))
			store_compact();
		coordinator_start();
	}
}

static bool world_is_whole(void)
{
	uint32_t owned = 0;
	for (int32_t c = 0; c < clients; c++) {
		if (members[c].phase != STABLE || members[c].generation != members[0].generation ||
			(owned & members[c].owned) != 0)
			return false;
		owned |= members[c].owned;
	}
	return owned == (1u << partitions) - 1;
}

static void random_bytes(void *context, uint8_t bytes[16])
{
	(void)context;
	for (size_t i = 0; i < 16; i++)
		bytes[i] = (uint8_t)chance(256);
}

static void world_run(uint64_t seed)
{
	chance_seed(seed);
	sim_ms = 1000;
	generation_told = 0;
	value_count = 0;
	memset(owners, 0, sizeof owners);
	memset(value_acked, 0, sizeof value_acked);
	memset(value_read, 0, sizeof value_read);
	memset(&txn, 0, sizeof txn);
	partitions = 1 + (int32_t)chance(PARTITIONS_MAX);
	clients = 1 + (int32_t)chance(CLIENTS_MAX);
	options = group_coordinator_options_default();
	options.store = (struct group_store){NULL, store_append, store_incarnation};
	options.group.initial_delay_ms = once_in(2) ? 0 : (int32_t)chance(500);
	options.group.random = random_bytes;
	for (int32_t c = 0; c < clients; c++) {
		members[c] = (struct client){.number = c, .is_static = once_in(2)};
		(void)snprintf(members[c].instance, sizeof members[c].instance, "i%d", c);
	}
	coordinator_start();
	while (sim_ms < CHAOS_MS)
		world_step(true);
	for (int32_t c = 0; c < clients; c++)
		sim_call_break(&members[c].ghost_call);
	int64_t until_ms = sim_ms + CALM_MS;
	while (sim_ms < until_ms && !world_is_whole())
		world_step(false);
	assert_true(world_is_whole());
	coordinator_kill();
	store_clear();
	for (int32_t c = 0; c < clients; c++) {
		arena_deinit(&members[c].call.arena);
		arena_deinit(&members[c].ghost_call.arena);
		buffer_deinit(&members[c].plan);
	}
	arena_deinit(&reader.arena);
	arena_deinit(&txn.call.arena);
}

/* cmocka leaves a failed test where it failed: the seed is told here. */
static int seed_tell(void **state)
{
	(void)state;
	print_message("last seed %llu\n", (unsigned long long)seed_running);
	return 0;
}

static void groups_keep_their_promises_under_faults(void **state)
{
	(void)state;
	clock_inject_wall_ms(wall_now);
	diag_set_level(DIAG_ERROR);
	const char *one = getenv("KAPPA_SIM_SEED"), *many = getenv("KAPPA_SIM_SEEDS");
	uint64_t from = one != NULL ? strtoull(one, NULL, 10) : 0;
	uint64_t count = one != NULL ? 1 : many != NULL ? strtoull(many, NULL, 10) : 300;
	int64_t generations = 0, commits = 0;
	for (uint64_t seed = from; seed < from + count; seed++) {
		seed_running = seed;
		world_run(seed);
		generations += generation_told;
		commits += value_count;
	}
	print_message("%llu seeds, %lld generations, %lld commits\n", (unsigned long long)count,
		(long long)generations, (long long)commits);
	clock_inject_wall_ms(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(groups_keep_their_promises_under_faults, seed_tell)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
