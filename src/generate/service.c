/* The shares follow what campus and company routers export: by flows DNS and HTTPS lead, by bytes a few backups and
 * downloads do; a third of the conversations are machines that look after one another, at every hour. */
#include "generate/service.h"

#define COUNT_OF(list) (unsigned)(sizeof(list) / sizeof((list)[0]))

enum { ICMP = 1, TCP = 6, UDP = 17, GRE = 47, ESP = 50, OSPF = 89 };

#define CLIENT	    WEIR_ROLE_CLIENT
#define PHONE	    WEIR_ROLE_PHONE
#define PRINTER	    WEIR_ROLE_PRINTER
#define THING	    WEIR_ROLE_THING
#define WEB	    WEIR_ROLE_WEB
#define MAIL	    WEIR_ROLE_MAIL
#define RESOLVER    WEIR_ROLE_RESOLVER
#define APPLICATION WEIR_ROLE_APPLICATION
#define DATABASE    WEIR_ROLE_DATABASE
#define FILES	    WEIR_ROLE_FILES
#define DIRECTORY   WEIR_ROLE_DIRECTORY
#define BACKUP	    WEIR_ROLE_BACKUP
#define PBX	    WEIR_ROLE_PBX
#define MONITOR	    WEIR_ROLE_MONITOR
#define ADMIN	    WEIR_ROLE_ADMIN
#define TIME        WEIR_ROLE_TIME
#define DHCP        WEIR_ROLE_DHCP
#define PROXY       WEIR_ROLE_PROXY
#define BASTION     WEIR_ROLE_BASTION
#define CONTROLLER  WEIR_ROLE_CONTROLLER
#define HYPERVISOR  WEIR_ROLE_HYPERVISOR
#define VTEP        WEIR_ROLE_VTEP
#define PEER	    WEIR_ROLE_PEER
#define ROUTER	    WEIR_ROLE_ROUTER
#define CONTENT	    WEIR_ROLE_CONTENT
#define PEOPLE	    WEIR_ROLE_PEOPLE

#define EPHEMERAL WEIR_PORT_EPHEMERAL
#define SAME	  WEIR_PORT_SAME
#define RTP	  WEIR_PORT_RTP

#define FLAT	WEIR_RHYTHM_FLAT
#define OFFICE	WEIR_RHYTHM_OFFICE
#define EVENING WEIR_RHYTHM_EVENING
#define NIGHT	WEIR_RHYTHM_NIGHT

#define ECHO	    (8 << 8 | 0)
#define UNREACHABLE (3 << 8)
#define EXCEEDED    (11 << 8)

#define EF   0xb8 /* expedited forwarding (RFC 3246), in the ToS byte */
#define AF31 0x68
#define CS1  0x20
#define CS6  0xc0

