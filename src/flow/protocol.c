#include "flow/protocol.h"

#include <ctype.h>
#include <strings.h>
#include <string.h>

/* The first name of a number is the one that is shown. */
static const struct {
	uint8_t number;
	const char *name;
} PROTOCOLS[] = {
	{1, "icmp"},	 {2, "igmp"},	  {4, "ipip"},	   {6, "tcp"},	    {8, "egp"},	      {9, "igp"},
	{17, "udp"},	 {27, "rdp"},	  {33, "dccp"},	   {41, "ipv6"},    {41, "6in4"},     {46, "rsvp"},
	{47, "gre"},	 {50, "esp"},	  {51, "ah"},	   {55, "mobile"},  {58, "icmp6"},    {58, "icmpv6"},
	{58, "ipv6-icmp"}, {88, "eigrp"}, {89, "ospf"},	   {94, "ipip-old"}, {97, "etherip"}, {98, "encap"},
	{103, "pim"},	 {108, "ipcomp"}, {112, "vrrp"},   {112, "carp"},   {115, "l2tp"},    {124, "isis"},
	{132, "sctp"},	 {136, "udplite"}, {137, "mpls-in-ip"},
};

#define PROTOCOL_ROWS (sizeof(PROTOCOLS) / sizeof(PROTOCOLS[0]))

const char *weir_protocol_name(unsigned number)
{
	for (size_t i = 0; i < PROTOCOL_ROWS; i++) {
		if (PROTOCOLS[i].number == number)
			return PROTOCOLS[i].name;
	}
	return NULL;
}

int weir_protocol_find(const char *name, size_t len)
{
	for (size_t i = 0; i < PROTOCOL_ROWS; i++) {
		if (strlen(PROTOCOLS[i].name) == len && strncasecmp(PROTOCOLS[i].name, name, len) == 0)
			return PROTOCOLS[i].number;
	}
	return -1;
}

const char *weir_protocol_word(unsigned i)
{
	return i < PROTOCOL_ROWS ? PROTOCOLS[i].name : NULL;
}

/* From the highest bit down. */
static const char FLAG_LETTERS[] = "CEUAPRSF";

void weir_flags_text(unsigned flags, char *ret_text)
{
	for (unsigned i = 0; i < 8; i++)
		ret_text[i] = flags & (0x80U >> i) ? FLAG_LETTERS[i] : '.';
	ret_text[8] = '\0';
}

int weir_flags_parse(const char *letters, size_t len)
{
	int mask = 0;

	for (size_t i = 0; i < len; i++) {
		int c = toupper((unsigned char)letters[i]);
		const char *at = c ? strchr(FLAG_LETTERS, c) : NULL;

		if (at)
			mask |= 0x80 >> (at - FLAG_LETTERS);
		else if (c == 'X')
			mask |= 0x3f;
		else
			return -1;
	}
	return len ? mask : -1;
}
