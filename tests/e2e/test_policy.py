"""The policy: what the shipped packs find in a made network with attacks in it, and do not find in one without; rules of one's own, events
in the store, and `weir policy test`."""
import json
import signal
import subprocess
import threading

import pytest
from conftest import wait_until
from running import Running

EXPORTERS = 10
# A minute of traffic, sent within seconds.
MINUTE = ("--start", "2026-01-31T10:00:00Z", "--for", "1m", "--rate", "100", "--pace", "3000")
# What each scenario of `weir generate` must raise, and with whom.
EXPECTED = {
    "snmp-stranger": "snmp/stranger",
    "brute-ssh": "remote-administration/from-internet",
    "brute-rdp": "remote-administration/from-internet",
    "bastion-bypass": "remote-administration/bypass",
    "tunnel-dns": "dns/unapproved",
    "rogue-dns": "dns/rogue-resolver",
    "rogue-ntp": "ntp/rogue-server",
    "rogue-dhcp": "dhcp/rogue-server",
    "rogue-vtep": "overlays/rogue-vtep",
    "bgp-stranger": "bgp/stranger",
    "sdn-controller": "sdn-controllers/stranger",
    "spam": "mail/direct",
}


def run(*command, status=0):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120)
    assert done.returncode == status, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def network(weir, tmp_path_factory):
    """A folder with weir.yaml, whose networks are those of the made network."""
    folder = tmp_path_factory.mktemp("network")
    run(weir, "generate", "--exporters", EXPORTERS, "--write-networks", folder / "networks.csv")
    (folder / "weir.yaml").write_text(f"data_dir: {folder}/var\nnetworks: {{file: {folder}/networks.csv}}\n")
    return folder


def judged(weir, network, *options, config=None):
    """Flows of made traffic with the rule that judges each."""
    capture = network / "made.pcap"
    run(weir, "generate", "--write", capture, "--exporters", EXPORTERS, "--start", "2026-01-31T10:00:00Z", "--rate", "100",
        "--for", "3m", *options)
    done = run(weir, "decode", "--enrich", "--config", config or network / "weir.yaml", "--format", "ndjson", capture)
    return [json.loads(line) for line in done.stdout.splitlines()]


def alerts(flows):
    return [flow for flow in flows if flow.get("action") in ("alert", "deny")]


@pytest.mark.parametrize("options", [("--version", "10"), ("--version", "5")])
def test_the_packs_find_nothing_in_welcome_traffic(options, weir, network):
    flows = judged(weir, network, "--seed", "7", *options)
    assert len(flows) > 10000
    assert alerts(flows) == []
    assert sum(flow.get("action") == "allow" for flow in flows) > len(flows) / 5


@pytest.mark.parametrize("family", ["4", "6"])
def test_the_packs_find_each_scenario(family, weir, network):
    labels = network / "truth.ndjson"
    scenarios = ",".join(f"{name}/{family}" for name in EXPECTED)
    flows = judged(weir, network, "--version", "10", "--seed", "3", "--labels", labels, "--scenario", scenarios)
    truth = [json.loads(line) for line in labels.read_text().splitlines()]
    found = alerts(flows)
    for label in truth:
        hosts = set(label["sources"]) | set(label["targets"])
        rules = {flow["rule"] for flow in found if {flow["src_addr"], flow["dst_addr"]} & hosts}
        assert EXPECTED[label["scenario"]] in rules, (label, rules)
    hosts = {host for label in truth for host in label["sources"] + label["targets"]}
    assert [flow for flow in found if not {flow["src_addr"], flow["dst_addr"]} & hosts] == []


def test_a_pack_waits_for_its_role(weir, tmp_path):
    (tmp_path / "weir.yaml").write_text("networks: {list: ['10.0.0.0/8,office,ntp,,']}\n")
    said = run(weir, "policy", "check", "--config", tmp_path / "weir.yaml").stdout
    assert "the pack dns is left out: no network has the role dns" in said
    assert "the pack ntp" not in said


def test_mistakes_name_their_line(weir, tmp_path):
    rules = tmp_path / "policy.yaml"
    rules.write_text("rules:\n  - name: a\n    from: zone\n    action: deny\n")
    (tmp_path / "weir.yaml").write_text(f"policy: {{file: {rules}}}\n")
    for command in (("policy", "check", rules), ("config", "check", tmp_path / "weir.yaml")):
        said = run(weir, *command, status=1).stderr
        assert f"{rules}:3" in said and '"zone" is no place' in said


