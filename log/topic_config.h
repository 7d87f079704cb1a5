/* A topic's configuration by name and text: one table for every face that shows or changes it (the Kafka
 * protocol, HTTP, the command line, system relations). Names, ranges and defaults are Apache Kafka's where it
 * has them, but nothing is ever removed by default.
 *
 * Whatever topic_config_text() says is accepted by topic_config_set(): an entry that cannot be changed
 * accepts the value it has, and nothing else. The table is constant; any thread.
 */
#ifndef KAPPA_LOG_TOPIC_CONFIG_H
#define KAPPA_LOG_TOPIC_CONFIG_H

#include "log/log.h"

enum { TOPIC_CONFIG_TEXT_MAX = 64 };

enum topic_config_type {
	TOPIC_CONFIG_BOOLEAN,
	TOPIC_CONFIG_STRING,
	TOPIC_CONFIG_INT,
	TOPIC_CONFIG_LONG,
	TOPIC_CONFIG_DOUBLE,
	TOPIC_CONFIG_LIST,
};

struct topic_config_entry {
	const char *name;
	const char *fixed;       /* the only value possible; NULL: it can be altered */
	const char *broker_name; /* of the broker's setting that is the default; NULL = none */
	const char *documentation;
	enum topic_config_type type;
	int64_t min, max; /* of numbers */
	int64_t (*get)(const struct topic_config *config);
	void (*set)(struct topic_config *config, int64_t value);
};

/* In the order of their names. */
size_t topic_config_entry_count(void);
const struct topic_config_entry *topic_config_entry(size_t index);
/* NULL when there is none of that name. */
const struct topic_config_entry *topic_config_entry_find(const char *name);

void topic_config_text(const struct topic_config_entry *entry, const struct topic_config *config,
	char text[TOPIC_CONFIG_TEXT_MAX]);
bool topic_config_is_default(const struct topic_config_entry *entry, const struct topic_config *config);
/* Sets one entry from its text; value NULL = its default. INVALID with the rule broken. */
status topic_config_set(struct topic_config *config, const char *name, const char *value) MUST_USE;

/* The rules of a whole configuration: STATUS_INVALID. */
status topic_config_check(const struct topic_config *config) MUST_USE;
/* Could the topic lose records under `next` that it keeps under `now`? `now` NULL = a topic that keeps all.
 */
bool topic_config_removes_more(const struct topic_config *now, const struct topic_config *next);

#endif
