/* Fair shares.
 *
 * Why. All exporters of a worker share its sockets' buffers. When more comes than the worker can decode, the buffers stay
 * full and the kernel drops whatever arrives next, of whomever: an exporter that sends a hundred datagrams a second loses as
 * large a part of them as the one that floods. Nobody below knows of exporters, so the choice must be made here.
 *
 * Where. To refuse a datagram here costs the copy out of the kernel and a look into a table: a third of what decoding thirty
 * flows of NetFlow v5 costs, as measured. So that alone helps up to three times a worker's capacity and no further (at eight times
 * it, an exporter beside the flood still lost half). Therefore the few heaviest are thinned out in the kernel, before the
 * buffers, by a filter on the sockets that lets a random part of theirs through (weir_udp_thin()): that costs the worker
 * nothing. What is still over the share is refused here, exactly. The kernel counts what a filter drops among its drops, so
 * while one is in force these are no sign of overload, and are counted as refused.
 *
 * How. Time is cut in windows of 100 ms. In each, every source has an account of what it offered. The worker is overloaded
 * when the kernel dropped something in the window, or the buffers are half full at its end. After three such windows in a row
 * (one may be a pause of the machine, after which a second's worth of everybody waits and is best decoded) a limit is set: the
 * max-min fair share of what was decoded in the window, less an eighth to drain the buffers. That is the number L for which
 * the sum of min(offered, L) is what the worker can do. Whoever offers less than an equal part is never cut. While overload
 * lasts, L is set anew in each window; once the buffers are almost empty L grows by an eighth a window, until nobody is above it. Where no
 * source offers half as much again as the mean nobody stands out, the worker is just too slow, and refusing would only cost time.
 *
 * Spoofed sources. Accounts are as many as given at init, and while a limit is in force nobody gets a new one: all who come
 * then share a single account. So do those that came in the ten seconds before it, where they are a crowd (half of all
 * accounts). So a flood from thousands of forged addresses has the share of one exporter, and those that were known before
 * keep theirs. An account goes when its source was silent for ten minutes.
 *
 * rate_max is another matter: a ceiling for each source at any time, a token bucket that holds a second's worth. */
#include "receive/fairness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define NO_LIMIT      UINT32_MAX
#define PATIENCE      3	    /* windows in a row before anybody is limited */
#define FULL	      0.5   /* of the buffers */
#define EMPTY	      0.125
#define WINDOWS_PER_S 10
#define SILENT	      6000  /* windows */
#define YOUNG	      100   /* windows */
#define NOBODY	      UINT32_MAX
#define ALL	      65536 /* of weir_fairness_thinning.keep */
#define SWEEP	      600   /* windows between two looks for silent sources */

struct account {
	struct weir_addr source;
	bool used;
	bool by_rate;	  /* the last refusal's reason */
	uint32_t born;	  /* window */
	uint32_t offered; /* in `window` */
	uint32_t window;
	uint32_t refused; /* since it was asked for */
	uint32_t refused_window;
	uint32_t keep;	  /* thinned in this window: what was let through, in ALL; 0: not thinned */
	uint32_t tokens;  /* a datagram costs WINDOWS_PER_S of them */
};

struct weir_fairness {
	struct weir_fairness_options options;
	struct account *account; /* open addressing, linear; slots of them, a power of two */
	struct account *spare;	 /* as many, for sweeping */
	uint32_t slots;
	uint32_t used;
	struct account others;
	struct account *latest; /* of the last datagram: the next is often its, too */
	uint32_t window;	/* from 1 */
	int64_t end_ns;		/* of the window; 0: the first has not begun */
	uint32_t admitted;	/* in the window */
	uint32_t limit;
	uint32_t crowd;		/* who was born from this window on has no account of his own; or NOBODY */
	unsigned overloaded; /* windows in a row */
	uint64_t kernel_drops;
	struct weir_fairness_thinning thinning[WEIR_FAIRNESS_THINNED_MAX];
	unsigned thinned;
	double scale; /* see offered_by() */
	uint32_t swept;
	struct weir_fairness_stats stats;
};

