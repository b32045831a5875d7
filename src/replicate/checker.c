/* How an output is seen to be dead.
 *
 * udp: the kernel hands the ICMP errors of what was sent to the connected socket that sent it. With
 * a rewritten source the lanes' own sockets tell at once. What has its source kept has the errors
 * go to the exporter; and to one that is down, nothing of a group's exporters is sent. In these two
 * cases a socket of the checker's sends an IPFIX message without sets, which is valid and tells
 * nothing (RFC 7011 §3), every interval, and hears what comes back. Outputs outside of groups get
 * no such message: they have all that there is for them, dead or not.
 *
 * url: an HTTP request, or a TCP connection, every interval. Two failures in a row make it down. */
#include "replicate/checker.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/writer.h"

#define EMPTY_MESSAGE 16
#define URL_FAILURES  2
#define STATUS_BAD    400
#define SINGLE_LOOKS  3 /* an output with no group is up again after so many looks: nothing moves by that */

struct check {
	struct weir_replicate_output *output; /* a reference; NULL: none */
	int64_t due_ns;
	int fd;     /* of udp checks; -1: none */
	bool asked; /* an empty message went out since the last look */
	CURL *easy; /* of url checks */
	bool running;
};

struct weir_checker {
	struct weir_checker_options options;
	CURLM *multi;
	struct check check[WEIR_REPLICATE_OUTPUTS_MAX];
};

struct weir_replicate_health_rule weir_checker_rule(const struct weir_checker_options *options,
						    const struct weir_replicate_output *output)
{
	unsigned soon_ms = options->interval_ms * SINGLE_LOOKS;
	bool soon = !*output->spec.group && soon_ms < options->return_ms;

	return (struct weir_replicate_health_rule){
		.failures = output->spec.health == WEIR_REPLICATE_HEALTH_URL ? URL_FAILURES : 1,
		.return_ns = (soon ? soon_ms : options->return_ms) * WEIR_NS_PER_MS,
	};
}

static bool note(struct weir_checker *checker, const struct check *c, bool well)
{
	const struct weir_replicate_health_rule rule = weir_checker_rule(&checker->options, c->output);

	return weir_replicate_output_note(c->output, &rule, well, weir_clock_mono_ns(&checker->options.clock));
}

/* --- udp ----------------------------------------------------------------------------------------------------- */

static void send_empty(struct weir_checker *checker, struct check *c)
{
	uint8_t message[EMPTY_MESSAGE];
	struct weir_writer w = weir_writer(message, sizeof(message));

	weir_writer_u16(&w, 10);
	weir_writer_u16(&w, EMPTY_MESSAGE);
	weir_writer_u32(&w, (uint32_t)(weir_clock_wall_ns(&checker->options.clock) / WEIR_NS_PER_S));
	weir_writer_u32(&w, 0); /* sequence number, domain */
	weir_writer_u32(&w, 0);
	(void)!send(c->fd, message, sizeof(message), MSG_DONTWAIT);
}

static bool look_udp(struct weir_checker *checker, struct check *c)
{
	const struct weir_replicate_output *o = c->output;
	bool asks = *o->spec.group && (o->spec.keep_source || !weir_replicate_output_up(o));
	bool well = !weir_replicate_output_refused(c->output);
	bool known = !asks || c->asked;
	bool changed = false;
	int error = 0;
	socklen_t len = sizeof(error);

	if (asks && c->fd < 0)
		c->fd = weir_replicate_output_connect(o);
	if (asks && c->fd < 0)
		return false; /* no descriptors left: nothing is known */
	if (c->asked && (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) || error)) {
		weir_replicate_output_clear_errors(c->fd);
		well = false;
	}
	if (known || !well)
		changed = note(checker, c, well);
	/* A failure of its own is no news at the next look. */
	(void)weir_replicate_output_refused(c->output);
	c->asked = asks;
	if (asks)
		send_empty(checker, c);
	return changed;
}

/* --- url ----------------------------------------------------------------------------------------------------- */

static size_t ignore(char *data, size_t size, size_t count, void *ctx)
{
	(void)data;
	(void)ctx;
	return size * count;
}

