/* `weir sink`: the role that carries the spool to the store. The loop of sink/loop.h has one thread: the metrics are
 * written, and the signals looked for, whenever it waits, for the store's answer too. While there is a backlog a second
 * thread delivers what comes next (sink/ahead.h), with a connection of its own. */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/role.h"
#include "cli/store_client.h"
#include "sink/ahead.h"
#include "sink/clickhouse.h"
#include "sink/metrics.h"

#define CONSUMER	 "clickhouse"
#define PUBLISH_MS	 1000
#define INSERT_TIMEOUT_S 300
#define TELL_MS		 2000  /* the store is down for so long before a word is said: it may just be starting */
#define AHEAD_MS	 2     /* between looks whether a segment that is under way has arrived */
#define REMIND_MS	 60000 /* while it is down: another cause is told after so long at the earliest */

struct sink_role {
	struct weir_role role;
	struct weir_spool_reader *reader;
	struct weir_client *client;
	char url[1100];
	struct weir_migrate_options migrate;
	struct weir_sink_clickhouse clickhouse;
	bool flowing; /* the last segment was stored: the store can do with two */
	struct weir_sink_ahead *ahead;
	struct weir_client *ahead_client;
	struct weir_sink_clickhouse ahead_clickhouse;
	atomic_bool ending; /* for its thread */
	struct weir_sink_stats stats;
	struct weir_spool_backlog backlog;
	struct weir_buffer text;
	int64_t published_ns; /* mono_ns */
	int64_t down_ns;      /* mono_ns; since when the store is down */
	int64_t told_ns;      /* mono_ns; when that was last told, 0: not yet */
	unsigned told_newest; /* the migration that was told of */
};

static int64_t mono_ns(void)
{
	return weir_clock_mono_ns(&weir_clock_system);
}

static void log_at(const struct sink_role *s, enum weir_log_level level, const char *before, const struct weir_error *err)
{
	weir_log(&s->role.log, level, "%s%s%s%s%s%s", before, err->where, *err->where ? ": " : "", err->what,
		 *err->next ? "; " : "", err->next);
}

static void tell_damage(const struct sink_role *s, const struct weir_spool_backlog *now)
{
	if (now->damaged_segments > s->backlog.damaged_segments)
		weir_log(&s->role.log, WEIR_LOG_ERROR,
			 "%" PRIu64 " segments of the spool failed their checksum and were set aside in %s/damaged",
			 now->damaged_segments - s->backlog.damaged_segments, s->role.spool_dir);
	if (now->missing_segments > s->backlog.missing_segments)
		weir_log(&s->role.log, WEIR_LOG_ERROR,
			 "%" PRIu64 " segments of the spool were removed before the store had them: it was over spool.size_max",
			 now->missing_segments - s->backlog.missing_segments);
}

static bool is_over(int64_t since_ns, int64_t ms)
{
	return mono_ns() - since_ns >= ms * WEIR_NS_PER_MS;
}

static void tell_down(struct sink_role *s)
{
	if (!s->stats.down || s->told_ns || !is_over(s->down_ns, TELL_MS))
		return;
	s->told_ns = mono_ns();
	log_at(s, WEIR_LOG_WARN, "not storing, the spool keeps the flows: ", &s->stats.error);
}

static void publish(struct sink_role *s)
{
	struct weir_spool_backlog now;
	struct weir_error err = {0};

	s->published_ns = mono_ns();
	if (weir_spool_backlog(s->reader, &now, &err)) {
		log_at(s, WEIR_LOG_WARN, "", &err);
		now = s->backlog;
	}
	tell_damage(s, &now);
	tell_down(s);
	s->backlog = now;
	weir_buffer_reset(&s->text);
	if (weir_sink_metrics(&s->stats, &s->backlog, &weir_clock_system, &s->text) == 0)
		weir_role_publish(&s->role, &s->text);
}

/* Waits in pieces, so that the metrics are never older than a second. */
static int wait_for(void *ctx, unsigned ms)
{
	struct sink_role *s = ctx;

	for (;;) {
		unsigned piece = ms < PUBLISH_MS ? ms : PUBLISH_MS;

		if (is_over(s->published_ns, PUBLISH_MS))
			publish(s);
		if (weir_role_wait(&s->role, piece))
			return 1;
		ms -= piece;
		if (!ms)
			return 0;
	}
}

