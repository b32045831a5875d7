"""Options and counters: their way from exporters to tables of their own, once, and what is made of them."""
import signal
import urllib.request

import pytest

from conftest import wait_until
from lab import send_all, udp_payloads
from test_exporter_state import v9, words
from test_sink import System

INTERFACES = [(1, words(260, 4, 8, 2, 4, 82, 8, 83, 8)),
              (260, (3).to_bytes(4) + b"Gi0/3\0\0\0uplink\0\0" + (4).to_bytes(4) + b"Gi0/4\0\0\0" + bytes(8))]
APPLICATIONS = [(1, words(261, 4, 8, 1, 0, 95, 4, 96, 8)), (261, bytes([13, 0, 0, 1]) + b"http\0\0\0\0")]
FLOWS = [(0, words(262, 4, 8, 4, 10, 4, 95, 4, 1, 4)),
         (262, bytes([10, 0, 0, 1, 0, 0, 0, 3, 13, 0, 0, 1, 0, 0, 0, 100]))]


def sflow_interface(sequence, octets):
    """A datagram with the counters of interface 12."""
    counters = b"".join(n.to_bytes(size) for n, size in
                        [(12, 4), (6, 4), (10**10, 8), (1, 4), (3, 4), (octets, 8), *[(n, 4) for n in range(6)], (octets * 2, 8),
                         *[(n, 4) for n in range(6)]])
    record = (1).to_bytes(4) + len(counters).to_bytes(4) + counters
    sample = (7).to_bytes(4) + (12).to_bytes(4) + (1).to_bytes(4) + record
    return b"".join(n.to_bytes(4) for n in (5, 1, 0xc6336407, 0, sequence, 1000, 1, 2, len(sample))) + sample


@pytest.fixture
def system(weir, tmp_path, embedded_store):
    made = System(weir, tmp_path)
    yield made
    made.end_all()


def lines(system, sql):
    with urllib.request.urlopen(f"{system.url}/?database=weir", sql.encode(), timeout=60) as answer:
        return answer.read().decode().splitlines()


def collect(system, payloads):
    """A spool with what these datagrams say, and nobody running."""
    process = system.start("collect")
    wait_until("collect", lambda: process.poll() is None and "listening" in system.log("collect"))
    send_all(payloads, system.collect_port)
    wait_until("the messages", lambda: system.metrics("collect").get("weir_collect_messages_total") == len(payloads))
    assert system.end("collect") == 0
    return system.metrics("collect")


def store(system, records):
    system.start("store")
    system.start("sink")
    wait_until("the records", lambda: system.metrics("sink").get("weir_sink_records_total") == records, 60)
    wait_until("the spool's end", lambda: system.metrics("sink").get("weir_sink_backlog_segments") == 0)


def test_options_and_counters_are_stored_once(system):
    metrics = collect(system, [v9(1, INTERFACES + APPLICATIONS), v9(2, FLOWS), v9(3, INTERFACES),
                               sflow_interface(1, 5 * 10**12), sflow_interface(2, 6 * 10**12)])
    # Five options, the second time no news, and twice 18 counters.
    assert metrics["weir_spool_records_total"] == 5 + 2 * 18
    assert metrics["weir_spool_rows_total"] == 1
    store(system, 41)
    assert system.metrics("sink")["weir_sink_rows_total"] == 1
    options = "SELECT exporter_addr, flow_type, observation_domain, kind, id, name, value FROM exporter_options FINAL ORDER BY ALL"
    expected = ["::ffff:127.0.0.1\tnetflow_v9\t7\tapplication\t13:1\tapplicationName\thttp",
                "::ffff:127.0.0.1\tnetflow_v9\t7\tinterface\t3\tinterfaceDescription\tuplink",
                "::ffff:127.0.0.1\tnetflow_v9\t7\tinterface\t3\tinterfaceName\tGi0/3",
                "::ffff:127.0.0.1\tnetflow_v9\t7\tinterface\t4\tinterfaceDescription\t",
                "::ffff:127.0.0.1\tnetflow_v9\t7\tinterface\t4\tinterfaceName\tGi0/4"]
    assert lines(system, options) == expected
    counters = ("SELECT exporter_addr, flow_type, kind, source, name, groupArray(value), count() FROM "
                "(SELECT * FROM counters ORDER BY value) WHERE name IN ('if_in_octets', 'if_speed') GROUP BY ALL ORDER BY ALL")
    in_octets = "[5000000000000,6000000000000]"
    counted = [f"::ffff:198.51.100.7\tsflow_v5\tinterface\t12\tif_in_octets\t{in_octets}\t2",
               "::ffff:198.51.100.7\tsflow_v5\tinterface\t12\tif_speed\t[10000000000,10000000000]\t2"]
    assert lines(system, counters) == counted
    # What options said is on the flow, or can be joined to it.
    assert lines(system, "SELECT application_name, interface_name, interface_description FROM flows LEFT JOIN exporter_interfaces "
                         "ON flows.exporter_addr = exporter_interfaces.exporter_addr AND in_if = interface") == \
        ["http\tGi0/3\tuplink"]
    # A consumer that lost its position sends everything again, and nothing changes.
    assert system.end("sink") == 0
    (system.data / "spool/position/clickhouse").unlink()
    system.start("sink")
    wait_until("all again", lambda: system.metrics("sink").get("weir_sink_records_total") == 41)
    assert lines(system, options.replace(" FINAL", "")) == expected
    assert lines(system, counters) == counted


def test_records_survive_kills(system):
    """Options of a collect that is killed after its sync, and a store that is killed too."""
    process = system.start("collect")
    wait_until("collect", lambda: process.poll() is None and "listening" in system.log("collect"))
    send_all([v9(1, INTERFACES)], system.collect_port)
    wait_until("a segment", lambda: list((system.data / "spool").glob("options-w*/*.native.lz4")))
    system.end("collect", signal.SIGKILL)
    store(system, 4)
    system.end("store", signal.SIGKILL)
    system.start("store")
    wait_until("the store", lambda: system.stored() is not None)
    assert lines(system, "SELECT count() FROM exporter_options") == ["4"]


def test_counters_of_a_capture(system, captures):
    """A switch's counter samples: all of them, and each once."""
    payloads = [data for _, data in udp_payloads(captures / "tcpdump/sflow_multiple_counter_30_pdus.pcap")]
    metrics = collect(system, payloads)
    store(system, metrics["weir_spool_records_total"])
    assert metrics["weir_collect_counter_samples_total"] == 144
    (kinds,) = lines(system, "SELECT groupArray(kind) FROM (SELECT DISTINCT kind FROM counters ORDER BY kind)")
    assert "'interface'" in kinds and "'ethernet'" in kinds
    assert lines(system, "SELECT count() FROM counters") == \
        [f"{int(metrics['weir_spool_records_total']) - int(lines(system, 'SELECT count() FROM exporter_options')[0])}"]
