/* Addresses by arithmetic. IPv4 of site s: the s-th /20 of 10.0.0.0/8 (4096 sites), then of 100.64.0.0/10 and
 * 172.16.0.0/12; further sites begin again, as private address space does. IPv6 of site s: 2001:db8:s::/48, the
 * prefix for documentation (RFC 3849). */
#include "generate/network.h"

#include <stddef.h>
#include <string.h>

#include "generate/random.h"

#define COUNT_OF(list) (unsigned)(sizeof(list) / sizeof((list)[0]))

/* clang-format off */
const struct weir_role_row weir_roles[WEIR_ROLES] = {
	/*                        name           subnet first interface skew hosts   help, owner */
	[WEIR_ROLE_CLIENT]      = {"client",         0,  10,        10,   2,  1800, "workplaces", "workplace"},
	[WEIR_ROLE_PHONE]       = {"phone",          8,  10,        11,   1,   240, "telephones", "telephony"},
	[WEIR_ROLE_PRINTER]     = {"printer",        9,  10,        12,   2,    40, "printers", "facilities"},
	[WEIR_ROLE_THING]       = {"thing",          9,  60,        12,   1,   180, "cameras and sensors", "facilities"},
	[WEIR_ROLE_WEB]         = {"web",           10,  10,        20,   3,    12, "web servers for the internet", "web"},
	[WEIR_ROLE_MAIL]        = {"mail",          10,  40,        20,   2,     3, "mail servers", "messaging"},
	[WEIR_ROLE_RESOLVER]    = {"dns",           12,  53,        21,   2,     2, "approved DNS resolvers", "network"},
	[WEIR_ROLE_APPLICATION] = {"application",   11,  10,        21,   2,    30, "application servers", "platform"},
	[WEIR_ROLE_DATABASE]    = {"database",      11,  80,        21,   2,     8, "database servers", "database"},
	[WEIR_ROLE_FILES]       = {"files",         11, 120,        21,   2,     6, "file servers", "platform"},
	[WEIR_ROLE_DIRECTORY]   = {"directory",     12,  10,        21,   1,     3, "directory: LDAP and Kerberos", "identity"},
	[WEIR_ROLE_TIME]        = {"ntp",           12,  20,        21,   1,     2, "approved time servers (NTP)", "network"},
	[WEIR_ROLE_DHCP]        = {"dhcp",          12,  30,        21,   1,     2, "approved DHCP servers", "network"},
	[WEIR_ROLE_PROXY]       = {"proxy",         12,  40,        21,   2,     3, "web proxies", "security"},
	[WEIR_ROLE_BACKUP]      = {"backup",        12, 100,        21,   1,     2, "backup servers", "platform"},
	[WEIR_ROLE_PBX]         = {"pbx",           12, 110,        21,   1,     2, "telephone exchanges", "telephony"},
	[WEIR_ROLE_MONITOR]     = {"snmp-manager",  13,  10,        22,   1,     2, "monitoring: SNMP managers", "operations"},
	[WEIR_ROLE_ADMIN]       = {"admin",         13,  20,        22,   2,    12, "administrators' workplaces", "operations"},
	[WEIR_ROLE_BASTION]     = {"bastion",       13,  40,        22,   2,     4, "bastions (PAM)", "security"},
	[WEIR_ROLE_CONTROLLER]  = {"sdn-controller",13,  50,        22,   1,     2, "SDN controllers", "network"},
	[WEIR_ROLE_HYPERVISOR]  = {"hypervisor-management",13,  64,        22,   1,     8, "hypervisors' management", "platform"},
	[WEIR_ROLE_PEER]        = {"bgp-peer",      14,   4,        22,   1,     4, "routers that speak BGP", "network"},
	[WEIR_ROLE_ROUTER]      = {"router",        14,  16,        22,   1,    24, "routers and switches", "network"},
	[WEIR_ROLE_VTEP]        = {"vtep",          15,  16,        23,   1,     8, "tunnel ends (VTEPs)", "platform"},
	[WEIR_ROLE_CONTENT]     = {"content",        0,   0,         0,   4, 1U << 20, NULL, NULL},
	[WEIR_ROLE_PEOPLE]      = {"people",         0,   0,         0,   2, 1U << 22, NULL, NULL},
};
/* clang-format on */

enum { UPLINKS = 2, WAN_INTERFACE = 3 };