static int is_stopped(void *ctx)
{
	return wait_for(ctx, 0);
}

static void tell_migrations(struct sink_role *s)
{
	const struct weir_migrate_result *m = &s->clickhouse.last_migration;

	if (!s->clickhouse.migrated || s->told_newest == m->newest)
		return;
	s->told_newest = m->newest;
	if (m->migrations || m->columns)
		weir_log(&s->role.log, WEIR_LOG_INFO, "the store's tables are up to date: %u migrations and %u columns were new",
			 m->migrations, m->columns);
}

static enum weir_sink_outcome prepare(void *ctx, struct weir_error *err)
{
	struct sink_role *s = ctx;
	enum weir_sink_outcome outcome = weir_sink_clickhouse_prepare(&s->clickhouse, err);

	tell_migrations(s);
	return outcome;
}

static int is_ending(void *ctx)
{
	struct sink_role *s = ctx;

	return atomic_load(&s->ending);
}

/* The segment after the one that is about to be delivered, if all goes well and it is there. */
static void deliver_ahead(struct sink_role *s)
{
	struct weir_spool_segment next;
	struct weir_error err = {0};

	if (!s->flowing || !s->clickhouse.migrated || !weir_sink_ahead_is_idle(s->ahead))
		return;
	s->ahead_clickhouse.migrated = true;
	if (weir_spool_peek(s->reader, &next, &err) > 0)
		weir_sink_ahead_begin(s->ahead, &next);
}

static enum weir_sink_outcome deliver(void *ctx, const struct weir_spool_segment *segment, struct weir_error *err)
{
	struct sink_role *s = ctx;
	enum weir_sink_outcome outcome;

	while (weir_sink_ahead_is_busy(s->ahead, segment)) {
		if (wait_for(s, AHEAD_MS))
			return WEIR_SINK_STOPPED;
	}
	if (weir_sink_ahead_has_stored(s->ahead, segment))
		return WEIR_SINK_STORED;
	deliver_ahead(s);
	outcome = weir_sink_clickhouse_deliver(&s->clickhouse, segment, err);
	s->flowing = outcome == WEIR_SINK_STORED;
	tell_migrations(s);
	return outcome;
}

static void on_event(void *ctx, enum weir_sink_event event, const struct weir_spool_segment *segment,
		     const struct weir_error *err)
{
	struct sink_role *s = ctx;

	switch (event) {
	case WEIR_SINK_EVENT_DOWN: /* told by tell_down() */
		s->down_ns = mono_ns();
		s->told_ns = 0;
		break;
	case WEIR_SINK_EVENT_STILL_DOWN:
		if (!s->told_ns || !is_over(s->told_ns, REMIND_MS))
			break;
		s->told_ns = mono_ns();
		log_at(s, WEIR_LOG_WARN, "still not storing: ", err);
		break;
	case WEIR_SINK_EVENT_BACK:
		if (s->told_ns)
			weir_log(&s->role.log, WEIR_LOG_INFO, "storing again, after %.1f s",
				 (double)(mono_ns() - s->down_ns) / WEIR_NS_PER_S);
		break;
	case WEIR_SINK_EVENT_SET_ASIDE:
		weir_log(&s->role.log, WEIR_LOG_ERROR,
			 "the store cannot read the segment %s; its %" PRIu64 " flows were set aside in %s/damaged: %s",
			 segment->path, segment->rows, s->role.spool_dir, err->what);
		break;
	default:
		break;
	}
}

static int open_client(struct sink_role *s, struct weir_error *err)
{
	struct weir_buffer url;
	int rc;

	weir_buffer_init(&url);
	rc = weir_role_store_url(&s->role.config, &url);
	if (rc || !weir_buffer_cstr(&url))
		rc = weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	else
		(void)snprintf(s->url, sizeof(s->url), "%s", (const char *)url.data);
	weir_buffer_done(&url);
	if (!rc)
		rc = weir_store_client_new(&s->role.config, INSERT_TIMEOUT_S, &s->client, err);
	return rc ? rc : weir_store_client_new(&s->role.config, INSERT_TIMEOUT_S, &s->ahead_client, err);
}

