#include <errno.h>
#include <stdlib.h>

#include "export/message.h"

#define DEFAULT_MTU_BYTES	 1400
#define DEFAULT_REFRESH_MESSAGES 20
#define DEFAULT_REFRESH_MS	 60000
#define DAY_MS			 86400000

static const struct {
	enum weir_flow_type version;
	const struct weir_protocol *protocol;
} protocols[] = {
	{WEIR_FLOW_NETFLOW1, &weir_protocol_fixed},
	{WEIR_FLOW_NETFLOW5, &weir_protocol_fixed},
	{WEIR_FLOW_NETFLOW7, &weir_protocol_fixed},
	{WEIR_FLOW_NETFLOW9, &weir_protocol_template},
	{WEIR_FLOW_IPFIX, &weir_protocol_template},
	{WEIR_FLOW_SFLOW5, &weir_protocol_sflow},
};

static const struct weir_protocol *protocol_of(enum weir_flow_type version)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (protocols[i].version == version)
			return protocols[i].protocol;
	}
	return NULL;
}

static void fill_defaults(struct weir_encoder_options *o)
{
	static const uint8_t loopback[4] = {127, 0, 0, 1};

	if (!o->mtu_bytes)
		o->mtu_bytes = DEFAULT_MTU_BYTES;
	if (!o->template_refresh_messages)
		o->template_refresh_messages = DEFAULT_REFRESH_MESSAGES;
	if (!o->template_refresh_ms)
		o->template_refresh_ms = DEFAULT_REFRESH_MS;
	if (weir_addr_is_zero(&o->agent))
		o->agent = weir_addr_from_v4(loopback);
}

int weir_encoder_new(const struct weir_encoder_options *options, struct weir_encoder **ret_encoder)
{
	struct weir_encoder *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->options = *options;
	fill_defaults(&e->options);
	e->protocol = protocol_of(options->version);
	e->fixed = weir_fixed_format(options->version);
	e->boot_ms = options->boot_ms;
	e->template_id = 255;
	if (!e->protocol || options->interfaces > WEIR_ENCODER_INTERFACES_MAX || e->options.mtu_bytes < WEIR_ENCODER_MTU_MIN ||
	    e->options.mtu_bytes > WEIR_ENCODER_MTU_MAX) {
		free(e);
		return -EINVAL;
	}
	e->data = malloc(e->options.mtu_bytes);
	if (!e->data) {
		free(e);
		return -ENOMEM;
	}
	*ret_encoder = e;
	return 0;
}

void weir_encoder_free(struct weir_encoder *encoder)
{
	if (!encoder)
		return;
	free(encoder->data);
	free(encoder);
}

const struct weir_encoder_stats *weir_encoder_stats(const struct weir_encoder *encoder)
{
	return &encoder->stats;
}

int weir_message_room(struct weir_encoder *e, size_t bytes)
{
	struct weir_message *m = &e->message;
	int rc;

	if (m->open && weir_writer_left(&m->w) < bytes) {
		rc = weir_message_send(e);
		if (rc)
			return rc;
	}
	if (!m->open) {
		*m = (struct weir_message){.w = weir_writer(e->data, e->options.mtu_bytes), .open = true};
		e->protocol->begin(e);
	}
	return weir_writer_left(&m->w) < bytes ? -EMSGSIZE : 0;
}

int weir_message_send(struct weir_encoder *e)
{
	struct weir_message *m = &e->message;
	int rc;

	if (!m->open)
		return 0;
	m->open = false;
	if (!m->records)
		return 0;
	e->protocol->end(e);
	if (m->w.fault)
		return -EMSGSIZE;
	rc = e->output->send(e->output->ctx, e->data, weir_writer_len(&m->w));
	if (rc < 0)
		return rc;
	e->stats.messages++;
	e->stats.message_bytes += weir_writer_len(&m->w);
	e->stats.templates += m->templates;
	e->stats.flows += m->flows;
	e->stats.packets += m->packets;
	e->stats.bytes += m->bytes;
	return 0;
}

static void enter(struct weir_encoder *e, int64_t now_ms, const struct weir_encoder_output *output)
{
	e->now_ms = now_ms;
	e->output = output;
	/* Whole seconds, so that what headers with whole seconds say is exact. */
	if (!e->boot_ms)
		e->boot_ms = (now_ms - DAY_MS) / 1000 * 1000;
}

int weir_encoder_sample(struct weir_encoder *encoder, const struct weir_raw_sample *sample, int64_t now_ms,
			const struct weir_encoder_output *output)
{
	int rc;

	if (!encoder->protocol->sample || sample->header_bytes > WEIR_RAW_SAMPLE_MAX)
		return -EINVAL;
	enter(encoder, now_ms, output);
	rc = encoder->protocol->sample(encoder, sample);
	if (rc)
		encoder->message.open = false;
	return rc;
}

int weir_encoder_counters(struct weir_encoder *encoder, const struct weir_interface_counters *counters, int64_t now_ms,
			  const struct weir_encoder_output *output)
{
	int rc;

	if (!encoder->protocol->sample)
		return -EINVAL;
	enter(encoder, now_ms, output);
	rc = weir_sflow_write_counters(encoder, counters);
	if (rc)
		encoder->message.open = false;
	return rc;
}

int weir_encoder_flush(struct weir_encoder *encoder, int64_t now_ms, const struct weir_encoder_output *output)
{
	int rc;

	enter(encoder, now_ms, output);
	rc = weir_message_send(encoder);
	encoder->message.open = false;
	return rc;
}

int weir_encoder_encode(struct weir_encoder *encoder, const struct weir_block *block, uint32_t first, uint32_t rows,
			int64_t now_ms, const struct weir_encoder_output *output)
{
	uint32_t end = rows > block->rows - first ? block->rows : first + rows;
	uint32_t at = 0;
	int rc = 0;

	if (first >= block->rows)
		return 0;
	enter(encoder, now_ms, output);
	for (uint32_t i = 0; i < block->runs && at < end && !rc; i++) {
		uint32_t from = at > first ? at : first, to = at + block->run[i].rows;

		at = to;
		if (to > end)
			to = end;
		if (from < to)
			rc = encoder->protocol->rows(encoder, block, from, to - from, &block->run[i].present);
	}
	if (!rc)
		rc = weir_message_send(encoder);
	/* The message that did not go may have had templates. */
	if (rc)
		encoder->messages_since_refresh = encoder->options.template_refresh_messages;
	encoder->message.open = false;
	return rc;
}