/* Networks of the internet, in the likeness of real ones, so that GeoIP and AS names have something to show; a site's
 * next hops are documentation addresses (RFC 5737). The weights of each kind add up to 256. */
struct as_row {
	uint32_t as;
	uint8_t content; /* share of the hosts that are visited */
	uint8_t people;	 /* share of the hosts that visit */
	uint8_t prefix4[4];
	uint8_t mask4;
	uint8_t prefix6[6];
	uint8_t mask6;
};

static const struct as_row networks[] = {
	/* AS   content people IPv4                  IPv6 */
	{15169,   40,    0, {142, 250,   0, 0}, 15, {0x2a, 0x00, 0x14, 0x50},             32},
	{13335,   36,    0, {104,  16,   0, 0}, 13, {0x26, 0x06, 0x47, 0x00},             32},
	{16509,   36,    6, { 52,  84,   0, 0}, 15, {0x26, 0x00, 0x90, 0x00},             28},
	{ 8075,   32,    4, { 20,  40,   0, 0}, 13, {0x26, 0x03, 0x10, 0x00},             24},
	{20940,   20,    0, { 23,  32,   0, 0}, 11, {0x2a, 0x02, 0x26, 0xf0},             29},
	{32934,   16,    0, {157, 240,   0, 0}, 16, {0x2a, 0x03, 0x28, 0x80},             32},
	{54113,   12,    0, {151, 101,   0, 0}, 16, {0x2a, 0x04, 0x4e, 0x42},             32},
	{  714,   10,    0, { 17, 248,   0, 0}, 16, {0x26, 0x20, 0x01, 0x49},             32},
	{ 2906,    8,    0, { 45,  57,   0, 0}, 17, {0x2a, 0x00, 0x86, 0xc0},             32},
	{24940,   12,    6, { 88, 198,   0, 0}, 16, {0x2a, 0x01, 0x04, 0xf8},             32},
	{16276,   10,    6, { 51,  68,   0, 0}, 16, {0x20, 0x01, 0x41, 0xd0},             32},
	{14061,    8,    6, {159,  65,   0, 0}, 16, {0x2a, 0x03, 0xb0, 0xc0},             32},
	{ 3320,    4,   44, { 87, 128,   0, 0}, 11, {0x20, 0x03},                         19},
	{ 3209,    2,   24, { 92, 192,   0, 0}, 11, {0x2a, 0x02, 0x80, 0x00},             22},
	{ 6805,    1,   16, { 77,   0,   0, 0}, 12, {0x2a, 0x02, 0x30, 0x00},             23},
	{ 7922,    2,   32, { 73,   0,   0, 0},  8, {0x26, 0x01},                         20},
	{  701,    1,   16, { 71, 160,   0, 0}, 11, {0x26, 0x00, 0x88, 0x00},             28},
	{ 3215,    1,   20, { 90,   0,   0, 0},  9, {0x2a, 0x01, 0xc0, 0x00},             19},
	{12322,    1,   12, { 82,  64,   0, 0}, 11, {0x2a, 0x01, 0x0e, 0x00},             26},
	{ 2856,    1,   16, { 86, 128,   0, 0}, 10, {0x2a, 0x00, 0x23, 0xc0},             27},
	{ 3269,    1,   12, { 79,   0,   0, 0}, 10, {0x2a, 0x01, 0x20, 0x00},             20},
	{ 3352,    1,   12, { 81,  32,   0, 0}, 11, {0x2a, 0x02, 0x90, 0x00},             23},
	{ 4134,    1,   24, {116,   0,   0, 0},  9, {0x24, 0x0e, 0x00, 0x00},             18},
};

static void spread(uint8_t *of, size_t weight_offset)
{
	unsigned at = 0;

	for (unsigned i = 0; i < COUNT_OF(networks); i++) {
		unsigned weight = ((const uint8_t *)&networks[i])[weight_offset];

		for (unsigned n = 0; n < weight && at < 256; n++)
			of[at++] = (uint8_t)i;
	}
	while (at < 256) /* generate_test.c holds the sums to 256 */
		of[at++] = 0;
}

void weir_network_init(struct weir_network *network)
{
	spread(network->content_of, offsetof(struct as_row, content));
	spread(network->people_of, offsetof(struct as_row, people));
}

