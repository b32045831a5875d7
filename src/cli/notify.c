/* `weir notify`: the role that tells people and other systems of events. Each target has a thread and a place in the spool of its own
 * (notify/notifier.h); this one waits for signals and publishes what they count. */
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/human.h"
#include "cli/command.h"
#include "cli/notify.h"
#include "cli/option.h"
#include "cli/role.h"
#include "notify/metrics.h"
#include "spool/survey.h"

#define PUBLISH_MS 1000

/* --- targets of the configuration, for `weir config check` as well -------------------------------------------------------- */

int weir_targets_read(const struct weir_config *config, struct weir_targets *ret_targets, struct weir_error *err)
{
	const struct weir_config_list *list = &config->notify_to;
	int rc = 0;

	*ret_targets = (struct weir_targets){.target = calloc(list->count + 1, sizeof(*ret_targets->target))};
	if (!ret_targets->target)
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	for (unsigned i = 0; !rc && i < list->count; i++) {
		rc = weir_notify_target_parse(list->item[i], &ret_targets->target[i], err);
		ret_targets->count += !rc;
		for (unsigned k = 0; !rc && k < i; k++) {
			if (strcmp(ret_targets->target[k].name, ret_targets->target[i].name) == 0)
				rc = weir_error_set(err, -EINVAL, "notify.to", "give each a name of its own", "two targets are called \"%s\"",
						    ret_targets->target[i].name);
		}
	}
	if (rc)
		weir_targets_done(ret_targets);
	return rc;
}

void weir_targets_done(struct weir_targets *targets)
{
	for (unsigned i = 0; i < targets->count; i++)
		weir_notify_target_done(&targets->target[i]);
	free(targets->target);
	*targets = (struct weir_targets){0};
}

struct forgetting {
	const char *spool_dir;
	const struct weir_targets *targets;
};

static int forget_other(void *ctx, const struct weir_spool_survey *survey)
{
	const struct forgetting *f = ctx;
	size_t len = strlen(WEIR_NOTIFY_CONSUMER);

	if (strncmp(survey->consumer, WEIR_NOTIFY_CONSUMER, len) != 0)
		return 0;
	for (unsigned i = 0; i < f->targets->count; i++) {
		if (strcmp(survey->consumer + len, f->targets->target[i].name) == 0)
			return 0;
	}
	return weir_spool_forget(f->spool_dir, survey->consumer, NULL);
}

void weir_targets_forget_others(const char *spool_dir, const struct weir_targets *targets)
{
	struct forgetting f = {spool_dir, targets};

	/* What cannot be forgotten now will be at the next start. */
	(void)!weir_spool_survey(spool_dir, forget_other, &f, NULL);
}

/* --- a test message ------------------------------------------------------------------------------------------------------ */

static bool never(void *ctx)
{
	(void)ctx;
	return false;
}

static struct weir_text text_of(const char *text)
{
	return (struct weir_text){text, strlen(text)};
}

/* Whatever the target wants besides: it is asked for. */
static int test_target(const struct weir_notify_target *target)
{
	int64_t now_ms = weir_clock_wall_ns(&weir_clock_system) / WEIR_NS_PER_MS;
	const struct weir_record event = {
		.time_ms = now_ms,
		.last_ms = now_ms,
		.number = 1,
		.level = text_of("warning"),
		.kind = text_of("test"),
		.name = text_of("notify/test"),
		.action = text_of("alert"),
		.subject = text_of(target->name),
		.value = text_of("This is a test of weir: had there been an event, it would stand here."),
	};
	struct weir_notify_channel *channel = NULL;
	struct weir_error err = {0};
	int rc = weir_notify_channel_new(target, never, NULL, &channel);

	if (rc) {
		(void)weir_error_set(&err, rc, target->name, NULL, "out of memory");
		return weir_fail(WEIR_EXIT_FAILED, &err);
	}
	rc = weir_notify_channel_send(channel, &event, now_ms / WEIR_MS_PER_S, &err) == WEIR_NOTIFY_SENT;
	weir_notify_channel_free(channel);
	if (!rc)
		return weir_fail(WEIR_EXIT_FAILED, &err);
	printf("%s: %s was told%s\n", target->name, target->shown,
	       target->kind == WEIR_NOTIFY_SYSLOG_UDP ? " (UDP: whether it came, only it can say)" : "");
	return WEIR_EXIT_OK;
}

