/* MD5 (RFC 1321), for SQL's md5(): a fingerprint, not security. */
#ifndef KAPPA_PROCESSORS_MD5_H
#define KAPPA_PROCESSORS_MD5_H

#include "base/bytes.h"

void md5_digest(struct slice bytes, uint8_t digest[16]);

#endif
