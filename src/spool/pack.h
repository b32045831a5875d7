/* Packing a Native block as one LZ4 frame, column by column. A packer learns which columns are worth compressing; it belongs
 * to one thread. Private to the module. */
#ifndef WEIR_SPOOL_PACK_H
#define WEIR_SPOOL_PACK_H

#include "base/buffer.h"
#include "base/error.h"
#include "flow/native.h"

struct weir_spool_packer;

int weir_spool_packer_new(struct weir_spool_packer **ret_packer) WEIR_MUST_CHECK;
void weir_spool_packer_free(struct weir_spool_packer *packer);

/* The frame comes into out, in place of what it held. */
int weir_spool_pack(struct weir_spool_packer *packer, const struct weir_buffer *native,
		    const struct weir_native_layout *layout, struct weir_buffer *out) WEIR_MUST_CHECK;

#endif