static void begin_url(struct weir_checker *checker, struct check *c)
{
	const char *url = c->output->spec.health_url;
	bool tcp = strncmp(url, "tcp://", 6) == 0;
	char plain[sizeof(c->output->spec.health_url) + 8];

	(void)snprintf(plain, sizeof(plain), "%s%s", tcp ? "http://" : "", tcp ? url + 6 : url);
	if (!c->easy)
		c->easy = curl_easy_init();
	if (!c->easy)
		return;
	curl_easy_reset(c->easy);
	curl_easy_setopt(c->easy, CURLOPT_URL, plain);
	curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c->easy, CURLOPT_CONNECT_ONLY, tcp ? 1L : 0L);
	curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, (long)checker->options.timeout_ms);
	curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(c->easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(c->easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(c->easy, CURLOPT_USERAGENT, "weir");
	curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, ignore);
	curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
	c->running = curl_multi_add_handle(checker->multi, c->easy) == CURLM_OK;
}

static bool end_url(struct weir_checker *checker, CURL *easy, CURLcode result)
{
	struct check *c = NULL;
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &c);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_multi_remove_handle(checker->multi, easy);
	/* A handle that only connected keeps its connection until it goes itself. */
	curl_easy_cleanup(easy);
	c->easy = NULL;
	c->running = false;
	return note(checker, c, result == CURLE_OK && status < STATUS_BAD);
}

static bool work_urls(struct weir_checker *checker, unsigned wait_ms)
{
	bool changed = false;
	CURLMsg *message;
	int running;
	int left;

	(void)curl_multi_perform(checker->multi, &running);
	while ((message = curl_multi_info_read(checker->multi, &left))) {
		if (message->msg == CURLMSG_DONE)
			changed |= end_url(checker, message->easy_handle, message->data.result);
	}
	(void)curl_multi_poll(checker->multi, NULL, 0, changed ? 0 : (int)wait_ms, NULL);
	return changed;
}

/* --- the round ----------------------------------------------------------------------------------------------- */

static void check_end(struct weir_checker *checker, struct check *c)
{
	if (c->running)
		(void)curl_multi_remove_handle(checker->multi, c->easy);
	if (c->easy)
		curl_easy_cleanup(c->easy);
	if (c->fd >= 0)
		(void)close(c->fd);
	weir_replicate_output_unref(c->output);
	*c = (struct check){.fd = -1};
}

static void follow_plan(struct weir_checker *checker, const struct weir_replicate_plan *plan)
{
	for (unsigned i = 0; i < WEIR_REPLICATE_OUTPUTS_MAX; i++) {
		struct check *c = &checker->check[i];

		if (c->output == plan->output[i])
			continue;
		check_end(checker, c);
		c->output = plan->output[i] ? weir_replicate_output_ref(plan->output[i]) : NULL;
	}
}

bool weir_checker_look(struct weir_checker *checker, const struct weir_replicate_plan *plan, unsigned wait_ms)
{
	int64_t now = weir_clock_mono_ns(&checker->options.clock);
	bool changed = false;

	follow_plan(checker, plan);
	for (unsigned i = 0; i < WEIR_REPLICATE_OUTPUTS_MAX; i++) {
		struct check *c = &checker->check[i];

		if (!c->output || c->output->spec.health == WEIR_REPLICATE_HEALTH_NONE || c->running ||
		    now < c->due_ns)
			continue;
		c->due_ns = now + checker->options.interval_ms * WEIR_NS_PER_MS;
		if (c->output->spec.health == WEIR_REPLICATE_HEALTH_UDP)
			changed |= look_udp(checker, c);
		else
			begin_url(checker, c);
	}
	return work_urls(checker, changed ? 0 : wait_ms) || changed;
}

int weir_checker_new(const struct weir_checker_options *options, struct weir_checker **ret_checker,
		     struct weir_error *err)
{
	struct weir_checker *c = calloc(1, sizeof(*c));

	if (!c || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(c);
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	}
	c->options = *options;
	for (unsigned i = 0; i < WEIR_REPLICATE_OUTPUTS_MAX; i++)
		c->check[i].fd = -1;
	c->multi = curl_multi_init();
	if (!c->multi) {
		weir_checker_free(c);
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	}
	*ret_checker = c;
	return 0;
}

void weir_checker_free(struct weir_checker *checker)
{
	if (!checker)
		return;
	for (unsigned i = 0; i < WEIR_REPLICATE_OUTPUTS_MAX; i++)
		check_end(checker, &checker->check[i]);
	if (checker->multi)
		(void)curl_multi_cleanup(checker->multi);
	curl_global_cleanup();
	free(checker);
}
