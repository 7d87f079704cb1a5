/* The order of a step's entries. A merge sort: stable, no worst case, and one pass when the entries come
 * sorted, as circuits that keep ordered groups give them. Leaf functions over arrays.
 */
#include "views/store_internal.h"

enum { RUN = 12 };

void entry_order_set(struct commit_entry *entry)
{
	uint8_t head[16] = {0};
	size_t size = entry->key_size - 1u;
	memcpy(head, entry->bytes + 1, size < sizeof head ? size : sizeof head);
	entry->order[0] = get_be64(head);
	entry->order[1] = get_be64(head + 8);
}

static int compare_rest(const struct commit_entry *left, const struct commit_entry *right, bool by_value)
{
	int order = slice_compare(entry_key(left), entry_key(right));
	if (order != 0)
		return order;
	if (by_value)
		return slice_compare(entry_value(left), entry_value(right));
	return (left->weight > right->weight) - (left->weight < right->weight);
}

static inline bool entry_less(
	const struct commit_entry *left, const struct commit_entry *right, bool by_value)
{
	if (left->order[0] != right->order[0])
		return left->order[0] < right->order[0];
	if (left->order[1] != right->order[1])
		return left->order[1] < right->order[1];
	return compare_rest(left, right, by_value) < 0;
}

static void run_sort(struct commit_entry *entries, size_t count, bool by_value)
{
	for (size_t i = 1; i < count; i++) {
		struct commit_entry entry = entries[i];
		size_t at = i;
		for (; at > 0 && entry_less(&entry, &entries[at - 1], by_value); at--)
			entries[at] = entries[at - 1];
		entries[at] = entry;
	}
}

static void merge(const struct commit_entry *left, size_t left_count, const struct commit_entry *right,
	size_t right_count, struct commit_entry *out, bool by_value)
{
	const struct commit_entry *left_end = left + left_count, *right_end = right + right_count;
	if (left_count == 0 || right_count == 0 || !entry_less(right, left_end - 1, by_value)) {
		memcpy(out, left, left_count * sizeof *out);
		memcpy(out + left_count, right, right_count * sizeof *out);
		return;
	}
	while (left < left_end && right < right_end)
		*out++ = entry_less(right, left, by_value) ? *right++ : *left++;
	memcpy(out, left, (size_t)(left_end - left) * sizeof *out);
	memcpy(out + (left_end - left), right, (size_t)(right_end - right) * sizeof *out);
}

void entries_sort(struct commit_entry *entries, struct commit_entry *scratch, size_t count, bool by_value)
{
	size_t sorted = 1;
	while (sorted < count && !entry_less(&entries[sorted], &entries[sorted - 1], by_value))
		sorted++;
	if (sorted >= count)
		return;
	for (size_t at = 0; at < count; at += RUN)
		run_sort(entries + at, count - at < RUN ? count - at : RUN, by_value);
	struct commit_entry *from = entries, *to = scratch;
	for (size_t width = RUN; width < count; width *= 2) {
		for (size_t at = 0; at < count; at += 2 * width) {
			size_t left = count - at < width ? count - at : width;
			size_t right = count - at - left < width ? count - at - left : width;
			merge(from + at, left, from + at + left, right, to + at, by_value);
		}
		struct commit_entry *swap = from;
		from = to;
		to = swap;
	}
	if (from != entries)
		memcpy(entries, from, count * sizeof *entries);
}
