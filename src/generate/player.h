/* A player gives exporters their turns: flows from the generator, through the exporter's own encoder, to an outlet,
 * and into the tally. One thread; it owns its encoders, block and tally and borrows the outlet. */
#ifndef WEIR_GENERATE_PLAYER_H
#define WEIR_GENERATE_PLAYER_H

#include "export/encoder.h"
#include "generate/generator.h"
#include "generate/outlet.h"
#include "generate/scenario.h"
#include "generate/schedule.h"
#include "generate/tally.h"

struct weir_player;

struct weir_player_options {
	struct weir_generator_options generator;
	struct weir_outlet *outlet; /* borrowed; NULL: flows are made and counted only */
	uint32_t mtu_bytes;	    /* longest message; 0: 1400 */
	bool reliable;		    /* nothing is lost on the way: templates are told once (RFC 7011 §8) */
};

/* Rows of about one datagram of that version. */
uint32_t weir_player_datagram_rows(enum weir_flow_type version);

int weir_player_new(const struct weir_player_options *options, struct weir_player **ret_player,
		    struct weir_error *err) WEIR_MUST_CHECK;
void weir_player_free(struct weir_player *player);

struct weir_generator *weir_player_generator(const struct weir_player *player);

/* Play a turn at turn->now_ms. *ret_block has its flows until the next turn. */
int weir_player_turn(struct weir_player *player, const struct weir_turn *turn, const struct weir_block **ret_block,
		     struct weir_error *err) WEIR_MUST_CHECK;

/* Play what is due of a scenario by now_ms, a block at most. 1: *ret_block has its flows until the next turn, and there
 * may be more. 0: nothing is due. */
int weir_player_scenario(struct weir_player *player, struct weir_scenario_run *run, int64_t now_ms,
			 const struct weir_block **ret_block, struct weir_error *err) WEIR_MUST_CHECK;

const struct weir_tally *weir_player_tally(const struct weir_player *player);
/* The sums over all encoders; they equal the tally's unless a message was too small for a number, which the
 * generator sees to. */
struct weir_encoder_stats weir_player_encoded(const struct weir_player *player);

#endif
