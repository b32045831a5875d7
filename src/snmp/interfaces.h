/* What an agent told of its interfaces, in order of their index. Bounded: an agent is no more to be trusted than any peer. Texts have
 * no control characters. Owns its memory; one thread. */
#ifndef WEIR_SNMP_INTERFACES_H
#define WEIR_SNMP_INTERFACES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "flow/addr.h"

#define WEIR_SNMP_NAME_MAX  63
#define WEIR_SNMP_ALIAS_MAX 127 /* the MIB has 64 characters at most (RFC 2863) */

struct weir_snmp_interface {
	uint32_t index;
	uint64_t speed_bps; /* 0: not known */
	uint64_t high_mbps;
	char name[WEIR_SNMP_NAME_MAX + 1];
	char alias[WEIR_SNMP_ALIAS_MAX + 1];
};

struct weir_snmp_interfaces {
	char system[WEIR_SNMP_NAME_MAX + 1]; /* sysName */
	struct weir_snmp_interface *interface; /* owned */
	uint32_t count;
	uint32_t cap;
	bool cut; /* there were more than may be */
};

void weir_snmp_interfaces_done(struct weir_snmp_interfaces *interfaces);
void weir_snmp_interfaces_reset(struct weir_snmp_interfaces *interfaces);
/* The interface, new or known; NULL: there are count_max already (cut is set), or no memory. */
struct weir_snmp_interface *weir_snmp_interfaces_get(struct weir_snmp_interfaces *interfaces, uint32_t index, uint32_t count_max);

/* Bytes of an agent as a text: control characters become blanks, blanks at the ends go, what is too long is cut. */
void weir_snmp_text(const void *bytes, size_t len, char *ret_text, size_t size);

/* bits a second, of IF-MIB's two gauges: ifSpeed has the finer steps and ends at 4294967295, ifHighSpeed counts millions (RFC 2863). */
void weir_snmp_settle_speeds(struct weir_snmp_interfaces *interfaces);

/* The file that the enrichment reads (enrich/labels.h), without its first line: a line for the exporter itself (interface 0), and one
 * an interface. */
#define WEIR_SNMP_FILE_HEAD "exporter,interface,name,description,speed_bps\n"
int weir_snmp_interfaces_write(const struct weir_snmp_interfaces *interfaces, const struct weir_addr *exporter,
			       struct weir_buffer *out) WEIR_MUST_CHECK;

#endif
