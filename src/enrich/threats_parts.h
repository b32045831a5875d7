/* Inner header of src/enrich: how the lists of threats.h are read. */
#ifndef WEIR_ENRICH_THREATS_PARTS_H
#define WEIR_ENRICH_THREATS_PARTS_H

#include "enrich/threats.h"

/* A list on its way in. */
struct weir_threat_reader {
	struct weir_threats *threats;
	struct weir_vocabulary *vocabulary;
	char name[64]; /* of the list */
	const char *file;
	unsigned confidence; /* of entries that name none */
	unsigned confidence_min;
	int64_t expires_s; /* likewise; 0: never */
	uint64_t read, unread;
	struct weir_error *err;
};

/* What a list says of an entry besides the address; zeros where it says nothing. */
struct weir_threat_note {
	const char *name; /* NULL: none */
	size_t name_len;
	uint16_t port;
	int confidence; /* -1: none */
	int64_t expires_s;
};

#define WEIR_THREAT_NOTE_NONE ((struct weir_threat_note){.confidence = -1})

/* An address, a prefix, a range "a-b", "address:port", "[v6]:port", "address|port", "tcp/4444"; what is none of these is counted. -ENOMEM, -ENOSPC
 * or -E2BIG with err filled. */
int weir_threat_add(struct weir_threat_reader *r, const char *text, size_t len, const struct weir_threat_note *note) WEIR_MUST_CHECK;

/* "2026-01-31T12:00:00Z", "2026-01-31 12:00:00", "2026-01-31", or seconds since 1970; 0: it is none. */
int64_t weir_threat_time(const char *text);

int weir_threat_read_text(struct weir_threat_reader *r, FILE *file) WEIR_MUST_CHECK;
int weir_threat_read_json(struct weir_threat_reader *r, FILE *file) WEIR_MUST_CHECK;
/* Either, by what the file begins with. */
int weir_threat_read(struct weir_threat_reader *r, FILE *file) WEIR_MUST_CHECK;

int weir_threats_new(struct weir_threats **ret_threats) WEIR_MUST_CHECK;
/* When all lists are read. */
int weir_threats_finish(struct weir_threats *threats) WEIR_MUST_CHECK;

#endif
