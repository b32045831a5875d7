/* What real exporters sent: $WEIR_CAPTURES/logstash, a datagram a file, and ipfixcol2's file of messages. The
 * numbers of flows and the values are those that Wireshark's dissector finds, but for these:
 *   netflow9_test_invalid01  has more sets than its header counts records; the sets' lengths tell where they are.
 *   procera                  has both address families in a record, of which IPv4's is zero where IPv6 is meant. */
#include "wire/testing.h"

#define FILES_MAX 4

struct capture {
	const char *file[FILES_MAX]; /* templates before data */
	unsigned flows;
	unsigned options;
	const char *faults;
	enum weir_column_id column; /* of the last row */
	const char *value;
};

#define V5(name)       "logstash/netflow5" name ".dat"
#define V9(name)       "logstash/netflow9_test_" name ".dat"
#define IPFIX(name)    "logstash/ipfix_test_" name ".dat"
#define COLUMN_IS(c, v) .column = WEIR_COL_##c, .value = v
#define NO_ROW		.value = NULL

static const struct capture CAPTURES[] = {
	{{V5("")}, 30, 0, "", COLUMN_IS(SRC_PORT, "22")},
	{{V5("_test_invalid01")}, 30, 0, "count_mismatch", COLUMN_IS(BYTES, "64")},
	{{V5("_test_juniper_mx80")}, 29, 0, "", COLUMN_IS(SAMPLING_RATE, "1000")},
	{{V5("_test_microtik")}, 30, 0, "", COLUMN_IS(SAMPLING_RATE, "1")},
	{{V9("valid01")}, 7, 0, "", COLUMN_IS(ICMP_TYPE, "134")},
	{{V9("invalid01")}, 2, 1, "", COLUMN_IS(SAMPLING_RATE, "100")},
	{{V9("0length_fields_tpl_data")}, 10, 0, "", COLUMN_IS(BYTES, "0")},
	{{V9("cisco_1941K9")}, 29, 0, "", COLUMN_IS(BYTES, "194")},
	{{V9("cisco_aci_tpl256-258"), V9("cisco_aci_data256")}, 3, 0, "", COLUMN_IS(BYTES, "99")},
	{{V9("cisco_asa_1_tpl"), V9("cisco_asa_1_data")}, 14, 0, "", COLUMN_IS(FIREWALL_EVENT, "2")},
	{{V9("cisco_nbar_opttpl260"), V9("cisco_nbar_tpl262"), V9("cisco_nbar_data262")}, 5, 15, "",
	 COLUMN_IS(BYTES, "2794")},
	{{V9("cisco_wlc_tpl"), V9("cisco_wlc_data261")}, 19, 0, "", COLUMN_IS(BYTES, "80973880")},
	{{V9("cisco_wlc_8510_tpl_262")}, 0, 0, "", NO_ROW},
	{{V9("field_layer2segmentid_tpl"), V9("field_layer2segmentid_data")}, 1, 0, "", COLUMN_IS(VNI, "0")},
	{{V9("fortigate_fortios_521_tpl"), V9("fortigate_fortios_521_data256"), V9("fortigate_fortios_521_data257")}, 1, 1, "",
	 COLUMN_IS(BYTES, "152")},
	{{V9("fortigate_fortios_542_appid_tpl258-269"), V9("fortigate_fortios_542_appid_data258_262")}, 17, 0, "",
	 COLUMN_IS(BYTES, "2164")},
	{{V9("huawei_netstream_tpl"), V9("huawei_netstream_data")}, 1, 0, "", COLUMN_IS(BYTES, "200")},
	{{V9("iptnetflow_reduced_size_encoding_tpldata260")}, 12, 0, "template_missing=6", COLUMN_IS(BYTES, "187")},
	{{V9("juniper_srx_tplopt")}, 0, 1, "", NO_ROW},
	{{V9("macaddr_tpl"), V9("macaddr_data")}, 29, 1, "", COLUMN_IS(DST_ADDR, "172.16.32.1")},
	{{V9("nprobe_tpl"), V9("nprobe_data")}, 1, 1, "", COLUMN_IS(SRC_PORT, "22")},
	{{V9("nprobe_dpi")}, 1, 0, "set_padding", COLUMN_IS(BYTES, "82")}, /* 17 bytes too many for a record */
	{{V9("paloalto_81_tpl256-263"), V9("paloalto_81_data257_1flowset_in_large_zerofilled_packet")}, 1, 0, "",
	 COLUMN_IS(APPLICATION_NAME, "kerberos")},
	{{"logstash/ipfix.dat"}, 12, 1, "", COLUMN_IS(BYTES, "232")},
	{{IPFIX("ixia_tpldata256")}, 1, 0, "", COLUMN_IS(BYTES, "360")},
	{{IPFIX("ixia_tpldata271")}, 2, 0, "", COLUMN_IS(BYTES, "0")},

	 {{IPFIX("juniper_mx240_junos151r6s3_opttpl512"), IPFIX("juniper_mx240_junos151r6s3_data512")}, 0, 1, "", NO_ROW},
	{{IPFIX("openbsd_pflow_tpl"), IPFIX("openbsd_pflow_data")}, 26, 0, "", COLUMN_IS(BYTES, "6425")},
	{{IPFIX("procera_tpl52935"), IPFIX("procera_data52935")}, 8, 0, "", COLUMN_IS(DST_ADDR, "138.44.161.13")},
	{{IPFIX("viptela_tpl257"), IPFIX("viptela_data257")}, 1, 0, "", COLUMN_IS(BYTES, "775")},
	{{IPFIX("vmware_vds_tpl"), IPFIX("vmware_vds_data264"), IPFIX("vmware_vds_data266")}, 3, 0, "",
	 COLUMN_IS(BYTES, "229")},
	/* Seven sets are padded with what is not zero, which RFC 7011 §3.3.1 forbids. */
	{{"ipfixcol2/doc__data__ipfix__example_flows.ipfix"}, 3979, 0, "set_padding=7", COLUMN_IS(BYTES, "96")},
};

