/* What a new session of IPFIX must hear first: the templates, and the options that went with them, of all messages of an encoder so
 * far. Templates belong to a session (RFC 7011 §8), and messages that waited while there was none rely on those of the session
 * before. Pure; one thread at a time. */
#ifndef WEIR_EXPORT_PREAMBLE_H
#define WEIR_EXPORT_PREAMBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_PREAMBLE_MAX 65535

struct weir_preamble {
	size_t len; /* of the sets */
	uint32_t records; /* of options among them, which sequence numbers count */
	bool overflow;	  /* more templates than a message holds: those are missing */
	uint8_t data[WEIR_PREAMBLE_MAX];
};

void weir_preamble_reset(struct weir_preamble *preamble);
/* Keep what a message has of these. Messages are this program's own: what is not one is left alone. interfaces: how many records the
 * set of interfaces has. */
void weir_preamble_note(struct weir_preamble *preamble, const uint8_t *message, size_t len, unsigned interfaces);
/* The message to send before `next`, with its time and domain and the sequence number that leads to it. Returns its length; 0: there is
 * nothing to tell. Room: WEIR_PREAMBLE_MAX. */
size_t weir_preamble_write(const struct weir_preamble *preamble, const uint8_t *next, uint8_t *ret_message);

#endif
