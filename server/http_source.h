/* Sources over HTTP: what `kappa produce --file` stands on. See ingest/source.h.
 *
 *   POST /sources/ID?topic=T[&partition=N]
 *        → {"producer_id", "session", "partition", "next_sequence", "position" (text or null),
 * "batch_bytes_max"} POST /sources/ID/records?topic=T&session=S&sequence=N&position=TOKEN   (body: lines) →
 * {"base_offset", "count", "partition", "next_sequence"}
 *
 * Handlers run on workers and block.
 */
#ifndef KAPPA_SERVER_HTTP_SOURCE_H
#define KAPPA_SERVER_HTTP_SOURCE_H

#include "server/http_message.h"

http_handler http_source_open, http_source_append;

#endif
