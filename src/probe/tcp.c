/* Times are the low 32 bits of microseconds: differences of up to half an hour are right, and longer ones matter to nobody. */
#include "probe/tcp.h"

enum {
	FIN = 0x01,
	SYN = 0x02,
	RST = 0x04,
	ACK = 0x10,
	/* of struct weir_flow_half */
	SEEN_SEQUENCE = 1,
	SEEN_ACK = 2,
	REPEATED_ACKS = 2,
	FAST_US = 20000,
	DISORDER_US = 3000,
};

static inline bool before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* SYN, SYN-ACK, and the first packet that acknowledges it: the time between the first two went by on the server's side. */
static void shake_hands(struct weir_flow *f, const struct weir_sight *s)
{
	uint32_t now = (uint32_t)s->time_us;

	if ((s->tcp_flags & (SYN | ACK)) == SYN) {
		f->syn_us = now;
		f->server_rtt_us = f->client_rtt_us = 0;
		f->client = s->from;
		f->key.state = (uint16_t)((f->key.state & ~WEIR_FLOW_SYN_ACK) | WEIR_FLOW_SYN);
	} else if (s->tcp_flags & SYN && f->key.state & WEIR_FLOW_SYN && s->from != f->client) {
		f->syn_ack_us = now;
		f->server_rtt_us = now - f->syn_us;
		f->key.state |= WEIR_FLOW_SYN_ACK;
	} else if (!(s->tcp_flags & SYN) && f->key.state & WEIR_FLOW_SYN_ACK && s->from == f->client) {
		f->client_rtt_us = now - f->syn_ack_us;
		f->key.state &= (uint16_t)~(WEIR_FLOW_SYN | WEIR_FLOW_SYN_ACK);
	}
}

static void note_ack(struct weir_flow_half *h, const struct weir_sight *s, uint32_t len)
{
	if (!(s->tcp_flags & ACK))
		return;
	if (h->seen & SEEN_ACK && s->tcp_ack == h->acked) {
		if (!len && s->tcp_window == h->window && h->repeated_acks < UINT8_MAX) {
			h->repeated_acks++;
			h->acked_us = (uint32_t)s->time_us;
		}
	} else if (!(h->seen & SEEN_ACK) || before(h->acked, s->tcp_ack)) {
		h->acked = s->tcp_ack;
		h->acked_us = (uint32_t)s->time_us;
		h->repeated_acks = 0;
		h->seen |= SEEN_ACK;
	}
	h->window = s->tcp_window;
}

/* A segment from before the highest byte that was seen. */
static void note_old(const struct weir_flow *f, struct weir_flow_half *h, const struct weir_flow_half *back,
		     const struct weir_sight *s, uint32_t end)
{
	uint32_t now = (uint32_t)s->time_us, handshake_us = f->server_rtt_us + f->client_rtt_us;
	bool acked = back->seen & SEEN_ACK && !before(back->acked, end);
	bool asked_for = back->repeated_acks >= REPEATED_ACKS && back->acked == s->tcp_seq && now - back->acked_us < FAST_US;

	if (!acked && !asked_for && now - h->next_us < (handshake_us ? handshake_us : DISORDER_US) && end != h->next_seq)
		h->out_of_order++;
	else
		h->retransmitted++;
}

static void follow(struct weir_flow *f, const struct weir_sight *s)
{
	struct weir_flow_half *h = &f->half[s->from];
	uint32_t len = s->tcp_payload + !!(s->tcp_flags & SYN) + !!(s->tcp_flags & FIN), end = s->tcp_seq + len;

	note_ack(h, s, len);
	if (s->tcp_flags & RST || !len)
		return;
	if (!(h->seen & SEEN_SEQUENCE)) {
		h->seen |= SEEN_SEQUENCE;
	} else if (before(s->tcp_seq, h->next_seq)) {
		/* A probe that asks whether the other is still there. */
		if (len == 1 && s->tcp_seq == h->next_seq - 1 && !(s->tcp_flags & (SYN | FIN)))
			return;
		note_old(f, h, &f->half[!s->from], s, end);
		if (!before(h->next_seq, end))
			return;
	}
	h->next_seq = end;
	h->next_us = (uint32_t)s->time_us;
}

bool weir_tcp_count(struct weir_flow *flow, const struct weir_sight *s)
{
	flow->half[s->from].tcp_flags |= s->tcp_flags;
	if (s->tcp_flags & SYN || flow->key.state & WEIR_FLOW_SYN_ACK)
		shake_hands(flow, s);
	if (s->has_sequence)
		follow(flow, s);
	return s->tcp_flags & RST ||
	       (s->tcp_flags & FIN && flow->half[0].tcp_flags & flow->half[1].tcp_flags & FIN);
}
