/* Packets in records: IPFIX that carries the beginning of each sampled frame or packet in place of fields (RFC 5477
 * §8.5; Cisco's "IPFIX 315"). They are read as sFlow's sampled headers are. Private to wire; one thread. */
#ifndef WEIR_WIRE_SECTION_H
#define WEIR_WIRE_SECTION_H

#include "packet/packet.h"
#include "wire/message.h"

/* Write what the packet of `data` says to the row behind the block's last, and add its columns to *present. length: what
 * the packet had on the wire, or 0 where the record does not say. */
void weir_section_put(const struct weir_message *m, enum weir_link link, struct weir_cursor data, uint64_t length,
		      struct weir_column_set *present);

#endif
