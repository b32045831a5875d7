/* The message being built, and what an encoder remembers between messages. Private to export.
 *
 * The flow of data: weir_encoder_encode() walks the block's runs (rows with the same columns) and gives each to the
 * protocol's rows(). That sees to it that a message is open and has room, writes its records, and notes each flow
 * with weir_message_flow(). weir_message_send() has the protocol close the message (lengths, counts, sequence
 * numbers), hands it out, and only then counts what was in it. */
#ifndef WEIR_EXPORT_MESSAGE_H
#define WEIR_EXPORT_MESSAGE_H

#include <stdbool.h>

#include "base/writer.h"
#include "export/encoder.h"
#include "export/field.h"

/* Sets of columns that an encoder keeps templates for; with more, the oldest gives way and is told anew. */
#define WEIR_TEMPLATES_MAX 16

struct weir_export_template {
	struct weir_column_set columns; /* what it was made from */
	uint8_t family;
	uint16_t id; /* 0: this place is free */
	bool sent;   /* since the last refresh */
	unsigned fields;
	size_t record_bytes;
	struct weir_field field[WEIR_FIELDS_MAX];
};

/* The numbers of options templates: far from the data templates', which count up from 256. */
#define WEIR_TEMPLATE_OF_SAMPLING   65535
#define WEIR_TEMPLATE_OF_INTERFACES 65534

struct weir_message {
	struct weir_writer w;
	bool open;
	unsigned records; /* what the header counts */
	uint64_t data_records;
	bool set_open;
	uint16_t set_id; /* of the open set */
	size_t set_at;	 /* offset of its header; sFlow: of the count of samples */
	uint64_t flows, packets, bytes, templates;
};

struct weir_protocol {
	int (*rows)(struct weir_encoder *e, const struct weir_block *block, uint32_t first, uint32_t rows,
		    const struct weir_column_set *present);
	void (*begin)(struct weir_encoder *e);
	void (*end)(struct weir_encoder *e);
	int (*sample)(struct weir_encoder *e, const struct weir_raw_sample *sample); /* or NULL */
};

extern const struct weir_protocol weir_protocol_fixed, weir_protocol_template, weir_protocol_sflow;

struct weir_encoder {
	struct weir_encoder_options options;
	const struct weir_protocol *protocol;
	const struct weir_fixed_format *fixed;
	struct weir_encoder_stats stats;
	struct weir_message message;
	const struct weir_encoder_output *output; /* during a call */
	int64_t now_ms;				  /* of this call */
	int64_t boot_ms;
	uint32_t sequence; /* of messages, flows or records, as the protocol has it */

	struct weir_export_template template[WEIR_TEMPLATES_MAX];
	unsigned template_next; /* the place to fill next */
	uint16_t template_id;	/* the last one given out */
	bool options_sent;
	uint32_t messages_since_refresh;
	int64_t refreshed_ms;

	uint32_t sample_sequence, counter_sequence;
	uint32_t sample_pool;
	uint8_t *data; /* options.mtu_bytes, owned */
};

/* The uptime at a moment, modulo 2^32 as it is sent. */
static inline uint32_t weir_encoder_uptime(const struct weir_encoder *e, int64_t ms)
{
	return (uint32_t)(ms - e->boot_ms);
}

/* See to it that a message is open with room for that many bytes; sends the one that is full. -EMSGSIZE: no message
 * has so much. */
int weir_message_room(struct weir_encoder *e, size_t bytes) WEIR_MUST_CHECK;
int weir_message_send(struct weir_encoder *e) WEIR_MUST_CHECK;

static inline void weir_message_flow(struct weir_message *m, uint64_t packets, uint64_t bytes)
{
	m->flows++;
	m->packets += packets;
	m->bytes += bytes;
}

/* Write one record to w by its fields. Returns how many values did not fit into theirs. */
unsigned weir_record_write(struct weir_writer *w, const struct weir_field *field, unsigned fields,
			   const struct weir_block *block, uint32_t row, int64_t boot_ms);

/* sFlow's counter samples. */
int weir_sflow_write_counters(struct weir_encoder *e, const struct weir_interface_counters *counters) WEIR_MUST_CHECK;

/* The largest number that fits into a field of that length. */
static inline uint64_t weir_field_largest(unsigned length)
{
	return length >= 8 ? UINT64_MAX : (UINT64_C(1) << (length * 8)) - 1;
}

#endif