static int open_all(struct sink_role *s, struct weir_error *err)
{
	/* The password may be readable by root only. */
	int rc = open_client(s, err);

	if (!rc)
		rc = weir_role_drop(&s->role, s->role.config.collect_user, err);
	if (!rc)
		rc = weir_spool_reader_open(s->role.spool_dir, CONSUMER, &s->reader, err);
	if (rc)
		return rc;
	weir_client_set_stop(s->client, is_stopped, s);
	s->migrate.flows_retention_s = s->role.config.store_flows_retention_s;
	s->migrate.rollup_retention_s = s->role.config.store_rollup_retention_s;
	s->clickhouse.client = s->client;
	s->clickhouse.migrate = &s->migrate;
	weir_client_set_stop(s->ahead_client, is_ending, s);
	s->ahead_clickhouse = (struct weir_sink_clickhouse){.client = s->ahead_client, .migrate = &s->migrate};
	rc = weir_sink_ahead_new(weir_sink_clickhouse_deliver, &s->ahead_clickhouse, &s->ahead);
	return rc ? weir_error_set(err, rc, NULL, NULL, "out of memory") : 0;
}

/* The store at an address in digits, which no resolver is asked for, and without certificates to read? */
static bool is_plain_address(const char *url)
{
	const char *host = url + strlen("http://");

	return strncmp(url, "http://", strlen("http://")) == 0 && (*host == '[' || strspn(host, "0123456789.") == strcspn(host, ":/"));
}

static void confine(struct sink_role *s)
{
	weir_role_confine(&s->role, WEIR_SANDBOX_SINK, true, is_plain_address(s->url) ? NULL : weir_role_resolving);
}

static int serve(struct sink_role *s)
{
	struct weir_sink_loop_options options = weir_sink_loop_defaults;
	struct weir_error err = {0};

	options.reader = s->reader;
	options.prepare = prepare;
	options.deliver = deliver;
	options.deliver_ctx = s;
	options.clock = &weir_clock_system;
	options.wait = wait_for;
	options.event = on_event;
	options.ctx = s;
	/* The jitter only: whatever is there will do. */
	if (getrandom(&options.seed, sizeof(options.seed), GRND_NONBLOCK) < 0)
		options.seed = (uint64_t)getpid();
	confine(s);
	publish(s);
	weir_log(&s->role.log, WEIR_LOG_INFO, "from %s to %s, %" PRIu64 " flows wait", s->role.spool_dir, s->url,
		 s->backlog.rows);
	if (weir_sink_loop_run(&options, &s->stats, &err))
		return weir_fail(WEIR_EXIT_FAILED, &err);
	publish(s);
	weir_log(&s->role.log, WEIR_LOG_INFO, "ended: %" PRIu64 " flows stored, %" PRIu64 " wait in the spool",
		 s->stats.rows, s->backlog.rows);
	return WEIR_EXIT_OK;
}

static int run(const struct weir_command *self, int argc, char **argv)
{
	struct sink_role s = {0};
	struct weir_error err = {0};
	int status = weir_role_init(self, argc, argv, &s.role);

	if (status)
		return status < 0 ? WEIR_EXIT_OK : status;
	weir_buffer_init(&s.text);
	status = open_all(&s, &err);
	status = status ? weir_role_cannot_open(status, &err) : serve(&s);
	atomic_store(&s.ending, true);
	weir_sink_ahead_free(s.ahead);
	weir_spool_reader_close(s.reader);
	weir_client_free(s.client);
	weir_client_free(s.ahead_client);
	weir_buffer_done(&s.text);
	weir_role_done(&s.role);
	return status;
}

const struct weir_command weir_command_sink = {
	.name = "sink",
	.arguments = "[OPTION]...",
	.summary = "carry the spool to the store",
	.text = "Makes the store's tables what this version needs, and inserts the segments of the spool as they are finished, "
		"each exactly once, whatever is killed meanwhile. While the store is down it waits and the spool keeps the flows, up "
		"to spool.size_max.\n\n"
		"The store is the embedded one at store.listen, or the ClickHouse server at store.url.",
	.options = weir_role_options,
	.examples = "weir sink --data /var/lib/weir\tstore what `weir collect` has put there",
	.role = true,
	.run = run,
};