/* clang-format off */
const struct weir_service weir_services[] = {
	/* name        proto  port   client's   tos   client       server       weight  rhythm central answer
	 *   up          down          packets: least, median, p90, p99, most            duration: the same, ms */
	{"https",        TCP,   443, EPHEMERAL,    0, CLIENT,      CONTENT,      260, OFFICE,   0,  22,
	   {  60,  220}, { 600, 1440}, {    4,   14,    60,    600,  400000}, {  20,  1500,  65000, 240000, 1800000}},
	{"quic",         UDP,   443, EPHEMERAL,    0, CLIENT,      CONTENT,      120, OFFICE,   0,  28,
	   {  70,  280}, { 700, 1280}, {    3,   16,    90,    900,  600000}, {  20,  4000,  70000, 300000, 1800000}},
	{"http",         TCP,    80, EPHEMERAL,    0, CLIENT,      CONTENT,       24, OFFICE,   0,  20,
	   {  60,  300}, { 400, 1440}, {    4,    8,    30,    400,  200000}, {  10,   300,  10000, 120000,  900000}},
	{"dns",          UDP,    53, EPHEMERAL,    0, CLIENT,      RESOLVER,     270, OFFICE,  15,  16,
	   {  56,   90}, {  80,  420}, {    1,    1,     2,      3,       8}, {   1,     6,    400,   5000,   15000}},
	{"dns up",       UDP,    53, EPHEMERAL,    0, RESOLVER,    CONTENT,      110, OFFICE,   0,  16,
	   {  60,   96}, {  90,  700}, {    1,    1,     1,      2,       6}, {   1,    25,    200,   3000,   10000}},
	{"dns tcp",      TCP,    53, EPHEMERAL,    0, RESOLVER,    CONTENT,        3, OFFICE,   0,  16,
	   {  52,  110}, { 200, 1200}, {    4,    5,     6,      9,      40}, {   5,    40,    300,   3000,   10000}},
	{"web in",       TCP,   443, EPHEMERAL,    0, PEOPLE,      WEB,           90, EVENING,  0,  22,
	   {  60,  260}, { 400, 1440}, {    3,   12,    50,    500,  300000}, {  20,  1800,  60000, 200000, 1800000}},
	{"web in plain", TCP,    80, EPHEMERAL,    0, PEOPLE,      WEB,           18, EVENING,  0,  14,
	   {  60,  180}, { 120,  600}, {    3,    5,     8,     30,    4000}, {  10,   150,   5000,  60000,  300000}},
	{"application",  TCP,  8443, EPHEMERAL,    0, WEB,         APPLICATION,   70, EVENING,  0,  20,
	   {  90,  500}, { 200, 1200}, {    3,   10,    40,    300,   60000}, {   3,   120,  12000, 120000,  900000}},
	{"postgresql",   TCP,  5432, EPHEMERAL, AF31, APPLICATION, DATABASE,      48, OFFICE,   0,  18,
	   {  80,  400}, { 100, 1300}, {    4,   20,   400,   9000,  800000}, {   5,   900,  60000, 600000, 1800000}},
	{"mysql",        TCP,  3306, EPHEMERAL, AF31, APPLICATION, DATABASE,      22, OFFICE,   0,  18,
	   {  80,  300}, { 100, 1100}, {    4,   16,   200,   4000,  300000}, {   5,   500,  60000, 600000, 1800000}},
	{"sqlserver",    TCP,  1433, EPHEMERAL, AF31, APPLICATION, DATABASE,      10, OFFICE,  20,  18,
	   {  90,  500}, { 120, 1300}, {    4,   20,   300,   6000,  400000}, {   5,   800,  60000, 600000, 1800000}},
	{"redis",        TCP,  6379, EPHEMERAL,    0, APPLICATION, DATABASE,      26, EVENING,  0,  16,
	   {  60,  160}, {  60,  500}, {    4,   12,   200,   3000,  200000}, {   1,    80,  30000, 300000, 1800000}},
	{"smb",          TCP,   445, EPHEMERAL,    0, CLIENT,      FILES,         36, OFFICE,  10,  24,
	   { 100,  600}, { 300, 1440}, {    4,   24,   600,  12000, 1200000}, {  10,  8000, 120000, 900000, 1800000}},
	{"nfs",          TCP,  2049, EPHEMERAL,    0, APPLICATION, FILES,         14, FLAT,     0,  20,
	   { 120,  900}, { 200, 1440}, {    4,   40,  1200,  20000, 1500000}, {  10, 20000, 300000, 900000, 1800000}},
	{"ldap",         TCP,   389, EPHEMERAL,    0, CLIENT,      DIRECTORY,     18, OFFICE,  30,  16,
	   {  90,  300}, { 120,  900}, {    5,    8,    20,     80,    2000}, {   5,    60,   4000, 120000,  900000}},
	{"kerberos",     UDP,    88, EPHEMERAL,    0, CLIENT,      DIRECTORY,     16, OFFICE,  30,  16,
	   { 230,  320}, { 260, 1440}, {    1,    1,     2,      3,       4}, {   1,     4,    100,   1000,    5000}},
	{"smtp in",      TCP,    25, EPHEMERAL,    0, PEOPLE,      MAIL,          14, OFFICE,   0,  12,
	   { 100, 1200}, {  60,  110}, {    6,   20,   120,   2400,   24000}, {  60,  1800,  12000,  90000,  600000}},
	{"smtp out",     TCP,    25, EPHEMERAL,    0, MAIL,        CONTENT,       12, OFFICE,   0,  12,
	   { 100, 1200}, {  60,  110}, {    6,   20,   120,   2400,   24000}, {  60,  1800,  12000,  90000,  600000}},
	{"submission",   TCP,   587, EPHEMERAL,    0, CLIENT,      MAIL,           6, OFFICE,  40,  12,
	   { 100, 1100}, {  60,  140}, {    8,   22,   160,   3000,   24000}, {  60,   900,   8000,  60000,  600000}},
	{"imaps",        TCP,   993, EPHEMERAL,    0, CLIENT,      MAIL,          24, OFFICE,  40,  22,
	   {  60,  180}, { 200, 1300}, {    4,   12,   120,   3000,   60000}, {  20,  3000, 300000, 900000, 1800000}},
	{"sip",          UDP,  5060, SAME,      AF31, PHONE,       PBX,           14, OFFICE,  20,  16,
	   { 420,  900}, { 320,  800}, {    1,    2,     6,     14,      40}, {  20,   600,  32000, 180000,  900000}},
	{"rtp",          UDP,     0, RTP,         EF, PHONE,       PHONE,         10, OFFICE,   0,  16,
	   { 200,  214}, { 200, 214},  {   40, 4500, 18000,  60000,   90000}, { 800, 90000, 360000,1200000, 1800000}},
	{"ssh",          TCP,    22, EPHEMERAL, 0x10, ADMIN,       BASTION,        4, OFFICE,  20,  18,
	   {  70,  160}, {  90,  400}, {    8,   60,  1500,  20000,  300000}, {  80, 20000, 900000,1800000, 1800000}},
	{"ssh on",       TCP,    22, EPHEMERAL, 0x10, BASTION,     APPLICATION,    3, OFFICE,  20,  18,
	   {  70,  160}, {  90,  400}, {    8,   60,  1500,  20000,  300000}, {  80, 20000, 900000,1800000, 1800000}},
	{"ssh database", TCP,    22, EPHEMERAL, 0x10, BASTION,     DATABASE,       1, OFFICE,  20,  18,
	   {  70,  160}, {  90,  400}, {    8,   60,  1500,  20000,  300000}, {  80, 20000, 900000,1800000, 1800000}},
	{"ssh router",   TCP,    22, EPHEMERAL, 0x10, BASTION,     ROUTER,         2, OFFICE,   0,  18,
	   {  70,  160}, {  90,  400}, {    8,   60,  1500,  20000,  300000}, {  80, 20000, 900000,1800000, 1800000}},
	{"rdp",          TCP,  3389, EPHEMERAL,    0, ADMIN,       BASTION,        2, OFFICE,  20,  24,
	   {  70,  200}, { 200, 1200}, {   10,  400,  9000,  60000,  400000}, { 200, 60000,1200000,1800000, 1800000}},
	{"rdp on",       TCP,  3389, EPHEMERAL,    0, BASTION,     APPLICATION,    2, OFFICE,  20,  24,
	   {  70,  200}, { 200, 1200}, {   10,  400,  9000,  60000,  400000}, { 200, 60000,1200000,1800000, 1800000}},
	{"hypervisors",  TCP,   443, EPHEMERAL,    0, BASTION,     HYPERVISOR,     2, OFFICE,   0,  20,
	   {  80,  300}, { 200, 1300}, {    6,   40,   900,   9000,   90000}, {  50,  8000, 120000, 900000, 1800000}},
	{"proxy",        TCP,  3128, EPHEMERAL,    0, CLIENT,      PROXY,         24, OFFICE,  10,  22,
	   {  60,  240}, { 400, 1440}, {    4,   16,    60,    600,  300000}, {  20,  1500,  65000, 240000, 1800000}},
	{"proxy out",    TCP,   443, EPHEMERAL,    0, PROXY,       CONTENT,       20, OFFICE,   0,  22,
	   {  60,  240}, { 400, 1440}, {    4,   16,    60,    600,  300000}, {  20,  1500,  65000, 240000, 1800000}},
	{"vxlan",        UDP,  4789, EPHEMERAL,    0, VTEP,        VTEP,          18, FLAT,     0,  16,
	   { 110, 1400}, { 110, 1400}, {    2,   60,  2000,  60000,  900000}, { 100, 30000,  60000,  60000,   60000}},
	{"geneve",       UDP,  6081, EPHEMERAL,    0, VTEP,        VTEP,           4, FLAT,     0,  16,
	   { 110, 1400}, { 110, 1400}, {    2,   40,  1200,  30000,  400000}, { 100, 30000,  60000,  60000,   60000}},
	{"openflow",     TCP,  6653, EPHEMERAL,    0, HYPERVISOR,  CONTROLLER,     4, FLAT,     0,  16,
	   {  60,  200}, {  60,  300}, {    2,   12,    60,    600,    9000}, { 500, 50000,  60000,  60000,   60000}},
	{"printing",     TCP,  9100, EPHEMERAL,    0, CLIENT,      PRINTER,        4, OFFICE,   0,  10,
	   { 600, 1440}, {  44,   60}, {    8,   90,   900,   9000,   60000}, {  60,  3000,  30000, 120000,  600000}},
	{"mqtt",         TCP,  8883, EPHEMERAL,    0, THING,       APPLICATION,   18, FLAT,    60,  14,
	   {  70,  180}, {  60,  120}, {    2,    4,    12,     60,     600}, {  20,  4000, 120000, 600000, 1800000}},
	{"camera",       TCP,   554, EPHEMERAL,    0, THING,       FILES,          2, FLAT,     0,   8,
	   { 900, 1440}, {  44,   60}, {  400, 9000, 40000, 120000,  400000}, {4000,600000,1800000,1800000,1800000}},
	{"backup",       TCP,  9103, EPHEMERAL,  CS1, APPLICATION, BACKUP,         3, NIGHT,   50,   8,
	   { 900, 1480}, {  44,   66}, {   60, 3000, 60000, 600000, 2400000}, { 400,240000,1800000,1800000,1800000}},
	{"database dump",TCP,   873, EPHEMERAL,  CS1, DATABASE,    BACKUP,         1, NIGHT,   50,   8,
	   {1200, 1480}, {  44,   60}, {  200, 9000,200000,1200000, 2400000}, {4000,600000,1800000,1800000,1800000}},
	{"snmp",         UDP,   161, EPHEMERAL,    0, MONITOR,     ROUTER,        24, FLAT,     0,  16,
	   {  80,  140}, {  90,  900}, {    1,    4,    30,    200,    2000}, {   2,   150,   4000,  20000,   60000}},
	{"exporter",     TCP,  9100, EPHEMERAL,    0, MONITOR,     APPLICATION,   22, FLAT,     0,  36,
	   {  60,  260}, { 600, 1440}, {    5,    8,    20,     60,     300}, {  10,    70,    900,   9000,   60000}},
	{"syslog",       UDP,   514, EPHEMERAL,    0, APPLICATION, MONITOR,       26, FLAT,    30,   0,
	   { 120,  420}, {  60,  60},  {    1,    3,    20,    200,    4000}, {   1,  2000,  50000, 120000,  300000}},
	{"ntp",          UDP,   123, SAME,         0, CLIENT,      TIME,          22, FLAT,    30,  16,
	   {  76,   76}, {  76,  76},  {    1,    1,     1,      1,       4}, {   1,     3,     30,    300,    8000}},
	{"ntp up",       UDP,   123, SAME,         0, TIME,        CONTENT,        4, FLAT,     0,  16,
	   {  76,   76}, {  76,  76},  {    1,    1,     1,      1,       4}, {   1,    20,     90,    300,    8000}},
	{"dhcp",         UDP,    67, EPHEMERAL,    0, ROUTER,      DHCP,           8, OFFICE,  30,  16,
	   { 328,  360}, { 328, 380},  {    1,    1,     2,      4,       8}, {   1,    10,   1000,   8000,   30000}},
	{"ping",        ICMP,  ECHO, SAME,         0, MONITOR,     ROUTER,        26, FLAT,     0,  16,
	   {  84,   84}, {  84,  84},  {    1,    3,     5,     20,     300}, {   2,  2000,   5000,  20000,  300000}},
	{"unreachable", ICMP, UNREACHABLE, SAME,   0, PEOPLE,      RESOLVER,       6, OFFICE,   0,   0,
	   {  56,  130}, {  60,  60},  {    1,    1,     2,      4,      20}, {   1,   300,   5000,  20000,   60000}},
	{"exceeded",    ICMP, EXCEEDED, SAME,      0, CONTENT,     ADMIN,          2, OFFICE,   0,   0,
	   {  56,   96}, {  60,  60},  {    1,    1,     3,      6,      20}, {   1,   300,   5000,  20000,   60000}},
	{"bgp",          TCP,   179, EPHEMERAL,  CS6, PEER,        PEER,           2, FLAT,    50,  16,
	   {  60,  130}, {  60, 130},  {    1,    4,    12,    200,   20000}, {  20, 55000,  60000,  60000,   60000}},
	{"ospf",        OSPF,     0, SAME,       CS6, ROUTER,      ROUTER,         2, FLAT,     0,   0,
	   {  76,  120}, {  60,  60},  {    1,    6,     7,     12,      60}, {  20, 55000,  60000,  60000,   60000}},
	{"bfd",          UDP,  3784, EPHEMERAL,  CS6, ROUTER,      ROUTER,         2, FLAT,     0,  16,
	   {  52,   52}, {  52,  52},  {   20,  200,  1200,   1200,    1200}, {2000, 60000,  60000,  60000,   60000}},
	{"site vpn",     ESP,     0, SAME,         0, ROUTER,      PEOPLE,         4, OFFICE,   0,  16,
	   { 200, 1200}, { 200, 1200}, {    4,  400, 20000, 200000, 1500000}, {1000, 60000,  60000,  60000,   60000}},
	{"gre",          GRE,     0, SAME,         0, ROUTER,      ROUTER,         2, OFFICE, 100,  16,
	   { 120,  900}, { 120,  900}, {    4,  200,  9000,  90000,  600000}, {1000, 60000,  60000,  60000,   60000}},
	{"remote work",  UDP, 51820, EPHEMERAL,    0, PEOPLE,      ROUTER,         8, OFFICE,   0,  20,
	   { 120,  700}, { 200, 1300}, {    2,   60,  6000,  90000,  600000}, { 100, 60000,  60000,  60000,   60000}},
};
/* clang-format on */

