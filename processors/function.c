/* The registry of functions and operators, and overload resolution as PostgreSQL does it
 * (func_select_candidate, "Type Conversion" chapter of its manual). Constant tables, linear search: names are
 * resolved when a statement is bound, never per row.
 */
#include "processors/function.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/invariant.h"
#include "processors/function_cast.h"
#include "processors/function_family.h"

static const struct function_list *const families[] = {
	&function_list_comparison,
	&function_list_text_comparison,
	&function_list_integer,
	&function_list_float,
	&function_list_numeric,
	&function_list_math,
	&function_list_transcendental,
	&function_list_text,
	&function_list_trim,
	&function_list_concat,
	&function_list_encoding,
	&function_list_pattern,
	&function_list_regex,
	&function_list_datetime,
	&function_list_datetime_parse,
	&function_list_interval,
	&function_list_format,
	&function_list_catalog,
};
enum { FAMILIES = sizeof families / sizeof families[0], CANDIDATES_MAX = 128, ARGUMENTS_RESOLVED_MAX = 100 };

static bool name_is_operator(const char *name)
{
	return !isalpha((unsigned char)name[0]) && name[0] != '_';
}

bool function_exists(const char *name)
{
	for (size_t f = 0; f < FAMILIES; f++) {
		for (size_t i = 0; i < families[f]->count; i++) {
			if (strcmp(families[f]->functions[i].name, name) == 0)
				return true;
		}
	}
	return false;
}

/* The declared type of argument `index`; the last one repeats. */
static enum type_id argument_declared(const struct function *function, size_t index)
{
	size_t last = function->argument_count - (size_t)1;
	return function->arguments[index < last ? index : last];
}

enum type_id function_argument_type(const struct function *function, size_t index, enum type_id given)
{
	INVARIANT(function->argument_count > 0);
	enum type_id declared = argument_declared(function, index);
	if (declared != FUNCTION_TYPE_ANY)
		return declared;
	return given == TYPE_UNKNOWN ? TYPE_TEXT : given;
}

static bool function_takes_count(const struct function *function, size_t count)
{
	if ((function->flags & FUNCTION_VARIADIC) != 0)
		return count >= function->argument_count;
	return count == function->argument_count;
}

static bool function_accepts(const struct function *function, const enum type_id *arguments, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		enum type_id declared = argument_declared(function, i);
		if (declared != FUNCTION_TYPE_ANY && !type_coercible(arguments[i], declared))
			return false;
	}
	return true;
}

struct candidates {
	const struct function *functions[CANDIDATES_MAX];
	size_t count;
};

static void candidates_find(
	const char *name, const enum type_id *arguments, size_t count, struct candidates *out)
{
	out->count = 0;
	for (size_t f = 0; f < FAMILIES; f++) {
		for (size_t i = 0; i < families[f]->count; i++) {
			const struct function *function = &families[f]->functions[i];
			if (strcmp(function->name, name) != 0 || !function_takes_count(function, count) ||
				!function_accepts(function, arguments, count))
				continue;
			INVARIANT(out->count < CANDIDATES_MAX);
			out->functions[out->count++] = function;
		}
	}
}

static const struct function *candidate_exact(
	const struct candidates *candidates, const enum type_id *arguments, size_t count)
{
	for (size_t c = 0; c < candidates->count; c++) {
		size_t same = 0;
		while (same < count && argument_declared(candidates->functions[c], same) == arguments[same])
			same++;
		if (same == count)
			return candidates->functions[c];
	}
	return NULL;
}

/* Keeps the candidates with the highest score. */
static void candidates_keep_best(struct candidates *candidates, const size_t *scores)
{
	size_t best = 0, kept = 0;
	for (size_t c = 0; c < candidates->count; c++)
		best = scores[c] > best ? scores[c] : best;
	for (size_t c = 0; c < candidates->count; c++) {
		if (scores[c] == best)
			candidates->functions[kept++] = candidates->functions[c];
	}
	candidates->count = kept;
}

static void candidates_keep_matching(
	struct candidates *candidates, const enum type_id *arguments, size_t count, bool preferred_too)
{
	size_t scores[CANDIDATES_MAX] = {0};
	for (size_t c = 0; c < candidates->count; c++) {
		for (size_t i = 0; i < count; i++) {
			if (arguments[i] == TYPE_UNKNOWN)
				continue;
			enum type_id declared = argument_declared(candidates->functions[c], i);
			if (declared == arguments[i])
				scores[c]++;
			else if (preferred_too && declared != FUNCTION_TYPE_ANY &&
					 type_category(declared) == type_category(arguments[i]) && type_preferred(declared))
				scores[c]++;
		}
	}
	candidates_keep_best(candidates, scores);
}

