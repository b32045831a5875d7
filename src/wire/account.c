/* Clock skew. The export time of a header less the time of receipt holds the exporter's clock error and the way here,
 * which in a network is small against what is worth telling. It is smoothed over SKEW_MESSAGES, and begins anew when
 * the clock jumps by more than SKEW_JUMP_MS, as it does when NTP comes up after a boot. */
#include "wire/account.h"

#include <stddef.h>

#include "wire/message.h"

#define SKEW_MESSAGES	16
#define SKEW_JUMP_MS	60000
#define HALF_SECOND_MS	500 /* NetFlow v9's and IPFIX's export time is cut to seconds */
#define WINDOW_MS	10000
#define MS_PER_S	1000

_Static_assert(sizeof(struct weir_decoder_stats) % sizeof(uint64_t) == 0, "counters of 64 bits only");

void weir_stats_add(struct weir_decoder_stats *sum, const struct weir_decoder_stats *more)
{
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)more;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
}

static void add_skew(struct weir_account *a, const struct weir_message *m)
{
	bool seconds = m->flow_type == WEIR_FLOW_NETFLOW9 || m->flow_type == WEIR_FLOW_IPFIX;
	int64_t skew = m->times.export_ms + (seconds ? HALF_SECOND_MS : 0) - m->datagram->received_ms;
	int64_t step = skew - a->skew_ms;

	if (!m->times.export_ms)
		return;
	if (!a->skew_known || step > SKEW_JUMP_MS || step < -SKEW_JUMP_MS)
		a->skew_ms = skew;
	else
		a->skew_ms += step / SKEW_MESSAGES;
	a->skew_known = true;
}

void weir_account_message(struct weir_account *account, const struct weir_message *m,
			  const struct weir_decoder_stats *of_message)
{
	struct weir_account *a = account;
	int64_t now = weir_datagram_clock_ms(m->datagram);

	if (!a->stats.messages) {
		a->first_ms = m->datagram->received_ms;
		a->window_ms = now;
		a->flows_per_s = -1;
	} else if (m->datagram->exporter_port != a->port) {
		a->port_changes++;
	}
	a->port = m->datagram->exporter_port;
	a->last_ms = m->datagram->received_ms;
	if (m->out->sampling_rate)
		a->sampling_rate = m->out->sampling_rate;
	add_skew(a, m);
	if (now - a->window_ms >= WINDOW_MS) {
		a->flows_per_s = (double)a->window_flows * MS_PER_S / (double)(now - a->window_ms);
		a->window_flows = 0;
		a->window_ms = now;
	}
	a->window_flows += of_message->flows;
	weir_stats_add(&a->stats, of_message);
}

void weir_account_settle(struct weir_account *account, int64_t clock_ms)
{
	struct weir_account *a = account;
	int64_t span = clock_ms - a->window_ms;

	if (a->stats.messages && span >= (a->flows_per_s < 0 ? MS_PER_S : 2 * WINDOW_MS))
		a->flows_per_s = (double)a->window_flows * MS_PER_S / (double)span;
}
