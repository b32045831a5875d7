/* Asks agents for their names and interfaces, several at once, without waiting for one: sysName, then the columns of IF-MIB (ifName,
 * ifAlias, ifSpeed, ifHighSpeed, and ifDescr where there is no ifName; RFC 2863) with GetBulk, over net-snmp's single sessions.
 *
 * One thread, and one poller in a process, for net-snmp keeps the users of SNMPv3 in globals. No file of net-snmp's is read or
 * written, and no MIB. */
#ifndef WEIR_SNMP_POLLER_H
#define WEIR_SNMP_POLLER_H

#include "base/error.h"
#include "flow/addr.h"
#include "snmp/interfaces.h"
#include "snmp/outcome.h"
#include "snmp/target.h"

#define WEIR_SNMP_SESSIONS_MAX 32

struct weir_snmp_poller_options {
	unsigned timeout_ms; /* of one question */
	unsigned retries;    /* of one question */
	uint32_t interfaces_max;
	/* It is done with an agent. interfaces: what it told, all of it where the outcome is OK; for the call. */
	void (*done)(void *ctx, const struct weir_addr *exporter, enum weir_snmp_outcome outcome, const struct weir_snmp_interfaces *interfaces);
	void *ctx;
};

struct weir_snmp_poller;

int weir_snmp_poller_new(const struct weir_snmp_poller_options *options, struct weir_snmp_poller **ret_poller) WEIR_MUST_CHECK;
/* done is not called for those that are being asked. */
void weir_snmp_poller_free(struct weir_snmp_poller *poller);

/* Begin to ask one. False: WEIR_SNMP_SESSIONS_MAX are being asked. What goes wrong at once is told by done, within the call. The target
 * is read now only. */
bool weir_snmp_poller_start(struct weir_snmp_poller *poller, const struct weir_addr *exporter, const struct weir_snmp_target *target);

/* Take in answers for at most so long, or until fd (-1: none) can be read. */
void weir_snmp_poller_wait(struct weir_snmp_poller *poller, int fd, unsigned ms);

unsigned weir_snmp_poller_busy(const struct weir_snmp_poller *poller);
uint64_t weir_snmp_poller_requests(const struct weir_snmp_poller *poller);

#endif
