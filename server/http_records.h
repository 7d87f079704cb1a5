/* Reading a topic at the log's own speed: record batches as they lie on disk, for whoever can read them.
 *
 *   GET /topics/T/batches?offsets=P:O,P:O,…[&bytes=N][&wait_ms=N][&isolation=read_uncommitted]
 *   → application/octet-stream, for each partition that has something, in the order asked for:
 *
 *      0          4      8             16               24            32
 *      |partition |size  |next offset  |high watermark  |log start    | `size` bytes of record batches v2 …
 *
 * All integers big-endian. The first batch may begin before the offset asked for, which is then to be skipped
 * to; reading goes on at the next offset, whatever the batches hold. Nothing there: waits up to wait_ms.
 */
#ifndef KAPPA_SERVER_HTTP_RECORDS_H
#define KAPPA_SERVER_HTTP_RECORDS_H

#include "server/http_message.h"

enum { HTTP_BATCHES_HEAD_SIZE = 32 };

http_handler http_topic_batches;

#endif