/* The category an unknown argument takes: string if any candidate takes a string there, else the one all
 * candidates agree on, 0 if they do not; *preferred says whether some candidate takes the category's
 * preferred type. */
static char category_of_unknown(const struct candidates *candidates, size_t index, bool *preferred)
{
	char category = 0;
	bool conflict = false;
	*preferred = false;
	for (size_t c = 0; c < candidates->count; c++) {
		enum type_id declared = argument_declared(candidates->functions[c], index);
		char here = declared == FUNCTION_TYPE_ANY ? 'P' : type_category(declared);
		bool here_preferred = declared != FUNCTION_TYPE_ANY && type_preferred(declared);
		if (category == 0 || (here == 'S' && category != 'S')) {
			conflict = category != 0 && here != 'S';
			category = here;
			*preferred = here_preferred;
		} else if (here == category) {
			*preferred = *preferred || here_preferred;
		} else if (category != 'S') {
			conflict = true;
		}
	}
	return conflict && category != 'S' ? 0 : category;
}

static void candidates_resolve_unknowns(
	struct candidates *candidates, const enum type_id *arguments, size_t count)
{
	char categories[ARGUMENTS_RESOLVED_MAX];
	bool preferred[ARGUMENTS_RESOLVED_MAX];
	for (size_t i = 0; i < count; i++) {
		if (arguments[i] != TYPE_UNKNOWN)
			continue;
		categories[i] = category_of_unknown(candidates, i, &preferred[i]);
		if (categories[i] == 0)
			return;
	}
	struct candidates kept = {.count = 0};
	for (size_t c = 0; c < candidates->count; c++) {
		bool keep = true;
		for (size_t i = 0; i < count && keep; i++) {
			if (arguments[i] != TYPE_UNKNOWN)
				continue;
			enum type_id declared = argument_declared(candidates->functions[c], i);
			char here = declared == FUNCTION_TYPE_ANY ? 'P' : type_category(declared);
			keep = here == categories[i] && (!preferred[i] || type_preferred(declared));
		}
		if (keep)
			kept.functions[kept.count++] = candidates->functions[c];
	}
	if (kept.count > 0)
		*candidates = kept;
}

/* The last resort: all known arguments are of one type, so the unknown ones are taken to be of it too. */
static const struct function *candidate_assuming_one_type(
	const struct candidates *candidates, const enum type_id *arguments, size_t count)
{
	enum type_id known = TYPE_UNKNOWN;
	for (size_t i = 0; i < count; i++) {
		if (arguments[i] == TYPE_UNKNOWN)
			continue;
		if (known != TYPE_UNKNOWN && known != arguments[i])
			return NULL;
		known = arguments[i];
	}
	if (known == TYPE_UNKNOWN)
		return NULL;
	enum type_id assumed[ARGUMENTS_RESOLVED_MAX];
	for (size_t i = 0; i < count; i++)
		assumed[i] = known;
	const struct function *found = NULL;
	for (size_t c = 0; c < candidates->count; c++) {
		if (!function_accepts(candidates->functions[c], assumed, count))
			continue;
		if (found != NULL)
			return NULL;
		found = candidates->functions[c];
	}
	return found;
}

/* PostgreSQL's func_select_candidate(). NULL when more than one remains. */
static const struct function *candidate_select(
	struct candidates *candidates, const enum type_id *arguments, size_t count)
{
	size_t unknown = 0;
	for (size_t i = 0; i < count; i++)
		unknown += arguments[i] == TYPE_UNKNOWN;
	if (candidates->count == 1)
		return candidates->functions[0];
	candidates_keep_matching(candidates, arguments, count, false);
	if (candidates->count == 1)
		return candidates->functions[0];
	candidates_keep_matching(candidates, arguments, count, true);
	if (candidates->count == 1)
		return candidates->functions[0];
	if (unknown == 0)
		return NULL;
	candidates_resolve_unknowns(candidates, arguments, count);
	if (candidates->count == 1)
		return candidates->functions[0];
	return candidate_assuming_one_type(candidates, arguments, count);
}

/* "f(integer, text)" or "integer + text". */
static void signature_append(
	const char *name, const enum type_id *arguments, size_t count, struct buffer *out)
{
	if (name_is_operator(name)) {
		if (count == 1)
			buffer_printf(out, "%s %s", name, type_name(arguments[0]));
		else if (count == 2)
			buffer_printf(out, "%s %s %s", type_name(arguments[0]), name, type_name(arguments[1]));
		return;
	}
	buffer_printf(out, "%s(", name);
	for (size_t i = 0; i < count; i++)
		buffer_printf(out, "%s%s", i == 0 ? "" : ", ", type_name(arguments[i]));
	buffer_append_byte(out, ')');
}

