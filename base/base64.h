/* Base64 (RFC 4648) with padding, strict: no white space, no missing or misplaced padding, no stray bits.
 * Pure functions; any thread.
 */
#ifndef KAPPA_BASE_BASE64_H
#define KAPPA_BASE_BASE64_H

#include "base/bytes.h"
#include "base/status.h"

void base64_append(struct buffer *out, struct slice bytes);
/* Appends the decoded bytes. PROTOCOL when it is not base64; what was appended until then is taken back. */
status base64_decode(struct slice text, struct buffer *out) MUST_USE;

#endif