int weir_fairness_new(const struct weir_fairness_options *options, struct weir_fairness **ret_fairness)
{
	struct weir_fairness *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->options = *options;
	f->window = 1;
	f->limit = NO_LIMIT;
	f->crowd = NOBODY;
	f->others.used = true;
	for (f->slots = 16; f->slots < options->sources_max * 2; f->slots *= 2)
		;
	f->account = calloc(f->slots, sizeof(*f->account));
	f->spare = calloc(f->slots, sizeof(*f->spare));
	if (!f->account || !f->spare) {
		weir_fairness_free(f);
		return -ENOMEM;
	}
	*ret_fairness = f;
	return 0;
}

void weir_fairness_free(struct weir_fairness *fairness)
{
	if (!fairness)
		return;
	free(fairness->account);
	free(fairness->spare);
	free(fairness);
}

/* --- accounts ----------------------------------------------------------------------------------------------- */

static uint32_t place_of(const struct weir_fairness *f, const struct weir_addr *source)
{
	uint64_t half[2];
	uint64_t h;

	memcpy(half, source, sizeof(half));
	h = (half[0] ^ f->options.seed) * UINT64_C(0x9e3779b97f4a7c15);
	h = (h ^ h >> 32 ^ half[1] ^ f->options.seed >> 17) * UINT64_C(0xd6e8feb86659fd93);
	h = (h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return (uint32_t)(h >> 32) & (f->slots - 1);
}

/* The source's, or the free one that would be. At least half of them are free. */
static struct account *find(struct weir_fairness *f, const struct weir_addr *source)
{
	uint32_t at = place_of(f, source);

	while (f->account[at].used && memcmp(&f->account[at].source, source, sizeof(*source)) != 0)
		at = (at + 1) & (f->slots - 1);
	return &f->account[at];
}

static struct account *account_of(struct weir_fairness *f, const struct weir_addr *source)
{
	struct account *a = f->latest;

	if (a && memcmp(&a->source, source, sizeof(*source)) == 0)
		return a;
	a = find(f, source);
	if (!a->used) {
		if (f->used == f->options.sources_max || f->limit != NO_LIMIT)
			return &f->others;
		*a = (struct account){.source = *source, .used = true, .born = f->window, .window = f->window,
				      .tokens = f->options.rate_max * WINDOWS_PER_S};
		f->used++;
	}
	if (a->born >= f->crowd)
		return &f->others;
	f->latest = a;
	return a;
}

static void sweep(struct weir_fairness *f)
{
	struct account *old = f->account;

	f->account = f->spare;
	f->spare = old;
	memset(f->account, 0, f->slots * sizeof(*f->account));
	f->latest = NULL;
	f->used = 0;
	f->swept = f->window;
	for (uint32_t i = 0; i < f->slots; i++) {
		if (!old[i].used || f->window - old[i].window > SILENT)
			continue;
		*find(f, &old[i].source) = old[i];
		f->used++;
	}
}

/* --- datagrams ---------------------------------------------------------------------------------------------- */

static uint32_t capped_add(uint64_t a, uint64_t b, uint64_t cap)
{
	return (uint32_t)(a + b < cap ? a + b : cap);
}

/* The account's first datagram in this window. */
static void begin(struct weir_fairness *f, struct account *a)
{
	uint64_t rate = f->options.rate_max;

	a->tokens = capped_add(a->tokens, (f->window - a->window) * rate, rate * WINDOWS_PER_S);
	a->window = f->window;
	a->offered = 0;
}

static bool refuse(struct weir_fairness *f, struct account *a, bool by_rate)
{
	*(by_rate ? &f->stats.over_rate : &f->stats.over_share) += 1;
	a->by_rate = by_rate;
	a->refused++;
	a->refused_window = f->window;
	return false;
}

bool weir_fairness_admit(struct weir_fairness *fairness, const struct weir_addr *source)
{
	struct weir_fairness *f = fairness;
	struct account *a = account_of(f, source);

	if (a->window != f->window)
		begin(f, a);
	a->offered++;
	/* The others together have no rate of one. */
	if (f->options.rate_max && a != &f->others) {
		if (a->tokens < WINDOWS_PER_S)
			return refuse(f, a, true);
		a->tokens -= WINDOWS_PER_S;
	}
	if (a->offered > f->limit)
		return refuse(f, a, false);
	f->admitted++;
	return true;
}

/* --- windows ------------------------------------------------------------------------------------------------ */

/* What came here of it, for all that it was thinned out. */
static double seen_of(const struct weir_fairness *f, const struct account *a)
{
	if (!a->used || a->window != f->window)
		return 0;
	return a->keep ? (double)a->offered * ALL / a->keep : a->offered;
}

/* What it sent, most likely: a part of what the kernel dropped was its, too. */
static uint32_t offered_by(const struct weir_fairness *f, const struct account *a)
{
	double offered = seen_of(f, a) * f->scale;

	return offered < NO_LIMIT - 1 ? (uint32_t)offered : NO_LIMIT - 1;
}

/* Index slots is the others'. */
static const struct account *account_at(const struct weir_fairness *f, uint32_t i)
{
	return i == f->slots ? &f->others : &f->account[i];
}

static void set_scale(struct weir_fairness *f, uint64_t drops)
{
	double came = (double)drops;
	double seen = 0;

	for (uint32_t i = 0; i <= f->slots; i++) {
		const struct account *a = account_at(f, i);

		seen += seen_of(f, a);
		came += a->used && a->window == f->window ? a->offered : 0;
	}
	f->scale = seen > 0 ? came / seen : 1;
}

/* L, by filling up: whoever offers no more than an equal part of what is left is satisfied, and the rest is parted anew. */
static uint32_t fair_share(const struct weir_fairness *f, uint32_t capacity)
{
	uint32_t share = 0;

	for (unsigned round = 0; round < 16; round++) {
		uint64_t satisfied = 0;
		uint32_t left = 0;
		uint32_t next;

		for (uint32_t i = 0; i <= f->slots; i++) {
			uint32_t offered = offered_by(f, account_at(f, i));

			if (offered > share)
				left++;
			else
				satisfied += offered;
		}
		if (!left)
			return NO_LIMIT;
		next = satisfied < capacity ? (uint32_t)((capacity - satisfied) / left) : share;
		if (next <= share)
			break;
		share = next;
	}
	return share ? share : 1;
}

static void find_crowd(struct weir_fairness *f)
{
	uint32_t since = f->window > YOUNG ? f->window - YOUNG : 1;
	uint32_t young = 0;

	for (uint32_t i = 0; i < f->slots; i++)
		young += f->account[i].used && f->account[i].born >= since;
	f->crowd = young > f->options.sources_max / 2 ? since : NOBODY;
	f->latest = NULL;
}

static void lift_limit(struct weir_fairness *f)
{
	f->limit = NO_LIMIT;
	f->crowd = NOBODY;
}

static uint32_t heaviest(const struct weir_fairness *f, uint32_t *ret_mean)
{
	uint64_t sum = 0;
	uint32_t sources = 0;
	uint32_t most = 0;

	for (uint32_t i = 0; i <= f->slots; i++) {
		uint32_t offered = offered_by(f, account_at(f, i));

		sum += offered;
		sources += offered > 0;
		if (offered > most)
			most = offered;
	}
	*ret_mean = sources ? (uint32_t)(sum / sources) : 0;
	return most;
}

static void set_limit(struct weir_fairness *f)
{
	uint32_t share = fair_share(f, f->admitted - f->admitted / 8);
	uint32_t mean;

	if (share == NO_LIMIT)
		return;
	if (f->limit == NO_LIMIT) {
		if (heaviest(f, &mean) < mean + mean / 2)
			return;
		find_crowd(f);
	}
	f->limit = share;
}

static void loosen(struct weir_fairness *f)
{
	uint32_t mean;

	if (heaviest(f, &mean) > f->limit)
		f->limit = capped_add(f->limit, f->limit / 8 + 1, NO_LIMIT - 1);
	else
		lift_limit(f);
}

/* The heaviest of those that offer twice the limit; a quarter more than that is let through, for chance is uneven. */
static void choose_thinned(struct weir_fairness *f)
{
	uint32_t offered[WEIR_FAIRNESS_THINNED_MAX];
	struct account *chosen[WEIR_FAIRNESS_THINNED_MAX];

	f->thinned = 0;
	for (uint32_t i = 0; i < f->slots; i++) {
		struct account *a = &f->account[i];
		uint32_t n = offered_by(f, a);
		unsigned at;

		a->keep = 0;
		if (f->limit == NO_LIMIT || n / 2 < f->limit)
			continue;
		if (f->thinned < WEIR_FAIRNESS_THINNED_MAX)
			f->thinned++;
		else if (n <= offered[f->thinned - 1])
			continue;
		for (at = f->thinned - 1; at && offered[at - 1] < n; at--) {
			offered[at] = offered[at - 1];
			chosen[at] = chosen[at - 1];
		}
		offered[at] = n;
		chosen[at] = a;
	}
	for (unsigned i = 0; i < f->thinned; i++) {
		uint64_t keep = ((uint64_t)f->limit + f->limit / 4 + 1) * ALL / offered[i];

		chosen[i]->keep = keep ? (uint32_t)keep : 1;
		f->thinning[i] = (struct weir_fairness_thinning){.source = chosen[i]->source, .keep = chosen[i]->keep};
	}
}

/* What the filter dropped, as refused of the heaviest. */
static void count_thinned(struct weir_fairness *f, uint64_t drops)
{
	struct account *a = find(f, &f->thinning[0].source);

	f->stats.thinned += drops;
	f->stats.over_share += drops;
	if (!a->used)
		return;
	a->refused = capped_add(a->refused, drops, UINT32_MAX);
	a->refused_window = f->window;
}

static void count_limited(struct weir_fairness *f)
{
	f->stats.limited = 0;
	for (uint32_t i = 0; i <= f->slots; i++) {
		const struct account *a = account_at(f, i);

		f->stats.limited += a->used && a->refused_window == f->window;
	}
}

bool weir_fairness_due(const struct weir_fairness *fairness, int64_t now_ns)
{
	return now_ns >= fairness->end_ns;
}

void weir_fairness_close(struct weir_fairness *fairness, int64_t now_ns, uint64_t kernel_drops, double filled)
{
	struct weir_fairness *f = fairness;
	int64_t width_ns = WEIR_FAIRNESS_WINDOW_MS * WEIR_NS_PER_MS;
	int64_t late = f->end_ns ? (now_ns - f->end_ns) / width_ns : 0;
	uint64_t drops = f->end_ns && kernel_drops > f->kernel_drops ? kernel_drops - f->kernel_drops : 0;
	bool is_overloaded = f->end_ns && ((drops && !f->thinned) || filled >= FULL);

	if (f->thinned && drops)
		count_thinned(f, drops);
	if (is_overloaded || f->limit != NO_LIMIT)
		set_scale(f, drops);
	f->overloaded = is_overloaded ? f->overloaded + 1 : 0;
	f->kernel_drops = kernel_drops;
	if (f->limit != NO_LIMIT || f->options.rate_max || f->stats.limited)
		count_limited(f);
	if (is_overloaded && f->admitted && (f->limit != NO_LIMIT || f->overloaded >= PATIENCE))
		set_limit(f);
	else if (f->limit != NO_LIMIT && filled < EMPTY)
		loosen(f);
	if (f->limit != NO_LIMIT || f->thinned)
		choose_thinned(f);
	f->admitted = 0;
	f->window += (uint32_t)(late < SILENT ? late : SILENT) + 1;
	f->end_ns = now_ns + width_ns;
	if (f->window - f->swept > SWEEP && f->limit == NO_LIMIT)
		sweep(f);
}

unsigned weir_fairness_thinned(const struct weir_fairness *fairness, const struct weir_fairness_thinning **ret_thinning)
{
	*ret_thinning = fairness->thinning;
	return fairness->thinned;
}

const struct weir_fairness_stats *weir_fairness_stats(const struct weir_fairness *fairness)
{
	return &fairness->stats;
}

struct weir_fairness_worst weir_fairness_take_worst(struct weir_fairness *fairness)
{
	struct weir_fairness *f = fairness;
	struct weir_fairness_worst worst = {.refused = 0};

	for (uint32_t i = 0; (f->stats.over_share || f->stats.over_rate) && i <= f->slots; i++) {
		struct account *a = i == f->slots ? &f->others : &f->account[i];

		if (a->used && a->refused > worst.refused)
			worst = (struct weir_fairness_worst){.source = a->source, .refused = a->refused, .by_rate = a->by_rate};
		a->refused = 0;
	}
	return worst;
}
