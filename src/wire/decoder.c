/* The decoder: picks the protocol by the version that a message begins with, and counts. What it keeps between
 * messages is the exporters (exporter.c) with their templates (template.c) and sampling rates (sampling.c). */
#include "wire/decoder.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "wire/netflow.h"
#include "wire/connection.h"
#include "wire/sflow.h"
#include "wire/state.h"
#include "wire/value.h"

#define TEMPLATE_BYTES_DEFAULT (UINT64_C(256) << 20)

const struct weir_decoder_limits weir_decoder_limits_default = {
	.exporters_max = 65536,
	.templates_max = 1024,
	.fields_max = 1024,
	.template_bytes_max = TEMPLATE_BYTES_DEFAULT,
	.waiting_bytes_max = UINT64_C(16) << 20,
	.waiting_ms = INT64_C(30) * 60 * 1000, /* as seldom as ASA and MikroTik tell their templates by default */
};

struct weir_decoder {
	struct weir_decoder_stats stats;
	struct weir_exporters *exporters;
	struct weir_legacies legacies;
	struct weir_workspace work;
	uint64_t seed;
	uint32_t exporters_max;
	bool malformed; /* the last message */
	struct weir_account others; /* wire/account.h */
	struct weir_block **long_block; /* borrowed; may be NULL */
};

/* RFC 7011 §9.1: lengths that make no sense. A version that is no IPFIX never comes so far on a session. */
static const enum weir_fault MALFORMED[] = {WEIR_FAULT_MESSAGE_SHORT, WEIR_FAULT_SET_SHORT, WEIR_FAULT_SET_OVERRUN,
					    WEIR_FAULT_TEMPLATE_SHORT, WEIR_FAULT_RECORD_SHORT};

int weir_decoder_new(const struct weir_decoder_limits *limits, uint64_t seed, struct weir_decoder **ret_decoder)
{
	struct weir_decoder *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->seed = seed;
	d->exporters_max = limits->exporters_max;
	d->work.fields_max = limits->fields_max;
	d->work.templates_max = limits->templates_max;
	d->work.sflow_inner = limits->sflow_inner;
	d->work.template_bytes_left = limits->template_bytes_max ? limits->template_bytes_max : TEMPLATE_BYTES_DEFAULT;
	d->work.field = calloc((size_t)limits->fields_max + 1, sizeof(*d->work.field));
	d->work.value = calloc((size_t)limits->fields_max + 1, sizeof(*d->work.value));
	d->work.text = malloc(WEIR_VALUE_TEXT_MAX);
	d->work.list_text = malloc(WEIR_VALUE_TEXT_MAX);
	if (!d->work.field || !d->work.value || !d->work.text || !d->work.list_text)
		goto nomem;
	if (weir_exporters_new(limits->exporters_max, seed, &d->exporters))
		goto nomem;
	if (weir_waiting_init(&d->work.waiting, limits->waiting_bytes_max, limits->waiting_ms, seed))
		goto nomem;
	weir_connections_init(&d->work.connections, seed);
	if (weir_legacies_init(&d->legacies))
		goto nomem;
	*ret_decoder = d;
	return 0;
nomem:
	weir_decoder_free(d);
	return -ENOMEM;
}

void weir_decoder_free(struct weir_decoder *decoder)
{
	if (!decoder)
		return;
	weir_waiting_done(&decoder->work.waiting);
	weir_teller_done(&decoder->work.teller);
	weir_connections_done(&decoder->work.connections);
	weir_exporters_free(decoder->exporters);
	weir_legacies_done(&decoder->legacies);
	free(decoder->work.field);
	free(decoder->work.value);
	free(decoder->work.text);
	free(decoder->work.list_text);
	free(decoder);
}

int weir_decoder_records(struct weir_decoder *decoder, const struct weir_record_sink *sink)
{
	return weir_teller_init(&decoder->work.teller, sink, decoder->seed);
}

