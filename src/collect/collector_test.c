#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "collect/collector.h"
#include "collect/metrics.h"
#include "export/encoder.h"

#define WORKERS	  2
#define EXPORTERS 20
#define FLOWS	  1000 /* of each exporter */

struct fixture {
	char dir[64];
	struct weir_udp *udp[WORKERS];
	struct weir_sessions *sessions;
	uint16_t port;
	uint16_t tcp_port;
	struct weir_collector *collector;
};

static struct weir_collector_options options_of(const struct fixture *f)
{
	return (struct weir_collector_options){
		.udp = f->udp,
		.workers = WORKERS,
		.sessions = f->sessions,
		.limits = weir_decoder_limits_default,
		.spool_dir = f->dir,
		.spool_size_max_bytes = 1 << 30,
		.spool_segment_bytes = 1 << 20,
		.sync_ms = 50,
		.seed = 1,
		.clock = &weir_clock_system,
	};
}

static int setup(void **state)
{
	static const char listen[] = "127.0.0.1:0";
	const char *list = listen;
	struct weir_udp_options udp = {.listen = &list, .listens = 1, .receive_buffer_bytes = 4 << 20};
	struct weir_sessions_options sessions = {.tcp_listen = &list,
						 .tcp_listens = 1,
						 .sessions_max = EXPORTERS,
						 .per_address_max = EXPORTERS,
						 .timeout_ms = 60000,
						 .clock = &weir_clock_system};
	struct fixture *f = calloc(1, sizeof(*f));
	bool tls;
	struct weir_collector_options options;
	struct weir_error err = {0};

	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/weir-collector-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	if (weir_udp_open(&udp, WORKERS, f->udp, &err))
		fail_msg("%s: %s", err.where, err.what);
	f->port = (uint16_t)strtoul(strrchr(weir_udp_bound(f->udp[0], 0), ':') + 1, NULL, 10);
	if (weir_sessions_open(&sessions, &f->sessions, &err))
		fail_msg("%s: %s", err.where, err.what);
	f->tcp_port = (uint16_t)strtoul(strrchr(weir_sessions_bound(f->sessions, 0, &tls), ':') + 1, NULL, 10);
	options = options_of(f);
	if (weir_collector_new(&options, &f->collector, &err))
		fail_msg("%s: %s", err.where, err.what);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	weir_collector_free(f->collector);
	for (unsigned i = 0; i < WORKERS; i++)
		weir_udp_close(f->udp[i]);
	weir_sessions_close(f->sessions);
	(void)snprintf(command, sizeof(command), "rm -r %s", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static int send_message(void *ctx, const uint8_t *data, size_t len)
{
	const int *fd = ctx;

	return send(*fd, data, len, 0) == (ssize_t)len ? 0 : -errno;
}

static struct weir_block *flows_of(uint32_t exporter)
{
	struct weir_block *b;
	struct weir_column_set present = {0};

	assert_int_equal(weir_block_new(&weir_block_limits_default, &b), 0);
	for (uint32_t i = 0; i < FLOWS; i++) {
		weir_block_addr(b, WEIR_COL_SRC_ADDR)[i] = weir_addr_from_v4((const uint8_t[4]){192, 0, 2, (uint8_t)exporter});
		weir_block_addr(b, WEIR_COL_DST_ADDR)[i] = weir_addr_from_v4((const uint8_t[4]){203, 0, 113, (uint8_t)i});
		weir_block_u64(b, WEIR_COL_BYTES)[i] = 100 + i;
		weir_block_u64(b, WEIR_COL_PACKETS)[i] = 1;
	}
	weir_column_set_add(&present, WEIR_COL_SRC_ADDR);
	weir_column_set_add(&present, WEIR_COL_DST_ADDR);
	weir_column_set_add(&present, WEIR_COL_BYTES);
	weir_column_set_add(&present, WEIR_COL_PACKETS);
	weir_block_commit(b, FLOWS, &present);
	return b;
}

/* type: SOCK_DGRAM for NetFlow v9, SOCK_STREAM for IPFIX. Returns the socket. */
static int export_over(const struct fixture *f, int type, uint32_t exporter)
{
	struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000100 + exporter)};
	struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons(type == SOCK_STREAM ? f->tcp_port : f->port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct weir_encoder_options options = {
		.version = type == SOCK_STREAM ? WEIR_FLOW_IPFIX : WEIR_FLOW_NETFLOW9, .domain = exporter};
	int fd = socket(AF_INET, type, 0);
	struct weir_encoder_output output = {.send = send_message, .ctx = &fd};
	struct weir_encoder *encoder;
	struct weir_block *block = flows_of(exporter);

	assert_int_equal(bind(fd, (struct sockaddr *)&source, sizeof(source)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&target, sizeof(target)), 0);
	assert_int_equal(weir_encoder_new(&options, &encoder), 0);
	assert_int_equal(weir_encoder_encode(encoder, block, 0, block->rows, 1700000000000, &output), 0);
	weir_encoder_free(encoder);
	weir_block_free(block);
	return fd;
}

static void export_from(const struct fixture *f, uint32_t exporter)
{
	close(export_over(f, SOCK_DGRAM, exporter));
}

static void sleep_ms(long ms)
{
	struct timespec t = {.tv_sec = 0, .tv_nsec = ms * 1000000};

	(void)nanosleep(&t, NULL);
}

static struct weir_collector_stats wait_for_flows(const struct fixture *f, uint64_t flows)
{
	struct weir_collector_stats stats = {0};

	for (unsigned i = 0; i < 1000 && stats.decoder.flows < flows; i++) {
		sleep_ms(10);
		weir_collector_stats(f->collector, &stats);
	}
	return stats;
}

static uint64_t rows_in_spool(const struct fixture *f)
{
	struct weir_spool_reader *reader;
	struct weir_spool_segment segment;
	struct weir_error err = {0};
	uint64_t rows = 0;
	int rc;

	assert_int_equal(weir_spool_reader_open(f->dir, "test", &reader, &err), 0);
	while ((rc = weir_spool_next(reader, &segment, &err)) > 0) {
		rows += segment.rows;
		assert_int_equal(weir_spool_commit(reader, &segment, &err), 0);
	}
	if (rc < 0)
		fail_msg("%s: %s", err.where, err.what);
	weir_spool_reader_close(reader);
	return rows;
}

static void test_what_is_sent_is_in_the_spool(void **state)
{
	struct fixture *f = *state;
	struct weir_collector_stats stats;
	struct weir_error err = {0};

	/* The consumer is known before the first segment, so that nothing is removed unread. */
	assert_int_equal(rows_in_spool(f), 0);
	assert_int_equal(weir_collector_start(f->collector, &err), 0);
	for (uint32_t i = 1; i <= EXPORTERS; i++) {
		export_from(f, i);
		(void)wait_for_flows(f, (uint64_t)i * FLOWS);
	}
	stats = wait_for_flows(f, EXPORTERS * FLOWS);
	assert_int_equal(stats.decoder.flows, EXPORTERS * FLOWS);
	assert_int_equal(stats.udp.kernel_drops, 0);
	for (unsigned i = 0; i < WEIR_FAULTS; i++)
		assert_int_equal(stats.decoder.fault[i], 0);
	weir_collector_stop(f->collector);
	weir_collector_stats(f->collector, &stats);
	assert_int_equal(stats.spool.rows, EXPORTERS * FLOWS);
	assert_int_equal(stats.spool.lost_rows, 0);
	assert_int_equal(rows_in_spool(f), EXPORTERS * FLOWS);
	assert_false(weir_collector_error(f->collector, &err));
	assert_false(weir_collector_failed(f->collector, &err));
}

/* While they work: what each exporter sent, and what it told for the next start, of which each worker takes its part. */
static void test_exporters_are_told_and_kept(void **state)
{
	struct fixture *f = *state;
	struct weir_collector_options options;
	struct weir_collector_stats stats;
	struct weir_reports reports = {0};
	struct weir_error err = {0};
	struct weir_buffer kept;
	uint64_t flows = 0;

	weir_buffer_init(&kept);
	assert_int_equal(rows_in_spool(f), 0);
	assert_int_equal(weir_collector_start(f->collector, &err), 0);
	for (uint32_t i = 1; i <= EXPORTERS; i++) {
		export_from(f, i);
		(void)wait_for_flows(f, (uint64_t)i * FLOWS);
		weir_buffer_reset(&kept);
		assert_true(weir_collector_state(f->collector, &kept) >= 0);
		weir_reports_done(&reports);
		assert_int_equal(weir_collector_reports(f->collector, &reports), 0);
	}
	weir_collector_stop(f->collector);
	weir_reports_done(&reports);
	assert_int_equal(weir_collector_reports(f->collector, &reports), 0);
	assert_int_equal(reports.count, EXPORTERS + 1);
	for (size_t i = 0; i < reports.count; i++)
		flows += reports.report[i].account.stats.flows;
	assert_int_equal(flows, EXPORTERS * FLOWS);
	weir_reports_done(&reports);
	weir_buffer_reset(&kept);
	assert_int_equal(weir_collector_state(f->collector, &kept), 1);
	assert_true(kept.len > 0);
	weir_collector_free(f->collector);
	options = options_of(f);
	options.state = &kept;
	assert_int_equal(weir_collector_new(&options, &f->collector, &err), 0);
	assert_int_equal(weir_collector_start(f->collector, &err), 0);
	weir_collector_stop(f->collector);
	weir_collector_stats(f->collector, &stats);
	assert_int_equal(stats.state_exporters, EXPORTERS);
	assert_int_equal(stats.state_ignored, 0);
	weir_buffer_done(&kept);
}

static void test_stop_takes_in_what_the_sockets_hold(void **state)
{
	struct fixture *f = *state;
	struct weir_collector_stats stats;
	struct weir_error err = {0};

	assert_int_equal(rows_in_spool(f), 0);
	export_from(f, 1);
	assert_int_equal(weir_collector_start(f->collector, &err), 0);
	weir_collector_stop(f->collector);
	weir_collector_stats(f->collector, &stats);
	assert_int_equal(stats.spool.rows, FLOWS);
	assert_int_equal(rows_in_spool(f), FLOWS);
}

/* Sessions beside datagrams; one sends nonsense and loses its session, and nobody else is the worse for it. */
static void test_sessions_beside_datagrams(void **state)
{
	struct fixture *f = *state;
	struct weir_collector_stats stats = {0};
	struct weir_error err = {0};
	int fd[EXPORTERS];

	assert_int_equal(rows_in_spool(f), 0);
	assert_int_equal(weir_collector_start(f->collector, &err), 0);
	for (uint32_t i = 0; i < EXPORTERS; i++) {
		fd[i] = export_over(f, SOCK_STREAM, i + 1);
		export_from(f, i + 1);
		(void)wait_for_flows(f, (uint64_t)(i + 1) * 2 * FLOWS);
	}
	assert_int_equal(send(fd[0], "nonsense", 8, MSG_NOSIGNAL), 8);
	for (unsigned i = 0; i < 1000 && !stats.sessions.malformed; i++) {
		sleep_ms(10);
		weir_collector_stats(f->collector, &stats);
	}
	assert_int_equal(stats.sessions.open, EXPORTERS - 1);
	assert_int_equal(stats.decoder.fault[WEIR_FAULT_SESSION_FRAMING], 1);
	assert_true(weir_collector_error(f->collector, &err));
	assert_string_equal(err.where, "127.0.1.1");
	for (uint32_t i = 0; i < EXPORTERS; i++)
		close(fd[i]);
	weir_collector_stop(f->collector);
	weir_collector_stats(f->collector, &stats);
	assert_int_equal(stats.decoder.flows, 2 * EXPORTERS * FLOWS);
	assert_int_equal(stats.sessions.accepted, EXPORTERS);
	assert_int_equal(stats.spool.rows, 2 * EXPORTERS * FLOWS);
	assert_int_equal(rows_in_spool(f), 2 * EXPORTERS * FLOWS);
}

static void test_metrics_have_every_fault(void **state)
{
	struct fixture *f = *state;
	struct weir_collector_stats stats;
	struct weir_buffer text;
	const char *shown;

	weir_collector_stats(f->collector, &stats);
	stats.decoder.flows = 12345;
	weir_buffer_init(&text);
	assert_int_equal(weir_collect_metrics(&stats, 1500, &text), 0);
	shown = weir_buffer_cstr(&text);
	assert_non_null(strstr(shown, "\nweir_collect_flows_total 12345\n"));
	assert_non_null(strstr(shown, "\nweir_collect_start_time_seconds 1.5\n"));
	for (unsigned i = 0; i < WEIR_FAULTS; i++) {
		char line[128];

		(void)snprintf(line, sizeof(line), "\nweir_collect_faults_total{fault=\"%s\"} 0\n", weir_faults[i].name);
		if (!strstr(shown, line))
			fail_msg("no line%s", line);
	}
	weir_buffer_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_sent_is_in_the_spool, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exporters_are_told_and_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_takes_in_what_the_sockets_hold, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sessions_beside_datagrams, setup, teardown),
		cmocka_unit_test_setup_teardown(test_metrics_have_every_fault, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
