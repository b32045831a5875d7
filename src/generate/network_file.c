#include "generate/network_file.h"

#include <string.h>

#include "generate/network.h"

/* A zone has the same name at every site, so that a matrix of zones stays small; the description names the site. */
static const struct subnet_row {
	uint8_t first;	/* the /24 within the site's /20, and the /64 within its /48 */
	uint8_t levels; /* 2^levels of them */
	const char *zone;
	const char *help, *owner; /* NULL: one role has all of it */
} subnets[] = {
	{ 0, 3, "clients",    NULL,                              NULL},
	{ 8, 0, "voice",      NULL,                              NULL},
	{ 9, 0, "things",     "printers, cameras and sensors",   "facilities"},
	{10, 0, "dmz",        "servers that the internet sees",  "security"},
	{11, 0, "servers",    "applications and their data",     "platform"},
	{12, 0, "services",   "names, time, directory, backup",  "platform"},
	{13, 0, "management", "who looks after the rest",        "operations"},
	{14, 0, "network",    "what joins the networks",         "network"},
	{15, 0, "overlay",    NULL,                              NULL},
};

struct place {
	uint32_t site;
	const struct subnet_row *subnet;
	struct weir_buffer *out;
};

int weir_network_file_header(struct weir_buffer *out)
{
	return weir_buffer_text(out, "prefix,zone,role,description,owner\n");
}

/* 2^levels addresses from `octet` on of the subnet; levels 8: all of it, and more of them where it has more. */
static int put_prefix(const struct place *p, bool ipv6, uint32_t octet, unsigned levels)
{
	unsigned mask = levels < 8 ? 32 - levels : 24U - p->subnet->levels;
	unsigned mask6 = levels < 8 ? 128 - levels : 64U - p->subnet->levels;
	uint32_t v4 = weir_network_site_v4(p->site) + ((uint32_t)p->subnet->first << 8) + octet;
	struct weir_addr addr = weir_addr_from_v4(
		(const uint8_t[]){(uint8_t)(v4 >> 24), (uint8_t)(v4 >> 16), (uint8_t)(v4 >> 8), (uint8_t)v4});
	char text[WEIR_ADDR_TEXT_MAX];

	if (ipv6)
		addr = (struct weir_addr){{0x20, 0x01, 0x0d, 0xb8, (uint8_t)(p->site >> 8), (uint8_t)p->site,
					   [7] = p->subnet->first, [15] = (uint8_t)octet}};
	(void)weir_addr_text(&addr, text);
	return weir_buffer_printf(p->out, "%s/%u", text, ipv6 ? mask6 : mask);
}

static int put_row(const struct place *p, bool ipv6, uint32_t octet, unsigned levels, const struct weir_role_row *role)
{
	const char *help = role ? role->help : p->subnet->help;
	int rc = put_prefix(p, ipv6, octet, levels);

	if (!rc)
		rc = weir_buffer_printf(p->out, ",%s,%s,", p->subnet->zone, role ? role->name : "");
	if (!rc && p->site)
		rc = weir_buffer_printf(p->out, "\"site %u: %s\"", p->site, help);
	else if (!rc)
		rc = weir_buffer_printf(p->out, "\"head office: %s\"", help);
	return rc ? rc : weir_buffer_printf(p->out, ",%s\n", role ? role->owner : p->subnet->owner);
}

/* The fewest prefixes that cover the role's hosts and nobody else. */
static int put_hosts(const struct place *p, bool ipv6, const struct weir_role_row *role)
{
	uint32_t at = role->first, end = role->first + role->hosts;
	int rc = 0;

	while (!rc && at < end) {
		unsigned levels = at ? (unsigned)__builtin_ctz(at) : 7;

		while (at + (1U << levels) > end)
			levels--;
		rc = put_row(p, ipv6, at, levels, role);
		at += 1U << levels;
	}
	return rc;
}

static int put_subnet(const struct place *p, bool ipv6)
{
	bool alone = !p->subnet->help;
	int rc = alone ? 0 : put_row(p, ipv6, 0, 8, NULL);

	for (unsigned i = 0; i < WEIR_ROLES && !rc; i++) {
		const struct weir_role_row *role = &weir_roles[i];

		if (weir_role_is_internet((enum weir_role)i) || role->subnet != p->subnet->first)
			continue;
		rc = alone ? put_row(p, ipv6, 0, 8, role) : put_hosts(p, ipv6, role);
	}
	return rc;
}

int weir_network_file_site(uint32_t site, bool ipv4, struct weir_buffer *out)
{
	int rc = 0;

	for (unsigned i = 0; i < sizeof(subnets) / sizeof(subnets[0]) && !rc; i++) {
		const struct place p = {.site = site, .subnet = &subnets[i], .out = out};

		if (ipv4)
			rc = put_subnet(&p, false);
		if (!rc)
			rc = put_subnet(&p, true);
	}
	return rc;
}
