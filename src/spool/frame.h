/* The LZ4 frames that a segment is made of: one a block of flows, which begins with the Native block's heading.
 * Private to the module. */
#ifndef WEIR_SPOOL_FRAME_H
#define WEIR_SPOOL_FRAME_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

/* Go through a segment's file from its beginning. 0: whole, and with so many rows. -EBADMSG: damaged, err says how.
 * Others: it cannot be read now. work is scratch space that stays the caller's. The descriptor stays open. */
int weir_spool_frame_verify(int fd, uint64_t rows, struct weir_buffer *work, struct weir_error *err) WEIR_MUST_CHECK;

#endif
