/* Equality and order of values and rows. Pure functions, any thread.
 *
 * Order is PostgreSQL's btree order with collation "C": text by bytes, NaN greatest, nulls last. Two rows are
 * equal exactly when they compare as 0; hash (row_hash.c) and key codec (key.c) agree with it.
 */
#include "base/invariant.h"
#include "zset/batch.h"
#include "zset/canonical.h"
#include "zset/datetime.h"
#include "zset/decimal.h"

static inline int order_of_u64(uint64_t left, uint64_t right)
{
	return left < right ? -1 : left > right;
}

static inline int order_of_i64(int64_t left, int64_t right)
{
	return left < right ? -1 : left > right;
}

int value_compare(const struct value *left, const struct value *right)
{
	enum physical physical = type_physical(left->type.id);
	INVARIANT(!left->null && !right->null && physical == type_physical(right->type.id));
	switch (physical) {
	case PHYS_BOOL:
		return (int)left->boolean - (int)right->boolean;
	case PHYS_I64:
		return order_of_i64(left->i64, right->i64);
	case PHYS_F64:
		return order_of_u64(f64_order(left->f64), f64_order(right->f64));
	case PHYS_DECIMAL:
		return decimal_compare(&left->decimal, &right->decimal);
	case PHYS_TEXT:
		return texts_compare(&left->text, &right->text);
	case PHYS_INTERVAL:
		return interval_compare(&left->interval, &right->interval);
	}
	return 0;
}

/* Both values not null. */
static inline int cell_compare(
	const struct column *left, uint32_t left_row, const struct column *right, uint32_t right_row)
{
	switch (type_physical(left->type.id)) {
	case PHYS_BOOL:
		return (int)(left->booleans[left_row] != 0) - (int)(right->booleans[right_row] != 0);
	case PHYS_I64:
		return order_of_i64(left->i64[left_row], right->i64[right_row]);
	case PHYS_F64:
		return order_of_u64(f64_order(left->f64[left_row]), f64_order(right->f64[right_row]));
	case PHYS_DECIMAL:
		return decimal_compare(&left->decimals[left_row], &right->decimals[right_row]);
	case PHYS_TEXT:
		return texts_compare(&left->texts[left_row], &right->texts[right_row]);
	case PHYS_INTERVAL:
		return interval_compare(&left->intervals[left_row], &right->intervals[right_row]);
	}
	return 0;
}

/* As cell_compare() == 0, but text of different size costs no byte comparison. */
static inline bool cell_equal(
	const struct column *left, uint32_t left_row, const struct column *right, uint32_t right_row)
{
	if (type_physical(left->type.id) == PHYS_TEXT)
		return texts_equal(&left->texts[left_row], &right->texts[right_row]);
	return cell_compare(left, left_row, right, right_row) == 0;
}

bool row_equal(const struct batch *left, uint32_t left_row, const struct batch *right, uint32_t right_row)
{
	INVARIANT(left->column_count == right->column_count);
	for (uint32_t c = 0; c < left->column_count; c++) {
		const struct column *a = &left->columns[c], *b = &right->columns[c];
		bool a_null = column_is_null(a, left_row), b_null = column_is_null(b, right_row);
		if (a_null != b_null || (!a_null && !cell_equal(a, left_row, b, right_row)))
			return false;
	}
	return true;
}

int row_compare_from(const struct batch *left, uint32_t left_row, const struct batch *right,
	uint32_t right_row, uint32_t first_column)
{
	INVARIANT(left->column_count == right->column_count);
	for (uint32_t c = first_column; c < left->column_count; c++) {
		const struct column *a = &left->columns[c], *b = &right->columns[c];
		bool a_null = column_is_null(a, left_row), b_null = column_is_null(b, right_row);
		int order = a_null || b_null ? (int)a_null - (int)b_null : cell_compare(a, left_row, b, right_row);
		if (order != 0)
			return order;
	}
	return 0;
}

int row_compare(const struct batch *left, uint32_t left_row, const struct batch *right, uint32_t right_row)
{
	return row_compare_from(left, left_row, right, right_row, 0);
}
