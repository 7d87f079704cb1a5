/* Kernels of casts, listed in function_cast.c's tables. All take one argument and read call->result_type, its
 * modifier included.
 */
#ifndef KAPPA_PROCESSORS_FUNCTION_CAST_H
#define KAPPA_PROCESSORS_FUNCTION_CAST_H

#include "processors/function.h"

status cast_integer_narrow(const struct kernel_call *call);
status cast_integer_to_float4(const struct kernel_call *call);
status cast_integer_to_float8(const struct kernel_call *call);
status cast_integer_to_numeric(const struct kernel_call *call);
status cast_integer_to_boolean(const struct kernel_call *call);
status cast_boolean_to_integer(const struct kernel_call *call);
status cast_float8_to_float4(const struct kernel_call *call);
status cast_float_to_integer(const struct kernel_call *call);
status cast_float_to_numeric(const struct kernel_call *call);
status cast_numeric_to_float(const struct kernel_call *call);
status cast_numeric_to_integer(const struct kernel_call *call);
status cast_numeric_to_numeric(const struct kernel_call *call);

status cast_date_to_timestamp(const struct kernel_call *call);
status cast_timestamp_to_date(const struct kernel_call *call);

status cast_from_text(const struct kernel_call *call);
status cast_to_text(const struct kernel_call *call);
/* Too long a text is cut at the length (explicit casts), or refused unless only spaces are lost
 * (assignments). */
status cast_varchar_cut(const struct kernel_call *call);
status cast_varchar_assign(const struct kernel_call *call);
status cast_to_varchar_cut(const struct kernel_call *call);
status cast_to_varchar_assign(const struct kernel_call *call);

/* The cast that a call date(x), int4(x), … means; NULL if the name is no type's or there is no cast. */
const struct function *cast_by_name(const char *name, enum type_id from);

/* Raises PostgreSQL's "smallint out of range" and the like. */
status integer_out_of_range(enum type_id type);
/* boolean's text as the cast gives it is "true", not the "t" of the output function. */
void cast_text_append(const struct value *value, struct buffer *out);

#endif
