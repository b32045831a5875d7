/* sFlow version 5 (sflow.org, July 2004): flow samples in, flows out. Private to wire. */
#ifndef WEIR_WIRE_SFLOW_H
#define WEIR_WIRE_SFLOW_H

#include "wire/decoder.h"
#include "wire/exporter.h"
#include "wire/output.h"

/* Decode one datagram, whose first four bytes are known to be version 5. The sequence numbers of (agent, sub-agent)
 * are kept in exporters: weir_exporters_get(exporters, WEIR_FLOW_SFLOW5, &agent, sub_agent), where NULL is the fault
 * EXPORTERS_LIMIT, and weir_exporter_sequence(), whose result goes to out->stats->lost_messages. Faults and counter
 * samples are counted in out->stats; messages and bytes are counted by the caller. */
void weir_sflow_decode(struct weir_exporters *exporters, const struct weir_datagram *datagram,
		       struct weir_output *out);

#endif