/* The prefix's bits, and behind them the hash's. */
static void fill_host_bits(uint8_t *addr, unsigned bytes, unsigned prefix_bits, uint64_t bits)
{
	for (unsigned i = prefix_bits / 8; i < bytes; i++, bits = bits >> 8 | bits << 56) {
		unsigned keep = i == prefix_bits / 8 ? 0xff00U >> prefix_bits % 8 & 0xff : 0;

		addr[i] = (uint8_t)((addr[i] & keep) | (bits & ~keep & 0xff));
	}
}

static void internet_host(const struct weir_network *network, enum weir_role role, uint32_t rank, bool ipv6,
			  struct weir_host *host)
{
	uint64_t hash = weir_random_hash(role, rank);
	const uint8_t *of = role == WEIR_ROLE_CONTENT ? network->content_of : network->people_of;
	const struct as_row *row = &networks[of[hash & 0xff]];
	unsigned uplink = row->as % UPLINKS; /* a network is reached by one way, as with BGP */

	hash >>= 8;
	*host = (struct weir_host){.as = row->as, .interface = 1 + uplink};
	if (ipv6) {
		memcpy(host->addr.byte, row->prefix6, sizeof(row->prefix6));
		fill_host_bits(host->addr.byte, 8, row->mask6, hash);
		memcpy(&host->addr.byte[8], &(uint64_t){0}, 8);
		host->addr.byte[14] = (uint8_t)(hash >> 40);
		host->addr.byte[15] = (uint8_t)(hash >> 48 | 1);
		host->next_hop = (struct weir_addr){{0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff, [14] = (uint8_t)uplink, [15] = 1}};
		host->mask = row->mask6;
	} else {
		uint8_t v4[4];

		memcpy(v4, row->prefix4, 4);
		fill_host_bits(v4, 4, row->mask4, hash);
		v4[3] = v4[3] == 0 || v4[3] == 255 ? 77 : v4[3];
		host->addr = weir_addr_from_v4(v4);
		host->next_hop = weir_addr_from_v4((const uint8_t[]){203, 0, 113, (uint8_t)(1 + 4 * uplink)});
		host->mask = row->mask4;
	}
}

/* The first address of a site, as a number. */
uint32_t weir_network_site_v4(uint32_t site)
{
	site %= WEIR_NETWORK_SITES_V4;
	if (site < 4096)
		return 0x0a000000 + (site << 12);
	if (site < 4096 + 1024)
		return 0x64400000 + ((site - 4096) << 12);
	return 0xac100000 + ((site - 4096 - 1024) << 12);
}

static void own_host(uint32_t here, uint32_t site, const struct weir_role_row *role, uint32_t rank, bool ipv6,
		     struct weir_host *host)
{
	uint32_t octet = role->first + rank, subnet = role->subnet;

	if (octet > 254) { /* a role with more hosts than a /24 goes on in the next */
		subnet += (octet - 1) / 254;
		octet = 1 + (octet - 1) % 254;
	}
	*host = (struct weir_host){.interface = here == site ? role->interface : WAN_INTERFACE};
	if (ipv6) {
		host->addr = (struct weir_addr){{0x20, 0x01, 0x0d, 0xb8, (uint8_t)(site >> 8), (uint8_t)site,
						 [7] = (uint8_t)subnet, [15] = (uint8_t)octet}};
		host->mask = here == site ? 64 : 48;
		if (here != site)
			host->next_hop = (struct weir_addr){{0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff, [7] = 1, [15] = 1}};
	} else {
		uint32_t v4 = weir_network_site_v4(site) + (subnet << 8) + octet;

		host->addr = weir_addr_from_v4(
			(const uint8_t[]){(uint8_t)(v4 >> 24), (uint8_t)(v4 >> 16), (uint8_t)(v4 >> 8), (uint8_t)v4});
		host->mask = here == site ? 24 : 20;
		host->next_hop = weir_addr_from_v4(here == site ? (const uint8_t[4]){0} : (const uint8_t[]){192, 168, 255, 1});
	}
}

void weir_network_host(const struct weir_network *network, uint32_t here, uint32_t site, enum weir_role role,
		       uint32_t rank, bool ipv6, struct weir_host *ret_host)
{
	if (weir_role_is_internet(role))
		internet_host(network, role, rank, ipv6, ret_host);
	else
		own_host(here, site, &weir_roles[role], rank, ipv6, ret_host);
}
