/* The scenarios. What makes each of them stand out is in the numbers: a scan is many targets and bare SYNs, a flood
 * a short interval, amplification large answers from a service's port, a beacon an even interval, exfiltration bytes
 * that go the wrong way. */
#include "generate/scenario.h"

enum { ICMP = 1, TCP = 6, UDP = 17 };

/* TCP flags or-ed together. */
enum { SYN = 0x02, RESET = 0x14, OPENED = 0x12, WHOLE = 0x1b, RUNNING = 0x18, ABORTED = 0x1e };
enum { ECHO = 8, ECHO_REPLY = 0 };

#define SECOND	1000000U
#define MINUTE	(60 * SECOND)
#define ONE	WEIR_HOSTS_ONE
#define MANY	WEIR_HOSTS_MANY
#define EACH	WEIR_HOSTS_EACH
#define ROLE(r) WEIR_ROLE_##r

/* clang-format off */
const struct weir_scenario weir_scenarios[] = {
	/* name, kind, help
	 *   source: role, hosts, count, port, ports      target: the same
	 *   proto  flags           answered  interval     jitter  times  packets     answer bytes        duration */

	/* Reconnaissance. */
	{"scan-horizontal", "scan", "a host of the internet asks every host of ours for one port",
	   {ROLE(PEOPLE), ONE, 0, 0, 0},                  {ROLE(CLIENT), EACH, 1800, 22, 0},
	   TCP,  {SYN, RESET},          20,      20000,    30,  1800, {    1,     2},  16, {  44,   40},       5},
	{"scan-vertical", "scan", "a host of the internet asks one server for every port up to 2048",
	   {ROLE(PEOPLE), ONE, 0, 0, 0},                  {ROLE(WEB), ONE, 0, 1, 2048},
	   TCP,  {SYN, RESET},          97,      10000,    30,  2048, {    1,     1},  16, {  44,   40},       5},
	{"scan-slow", "scan", "a host of the internet asks for one port in half a minute, for hours",
	   {ROLE(PEOPLE), ONE, 0, 0, 0},                  {ROLE(APPLICATION), EACH, 30, 3389, 0},
	   TCP,  {SYN, RESET},          10,  30 * SECOND,  40,   720, {    1,     1},  16, {  44,   40},       5},
	{"scan-udp", "scan", "a client of ours asks the servers for SNMP, one after another",
	   {ROLE(CLIENT), ONE, 0, 0, 0},                  {ROLE(APPLICATION), EACH, 30, 161, 0},
	   UDP,  {0, 0},                 5,     100000,    30,   600, {    1,     1},  16, {  72,   90},       5},

	/* Floods. */
	{"flood-syn", "ddos", "thousands of hosts open connections to a web server and say no more",
	   {ROLE(PEOPLE), MANY, 20000, 0, 0},             {ROLE(WEB), ONE, 0, 443, 0},
	   TCP,  {SYN, OPENED},         30,       1000,    50, 60000, {    1,     3},  16, {  40,   44},     900},
	{"flood-udp", "ddos", "many hosts send large datagrams to one server's ports",
	   {ROLE(PEOPLE), MANY, 3000, 0, 0},              {ROLE(WEB), ONE, 0, 1024, 60000},
	   UDP,  {0, 0},                 0,       2000,    50, 30000, {   20,   400},  16, {1400,    0},     900},
	{"flood-icmp", "ddos", "many hosts ping one server",
	   {ROLE(PEOPLE), MANY, 3000, 0, 0},              {ROLE(WEB), ONE, 0, 0, 0},
	   ICMP, {ECHO, ECHO_REPLY},    10,       4000,    50, 15000, {   50,   900},  16, {1028, 1028},     900},

	/* Amplification: answers to questions that somebody asked in the victim's name. */
	{"amplification-dns", "amplification", "open resolvers answer a web server that did not ask",
	   {ROLE(CONTENT), MANY, 4000, 53, 0},            {ROLE(WEB), ONE, 0, 1024, 60000},
	   UDP,  {0, 0},                 0,       2500,    50, 24000, {    4,    60},  16, {1420,    0},     900},
	{"amplification-ntp", "amplification", "time servers send their lists (monlist) to a web server",
	   {ROLE(CONTENT), MANY, 1500, 123, 0},           {ROLE(WEB), ONE, 0, 80, 0},
	   UDP,  {0, 0},                 0,       2500,    50, 24000, {   10,   100},  16, { 468,    0},     900},
	{"amplification-ssdp", "amplification", "home routers describe themselves to a web server",
	   {ROLE(PEOPLE), MANY, 6000, 1900, 0},           {ROLE(WEB), ONE, 0, 1024, 60000},
	   UDP,  {0, 0},                 0,       2500,    50, 24000, {    8,    40},  16, { 330,    0},     900},
	{"amplification-memcached", "amplification", "caches send a web server what they keep",
	   {ROLE(CONTENT), MANY, 300, 11211, 0},          {ROLE(WEB), ONE, 0, 443, 0},
	   UDP,  {0, 0},                 0,       5000,    50, 12000, {  400,  4000},  16, {1428,    0},     900},

	/* Tunnels and data that leaves. */
	{"tunnel-dns", "tunnel", "a client talks through names, straight to a server outside",
	   {ROLE(CLIENT), ONE, 0, 0, 0},                  {ROLE(CONTENT), ONE, 0, 53, 0},
	   UDP,  {0, 0},                99,     200000,    30,  9000, {    1,     6},  16, { 246,  480},     400},
	{"exfiltration-dns", "exfiltration", "a client sends data away in the names it asks our resolver for",
	   {ROLE(CLIENT), ONE, 0, 0, 0},                  {ROLE(RESOLVER), ONE, 0, 53, 0},
	   UDP,  {0, 0},                99,     100000,    30, 18000, {    1,     2},  16, { 274,  120},      60},
	{"tunnel-icmp", "tunnel", "pings with something in them, for half an hour",
	   {ROLE(CLIENT), ONE, 0, 0, 0},                  {ROLE(PEOPLE), ONE, 0, 0, 0},
	   ICMP, {ECHO, ECHO_REPLY},   100,  10 * SECOND,  10,   180, {   80,   400},  16, {1052,  980},    9800},
	{"exfiltration", "exfiltration", "a file server sends gigabytes to a host it never met",
	   {ROLE(FILES), ONE, 0, 0, 0},                   {ROLE(CONTENT), ONE, 0, 443, 0},
	   TCP,  {RUNNING, RUNNING},   100,  30 * SECOND,  10,    40, {90000,200000},   8, {1440,   52},   29000},

	/* Infected hosts. */
	{"beacon", "beacon", "a client calls the same host every minute, give or take a tenth",
	   {ROLE(CLIENT), ONE, 0, 0, 0},                  {ROLE(CONTENT), ONE, 0, 443, 0},
	   TCP,  {WHOLE, WHOLE},       100,      MINUTE,   10,   240, {    6,     8},  14, { 120,  180},     700},
	{"beacon-slow", "beacon", "a client calls the same host every ten minutes, give or take a third",
	   {ROLE(CLIENT), ONE, 0, 0, 0},                  {ROLE(CONTENT), ONE, 0, 8080, 0},
	   TCP,  {WHOLE, WHOLE},       100, 10 * MINUTE,   33,   144, {    6,     8},  14, { 120,  180},     700},
	{"mining", "mining", "a server holds a connection to a mining pool (stratum)",
	   {ROLE(APPLICATION), ONE, 0, 0, 0},             {ROLE(CONTENT), ONE, 0, 3333, 0},
	   TCP,  {RUNNING, RUNNING},   100,      MINUTE,    2,   240, {   12,    30},  20, { 130,  210},   59000},
	{"lateral-smb", "lateral movement", "a client tries the file shares of the other clients",
	   {ROLE(CLIENT), ONE, 0, 0, 0},                  {ROLE(CLIENT), EACH, 400, 445, 0},
	   TCP,  {WHOLE, WHOLE},        40,     300000,    40,   400, {    9,    40},  16, { 160,  190},    1500},
	{"spam", "spam", "a client delivers mail to the world by itself",
	   {ROLE(CLIENT), ONE, 0, 0, 0},                  {ROLE(CONTENT), MANY, 900, 25, 0},
	   TCP,  {WHOLE, WHOLE},        70,     250000,    40,  3600, {   12,    40},  14, { 300,   80},    3000},

	/* Passwords tried. */
	{"brute-ssh", "brute force", "a host of the internet tries passwords at an SSH server",
	   {ROLE(PEOPLE), ONE, 0, 0, 0},                  {ROLE(APPLICATION), ONE, 0, 22, 0},
	   TCP,  {WHOLE, WHOLE},       100,     800000,    40,  1500, {   13,    17},  16, { 130,  160},    2400},
	{"brute-rdp", "brute force", "hosts of the internet try passwords at a remote desktop",
	   {ROLE(PEOPLE), MANY, 12, 0, 0},                {ROLE(APPLICATION), ONE, 0, 3389, 0},
	   TCP,  {ABORTED, WHOLE},     100,     500000,    40,  2400, {    9,    14},  16, { 190,  220},    1600},

	/* Servers that should not be. */
	{"rogue-dns", "rogue server", "clients ask a client for names",
	   {ROLE(CLIENT), MANY, 300, 0, 0},               {ROLE(CLIENT), ONE, 0, 53, 0},
	   UDP,  {0, 0},                99,      50000,    60, 12000, {    1,     2},  16, {  70,  180},      20},
	{"rogue-ntp", "rogue server", "clients ask a camera for the time",
	   {ROLE(CLIENT), MANY, 200, 123, 0},             {ROLE(THING), ONE, 0, 123, 0},
	   UDP,  {0, 0},                99,     500000,    60,  1200, {    1,     1},  16, {  76,   76},      20},
	{"rogue-dhcp", "rogue server", "a client gives addresses to other clients",
	   {ROLE(CLIENT), ONE, 0, 67, 0},                 {ROLE(CLIENT), MANY, 150, 68, 0},
	   UDP,  {0, 0},                 0,  2 * SECOND,   60,   300, {    1,     2},  16, { 328,    0},      20},
	{"rogue-vtep", "rogue tunnel end", "a client speaks VXLAN to the tunnel ends",
	   {ROLE(CLIENT), ONE, 0, 0, 0},                  {ROLE(VTEP), EACH, 8, 4789, 0},
	   UDP,  {0, 0},                60,     400000,    40,  1800, {    4,   300},  16, { 450,  450},    3000},

	/* Against the rules of the house. */
	{"bittorrent", "file sharing", "a client shares files with hundreds of hosts",
	   {ROLE(CLIENT), ONE, 0, 6881, 0},               {ROLE(PEOPLE), MANY, 800, 6881, 9},
	   UDP,  {0, 0},                70,      60000,    60, 20000, {    2,   600},  20, { 380, 1100},    9000},
	{"tor", "anonymizer", "a client keeps circuits to a few relays",
	   {ROLE(CLIENT), ONE, 0, 0, 0},                  {ROLE(CONTENT), MANY, 3, 9001, 0},
	   TCP,  {RUNNING, RUNNING},   100,  20 * SECOND,  20,   300, {   40,   900},  22, { 560,  586},   19000},
	{"sdn-controller", "management access", "a client opens OpenFlow connections to the controllers",
	   {ROLE(CLIENT), ONE, 0, 0, 0},                  {ROLE(CONTROLLER), EACH, 2, 6653, 0},
	   TCP,  {WHOLE, WHOLE},        90,  5 * SECOND,   30,   120, {    6,    40},  16, {  90,  140},    2000},
	{"bgp-stranger", "management access", "a host of the internet wants to be a BGP neighbour",
	   {ROLE(PEOPLE), ONE, 0, 0, 0},                  {ROLE(PEER), ONE, 0, 179, 0},
	   TCP,  {SYN, RESET},          90,  30 * SECOND,  10,   120, {    1,     3},  16, {  60,   40},     100},
	{"snmp-stranger", "management access", "a client reads the routers by SNMP",
	   {ROLE(CLIENT), ONE, 0, 0, 0},                  {ROLE(ROUTER), EACH, 24, 161, 0},
	   UDP,  {0, 0},                90,  2 * SECOND,   30,   480, {    2,    60},  16, {  86,  300},    1500},
	{"bastion-bypass", "management access", "a client logs in to databases past the bastion",
	   {ROLE(CLIENT), ONE, 0, 0, 0},                  {ROLE(DATABASE), EACH, 8, 22, 0},
	   TCP,  {WHOLE, WHOLE},       100,  60 * SECOND,  50,    60, {   40,   900},  18, { 110,  220},   40000},
};
/* clang-format on */

const unsigned weir_scenarios_count = sizeof(weir_scenarios) / sizeof(weir_scenarios[0]);