/* What a message claims to be: NetFlow's and IPFIX's version is the first two bytes, sFlow's the first four. */
static unsigned version_of(const uint8_t *data, size_t len)
{
	struct weir_cursor c = weir_cursor(data, len);
	unsigned version = weir_cursor_u16(&c);

	if (version == 0 && weir_cursor_u16(&c) == 5 && !c.fault)
		return WEIR_FLOW_SFLOW5;
	switch (version) {
	case WEIR_FLOW_NETFLOW1:
	case WEIR_FLOW_NETFLOW5:
	case WEIR_FLOW_NETFLOW7:
	case WEIR_FLOW_NETFLOW9:
	case WEIR_FLOW_IPFIX:
		return version;
	default:
		return WEIR_FLOW_UNKNOWN;
	}
}

void weir_decoder_divide(struct weir_decoder *decoder, struct weir_block **block)
{
	decoder->long_block = block;
}

static void drop_waiting(struct weir_decoder *decoder, int64_t before_ms)
{
	decoder->stats.fault[WEIR_FAULT_TEMPLATE_MISSING] += weir_waiting_drop(&decoder->work.waiting, before_ms);
}

static bool is_malformed(const struct weir_decoder_stats *of_message)
{
	for (size_t i = 0; i < sizeof(MALFORMED) / sizeof(MALFORMED[0]); i++) {
		if (of_message->fault[MALFORMED[i]])
			return true;
	}
	return false;
}

bool weir_decoder_malformed(const struct weir_decoder *decoder)
{
	return decoder->malformed;
}

void weir_decoder_session_end(struct weir_decoder *decoder, uint64_t session, enum weir_fault why)
{
	struct weir_decoder_stats gone = {0};
	uint32_t dropped = weir_exporters_forget(decoder->exporters, session, &decoder->work, &gone);

	weir_stats_add(&decoder->others.stats, &gone);
	gone = (struct weir_decoder_stats){0};
	if (why < WEIR_FAULTS)
		gone.fault[why]++;
	gone.fault[WEIR_FAULT_TEMPLATE_MISSING] += dropped;
	weir_stats_add(&decoder->others.stats, &gone);
	weir_stats_add(&decoder->stats, &gone);
}

void weir_decoder_finish(struct weir_decoder *decoder)
{
	drop_waiting(decoder, INT64_MAX);
}

/* What is left over was not read. */
static void close_account(struct weir_decoder *decoder, const struct weir_message *m)
{
	struct weir_decoder_stats *s = m->out->stats;
	uint64_t read = 0;

	for (unsigned i = 0; i < WEIR_BYTE_KINDS; i++)
		read += s->bytes_of[i];
	s->bytes_of[WEIR_BYTE_UNREAD] = s->bytes > read ? s->bytes - read : 0;
	weir_account_message(m->exporter ? &m->exporter->account : &decoder->others, m, s);
	weir_stats_add(&decoder->stats, s);
	decoder->malformed = is_malformed(s);
}

void weir_decoder_decode(struct weir_decoder *decoder, const struct weir_datagram *datagram, struct weir_block **block,
			 const struct weir_block_sink *sink)
{
	struct weir_decoder_stats of_message = {.messages = 1, .bytes = datagram->len};
	struct weir_output out = {
		.block = block, .long_block = decoder->long_block, .sink = sink, .stats = &of_message};
	struct weir_message m = {.datagram = datagram, .work = &decoder->work, .out = &out};

	drop_waiting(decoder, weir_datagram_clock_ms(datagram) - decoder->work.waiting.wait_ms);
	switch (version_of(datagram->data, datagram->len)) {
	case WEIR_FLOW_NETFLOW1:
		weir_legacy_decode(&decoder->legacies, WEIR_LEGACY_1, decoder->exporters, &m);
		break;
	case WEIR_FLOW_NETFLOW5:
		weir_legacy_decode(&decoder->legacies, WEIR_LEGACY_5, decoder->exporters, &m);
		break;
	case WEIR_FLOW_NETFLOW7:
		weir_legacy_decode(&decoder->legacies, WEIR_LEGACY_7, decoder->exporters, &m);
		break;
	case WEIR_FLOW_NETFLOW9:
		weir_netflow9_decode(decoder->exporters, &m);
		break;
	case WEIR_FLOW_IPFIX:
		weir_ipfix_decode(decoder->exporters, &m);
		break;
	case WEIR_FLOW_SFLOW5:
		weir_sflow_decode(decoder->exporters, &m);
		break;
	default:
		weir_output_fault(&out, WEIR_FAULT_VERSION_UNKNOWN);
		break;
	}
	close_account(decoder, &m);
}

