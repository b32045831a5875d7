/* What TCP's numbers tell of a flow: how long its handshake took on either side of the probe, which segments were sent again, and which
 * came out of order. By the rules that Wireshark's tcp.analysis has (and so both can be compared), as far as the numbers
 * alone tell it:
 *
 *   A segment whose first byte lies before the highest that was seen is, in this order,
 *     retransmitted   where the other side had acknowledged all of it already
 *     retransmitted   where two acknowledgements were repeated for just this byte, the last 20 ms ago at most
 *     out of order    where the highest byte was seen less than a handshake's time ago (3 ms where none was seen)
 *     retransmitted   else
 *   A probe of a silent connection (a byte or none right before the next one) is neither.
 *
 * A flow that began before its first packet here has no handshake; its sequence begins with what is seen first. */
#ifndef WEIR_PROBE_TCP_H
#define WEIR_PROBE_TCP_H

#include "probe/sight.h"

/* Count a TCP packet of the flow. True: the flow's end was seen, by FIN in both directions or RST. */
bool weir_tcp_count(struct weir_flow *flow, const struct weir_sight *s);

#endif
