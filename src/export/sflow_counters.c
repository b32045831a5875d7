/* sFlow's counter samples (sFlow Version 5, §5.3 and "Generic Interface Counters"): what an interface has counted in all, beside the
 * samples of its packets. Numbers that the format has 32 bits for wrap, as those of RFC 2233's Counter32 do. */
#include <errno.h>

#include "export/message.h"

enum {
	FORMAT_COUNTER_SAMPLE = 2,
	FORMAT_GENERIC_INTERFACE = 1,
	GENERIC_BYTES = 88,
	SAMPLE_HEADER_BYTES = 8, /* format and length */
	SAMPLE_BYTES = 12 + 8 + GENERIC_BYTES,
	STATUS_ADMIN = 1,
	STATUS_OPER = 2,
};

static void write_generic(struct weir_writer *w, const struct weir_interface_counters *c)
{
	const uint64_t IN[] = {c->in_packets, c->in_multicast, 0, c->in_discards, c->in_errors, 0};
	const uint64_t OUT[] = {c->out_packets, 0, 0, c->out_discards, c->out_errors};

	weir_writer_u32(w, c->index);
	weir_writer_u32(w, c->type);
	weir_writer_uint(w, c->speed_bps, 8);
	weir_writer_u32(w, c->duplex);
	weir_writer_u32(w, (c->is_up ? STATUS_ADMIN : 0) | (c->is_running ? STATUS_OPER : 0));
	weir_writer_uint(w, c->in_bytes, 8);
	for (size_t i = 0; i < sizeof(IN) / sizeof(IN[0]); i++)
		weir_writer_u32(w, (uint32_t)IN[i]);
	weir_writer_uint(w, c->out_bytes, 8);
	for (size_t i = 0; i < sizeof(OUT) / sizeof(OUT[0]); i++)
		weir_writer_u32(w, (uint32_t)OUT[i]);
	weir_writer_u32(w, c->is_promiscuous);
}

int weir_sflow_write_counters(struct weir_encoder *e, const struct weir_interface_counters *counters)
{
	struct weir_writer *w = &e->message.w;
	int rc = weir_message_room(e, SAMPLE_HEADER_BYTES + SAMPLE_BYTES);

	if (rc)
		return rc;
	weir_writer_u32(w, FORMAT_COUNTER_SAMPLE);
	weir_writer_u32(w, SAMPLE_BYTES);
	weir_writer_u32(w, ++e->counter_sequence);
	weir_writer_u32(w, counters->index & 0xffffff); /* source: type 0 is an interface */
	weir_writer_u32(w, 1);				 /* record */
	weir_writer_u32(w, FORMAT_GENERIC_INTERFACE);
	weir_writer_u32(w, GENERIC_BYTES);
	write_generic(w, counters);
	e->message.records++;
	return 0;
}