static int test_targets(const struct weir_targets *targets, const char *name)
{
	int status = WEIR_EXIT_OK;
	bool found = false;

	for (unsigned i = 0; i < targets->count; i++) {
		const struct weir_notify_target *target = &targets->target[i];

		if (strcmp(name, "all") != 0 && strcmp(name, target->name) != 0)
			continue;
		found = true;
		if (test_target(target))
			status = WEIR_EXIT_FAILED;
	}
	if (!found) {
		struct weir_error err = {0};

		(void)weir_error_set(&err, -ENOENT, "notify.to", "add it to the configuration", "there is no target \"%s\"", name);
		return weir_fail(WEIR_EXIT_USAGE, &err);
	}
	return status;
}

/* --- the role ------------------------------------------------------------------------------------------------------------ */

struct values {
	struct weir_role_values role;
	const char *test;
};

static const struct weir_option OPTIONS[] = {
	WEIR_ROLE_OPTIONS,
	{.name = "test",
	 .letter = 't',
	 .type = WEIR_OPTION_TEXT,
	 .argument = "NAME",
	 .offset = offsetof(struct values, test),
	 .help = "send a test message to that target, or to all, say how it went, and end"},
	{.name = NULL},
};

struct notify_role {
	struct weir_role role;
	struct weir_targets targets;
	struct weir_notifier **notifier; /* one a target */
	struct weir_notify_stats *stats;
	const char **name;
	struct weir_buffer text;
};

static void on_news(void *ctx, const struct weir_notify_target *target, enum weir_notify_news news, const struct weir_error *err)
{
	const struct notify_role *n = ctx;

	switch (news) {
	case WEIR_NOTIFY_DOWN:
		weir_log(&n->role.log, WEIR_LOG_WARN, "%s cannot be told, what waits stays in the spool: %s%s%s", target->name, err->what,
			 *err->next ? "; " : "", err->next);
		break;
	case WEIR_NOTIFY_BACK:
		weir_log(&n->role.log, WEIR_LOG_INFO, "%s is told again", target->name);
		break;
	case WEIR_NOTIFY_REFUSAL:
	default:
		weir_log(&n->role.log, WEIR_LOG_WARN, "%s would not have a message, which is left out: %s", target->name, err->what);
		break;
	}
}

static void publish(struct notify_role *n)
{
	for (unsigned i = 0; i < n->targets.count; i++)
		weir_notifier_stats(n->notifier[i], &n->stats[i]);
	weir_buffer_reset(&n->text);
	if (weir_notify_metrics(n->name, n->stats, n->targets.count, &weir_clock_system, &n->text) == 0)
		weir_role_publish(&n->role, &n->text);
}

/* Files that libcurl opens when it connects. */
static void confine(struct notify_role *n)
{
	struct weir_sandbox_path paths[WEIR_ROLE_PATHS_MAX + 1] = {0};
	char folder[WEIR_ROLE_PATHS_MAX][PATH_MAX / 4];
	unsigned count = 0;

	for (const struct weir_sandbox_path *p = weir_role_resolving; p->path; p++)
		paths[count++] = *p;
	for (unsigned i = 0; i < n->targets.count && count < WEIR_ROLE_PATHS_MAX; i++) {
		if (*n->targets.target[i].ca)
			paths[count++] = (struct weir_sandbox_path){n->targets.target[i].ca, WEIR_SANDBOX_READ};
	}
	(void)weir_role_file_folders(&n->role.config.notify_to, folder, paths, count);
	weir_role_confine(&n->role, WEIR_SANDBOX_SINK, true, paths);
}

/* Those that are told of what came so far end first; what they were not told waits in the spool. */
static void stop_all(struct notify_role *n)
{
	for (unsigned i = 0; n->notifier && i < n->targets.count; i++)
		weir_notifier_stop(n->notifier[i]);
	free(n->notifier);
	free(n->stats);
	free(n->name);
	n->notifier = NULL;
	n->stats = NULL;
	n->name = NULL;
	weir_targets_done(&n->targets);
}

