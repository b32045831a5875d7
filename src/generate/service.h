/* The service mix as a table: who talks to whom, over what, how often, how much and how long. Private to generate. */
#ifndef WEIR_GENERATE_SERVICE_H
#define WEIR_GENERATE_SERVICE_H

#include <stdint.h>

#include "generate/network.h"
#include "generate/quantile.h"

/* How a service's share goes with the hour (UTC). */
enum weir_rhythm { WEIR_RHYTHM_FLAT, WEIR_RHYTHM_OFFICE, WEIR_RHYTHM_EVENING, WEIR_RHYTHM_NIGHT, WEIR_RHYTHMS };

enum weir_client_port { WEIR_PORT_EPHEMERAL, WEIR_PORT_SAME, WEIR_PORT_RTP };

struct weir_service {
	const char *name;
	uint8_t proto;
	uint16_t port;	       /* the server's; of ICMP the type: there and back in two bytes */
	uint8_t client_port;   /* enum weir_client_port */
	uint8_t tos;
	enum weir_role client, server;
	uint16_t weight;       /* share of the conversations at the mean hour */
	uint8_t rhythm;	       /* enum weir_rhythm */
	uint8_t central;       /* per cent of the conversations that go to the head office's servers */
	uint8_t answer;	       /* packets back for 16 there; 0: one-way */
	uint16_t up[2];	       /* bytes of a packet there, IPv4: from, to */
	uint16_t down[2];      /* and back */
	struct weir_quantiles packets;	   /* there */
	struct weir_quantiles duration_ms; /* of a flow of several packets */
};

extern const struct weir_service weir_services[];
extern const unsigned weir_services_count;

#define WEIR_SERVICE_PICKS 4096

/* A look-up of services by share for one hour. Returns the sum of the shares in permille of the mean hour's: how
 * busy the hour is. */
unsigned weir_service_picks(unsigned hour, uint8_t ret_pick[WEIR_SERVICE_PICKS]);

#endif
