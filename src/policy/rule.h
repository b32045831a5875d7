/* A rule of a policy, as it was read: who, to whom, over what, when, how much, and what follows from it.
 *
 * Rules speak of clients and servers, not of sources and destinations: `from` is the side that opened the connection,
 * `to` the side that was asked, so that one rule judges the question and the answer. A flow of which nobody knows who
 * began it is judged by the service's port, and one without that by its source.
 *
 *   from, to   terms of a place: zone, role, network, set, country, threat list (policy/place.h)
 *   over       terms of a service: protocol, port, service, category (policy/service_term.h)
 *   when       times of the week, local time
 *   more_than  a quantity of one flow, or of all flows between two addresses within a span
 *
 * A rule file owns its rules and their texts. Nothing here is shared between threads while it is being read; afterwards it does not
 * change. */
#ifndef WEIR_POLICY_RULE_H
#define WEIR_POLICY_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "flow/prefix.h"

#define WEIR_RULE_FILE_MAX    (16U << 20) /* bytes */
#define WEIR_POLICY_RULES_MAX 4096 /* of all files together */
#define WEIR_POLICY_TERMS_MAX 256  /* of one condition */
#define WEIR_POLICY_SETS_MAX  1024
#define WEIR_POLICY_NAME_MAX  64
#define WEIR_POLICY_TEXT_MAX  512 /* of a message */

enum weir_policy_action { WEIR_POLICY_ALLOW, WEIR_POLICY_ALERT, WEIR_POLICY_DENY, WEIR_POLICY_ACTIONS };

/* The severities of RFC 5424 §6.2.1, the least first; emergencies are for the machine, not for flows. */
enum weir_policy_level {
	WEIR_POLICY_INFO,
	WEIR_POLICY_NOTICE,
	WEIR_POLICY_WARNING,
	WEIR_POLICY_ERROR,
	WEIR_POLICY_CRITICAL,
	WEIR_POLICY_LEVELS
};

/* Whom an event is about, and so which flows fold into one event. */
enum weir_policy_subject { WEIR_POLICY_CLIENT, WEIR_POLICY_SERVER, WEIR_POLICY_BOTH, WEIR_POLICY_SUBJECTS };

extern const char *const weir_policy_action_names[WEIR_POLICY_ACTIONS];
extern const char *const weir_policy_level_names[WEIR_POLICY_LEVELS];
extern const char *const weir_policy_subject_names[WEIR_POLICY_SUBJECTS];

enum weir_place_kind {
	WEIR_PLACE_ANY,
	WEIR_PLACE_INTERNAL, /* inside, by the column traffic_direction */
	WEIR_PLACE_EXTERNAL,
	WEIR_PLACE_ZONE,     /* text */
	WEIR_PLACE_ROLE,     /* text */
	WEIR_PLACE_COUNTRY,  /* text: ISO 3166 */
	WEIR_PLACE_THREAT,   /* on any threat list; with text: on that one */
	WEIR_PLACE_NETWORK,  /* prefix */
	WEIR_PLACE_SET,      /* text: a set of prefixes of the same file */
};

struct weir_place_term {
	enum weir_place_kind kind;
	char text[WEIR_POLICY_NAME_MAX];
	struct weir_prefix prefix;
	uint32_t set; /* index into the file's sets */
};

enum weir_service_kind {
	WEIR_SERVICE_ANY,
	WEIR_SERVICE_PORTS, /* proto (0: TCP, UDP, SCTP and DCCP), ports low to high */
	WEIR_SERVICE_PROTO, /* proto, whatever the port */
	WEIR_SERVICE_NAME,  /* text */
	WEIR_SERVICE_CATEGORY,
};

struct weir_service_term {
	enum weir_service_kind kind;
	uint8_t proto;
	uint16_t low;
	uint16_t high;
	char text[WEIR_POLICY_NAME_MAX];
};

/* One of the terms holds; or none of them, where the condition begins with "not". No terms: always true. */
struct weir_place_condition {
	bool negated;
	uint32_t terms;
	struct weir_place_term *term; /* owned */
};

struct weir_service_condition {
	bool negated;
	uint32_t terms;
	struct weir_service_term *term; /* owned */
};

/* Minutes of the week from Monday 00:00, local time: from < to; several may hold. */
#define WEIR_POLICY_SPANS_MAX 64

struct weir_when {
	bool negated;
	uint32_t spans;
	struct weir_week_span {
		uint16_t from;
		uint16_t to;
	} span[WEIR_POLICY_SPANS_MAX];
};

enum weir_quantity { WEIR_QUANTITY_NONE, WEIR_QUANTITY_BYTES, WEIR_QUANTITY_PACKETS, WEIR_QUANTITY_FLOWS };

struct weir_more_than {
	enum weir_quantity quantity;
	uint64_t value;	    /* scaled by sampling */
	uint32_t within_s;  /* 0: of one flow */
};

struct weir_policy_rule {
	char name[WEIR_POLICY_NAME_MAX];     /* unique; a pack's rules are "pack/name" */
	char category[WEIR_POLICY_NAME_MAX]; /* of events: "name resolution" */
	char message[WEIR_POLICY_TEXT_MAX];  /* with {placeholders}; "" is made of the rule */
	char where[128];		     /* "policy.yaml:12", for errors */
	enum weir_policy_action action;
	enum weir_policy_level level;
	enum weir_policy_subject subject;
	struct weir_place_condition from;
	struct weir_place_condition to;
	struct weir_service_condition over;
	struct weir_when when; /* no spans: always */
	struct weir_more_than more_than;
};

/* A named set of prefixes. */
struct weir_policy_set {
	char name[WEIR_POLICY_NAME_MAX];
	uint32_t prefixes;
	struct weir_prefix *prefix; /* owned */
};

/* A role that a pack cannot do without: where no network has it, the pack's rules are left out. */
#define WEIR_POLICY_NEEDS_MAX 8

struct weir_rule_file {
	char pack[WEIR_POLICY_NAME_MAX]; /* "" for a policy of the user's */
	char title[WEIR_POLICY_TEXT_MAX];
	char *explanation; /* owned; NULL: none */
	uint32_t needs;
	char need[WEIR_POLICY_NEEDS_MAX][WEIR_POLICY_NAME_MAX];
	uint32_t rules;
	struct weir_policy_rule *rule; /* owned */
	uint32_t sets;
	struct weir_policy_set *set; /* owned */
};

/* Read rules from text in YAML; name is the file's, for errors. The caller frees what was read. */
int weir_rule_file_read(const char *name, const char *text, size_t len, struct weir_rule_file **ret_file,
			struct weir_error *err) WEIR_MUST_CHECK;
void weir_rule_file_free(struct weir_rule_file *file);

/* The parts of a rule from text, as in the file; where is for errors. What an earlier call put there is kept: a list gives its
 * items one by one. "not" counts at the first. */
int weir_place_parse(const char *text, const char *where, struct weir_place_condition *condition,
		     struct weir_error *err) WEIR_MUST_CHECK;
int weir_service_parse(const char *text, const char *where, struct weir_service_condition *condition,
		       struct weir_error *err) WEIR_MUST_CHECK;
int weir_when_parse(const char *text, const char *where, struct weir_when *when, struct weir_error *err) WEIR_MUST_CHECK;
int weir_more_than_parse(const char *text, const char *where, struct weir_more_than *ret_more_than,
			 struct weir_error *err) WEIR_MUST_CHECK;
/* Does it hold at this moment (seconds since 1970), in local time? Reads TZ through localtime_r(). */
bool weir_when_holds(const struct weir_when *when, int64_t time_s);

#endif
