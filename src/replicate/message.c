#include "replicate/message.h"

#include "base/cursor.h"

#define NETFLOW9_HEADER 20 /* RFC 3954 §5.1 */
#define IPFIX_HEADER    16 /* RFC 7011 §3.1 */
#define SFLOW_MIN       28 /* version, agent's address (IPv4), sub-agent, sequence, uptime, samples */

const char *const weir_replicate_protocols[WEIR_REPLICATE_PROTOCOLS] = {
	[WEIR_REPLICATE_OTHER] = "other",       [WEIR_REPLICATE_NETFLOW1] = "netflow1",
	[WEIR_REPLICATE_NETFLOW5] = "netflow5", [WEIR_REPLICATE_NETFLOW7] = "netflow7",
	[WEIR_REPLICATE_NETFLOW9] = "netflow9", [WEIR_REPLICATE_IPFIX] = "ipfix",
	[WEIR_REPLICATE_SFLOW] = "sflow",
};

/* By the version in the first two bytes; sFlow's takes four. */
static const struct {
	uint8_t protocol;
	uint8_t len_min;
	uint8_t sequence_at; /* of NetFlow v9 and IPFIX, the domain's number behind it */
} VERSIONS[] = {
	[0] = {WEIR_REPLICATE_SFLOW,    SFLOW_MIN,       0 },
	[1] = {WEIR_REPLICATE_NETFLOW1, 16,              0 },
	[5] = {WEIR_REPLICATE_NETFLOW5, 24,              0 },
	[7] = {WEIR_REPLICATE_NETFLOW7, 24,              0 },
	[9] = {WEIR_REPLICATE_NETFLOW9, NETFLOW9_HEADER, 12},
	[10] = {WEIR_REPLICATE_IPFIX,    IPFIX_HEADER,    8 },
};

size_t weir_replicate_header_len(enum weir_replicate_protocol protocol)
{
	if (protocol == WEIR_REPLICATE_NETFLOW9)
		return NETFLOW9_HEADER;
	return protocol == WEIR_REPLICATE_IPFIX ? IPFIX_HEADER : 0;
}

struct weir_replicate_message weir_replicate_peek(const uint8_t *data, size_t len)
{
	struct weir_replicate_message m = {.data = data, .len = len, .protocol = WEIR_REPLICATE_OTHER};
	struct weir_cursor c = weir_cursor(data, len);
	uint16_t version = weir_cursor_u16(&c);

	if (c.fault || version >= sizeof(VERSIONS) / sizeof(*VERSIONS) || !VERSIONS[version].len_min ||
	    len < VERSIONS[version].len_min)
		return m;
	if (version == 0 && weir_cursor_u16(&c) != 5)
		return m;
	m.protocol = VERSIONS[version].protocol;
	if (VERSIONS[version].sequence_at) {
		m.sequence = weir_be32(data + VERSIONS[version].sequence_at);
		m.domain = weir_be32(data + VERSIONS[version].sequence_at + 4);
	}
	return m;
}