static int start_all(struct notify_role *n, struct weir_error *err)
{
	unsigned count = n->targets.count;
	int rc = 0;

	n->notifier = calloc(count, sizeof(*n->notifier));
	n->stats = calloc(count, sizeof(*n->stats));
	n->name = calloc(count, sizeof(*n->name));
	if (!n->notifier || !n->stats || !n->name)
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	weir_targets_forget_others(n->role.spool_dir, &n->targets);
	for (unsigned i = 0; !rc && i < count; i++) {
		const struct weir_notifier_options options = {n->role.spool_dir, &n->targets.target[i], &weir_clock_system, on_news, n};

		n->name[i] = n->targets.target[i].name;
		rc = weir_notifier_start(&options, &n->notifier[i], err);
	}
	for (unsigned i = 0; !rc && i < count; i++)
		weir_log(&n->role.log, WEIR_LOG_INFO, "events go to %s at %s", n->targets.target[i].name, n->targets.target[i].shown);
	return rc;
}

/* At SIGHUP: another list of targets. */
static int reload(struct notify_role *n, struct weir_error *err)
{
	struct weir_targets targets;
	struct weir_config config;
	int rc = 0;

	if (!weir_role_reread(&n->role, &config))
		return 0;
	if (!config.notify_to.count) {
		weir_log(&n->role.log, WEIR_LOG_WARN, "notify.to names nobody any more: that needs a restart; until then all are told as before");
	} else if (weir_targets_read(&config, &targets, err)) {
		weir_log(&n->role.log, WEIR_LOG_ERROR, "who is told stays as it was: %s: %s%s%s", err->where, err->what, *err->next ? "; " : "", err->next);
	} else {
		stop_all(n);
		n->targets = targets;
		weir_log(&n->role.log, WEIR_LOG_INFO, "the configuration was read again");
		rc = start_all(n, err);
	}
	weir_config_done(&config);
	return rc;
}

static int serve(struct notify_role *n)
{
	struct weir_error err = {0};
	int rc = weir_role_drop(&n->role, n->role.config.collect_user, &err);

	if (!rc) {
		confine(n);
		rc = start_all(n, &err);
	}
	while (!rc) {
		publish(n);
		if (weir_role_wait(&n->role, PUBLISH_MS))
			return WEIR_EXIT_OK;
		rc = reload(n, &err);
	}
	return weir_role_cannot_open(rc, &err);
}

static int run(const struct weir_command *self, int argc, char **argv)
{
	struct values values = {0};
	struct notify_role n = {0};
	struct weir_error err = {0};
	int status = weir_role_init_options(self, argc, argv, &values, &n.role);

	if (status)
		return status < 0 ? WEIR_EXIT_OK : status;
	weir_buffer_init(&n.text);
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
	if (weir_targets_read(&n.role.config, &n.targets, &err))
		status = weir_fail(WEIR_EXIT_USAGE, &err);
	else if (values.test)
		status = test_targets(&n.targets, values.test);
	else if (!n.targets.count)
		status = weir_usage(self, "notify.to names nobody");
	else
		status = serve(&n);
	if (status == WEIR_EXIT_OK && n.notifier)
		weir_log(&n.role.log, WEIR_LOG_INFO, "ended");
	stop_all(&n);
	weir_buffer_done(&n.text);
	weir_role_done(&n.role);
	return status;
}

const struct weir_command weir_command_notify = {
	.name = "notify",
	.arguments = "[OPTION]...",
	.summary = "tell people and other systems of events: syslog, webhook, mail",
	.text = "Reads the events of the policy from the spool, as collect puts them there, and tells each target of notify.to those that it "
		"wants. `weir run` starts it where the configuration has notify.to. A target that is down delays itself only: it is tried "
		"again with growing pauses, up to a minute, and what it was not told waits in the spool; after a day that is passed over and "
		"counted. After a crash a target may be told of some events a second time, but of none not at all.\n\n"
		"A target is a line: its name, a URL, and options. syslog://HOST, syslog+tcp:// and syslog+tls:// are syslog (RFC 5424), "
		"http:// and https:// webhooks, smtp:// and smtps:// mail. `weir reference notify` explains all options, forms of webhooks "
		"and values of templates; so does doc/notify.md.\n\n"
		"Events that a rule or subject is silenced for (`weir events silence`) are told all the same: silence is of the list.",
	.options = OPTIONS,
	.examples = "weir notify --test all\tdoes each target get a message?\n"
		    "weir notify --config /etc/weir/weir.yaml\tas `weir run` starts it",
	.role = true,
	.run = run,
};
