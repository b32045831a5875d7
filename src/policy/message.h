/* Messages of rules: a sentence with placeholders, as "{client} ({client_zone}) asks {server}". One table has the placeholders; it
 * feeds the check when rules are read, what is written, and the documentation. */
#ifndef WEIR_POLICY_MESSAGE_H
#define WEIR_POLICY_MESSAGE_H

#include "base/buffer.h"
#include "policy/policy.h"

struct weir_placeholder {
	const char *name;
	const char *help;
};

/* In turn; NULL behind the last. */
const struct weir_placeholder *weir_placeholder_at(unsigned index);

/* -EINVAL: a brace that is not closed, or a placeholder that is not there; ret_bad has it, cut to size. */
int weir_message_check(const char *message, char *ret_bad, size_t size) WEIR_MUST_CHECK;

/* The rule's message, or one made of the rule where it has none, of that flow. */
int weir_message_write(const struct weir_policy_rule *rule, const struct weir_policy_hit *hit, struct weir_buffer *out) WEIR_MUST_CHECK;

/* "dns", or "tcp/8443" where the service has no name. */
int weir_message_service(const struct weir_policy_hit *hit, struct weir_buffer *out) WEIR_MUST_CHECK;

#endif
