#include "bench/lib/nexmark.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/hash.h"

enum { CYCLE = 50, PERSONS = 1, AUCTIONS = 3, HOT_STEP = 100, ACTIVE_AUCTIONS = 100, ACTIVE_PERSONS = 1000 };

static const char *const channels[] = {"Google", "Facebook", "Baidu", "Apple"};
static const char *const cities[] = {"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend",
	"Redmond", "Seattle", "Kent", "Cheyenne"};
static const char *const states[] = {"AZ", "CA", "ID", "OR", "WA", "WY"};

struct nexmark nexmark_default(uint64_t seed)
{
	return (struct nexmark){seed, INT64_C(1767225600000), 10000};
}

enum nexmark_kind nexmark_event_kind(uint64_t number)
{
	uint64_t place = number % CYCLE;
	return place < PERSONS ? NEXMARK_PERSON : place < PERSONS + AUCTIONS ? NEXMARK_AUCTION : NEXMARK_BID;
}

static uint64_t draw(uint64_t *state)
{
	*state += 0x9e3779b97f4a7c15ULL;
	return hash_mix(*state);
}

static uint64_t last_auction(uint64_t number)
{
	uint64_t place = number % CYCLE;
	uint64_t in_cycle = place < PERSONS ? 0 : place < PERSONS + AUCTIONS ? place - PERSONS + 1 : AUCTIONS;
	uint64_t count = number / CYCLE * AUCTIONS + in_cycle;
	return count == 0 ? 0 : count - 1;
}

static uint64_t last_person(uint64_t number)
{
	return number / CYCLE * PERSONS;
}

static uint64_t price(uint64_t *state)
{
	double uniform = (double)(draw(state) >> 11) / 9007199254740992.0;
	return (uint64_t)llround(pow(10.0, uniform * 6.0) * 100.0);
}

static void append_time(const struct nexmark *nexmark, uint64_t number, struct buffer *out)
{
	int64_t ms = nexmark->start_ms + (int64_t)(number * 1000 / nexmark->events_per_second);
	time_t seconds = ms / 1000;
	static _Thread_local time_t cached;
	static _Thread_local char text[32];
	if (seconds != cached || text[0] == '\0') {
		struct tm parts;
		(void)gmtime_r(&seconds, &parts);
		(void)strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
		cached = seconds;
	}
	buffer_printf(out, "\"%s.%03d\"", text, (int)(ms % 1000));
}

static void append_word(uint64_t *state, size_t length, struct buffer *out)
{
	for (size_t i = 0; i < length; i++)
		buffer_append_byte(out, (uint8_t)('a' + draw(state) % 26));
}

static void append_bid(const struct nexmark *nexmark, uint64_t number, uint64_t *state, struct buffer *out)
{
	uint64_t last = last_auction(number);
	bool hot = draw(state) % 2 == 0;
	uint64_t auction = hot ? last / HOT_STEP * HOT_STEP
						   : last - draw(state) % (last + 1 < ACTIVE_AUCTIONS ? last + 1 : ACTIVE_AUCTIONS);
	uint64_t person = last_person(number);
	uint64_t bidder = person - draw(state) % (person + 1 < ACTIVE_PERSONS ? person + 1 : ACTIVE_PERSONS);
	uint64_t bid_price = price(state);
	buffer_printf(out,
		"{\"auction\":%llu,\"bidder\":%llu,\"price\":%llu,\"channel\":\"%s\",\"url\":\"https://"
		"www.nexmark.com/",
		(unsigned long long)(auction + 1000), (unsigned long long)(bidder + 1000),
		(unsigned long long)bid_price, channels[draw(state) % 4]);
	append_word(state, 5, out);
	buffer_append_string(out, "/item.htm?query=1\",\"date_time\":");
	append_time(nexmark, number, out);
	buffer_append_string(out, ",\"extra\":\"");
	append_word(state, 16, out);
	buffer_append_string(out, "\"}");
}

static void append_auction(
	const struct nexmark *nexmark, uint64_t number, uint64_t *state, struct buffer *out)
{
	uint64_t person = last_person(number);
	uint64_t seller = person - draw(state) % (person + 1 < ACTIVE_PERSONS ? person + 1 : ACTIVE_PERSONS);
	uint64_t initial = price(state);
	buffer_printf(out, "{\"id\":%llu,\"item_name\":\"", (unsigned long long)(last_auction(number) + 1000));
	append_word(state, 12, out);
	buffer_printf(out, "\",\"initial_bid\":%llu,\"reserve\":%llu,\"date_time\":", (unsigned long long)initial,
		(unsigned long long)(initial + price(state)));
	append_time(nexmark, number, out);
	buffer_append_string(out, ",\"expires\":");
	append_time(nexmark, number + 1 + draw(state) % 100000, out);
	buffer_printf(out, ",\"seller\":%llu,\"category\":%llu}", (unsigned long long)(seller + 1000),
		(unsigned long long)(10 + draw(state) % 5));
}

static void append_person(const struct nexmark *nexmark, uint64_t number, uint64_t *state, struct buffer *out)
{
	buffer_printf(out, "{\"id\":%llu,\"name\":\"", (unsigned long long)(last_person(number) + 1000));
	append_word(state, 8, out);
	buffer_append_string(out, "\",\"email\":\"");
	append_word(state, 6, out);
	buffer_printf(out,
		"@example.com\",\"city\":\"%s\",\"state\":\"%s\",\"date_time\":", cities[draw(state) % 10],
		states[draw(state) % 6]);
	append_time(nexmark, number, out);
	buffer_append_byte(out, '}');
}

void nexmark_event(const struct nexmark *nexmark, uint64_t number, struct buffer *out)
{
	uint64_t state = hash_mix(nexmark->seed ^ hash_mix(number));
	switch (nexmark_event_kind(number)) {
	case NEXMARK_PERSON:
		append_person(nexmark, number, &state, out);
		break;
	case NEXMARK_AUCTION:
		append_auction(nexmark, number, &state, out);
		break;
	case NEXMARK_BID:
		append_bid(nexmark, number, &state, out);
		break;
	}
}