def test_the_example_is_in_order(weir, tmp_path):
    (tmp_path / "policy.yaml").write_text(run(weir, "policy", "example").stdout)
    assert "no mistakes" in run(weir, "policy", "check", tmp_path / "policy.yaml").stdout
    packs = run(weir, "policy", "packs").stdout
    for name in ("known-bad", "clear-text", "hypervisors"):
        assert f"\n{name}: " in f"\n{packs}"
        assert "explanation:" in run(weir, "policy", "show", name).stdout


# --- in a running system ---------------------------------------------------------------------------------------------------

class Watched(Running):
    """With a policy of no rule, which is watched for changes, beside the packs."""

    def __init__(self, weir, network, folder):
        self.rules = folder / "policy.yaml"
        self.rules.write_text("rules: []\n")
        super().__init__(weir, folder, networks=f"{{file: {network}/networks.csv}}", policy=f"{{file: {self.rules}}}")

    def events(self, *options):
        return self.rows("events", "--state", "all", *options)


@pytest.fixture(scope="module")
def system(weir, network, embedded_store, tmp_path_factory):
    with Watched(weir, network, tmp_path_factory.mktemp("system")) as running:
        running.send("--version", "10", "--exporters", str(EXPORTERS), *MINUTE, "--seed", "3",
                     "--scenario", "snmp-stranger,rogue-vtep,rogue-dns")
        wait_until("the flows to be stored", lambda: running.stored() >= 5000, 60)
        wait_until("three kinds of events", lambda: {event["rule"] for event in running.events()} >= {
            "snmp/stranger", "overlays/rogue-vtep", "dns/rogue-resolver"}, 60)
        yield running


def test_events_add_up_to_their_flows(system):
    statement = "SELECT rule, sum(flows) FROM events GROUP BY rule ORDER BY rule"
    flows = "SELECT rule, count() FROM flows WHERE action IN ('alert', 'deny') GROUP BY rule ORDER BY rule"
    # What an event says last comes up to ten seconds behind its flows.
    wait_until("events and flows to agree", lambda: system.ask("sql", statement) == system.ask("sql", flows), 60)
    for event in system.events()[:3]:
        found = system.rows("flows", "-n", "0", event["filter"])
        assert len(found) == int(event["flows"]), event


def test_events_are_acknowledged_and_silenced(system):
    event = next(event for event in system.events() if event["rule"] == "snmp/stranger")
    assert event["level"] == "warning" and event["category"] == "management" and event["subject"] in event["message"]
    said = system.ask("events", "ack", "--rule", "snmp/stranger", "--subject", event["subject"], "--comment", "it's new")
    assert said.startswith("acknowledged: snmp/stranger")
    event = next(event for event in system.events() if event["rule"] == "snmp/stranger")
    assert event["state"] == "acknowledged" and event["comment"] == "it's new"
    system.ask("events", "silence", "--rule", "overlays/rogue-vtep", "--for", "1h")
    assert {event["state"] for event in system.events("--rule", "overlays/rogue-vtep")} == {"silenced"}
    still_open = system.ask("events")
    assert "dns/rogue-resolver" in still_open and "snmp/stranger" not in still_open and "rogue-vtep" not in still_open
    assert "dns/rogue-resolver" not in system.ask("events", "--level", "critical", "--state", "all")


def test_a_policy_is_tried_and_then_installed(system, tmp_path):
    new = tmp_path / "new.yaml"
    new.write_text("rules:\n  - {name: mine, over: port 161, action: deny, level: error}\n")
    rows = system.rows("policy", "test", new)
    assert {(row["rule"], row["new_rule"], row["new_action"]) for row in rows} == {
        ("snmp/managers-ask", "mine", "deny"), ("snmp/stranger", "mine", "deny")}
    said = system.ask("policy", "test", new, "--format", "table")
    assert "flows judged" in said and "allow   -> deny" in said
    before = system.stored()
    system.rules.write_text(new.read_text())
    wait_until("the policy to be read again", lambda: "policy read again" in system.log.read_text(), 30)
    system.send(*MINUTE, "--seed", "4")
    wait_until("the flows to be stored", lambda: system.stored() >= before + 5000, 60)
    wait_until("an event of the new rule", lambda: system.events("--rule", "mine"), 60)
    system.rules.write_text("rules: [{name: mine}]\n")
    wait_until("the mistake to be told", lambda: "stays in force" in system.log.read_text() and ":1" in system.log.read_text(), 30)


def test_events_are_followed(system):
    process = subprocess.Popen([system.weir, "events", "--config", system.config, "--follow"], stdout=subprocess.PIPE, text=True)
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(iter(process.stdout.readline, "")))
    reader.start()
    try:
        wait_until("what there was", lambda: process.poll() is not None or any("rogue-vtep" in line for line in lines), 60)
        assert process.poll() is None
        assert all(line.count("\n") == 1 for line in lines)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        reader.join()
