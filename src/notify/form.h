/* How an event is written for somebody: a syslog message (RFC 5424), a mail (RFC 5322), or the body of a webhook. Whatever stands in
 * an event, which comes from the network in part, stays within its place: a value ends no JSON string, no header, no line. Pure; any thread. */
#ifndef WEIR_NOTIFY_FORM_H
#define WEIR_NOTIFY_FORM_H

#include <stdint.h>

#include "base/buffer.h"
#include "flow/record.h"

/* A webhook's body: a text in which ${name} stands for a value of the event, escaped for a JSON string. */
struct weir_notify_form {
	const char *name;
	const char *content_type;
	const char *text;
	const char *help;
	const char *markup; /* characters that begin a mention or a link there: values get a zero-width space behind each; NULL: none */
};

const struct weir_notify_form *weir_notify_form_find(const char *name);
/* In turn; NULL behind the last. */
const struct weir_notify_form *weir_notify_form_at(unsigned index);

struct weir_notify_value {
	const char *name;
	const char *help;
	int (*write)(const struct weir_record *event, const char *host, struct weir_buffer *out);
};

/* What ${name} may be, in turn; NULL behind the last. */
const struct weir_notify_value *weir_notify_value_at(unsigned index);

/* -EINVAL: a ${ that is not closed, or a name that is not there; ret_bad has it, cut to size. */
int weir_notify_form_check(const char *text, char *ret_bad, size_t size) WEIR_MUST_CHECK;

/* host is this machine's name. All append. */
int weir_notify_write_form(const struct weir_notify_form *form, const struct weir_record *event, const char *host,
			   struct weir_buffer *out) WEIR_MUST_CHECK;

#define WEIR_NOTIFY_DATAGRAM_MAX 2048 /* what a receiver of syslog over UDP should take (RFC 5426, 3.2) */

/* Cut at a character's end where it is longer than max. */
int weir_notify_write_syslog(const struct weir_record *event, const char *host, unsigned pid, size_t max,
			     struct weir_buffer *out) WEIR_MUST_CHECK;

struct weir_notify_mail {
	const char *from;
	const char *const *to;
	unsigned recipients;
	int64_t now_s; /* Unix time */
};

/* Headers and body, with lines as SMTP has them. */
int weir_notify_write_mail(const struct weir_record *event, const struct weir_notify_mail *mail, const char *host,
			   struct weir_buffer *out) WEIR_MUST_CHECK;

#endif
