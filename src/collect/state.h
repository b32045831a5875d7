/* The file that keeps what exporters told across restarts: DATA/run/exporters.state. Replaced atomically; with a version
 * and a checksum, so that a file that is damaged, cut or of another version is told from one that is whole, and left alone.
 * What stands in it is the decoders' (weir_decoder_save). It is not synced: after a loss of power it may be old or
 * damaged, and then exporters' next templates make up for it. */
#ifndef WEIR_COLLECT_STATE_H
#define WEIR_COLLECT_STATE_H

#include "base/buffer.h"
#include "base/error.h"

#define WEIR_STATE_HEADER_LEN 24

/* The header of a file whose rest is `entries`. */
void weir_state_header(const struct weir_buffer *entries, uint8_t ret_header[WEIR_STATE_HEADER_LEN]);
/* The entries of a file's bytes; NULL: it is no whole state file, err says why. */
const uint8_t *weir_state_check(const void *data, size_t len, size_t *ret_len, struct weir_error *err);

int weir_state_write(const char *path, const struct weir_buffer *entries, struct weir_error *err) WEIR_MUST_CHECK;
/* The file's entries. -ENOENT: there is none. -EBADMSG: it is damaged. */
int weir_state_read(const char *path, struct weir_buffer *ret_entries, struct weir_error *err) WEIR_MUST_CHECK;

#endif