/* Edit distance, cut off at 3; names are short. */
static unsigned name_distance(const char *left, const char *right)
{
	enum { LENGTH_MAX = 40 };
	size_t left_size = strlen(left), right_size = strlen(right);
	if (left_size >= LENGTH_MAX || right_size >= LENGTH_MAX)
		return 3;
	unsigned above[LENGTH_MAX + 1], here[LENGTH_MAX + 1];
	for (unsigned j = 0; j <= right_size; j++)
		above[j] = j;
	for (unsigned i = 1; i <= left_size; i++) {
		here[0] = i;
		for (size_t j = 1; j <= right_size; j++) {
			unsigned least = above[j - 1] + (left[i - 1] != right[j - 1]);
			least = above[j] + 1 < least ? above[j] + 1 : least;
			here[j] = here[j - 1] + 1 < least ? here[j - 1] + 1 : least;
		}
		memcpy(above, here, sizeof above);
	}
	return above[right_size];
}

static const char *name_near(const char *name)
{
	const char *nearest = NULL;
	unsigned least = strlen(name) <= 3 ? 2 : 3;
	for (size_t f = 0; f < FAMILIES; f++) {
		for (size_t i = 0; i < families[f]->count; i++) {
			const char *known = families[f]->functions[i].name;
			if (name_is_operator(known))
				continue;
			unsigned distance = name_distance(name, known);
			if (distance < least) {
				least = distance;
				nearest = known;
			}
		}
	}
	return nearest;
}

static status resolve_failed(const char *name, const enum type_id *arguments, size_t count, bool ambiguous)
{
	const char *kind = name_is_operator(name) ? "operator" : "function";
	struct buffer signature;
	buffer_init(&signature);
	signature_append(name, arguments, count, &signature);
	if (ambiguous) {
		(void)error_raise(STATUS_AMBIGUOUS,
			name_is_operator(name) ? "%s is not unique: %.*s" : "%s %.*s is not unique", kind,
			(int)signature.size, (const char *)signature.data);
		error_sqlstate("42725");
		error_hint("Could not choose a best candidate %s. You might need to add explicit type casts.", kind);
		buffer_deinit(&signature);
		return STATUS_AMBIGUOUS;
	}
	(void)error_raise(STATUS_UNKNOWN_FUNCTION,
		name_is_operator(name) ? "%s does not exist: %.*s" : "%s %.*s does not exist", kind,
		(int)signature.size, (const char *)signature.data);
	const char *near = name_is_operator(name) || function_exists(name) ? NULL : name_near(name);
	if (near != NULL)
		error_hint("Perhaps you meant the function \"%s\".", near);
	else
		error_hint(
			"No %s matches the given name and argument types. You might need to add explicit type casts.",
			kind);
	buffer_deinit(&signature);
	return STATUS_UNKNOWN_FUNCTION;
}

status function_resolve(
	const char *name, const enum type_id *arguments, size_t count, const struct function **out)
{
	if (count > ARGUMENTS_RESOLVED_MAX)
		return error_raise(
			STATUS_TOO_LARGE, "cannot pass more than %d arguments to a function", ARGUMENTS_RESOLVED_MAX);
	struct candidates candidates;
	candidates_find(name, arguments, count, &candidates);
	if (candidates.count == 0) {
		const struct function *cast = count == 1 ? cast_by_name(name, arguments[0]) : NULL;
		if (cast == NULL)
			return resolve_failed(name, arguments, count, false);
		*out = cast;
		return STATUS_OK;
	}
	const struct function *found = candidate_exact(&candidates, arguments, count);
	if (found == NULL && name_is_operator(name) && count == 2 &&
		(arguments[0] == TYPE_UNKNOWN) != (arguments[1] == TYPE_UNKNOWN)) {
		/* An operator's untyped literal is first taken to be of the other side's type. */
		enum type_id known = arguments[0] == TYPE_UNKNOWN ? arguments[1] : arguments[0];
		found = candidate_exact(&candidates, (const enum type_id[]){known, known}, 2);
	}
	if (found == NULL)
		found = candidate_select(&candidates, arguments, count);
	if (found == NULL)
		return resolve_failed(name, arguments, count, true);
	*out = found;
	return STATUS_OK;
}
