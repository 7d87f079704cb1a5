/* The walk through the graph of literals; included by decode_shape.c once per instruction set. The algebra is
 * explained there.
 *
 * WALK(name)   the name for this instruction set; WALK_TARGET its attribute; WALK_STRING the scan for a
 * string's end
 *
 * Bounds: a position may run past the record's end (S5), but no further than a literal's head and one number,
 * because every literal begins by asking whether the end has been passed. Whatever is loaded so is padding or
 * the next record.
 */

WALK_TARGET static inline bool WALK(literal_matches)(
	const struct shape_node *node, const uint8_t *at, const uint8_t *end)
{
#if defined(__SSE2__)
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
	__m128i head = _mm_loadu_si128((const __m128i *)(const void *)node->head);
	__m128i mask = _mm_loadu_si128((const __m128i *)(const void *)node->mask);
	if (_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_and_si128(bytes, mask), head)) != 0xffff)
		return false;
	if (node->size <= HEAD_SIZE)
		return true;
#endif
	return end - at >= (ptrdiff_t)node->size && memcmp(at, node->literal, node->size) == 0;
}

/* After a string's opening quote: where its closing quote stands; NULL: not of the simple kind. */
WALK_TARGET static inline const uint8_t *WALK(string_end)(const uint8_t *at, const uint8_t *end)
{
	bool non_ascii = false;
	const uint8_t *stop = WALK_STRING(at, end, &non_ascii);
	if (__builtin_expect(stop >= end || *stop != '"', 0))
		return NULL;
	if (__builtin_expect(non_ascii, 0) && !decode_utf8_valid(at, (size_t)(stop - at)))
		return NULL;
	return stop;
}

/* Whatever stands there is skipped, validated. */
WALK_TARGET static inline const uint8_t *WALK(value_skip)(
	struct decoder *decoder, const uint8_t *at, const uint8_t *end)
{
	const uint8_t *stop;
	if (*at == '"') {
		stop = WALK(string_end)(at + 1, end);
		if (stop != NULL)
			return stop + 1;
	} else if (*at == '-' || (*at >= '0' && *at <= '9')) {
		struct scan_number number;
		stop = scan_number(at, &number);
		if (stop != NULL)
			return stop;
	}
	return value_general(decoder, at, end, COLUMN_NONE);
}

WALK_TARGET static inline const uint8_t *WALK(value_integer)(
	struct decoder *decoder, const struct decode_column *column, const uint8_t *at)
{
	bool negative = *at == '-';
	at += negative;
	unsigned count;
	int64_t value = (int64_t)scan_digits(at, &count);
	const uint8_t *stop = at + count;
	/* 1e3 is declined by the next literal: none begins with e. */
	if (count - 1 >= 18 || (*at == '0' && count != 1) || *stop == '.')
		return NULL;
	value = negative ? -value : value;
	if (value < column->min || value > column->max)
		return NULL;
	if (column->values != NULL)
		((int64_t *)column->values)[decoder->row] = value;
	return stop;
}

WALK_TARGET static inline const uint8_t *WALK(value_number)(
	struct decoder *decoder, const struct decode_column *column, const uint8_t *at)
{
	struct scan_number number;
	const uint8_t *stop = scan_number(at, &number);
	if (stop == NULL || number.exponent != 0)
		return NULL;
	if (column->kind == COLUMN_FLOAT8) {
		if (number.mantissa > UINT64_C(1) << 53)
			return NULL;
		/* Both are exact, so the quotient rounds correctly. */
		double value = (double)number.mantissa / (double)scan_power10[number.fraction];
		if (column->values != NULL)
			((double *)column->values)[decoder->row] = number.negative ? -value : value;
		return stop;
	}
	int64_t value = number.negative ? -(int64_t)number.mantissa : (int64_t)number.mantissa;
	if (column->type.modifier >= 0)
		return NULL;
	if (column->values != NULL)
		((struct decimal *)column->values)[decoder->row] =
			(struct decimal){.value = value, .scale = number.fraction};
	return stop;
}

