#include "generate/player.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct weir_player {
	struct weir_player_options options;
	struct weir_generator *generator;
	struct weir_encoder **encoder; /* an exporter each, made at its first turn */
	struct weir_block *block;
	struct weir_tally tally;
};

struct delivery {
	const struct weir_player *player;
	const struct weir_turn *turn;
	struct weir_addr source;
	struct weir_error *err;
};

static const struct {
	enum weir_flow_type version;
	uint32_t rows;
} datagram_rows[] = {
	{WEIR_FLOW_NETFLOW1, 24}, {WEIR_FLOW_NETFLOW5, 28}, {WEIR_FLOW_NETFLOW7, 26},
	{WEIR_FLOW_NETFLOW9, 16}, {WEIR_FLOW_IPFIX, 14},    {WEIR_FLOW_SFLOW5, 7},
};

uint32_t weir_player_datagram_rows(enum weir_flow_type version)
{
	for (size_t i = 0; i < sizeof(datagram_rows) / sizeof(datagram_rows[0]); i++) {
		if (datagram_rows[i].version == version)
			return datagram_rows[i].rows;
	}
	return 16;
}

int weir_player_new(const struct weir_player_options *options, struct weir_player **ret_player, struct weir_error *err)
{
	const struct weir_block_limits limits = {.rows_max = WEIR_TURN_ROWS_MAX, .heap_max = 1, .extras_max = 1};
	struct weir_player *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return weir_error_set(err, -ENOMEM, NULL, NULL, "no memory");
	p->options = *options;
	rc = weir_generator_new(&options->generator, &p->generator);
	if (rc == -EINVAL) {
		weir_player_free(p);
		return weir_error_set(err, rc, NULL, "give a --source with more addresses behind it, or fewer exporters",
				      "%u exporters do not fit behind the source address", options->generator.exporters);
	}
	p->encoder = calloc(options->generator.exporters, sizeof(*p->encoder));
	if (!rc && (!p->encoder || weir_block_new(&limits, &p->block) ||
		    weir_tally_init(&p->tally, options->generator.exporters)))
		rc = -ENOMEM;
	if (rc) {
		weir_player_free(p);
		return weir_error_set(err, rc, NULL, NULL, "no memory");
	}
	*ret_player = p;
	return 0;
}

void weir_player_free(struct weir_player *player)
{
	if (!player)
		return;
	for (uint32_t i = 0; player->encoder && i < player->options.generator.exporters; i++)
		weir_encoder_free(player->encoder[i]);
	free(player->encoder);
	weir_generator_free(player->generator);
	weir_block_free(player->block);
	weir_tally_done(&player->tally);
	free(player);
}

struct weir_generator *weir_player_generator(const struct weir_player *player)
{
	return player->generator;
}

static int deliver(void *ctx, const uint8_t *data, size_t len)
{
	struct delivery *d = ctx;

	return weir_outlet_send(d->player->options.outlet, &d->source, d->turn->now_ms, data, len, d->err);
}

static int encode(struct weir_player *p, const struct weir_turn *turn, struct weir_error *err)
{
	struct weir_encoder **encoder = &p->encoder[turn->exporter];
	struct delivery delivery = {.player = p, .turn = turn, .err = err,
				    .source = weir_generator_source(p->generator, turn->exporter)};
	const struct weir_encoder_output output = {.send = deliver, .ctx = &delivery};
	const struct weir_encoder_options options = {
		.version = p->options.generator.version,
		.domain = turn->exporter,
		.mtu_bytes = p->options.mtu_bytes,
		.sampling_rate = p->options.generator.sampling_rate,
		.agent = delivery.source,
		.template_refresh_messages = p->options.reliable ? UINT32_MAX : 0,
		.template_refresh_ms = p->options.reliable ? INT64_MAX : 0,
	};

	if (!*encoder && weir_encoder_new(&options, encoder))
		return weir_error_set(err, -ENOMEM, NULL, "take fewer exporters", "no memory for another exporter");
	return weir_encoder_encode(*encoder, p->block, 0, p->block->rows, turn->now_ms, &output);
}

static int deliver_block(struct weir_player *player, const struct weir_turn *turn, const struct weir_block **ret_block,
			 struct weir_error *err)
{
	int rc = player->options.outlet ? encode(player, turn, err) : 0;

	if (rc)
		return rc;
	weir_tally_add(&player->tally, player->block, 0, player->block->rows, turn->exporter);
	*ret_block = player->block;
	return 0;
}

int weir_player_turn(struct weir_player *player, const struct weir_turn *turn, const struct weir_block **ret_block,
		     struct weir_error *err)
{
	weir_block_reset(player->block);
	weir_generator_fill(player->generator, turn->exporter, turn->now_ms, turn->rows, player->block);
	return deliver_block(player, turn, ret_block, err);
}

int weir_player_scenario(struct weir_player *player, struct weir_scenario_run *run, int64_t now_ms,
			 const struct weir_block **ret_block, struct weir_error *err)
{
	struct weir_turn turn = {.exporter = run->exporter, .now_ms = now_ms};
	int rc;

	weir_block_reset(player->block);
	turn.rows = weir_scenario_fill(run, player->generator, now_ms, player->block);
	if (!turn.rows)
		return 0;
	rc = deliver_block(player, &turn, ret_block, err);
	return rc ? rc : 1;
}

const struct weir_tally *weir_player_tally(const struct weir_player *player)
{
	return &player->tally;
}

struct weir_encoder_stats weir_player_encoded(const struct weir_player *player)
{
	struct weir_encoder_stats sum = {0};

	for (uint32_t i = 0; i < player->options.generator.exporters; i++) {
		const struct weir_encoder_stats *s;

		if (!player->encoder[i])
			continue;
		s = weir_encoder_stats(player->encoder[i]);
		sum.messages += s->messages;
		sum.message_bytes += s->message_bytes;
		sum.templates += s->templates;
		sum.flows += s->flows;
		sum.packets += s->packets;
		sum.bytes += s->bytes;
		sum.unsendable += s->unsendable;
		sum.clamped += s->clamped;
	}
	return sum;
}
