#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/tcp.h"

#define MS 1000

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

/* From half `from`, at a time. */
static bool see(struct weir_flow *f, unsigned from, int64_t us, unsigned flags, uint32_t seq, uint32_t ack, uint32_t payload)
{
	const struct weir_sight s = {.from = (uint8_t)from, .time_us = us, .tcp_flags = (uint16_t)flags, .tcp_seq = seq, .tcp_ack = ack,
				     .tcp_payload = payload, .tcp_window = 100, .is_tcp = true, .has_sequence = true};

	return weir_tcp_count(f, &s);
}

/* The server's side took 20 ms, the client's 5. */
static struct weir_flow open_flow(uint32_t seq)
{
	struct weir_flow f = {0};

	assert_false(see(&f, 1, 0, SYN, seq, 0, 0));
	assert_false(see(&f, 0, 20 * MS, SYN | ACK, 5000, seq + 1, 0));
	assert_false(see(&f, 1, 25 * MS, ACK, seq + 1, 5001, 0));
	return f;
}

static void assert_counts(const struct weir_flow *f, unsigned half, unsigned retransmitted, unsigned out_of_order)
{
	assert_int_equal(f->half[half].retransmitted, retransmitted);
	assert_int_equal(f->half[half].out_of_order, out_of_order);
}

static void test_handshake(void **state)
{
	struct weir_flow f = open_flow(1000);

	(void)state;
	assert_int_equal(f.server_rtt_us, 20 * MS);
	assert_int_equal(f.client_rtt_us, 5 * MS);
	assert_int_equal(f.client, 1);
	assert_int_equal(f.key.state, 0);
	assert_false(see(&f, 1, 90 * MS, ACK, 1001, 5001, 10));
	assert_int_equal(f.client_rtt_us, 5 * MS);
	assert_counts(&f, 1, 0, 0);
}

/* The clock starts at the last SYN, as in Wireshark; an answer without a question has none. */
static void test_handshake_again(void **state)
{
	struct weir_flow f = {0};

	(void)state;
	(void)see(&f, 0, 0, SYN | ACK, 5000, 1, 0);
	(void)see(&f, 1, MS, ACK, 1, 5001, 0);
	assert_int_equal(f.server_rtt_us + f.client_rtt_us, 0);
	f = (struct weir_flow){0};
	(void)see(&f, 1, 0, SYN, 1000, 0, 0);
	(void)see(&f, 1, 1000 * MS, SYN, 1000, 0, 0);
	(void)see(&f, 0, 1020 * MS, SYN | ACK, 5000, 1001, 0);
	assert_int_equal(f.server_rtt_us, 20 * MS);
	assert_counts(&f, 1, 1, 0);
}

/* Sequence numbers that wrap are no different. */
static void test_retransmission(void **state)
{
	static const uint32_t SEQ[] = {1000, UINT32_MAX - 120};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct weir_flow f = open_flow(SEQ[i]);
		uint32_t at = SEQ[i] + 1;

		(void)see(&f, 1, 100 * MS, ACK, at, 5001, 100);
		(void)see(&f, 1, 101 * MS, ACK, at + 100, 5001, 100);
		(void)see(&f, 1, 400 * MS, ACK, at, 5001, 100);
		assert_counts(&f, 1, 1, 0);
		(void)see(&f, 1, 401 * MS, ACK, at + 200, 5001, 100);
		assert_counts(&f, 1, 1, 0);
		assert_counts(&f, 0, 0, 0);
	}
}

/* Within the handshake's 25 ms, and not acknowledged: it was overtaken. */
static void test_out_of_order(void **state)
{
	struct weir_flow f = open_flow(1000);

	(void)state;
	(void)see(&f, 1, 100 * MS, ACK, 1101, 5001, 100);
	(void)see(&f, 1, 110 * MS, ACK, 1001, 5001, 100);
	assert_counts(&f, 1, 0, 1);
	(void)see(&f, 0, 111 * MS, ACK, 5001, 1201, 0);
	(void)see(&f, 1, 112 * MS, ACK, 1001, 5001, 100); /* acknowledged: sent in vain */
	assert_counts(&f, 1, 1, 1);
}

/* Asked for by acknowledgements that repeat: sent again, however soon. */
static void test_fast_retransmission(void **state)
{
	struct weir_flow f = open_flow(1000);

	(void)state;
	(void)see(&f, 0, 90 * MS, ACK, 5001, 1001, 0);
	(void)see(&f, 1, 100 * MS, ACK, 1101, 5001, 100);
	(void)see(&f, 0, 101 * MS, ACK, 5001, 1001, 0);
	(void)see(&f, 0, 102 * MS, ACK, 5001, 1001, 0);
	(void)see(&f, 1, 103 * MS, ACK, 1001, 5001, 100);
	assert_counts(&f, 1, 1, 0);
}

static void test_keepalive(void **state)
{
	struct weir_flow f = open_flow(1000);

	(void)state;
	(void)see(&f, 1, 100 * MS, ACK, 1001, 5001, 100);
	(void)see(&f, 0, 101 * MS, ACK, 5001, 1101, 0);
	(void)see(&f, 1, 9000 * MS, ACK, 1100, 5001, 1);
	(void)see(&f, 1, 19000 * MS, ACK, 1100, 5001, 0);
	assert_counts(&f, 1, 0, 0);
}

static void test_end(void **state)
{
	struct weir_flow f = open_flow(1000), reset = open_flow(1000);

	(void)state;
	assert_false(see(&f, 1, 100 * MS, FIN | ACK, 1001, 5001, 0));
	assert_true(see(&f, 0, 110 * MS, FIN | ACK, 5001, 1002, 0));
	assert_true(see(&reset, 0, 110 * MS, RST, 5001, 0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake),	  cmocka_unit_test(test_handshake_again),
		cmocka_unit_test(test_retransmission),	  cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_fast_retransmission), cmocka_unit_test(test_keepalive),
		cmocka_unit_test(test_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
