/* sFlow version 5 (sflow.org, July 2004): flow samples in, flows out. Private to wire. */
#ifndef WEIR_WIRE_SFLOW_H
#define WEIR_WIRE_SFLOW_H

#include "wire/exporter.h"
#include "wire/message.h"

/* Decode one datagram, whose first four bytes are known to be version 5. m has datagram, work and out. Datagrams lost
 * by the sequence numbers of (agent, sub-agent) go to the stats' lost_messages. */
void weir_sflow_decode(struct weir_exporters *exporters, struct weir_message *m);

#endif
