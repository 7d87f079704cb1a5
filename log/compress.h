/* The four codecs of Kafka's record batches, with bounded output.
 *
 * Decompression reads untrusted bytes: output grows only as bytes are really produced and never
 * beyond the caller's limit, so a few bytes cannot ask for gigabytes at once.
 *
 *   gzip    RFC 1952, concatenated members accepted
 *   snappy  raw (librdkafka) and xerial-framed (Java: magic 0x82 "SNAPPY" 0, i32 version, i32 compatible,
 *           then chunks of i32 length + raw) on read; raw on write, which every client reads
 *   lz4     LZ4 frame, independent 64 KiB blocks on write (Java reads no other)
 *   zstd    any number of frames
 *
 * Thread-safe; each thread keeps its own codec contexts, freed when it ends.
 */
#ifndef KAPPA_LOG_COMPRESS_H
#define KAPPA_LOG_COMPRESS_H

#include "base/bytes.h"
#include "base/status.h"
#include "log/record_batch.h"

/* Appends `plain`, compressed, to `out`. BAD_COMPRESSION for a codec that does not exist. CODEC_NONE copies.
 */
status compress_append(enum codec codec, struct slice plain, struct buffer *out) MUST_USE;

/* Appends the decompressed bytes to `out`, at most `size_max` of them (TOO_LARGE beyond). BAD_COMPRESSION
 * when the bytes are damaged, cut off, or the codec does not exist; `out` keeps its size on failure. */
status decompress_append(enum codec codec, struct slice packed, size_t size_max, struct buffer *out) MUST_USE;

const char *codec_name(enum codec codec); /* "none", "gzip", "snappy", "lz4", "zstd"; "unknown" otherwise */

#endif
