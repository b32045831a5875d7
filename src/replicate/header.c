#include "replicate/header.h"

#include "base/writer.h"

#define UDP_LEN   8
#define PROTO_UDP 17
#define HOPS      64

uint64_t weir_header_sum(const uint8_t *data, size_t len)
{
	uint64_t sum = 0;
	uint64_t word;
	size_t at = 0;

	/* Eight bytes at once in the machine's own order; the sum's byte order is put right when it
	 * is folded (RFC 1071 §2 (B)). */
	for (; at + 8 <= len; at += 8) {
		memcpy(&word, data + at, 8);
		sum += (word & 0xffffffff) + (word >> 32);
	}
	if (at < len) {
		word = 0;
		memcpy(&word, data + at, len - at);
		sum += (word & 0xffffffff) + (word >> 32);
	}
	return sum;
}

/* As it stands in a header. */
static uint16_t fold(uint64_t sum)
{
	uint16_t machine;
	uint8_t bytes[2];

	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	machine = (uint16_t)~sum;
	memcpy(bytes, &machine, 2);
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* All zeros says that there is no checksum (RFC 768), so a sum that comes to it is sent as all
 * ones. */
static uint16_t fold_udp(uint64_t sum)
{
	uint16_t checksum = fold(sum);

	return checksum ? checksum : 0xffff;
}

static void write_udp(const struct weir_header_ends *ends, size_t len, uint8_t *udp)
{
	weir_put_be16(udp, ends->from_port);
	weir_put_be16(udp + 2, ends->to_port);
	weir_put_be16(udp + 4, (uint16_t)(UDP_LEN + len));
	weir_put_be16(udp + 6, 0);
}

/* The pseudo-header's part besides the addresses: length and protocol. */
static uint64_t pseudo_sum(size_t len)
{
	uint8_t part[8] = {[7] = PROTO_UDP};

	weir_put_be32(part, (uint32_t)(UDP_LEN + len));
	return weir_header_sum(part, sizeof(part));
}

/* RFC 791 §3.1, RFC 768. */
static size_t write_v4(const struct weir_header_ends *ends, size_t len, uint64_t sum, uint8_t *ip)
{
	uint8_t *udp = ip + 20;

	memset(ip, 0, 20);
	ip[0] = 0x45;
	weir_put_be16(ip + 2, (uint16_t)(WEIR_HEADER_V4 + len));
	ip[8] = HOPS;
	ip[9] = PROTO_UDP;
	memcpy(ip + 12, ends->from.byte + 12, 4);
	memcpy(ip + 16, ends->to.byte + 12, 4);
	weir_put_be16(ip + 10, fold(weir_header_sum(ip, 20)));
	write_udp(ends, len, udp);
	weir_put_be16(udp + 6,
		      fold_udp(sum + weir_header_sum(ip + 12, 8) + pseudo_sum(len) + weir_header_sum(udp, UDP_LEN)));
	return WEIR_HEADER_V4;
}

/* RFC 8200 §3, §8.1. */
static size_t write_v6(const struct weir_header_ends *ends, size_t len, uint64_t sum, uint8_t *ip)
{
	uint8_t *udp = ip + 40;

	weir_put_be32(ip, 0x60000000);
	weir_put_be16(ip + 4, (uint16_t)(UDP_LEN + len));
	ip[6] = PROTO_UDP;
	ip[7] = HOPS;
	memcpy(ip + 8, ends->from.byte, 16);
	memcpy(ip + 24, ends->to.byte, 16);
	write_udp(ends, len, udp);
	weir_put_be16(udp + 6,
		      fold_udp(sum + weir_header_sum(ip + 8, 32) + pseudo_sum(len) + weir_header_sum(udp, UDP_LEN)));
	return WEIR_HEADER_V6;
}

size_t weir_header_write(const struct weir_header_ends *ends, size_t len, uint64_t sum,
			 uint8_t ret_header[WEIR_HEADER_MAX])
{
	return weir_addr_is_v4(&ends->to) ? write_v4(ends, len, sum, ret_header)
					  : write_v6(ends, len, sum, ret_header);
}