WALK_TARGET static inline const uint8_t *WALK(value_milliseconds)(
	struct decoder *decoder, const struct decode_column *column, const uint8_t *at)
{
	struct scan_number number;
	const uint8_t *stop = scan_number(at, &number);
	if (stop == NULL || !number.plain || number.mantissa >= (uint64_t)INT64_MAX / 1000)
		return NULL;
	int64_t value_us = (int64_t)number.mantissa * 1000;
	if (column->values != NULL)
		((int64_t *)column->values)[decoder->row] = number.negative ? -value_us : value_us;
	return stop;
}

/* A value of a column in the form expected; NULL: in some other form. */
WALK_TARGET static inline const uint8_t *WALK(value_expected)(
	struct decoder *decoder, const struct decode_column *column, const uint8_t *at, const uint8_t *end)
{
	const uint8_t *stop;
	int64_t value;
	switch (column->kind) {
	case COLUMN_INTEGER:
		return WALK(value_integer)(decoder, column, at);
	case COLUMN_TEXT:
		if (*at != '"')
			return NULL;
		at++;
		stop = WALK(string_end)(at, end);
		if (stop == NULL || (column->type.modifier >= 0 && stop - at > column->type.modifier))
			return NULL;
		if (column->values != NULL)
			((struct text *)column->values)[decoder->row] =
				(struct text){.data = (const char *)at, .size = (uint32_t)(stop - at)};
		return stop + 1;
	case COLUMN_TIMESTAMP:
		if (*at != '"')
			return WALK(value_milliseconds)(decoder, column, at);
		stop = decode_timestamp_scan(decoder, at + 1, &value);
		if (stop == NULL || *stop != '"')
			return NULL;
		if (column->values != NULL)
			((int64_t *)column->values)[decoder->row] = value;
		return stop + 1;
	case COLUMN_DATE:
		if (*at != '"' || at[11] != '"' || !decode_date_simple(decoder, slice_of(at + 1, 10), &value))
			return NULL;
		if (column->values != NULL)
			((int64_t *)column->values)[decoder->row] = value;
		return at + 12;
	case COLUMN_FLOAT8:
	case COLUMN_NUMERIC:
		return WALK(value_number)(decoder, column, at);
	case COLUMN_BOOL: {
		bool truth = *at == 't';
		if (memcmp(at, truth ? "true" : "fals", 4) != 0 || (!truth && at[4] != 'e'))
			return NULL;
		if (column->values != NULL)
			((uint8_t *)column->values)[decoder->row] = truth;
		return at + 4 + !truth;
	}
	default:
		return NULL;
	}
}

WALK_TARGET static bool WALK(shape_walk)(struct decoder *decoder, struct slice record)
{
	struct shape *shape = decoder->shape;
	shape->stamp++;
	uint64_t met = 0, met_all = decoder->met_all;
	bool any = false;
	const uint8_t *at = record.data, *end = record.data + record.size;
	const struct shape_node *node = shape->nodes;
	for (;;) {
		if (at > end)
			return false;
		const struct shape_node *const *edge = node->edges;
		for (;; edge++) {
			node = *edge;
			if (node == NULL)
				return false;
			if (__builtin_expect(WALK(literal_matches)(node, at, end), 1))
				break;
		}
		at += node->size;
		const struct decode_column *column = node->target;
		if (column != NULL) {
			if (__builtin_expect(node->bit == 0, 0)) {
				if (shape->stamps[node->column] == shape->stamp)
					return false;
				shape->stamps[node->column] = shape->stamp;
				any = true;
			} else if ((met & node->bit) != 0) {
				return false;
			}
			met |= node->bit;
			const uint8_t *stop = WALK(value_expected)(decoder, column, at, end);
			if (__builtin_expect(stop == NULL, 0))
				stop = value_general(decoder, at, end, node->column);
			at = stop;
		} else if (node->column == COLUMN_NONE) {
			at = WALK(value_skip)(decoder, at, end);
		} else if (at != end) {
			return false;
		} else if (__builtin_expect(met == met_all, 1)) {
			return true;
		} else {
			return (met != 0 || any) && shape_finish(decoder, met);
		}
		if (at == NULL)
			return false;
	}
}
