#include "generate/schedule.h"

#include "base/clock.h"
#include "generate/random.h"

enum {
	EXPORTER_SKEW = 2,
	FLOOD_DATAGRAMS = 16, /* of a turn as fast as possible: turns cost more than datagrams */
};

/* Rows of a turn: a datagram full, or what an exporter gathers in a second, and a conversation at least. */
static uint32_t turn_rows(const struct weir_schedule_options *o)
{
	uint64_t second = o->rate / o->exporters;
	uint32_t rows = o->datagram_rows;

	if (!o->rate)
		rows *= FLOOD_DATAGRAMS;
	else if (second < rows)
		rows = second < 2 ? 2 : (uint32_t)second;
	return rows < WEIR_TURN_ROWS_MAX ? rows : WEIR_TURN_ROWS_MAX;
}

void weir_schedule_init(struct weir_schedule *schedule, const struct weir_schedule_options *options)
{
	*schedule = (struct weir_schedule){
		.options = *options,
		.random = weir_random_hash(options->seed, UINT64_MAX),
		.rows = turn_rows(options),
	};
}

static uint32_t pick_exporter(struct weir_schedule *s)
{
	uint64_t turn = s->turns++;
	uint64_t draw = weir_random_next(&s->random);

	if (turn % 2 == 0)
		return (uint32_t)(turn / 2 % s->options.exporters);
	return weir_random_rank((uint32_t)draw, s->options.exporters, EXPORTER_SKEW);
}

bool weir_schedule_next(struct weir_schedule *schedule, struct weir_generator *generator, struct weir_turn *ret_turn)
{
	const struct weir_schedule_options *o = &schedule->options;
	struct weir_turn turn = {.rows = schedule->rows, .now_ms = o->start_ms + schedule->now_ns / WEIR_NS_PER_MS};
	uint64_t permille = o->daily ? weir_generator_busy(generator, turn.now_ms) : 1000;

	if (o->flows && o->flows - schedule->flows < turn.rows)
		turn.rows = (uint32_t)(o->flows - schedule->flows);
	if (!turn.rows || (o->for_ms && schedule->now_ns / WEIR_NS_PER_MS >= o->for_ms))
		return false;
	turn.exporter = pick_exporter(schedule);
	schedule->flows += turn.rows;
	if (o->rate)
		schedule->now_ns += (int64_t)(turn.rows * (uint64_t)WEIR_NS_PER_S / o->rate * 1000 / permille);
	*ret_turn = turn;
	return true;
}