size_t weir_decoder_message_len(const uint8_t *data, size_t len)
{
	struct weir_cursor c = weir_cursor(data, len);
	size_t length;

	switch (version_of(data, len)) {
	case WEIR_FLOW_UNKNOWN:
		return 0;
	case WEIR_FLOW_IPFIX:
		weir_cursor_skip(&c, 2);
		length = weir_cursor_u16(&c);
		/* A length that cannot be: all of it is one broken message. */
		return c.fault || length < 16 || length > len ? len : length;
	case WEIR_FLOW_NETFLOW5:
		return weir_legacy_message_len(WEIR_LEGACY_5, data, len);
	case WEIR_FLOW_NETFLOW7:
		return weir_legacy_message_len(WEIR_LEGACY_7, data, len);
	default:
		return len;
	}
}

static struct weir_exporter_report report_of(const struct weir_exporter *e, int64_t clock_ms)
{
	struct weir_exporter_report r = {
		.addr = e->addr,
		.flow_type = e->flow_type,
		.domain = e->domain,
		.session = e->session,
		.templates = e->templates.count,
		.template_changes = e->templates.changes,
		.waiting_bytes = e->waiting_bytes,
		.account = e->account,
	};

	weir_account_settle(&r.account, clock_ms);
	return r;
}

void weir_decoder_each_exporter(const struct weir_decoder *decoder, int64_t clock_ms,
				void (*each)(void *ctx, const struct weir_exporter_report *report), void *ctx)
{
	struct weir_exporter_report others = {.account = decoder->others};
	const struct weir_exporter *e;
	uint32_t at = 0;

	while ((e = weir_exporters_next(decoder->exporters, &at))) {
		struct weir_exporter_report report;

		/* Of a state, and not heard yet. */
		if (!e->account.stats.messages)
			continue;
		report = report_of(e, clock_ms);
		each(ctx, &report);
	}
	others.account.skew_known = false;
	weir_account_settle(&others.account, clock_ms);
	each(ctx, &others);
}

void weir_decoder_vocabulary(struct weir_decoder *decoder, struct weir_vocabulary *vocabulary)
{
	decoder->work.vocabulary = vocabulary;
	decoder->work.words_left = WEIR_DECODER_WORDS_MAX;
}

int weir_decoder_save(struct weir_decoder *decoder, int64_t now_ms, struct weir_buffer *out)
{
	decoder->work.changed = false;
	return weir_state_save(decoder->exporters, &decoder->work, now_ms, out);
}

bool weir_decoder_changed(const struct weir_decoder *decoder)
{
	return decoder->work.changed;
}

bool weir_decoder_has_connections(const struct weir_decoder *decoder)
{
	return decoder->work.connections.entry != NULL;
}

int weir_decoder_load(struct weir_decoder *decoder, const void *data, size_t len, int64_t now_ms,
		      bool (*mine)(void *ctx, const struct weir_addr *exporter), void *ctx)
{
	return weir_state_load(decoder->exporters, &decoder->work, data, len, now_ms, decoder->exporters_max / 2, mine, ctx);
}

uint32_t weir_decoder_exporters(const struct weir_decoder *decoder)
{
	return weir_exporters_count(decoder->exporters);
}

const struct weir_decoder_stats *weir_decoder_stats(const struct weir_decoder *decoder)
{
	return &decoder->stats;
}