static char folder[4096];
static bool absent;

static void decode_file(struct fixture *f, const char *name)
{
	static uint8_t data[1 << 20];
	char path[4352];
	size_t len;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rb");
	if (!file)
		fail_msg("%s: cannot be opened", path);
	len = fread(data, 1, sizeof(data), file);
	(void)fclose(file);
	for (size_t at = 0; at < len;) {
		size_t message = weir_decoder_message_len(data + at, len - at);

		assert_true(message > 0);
		decode_bytes(f, data + at, message);
		at += message;
	}
}

static void test_captures(void **state)
{
	(void)state;
	if (absent)
		skip();
	for (size_t i = 0; i < sizeof(CAPTURES) / sizeof(CAPTURES[0]); i++) {
		const struct capture *c = &CAPTURES[i];
		struct fixture *f = fixture_new(NULL, NULL);

		for (unsigned j = 0; j < FILES_MAX && c->file[j]; j++)
			decode_file(f, c->file[j]);
		if (f->block->rows != c->flows || stats(f)->option_records != c->options)
			print_error("%s\n", c->file[0]);
		assert_int_equal(f->block->rows, c->flows);
		assert_int_equal(stats(f)->option_records, c->options);
		assert_faults(f, c->faults);
		if (c->value)
			assert_string_equal(cell(f, c->flows - 1, c->column), c->value);
		fixture_free(f);
	}
}

/* Data alone is a named fault, not a guess; before its template it waits. */
static void test_data_alone(void **state)
{
	struct fixture *f = *state;

	if (absent)
		skip();
	decode_file(f, V9("huawei_netstream_data"));
	assert_faults(f, "template_missing");
	assert_int_equal(f->block->rows, 0);
	decode_file(f, V9("huawei_netstream_data"));
	decode_file(f, V9("huawei_netstream_tpl"));
	assert_faults(f, "template_missing");
	assert_int_equal(f->block->rows, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_captures),
		FIXTURE_TEST(test_data_alone),
	};
	const char *given = getenv("WEIR_CAPTURES");
	char probe[4352];
	FILE *file;

	(void)snprintf(folder, sizeof(folder), "%s", given ? given : WEIR_SOURCE_DIR "/../shared/captures");
	(void)snprintf(probe, sizeof(probe), "%s/%s", folder, CAPTURES[0].file[0]);
	file = fopen(probe, "rb");
	absent = !file;
	if (absent)
		printf("skipped: there are no captures under %s (WEIR_CAPTURES names another place)\n", folder);
	else
		(void)fclose(file);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
