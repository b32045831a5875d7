/* What exporters told, for the next process: templates, sampling rates, names of applications, and what the updates of
 * firewalls' connections told (connection.h). Exporters repeat them every
 * few minutes to half an hour, and until then their data could not be read after a restart.
 *
 * A state is a run of entries, one an exporter, in network order (state.c). Only exporters of UDP that use templates are in
 * it; a transport session's end with it. Loading trusts nothing: every count is bounded by the bytes that are there, every
 * template passes the checks that one from the network passes, and the decoder's ceilings hold. Private to wire;
 * weir_decoder_save() and weir_decoder_load() are the way in. */
#ifndef WEIR_WIRE_STATE_H
#define WEIR_WIRE_STATE_H

#include "base/buffer.h"
#include "wire/exporter.h"
#include "wire/message.h"

/* In the place of an exporter's protocol: an entry of connection.c, and its length in all. */
#define WEIR_STATE_KIND_CONNECTION 255
#define WEIR_STATE_CONNECTION	   (4 + 1 + 4 + 16 + 8 + 8 + 4 * 8)

/* Append the entries of exporters heard less than WEIR_STATE_STALE_MS ago. */
int weir_state_save(const struct weir_exporters *exporters, const struct weir_workspace *work, int64_t now_ms,
		    struct weir_buffer *out) WEIR_MUST_CHECK;

/* Take over the entries that are not stale and that mine() wants (NULL: all), up to `most` exporters. Returns how many were,
 * or -EBADMSG when the bytes are no state; what came before the mistake is kept then. */
int weir_state_load(struct weir_exporters *exporters, struct weir_workspace *work, const void *data, size_t len, int64_t now_ms,
		    uint32_t most, bool (*mine)(void *ctx, const struct weir_addr *exporter), void *ctx) WEIR_MUST_CHECK;

#endif
