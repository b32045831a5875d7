/* Which exporters may be asked over SNMP, and how: lines of the configuration (snmp.targets),
 *
 *   NETWORK,community_file=FILE                                            SNMPv2c (RFC 3416)
 *   NETWORK,user=NAME,auth=SHA-256,auth_file=FILE,priv=AES,priv_file=FILE  SNMPv3 with authentication and privacy (RFC 3414, 3826, 7860)
 *
 * FILE may be the environment's with _env in place of _file; port=N where it is not 161. Of several networks that have an exporter the
 * longest counts. Constant once made; owns its secrets. */
#ifndef WEIR_SNMP_TARGET_H
#define WEIR_SNMP_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "flow/addr.h"
#include "flow/prefix.h"
#include "snmp/secret.h"

#define WEIR_SNMP_PORT	   161
#define WEIR_SNMP_USER_MAX 32 /* RFC 3414 §5: snmpAdminString (SIZE(1..32)) */

enum weir_snmp_auth { WEIR_SNMP_SHA, WEIR_SNMP_SHA224, WEIR_SNMP_SHA256, WEIR_SNMP_SHA384, WEIR_SNMP_SHA512, WEIR_SNMP_AUTHS };
extern const char *const weir_snmp_auth_names[WEIR_SNMP_AUTHS];

struct weir_snmp_target {
	struct weir_prefix prefix;
	uint16_t port;
	bool v3;
	char user[WEIR_SNMP_USER_MAX + 1]; /* v3 */
	enum weir_snmp_auth auth;
	struct weir_secret secret; /* the community, or the password of authentication */
	struct weir_secret privacy;
};

struct weir_snmp_targets {
	struct weir_snmp_target *target; /* owned */
	unsigned count;
};

/* secrets: read them too; without, lines are only looked over. The first mistake is err, which never tells what a line holds behind
 * its network. */
int weir_snmp_targets_read(const char *const *line, unsigned lines, bool secrets, struct weir_snmp_targets *ret_targets,
			   struct weir_error *err) WEIR_MUST_CHECK;
void weir_snmp_targets_done(struct weir_snmp_targets *targets);

/* NULL: it may not be asked. */
const struct weir_snmp_target *weir_snmp_targets_find(const struct weir_snmp_targets *targets, const struct weir_addr *exporter);

#endif
