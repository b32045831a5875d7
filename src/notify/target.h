/* Who is told of events, as a person writes it: a URL, then options, each behind a blank.
 *
 *   soc syslog+tls://siem.example.com:6514 ca=/etc/weir/siem.pem level=warning
 *   chat https://chat.example.com/hooks/4711 form=slack
 *   mail smtp://mail.example.com:587 from=weir@example.com to=soc@example.com level=critical
 *
 * The first word is the target's name. Tables in target.c have the schemes and the options; they feed this parser and the manual.
 * Secrets have files of their own, which are read here, before privileges are dropped; nothing of them is logged. Constant once
 * parsed: any thread. */
#ifndef WEIR_NOTIFY_TARGET_H
#define WEIR_NOTIFY_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "flow/record.h"
#include "notify/form.h"

#define WEIR_NOTIFY_NAME_MAX	   24 /* with its NUL; a consumer of the spool is named after it */
#define WEIR_NOTIFY_URL_MAX	   1024
#define WEIR_NOTIFY_RECIPIENTS_MAX 16
#define WEIR_NOTIFY_WORDS_MAX	   16 /* of categories, of rules */

enum weir_notify_kind {
	WEIR_NOTIFY_SYSLOG_UDP,
	WEIR_NOTIFY_SYSLOG_TCP,
	WEIR_NOTIFY_SYSLOG_TLS,
	WEIR_NOTIFY_WEBHOOK,
	WEIR_NOTIFY_MAIL,
};

struct weir_notify_words {
	char word[WEIR_NOTIFY_WORDS_MAX][64];
	unsigned count;
};

struct weir_notify_target {
	char name[WEIR_NOTIFY_NAME_MAX];
	enum weir_notify_kind kind;
	char url[WEIR_NOTIFY_URL_MAX];	  /* as curl takes it; may be a secret (url_file=): it is not for logs */
	char shown[WEIR_NOTIFY_URL_MAX]; /* scheme, host and port: for logs and status */
	char host[256];			  /* of syslog over UDP */
	char port[8];
	const struct weir_notify_form *form; /* of a webhook; its own template is in form_text */
	struct weir_buffer form_text;	     /* owned */
	struct weir_notify_form own_form;
	unsigned level; /* the least that is told: enum weir_policy_level */
	struct weir_notify_words categories; /* none: all */
	struct weir_notify_words rules;	     /* names, or "pack/" for all of a pack; none: all */
	char from[256];
	char to[WEIR_NOTIFY_RECIPIENTS_MAX][256];
	unsigned recipients;
	char user[128];
	char password[256];
	char token[512]; /* of webhooks: "Authorization: Bearer" */
	char ca[512];	 /* a file of certificates; "": the system's */
	uint64_t repeat_ms;   /* what goes on is told again after so long at the earliest */
	uint64_t per_minute;  /* more are held back, counted and told of as one */
};

/* enum weir_policy_level; that of an unknown word is the least. */
unsigned weir_notify_level(struct weir_text level);

/* The target points into itself: it is not to be moved. */
int weir_notify_target_parse(const char *text, struct weir_notify_target *ret_target, struct weir_error *err) WEIR_MUST_CHECK;
void weir_notify_target_done(struct weir_notify_target *target);

/* Whether the target wants to be told of that event: its level, category and rule. */
bool weir_notify_target_wants(const struct weir_notify_target *target, const struct weir_record *event);

/* Tables for the manual: the option's name with its argument, and a sentence. False behind the last. */
bool weir_notify_option_at(unsigned index, const char **ret_name, const char **ret_help);
bool weir_notify_scheme_at(unsigned index, const char **ret_name, const char **ret_help);

#endif