const unsigned weir_services_count = COUNT_OF(weir_services);

/* Permille of the mean, hours of UTC; each row adds up to 24 000. */
static const uint16_t rhythms[WEIR_RHYTHMS][24] = {
	[FLAT] = {1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000,
		  1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000},
	[OFFICE] = {160, 130, 120, 120, 150, 320, 800, 1550, 2150, 2350, 2350, 2050,
		    1800, 2200, 2300, 2050, 1500, 800, 350, 200, 170, 140, 120, 120},
	[EVENING] = {450, 300, 220, 190, 220, 350, 600, 850, 1000, 1050, 1100, 1150,
		     1200, 1150, 1150, 1200, 1350, 1550, 1750, 1900, 1850, 1600, 1100, 720},
	[NIGHT] = {3000, 3400, 3400, 3000, 2200, 1300, 400, 200, 150, 150, 150, 150,
		   150, 150, 150, 150, 150, 150, 200, 400, 700, 1100, 1300, 1900},
};

unsigned weir_service_picks(unsigned hour, uint8_t ret_pick[WEIR_SERVICE_PICKS])
{
	uint64_t mean = 0, now = 0, passed = 0;
	unsigned at = 0;

	for (unsigned i = 0; i < weir_services_count; i++) {
		mean += weir_services[i].weight * 1000U;
		now += (uint64_t)weir_services[i].weight * rhythms[weir_services[i].rhythm][hour % 24];
	}
	for (unsigned i = 0; i < weir_services_count; i++) {
		passed += (uint64_t)weir_services[i].weight * rhythms[weir_services[i].rhythm][hour % 24];
		while (at < WEIR_SERVICE_PICKS && at * now < passed * WEIR_SERVICE_PICKS)
			ret_pick[at++] = (uint8_t)i;
	}
	return (unsigned)(now * 1000 / mean);
}
