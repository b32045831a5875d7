#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generate/network.h"
#include "generate/network_file.h"

/* Zone and role of the longest prefix that has the address; its length, or 0. */
static unsigned look_up(char *rows, const struct weir_addr *addr, char ret_zone[32], char ret_role[32])
{
	unsigned best = 0;
	char *next = strchr(rows, '\n') + 1;

	while (*next) {
		char *slash = strchr(next, '/'), *end = strchr(next, '\n'), zone[32], role[32] = "";
		struct weir_addr prefix;
		unsigned bits, bit = 0;

		*slash = '\0';
		assert_int_equal(weir_addr_parse(next, &prefix), 0);
		*slash = '/';
		bits = (unsigned)strtoul(slash + 1, &next, 10) + (weir_addr_is_v4(&prefix) ? 96 : 0);
		assert_true(sscanf(next, ",%31[^,],%31[^,]", zone, role) >= 1);
		while (bit < bits && !((prefix.byte[bit / 8] ^ addr->byte[bit / 8]) >> (7 - bit % 8) & 1))
			bit++;
		if (bit == bits && bits > best) {
			best = bits;
			strcpy(ret_zone, zone);
			strcpy(ret_role, role);
		}
		next = end + 1;
	}
	return best;
}

static char *file_of(uint32_t site, struct weir_buffer *out)
{
	weir_buffer_init(out);
	assert_int_equal(weir_network_file_header(out), 0);
	assert_int_equal(weir_network_file_site(site, true, out), 0);
	assert_non_null(weir_buffer_cstr(out));
	return (char *)out->data;
}

static void test_each_host_has_its_role(void **state)
{
	static struct weir_network network;
	static const uint32_t sites[] = {0, 7, 4500, 60000};

	(void)state;
	weir_network_init(&network);
	for (unsigned s = 0; s < sizeof(sites) / sizeof(sites[0]); s++) {
		struct weir_buffer out;
		char *rows = file_of(sites[s], &out);

		for (unsigned role = 0; role < WEIR_ROLE_CONTENT; role++) {
			const uint32_t last = weir_roles[role].hosts - 1, ranks[] = {0, last / 3, last / 2, last};

			for (unsigned i = 0; i < 8; i++) {
				char zone[32] = "", found[32] = "";
				struct weir_host host;

				weir_network_host(&network, sites[s], sites[s], (enum weir_role)role, ranks[i / 2], i % 2, &host);
				if (!look_up(rows, &host.addr, zone, found) || !*zone || strcmp(found, weir_roles[role].name) != 0)
					fail_msg("%s: rank %u of site %u is \"%s\" in \"%s\"", weir_roles[role].name,
						 ranks[i / 2], sites[s], found, zone);
			}
		}
		weir_buffer_done(&out);
	}
}

static void test_nobody_else_has_a_role(void **state)
{
	static const struct {
		const char *addr, *zone, *role;
	} rows[] = {
		{"10.0.12.52", "services", ""},	      {"10.0.12.55", "services", ""},
		{"10.0.13.19", "management", ""},     {"10.0.13.32", "management", ""},
		{"2001:db8:0:c::34", "services", ""}, {"2001:db8:0:c::35", "services", "dns"},
		{"10.0.0.1", "clients", "client"},    {"10.0.15.16", "overlay", "vtep"},
		{"10.0.16.1", "", ""},		      {"2001:db8:1::1", "", ""},
		{"142.250.1.1", "", ""},
	};
	struct weir_buffer out;
	char *file = file_of(0, &out);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char zone[32] = "", role[32] = "";
		struct weir_addr addr;

		assert_int_equal(weir_addr_parse(rows[i].addr, &addr), 0);
		(void)look_up(file, &addr, zone, role);
		if (strcmp(zone, rows[i].zone) != 0 || strcmp(role, rows[i].role) != 0)
			fail_msg("%s is \"%s\" in \"%s\"", rows[i].addr, role, zone);
	}
	weir_buffer_done(&out);
}

static void test_the_form(void **state)
{
	static const char begin[] = "prefix,zone,role,description,owner\n"
				    "10.0.48.0/21,clients,client,\"site 3: workplaces\",workplace\n";
	struct weir_buffer out;
	char *file = file_of(3, &out);

	(void)state;
	assert_int_equal(strncmp(file, begin, sizeof(begin) - 1), 0);
	assert_non_null(strstr(file, "\n10.0.57.0/24,things,,\"site 3: printers, cameras and sensors\",facilities\n"));
	assert_non_null(strstr(file, "\n10.0.60.53/32,services,dns,\"site 3: approved DNS resolvers\",network\n"));
	weir_buffer_reset(&out);
	assert_int_equal(weir_network_file_site(3, false, &out), 0);
	assert_non_null(weir_buffer_cstr(&out));
	assert_null(strstr((char *)out.data, "10.0."));
	assert_non_null(strstr((char *)out.data, "2001:db8:3:f::/64,overlay,vtep,"));
	weir_buffer_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_host_has_its_role),
		cmocka_unit_test(test_nobody_else_has_a_role),
		cmocka_unit_test(test_the_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
