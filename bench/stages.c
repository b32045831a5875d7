/* The path of a flow from datagram to spool, stage by stage, without sockets:
 *
 *   stages FILE [TIMES] [SPOOL_FOLDER|-] [enrich]
 *
 * Reads a capture whole, then TIMES times decodes it into blocks, enriches them where that is asked for (as collect does without
 * files of its own: no networks, all shipped packs that need no role), writes each block as Native, compresses it, and, where a
 * folder is given, appends it to a spool there. Prints the processor time of each in ns a flow. It is also what
 * callgrind can count instructions of, for it has no threads and does not wait. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "enrich/enrich.h"
#include "flow/native.h"
#include "policy/guard.h"
#include "policy/packs.h"
#include "receive/capture.h"
#include "spool/pack.h"
#include "spool/spool.h"
#include "wire/decoder.h"

struct stages {
	struct weir_datagram *datagram;
	size_t datagrams;
	struct weir_buffer native, frame;
	struct weir_native_layout layout;
	struct weir_spool_packer *packer;
	struct weir_spool_writer *spool; /* NULL: none */
	struct weir_enrich_worker *enrich; /* NULL: none, like guard */
	struct weir_guard_worker *guard;
	uint64_t flows, native_bytes, frame_bytes;
	int64_t all_ns, enrich_ns, native_ns, frame_ns, append_ns, reset_ns;
};

static int64_t used_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
	(void)fprintf(stderr, "stages: %s\n", what);
	exit(1);
}

static void read_capture(const char *path, struct stages *s)
{
	struct weir_addr any = {{0}};
	struct weir_capture *capture;
	struct weir_datagram d;
	struct weir_error err = {0};
	size_t room = 0;

	if (weir_capture_open(path, &any, 0, &capture, &err))
		die(err.what);
	while (weir_capture_next(capture, &d, &err) > 0) {
		uint8_t *data = malloc(d.len);

		if (s->datagrams == room) {
			room = room ? 2 * room : 1024;
			s->datagram = realloc(s->datagram, room * sizeof(*s->datagram));
		}
		if (!data || !s->datagram)
			die("no memory");
		memcpy(data, d.data, d.len);
		d.data = data;
		s->datagram[s->datagrams++] = d;
	}
	weir_capture_close(capture);
}

static int on_full(void *ctx, struct weir_block **block)
{
	struct stages *s = ctx;
	struct weir_error err = {0};
	int64_t t[6];

	t[5] = used_ns();
	if (s->enrich) {
		weir_enrich_block(s->enrich, *block, NULL);
		weir_guard_block(s->guard, *block, 1767225600000);
	}
	t[0] = used_ns();
	weir_buffer_reset(&s->native);
	if (weir_native_write(*block, &(*block)->used, false, &s->native, &s->layout))
		die("native");
	t[1] = used_ns();
	if (weir_spool_pack(s->packer, &s->native, &s->layout, &s->frame))
		die("frame");
	t[2] = used_ns();
	if (s->spool && weir_spool_append(s->spool, *block, &err))
		die(err.what);
	t[3] = used_ns();
	s->flows += (*block)->rows;
	s->native_bytes += s->native.len;
	s->frame_bytes += s->frame.len;
	weir_block_reset(*block);
	t[4] = used_ns();
	s->enrich_ns += t[0] - t[5];
	s->native_ns += t[1] - t[0];
	s->frame_ns += t[2] - t[1];
	s->append_ns += t[3] - t[2];
	s->reset_ns += t[4] - t[3];
	return 0;
}

static bool has_role(void *ctx, const char *role)
{
	(void)ctx;
	(void)role;
	return false;
}

/* What collect has by default; ended with the process. */
static void enrich(struct stages *s)
{
	const struct weir_enrich_options options = {0};
	const struct weir_policy_roles roles = {has_role, NULL};
	const char *pack[64];
	struct weir_guard_options policy = {.file = "", .pack = pack, .events = weir_events_defaults};
	struct weir_vocabulary *vocabulary;
	struct weir_enrich *enrich;
	struct weir_guard *guard;
	struct weir_error err = {0};

	for (const struct weir_embedded_text *p = weir_policy_packs; p->name && policy.packs < 64; p++)
		pack[policy.packs++] = p->name;
	if (weir_vocabulary_new(&weir_vocabulary_limits_default, 1, &vocabulary) ||
	    weir_enrich_new(&options, vocabulary, &enrich, &err) || weir_enrich_worker_new(enrich, 1, &s->enrich) ||
	    weir_guard_new(&policy, vocabulary, &roles, &guard, &err) || weir_guard_worker_new(guard, 1, &s->guard))
		die(err.what);
}

static void report(const struct stages *s)
{
	double flows = (double)s->flows;
	double decode = (double)(s->all_ns - s->enrich_ns - s->native_ns - s->frame_ns - s->append_ns - s->reset_ns);

	printf("decode %.1f  enrich %.1f  reset %.1f  native %.1f  lz4 %.1f  append %.1f ns a flow; native %.1f  lz4 %.1f bytes a flow\n",
	       decode / flows, (double)s->enrich_ns / flows, (double)s->reset_ns / flows, (double)s->native_ns / flows, (double)s->frame_ns / flows,
	       (double)s->append_ns / flows, (double)s->native_bytes / flows, (double)s->frame_bytes / flows);
}

int main(int argc, char **argv)
{
	struct weir_spool_options spool = {
		.lane = "w0", .segment_bytes_max = 64 << 20, .segment_rows_max = 1 << 20, .bytes_max = 1ULL << 30};
	struct stages s = {0};
	struct weir_block_sink sink = {.full = on_full, .ctx = &s};
	struct weir_decoder *decoder = NULL;
	struct weir_block *block = NULL, *long_block = NULL;
	struct weir_error err = {0};
	int times = argc > 2 ? atoi(argv[2]) : 1;

	if (argc < 2)
		die("usage: stages FILE [TIMES] [SPOOL_FOLDER|-] [enrich]");
	read_capture(argv[1], &s);
	spool.dir = argc > 3 && strcmp(argv[3], "-") != 0 ? argv[3] : NULL;
	if (argc > 4)
		enrich(&s);
	if (spool.dir && weir_spool_writer_open(&spool, &s.spool, &err))
		die(err.what);
	if (weir_spool_packer_new(&s.packer) ||
	    weir_decoder_new(&weir_decoder_limits_default, 1, &decoder) ||
	    weir_block_new(&weir_block_limits_default, &block) ||
	    weir_block_new(&weir_block_limits_default, &long_block))
		die("no memory");
	weir_decoder_divide(decoder, &long_block);
	for (int i = 0; i < times; i++) {
		int64_t start = used_ns();

		for (size_t d = 0; d < s.datagrams; d++)
			weir_decoder_decode(decoder, &s.datagram[d], &block, &sink);
		s.all_ns += used_ns() - start;
	}
	(void)on_full(&s, &block);
	(void)on_full(&s, &long_block);
	report(&s);
	weir_spool_writer_close(s.spool);
	weir_spool_packer_free(s.packer);
	weir_block_free(block);
	weir_block_free(long_block);
	weir_decoder_free(decoder);
	for (size_t d = 0; d < s.datagrams; d++)
		free((void *)(uintptr_t)s.datagram[d].data);
	free(s.datagram);
	weir_buffer_done(&s.native);
	weir_buffer_done(&s.frame);
	return 0;
}
