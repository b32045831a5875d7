"""tools/demo in a network namespace of its own, with `weir collect` in the place of `weir run` and no store: what it starts, and
that Ctrl-C ends all of it with every flow in the spool."""
import os
import re
import shlex
import signal
import subprocess

import pytest

from conftest import TOP, wait_until


@pytest.fixture
def namespace():
    """The words in front of a command that is to run in a network namespace of its own."""
    words = ["unshare", "--net"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    if subprocess.run([*words, "ip", "link", "set", "lo", "up"], capture_output=True).returncode:
        pytest.skip("network namespaces cannot be made here")
    return words


def demo(namespace, weir, tmp_path, role):
    wrapper = tmp_path / "weir"
    wrapper.write_text(f"#!/bin/sh\ncase $1 in\nrun) shift; exec {role};;\nsql) exit 0;;\n"
                       f"*) exec {shlex.quote(weir)} \"$@\";;\nesac\n")
    wrapper.chmod(0o755)
    log = open(tmp_path / "log", "w", encoding="utf-8")
    return subprocess.Popen([*namespace, "sh", "-c", "ip link set lo up; exec tools/demo"], cwd=TOP, stdout=log,
                            stderr=subprocess.STDOUT, start_new_session=True,
                            env={**os.environ, "WEIR": str(wrapper), "DEMO_DATA": str(tmp_path / "data"),
                                 "DEMO_RATE": "1000"})


def flows_of(name, tmp_path):
    return int(re.search(r"(\d+) flows of", (tmp_path / f"data/generate-{name}.log").read_text()).group(1))


def test_demo_ends_cleanly_with_every_flow_in_the_spool(namespace, weir, tmp_path):
    process = demo(namespace, weir, tmp_path, f"{shlex.quote(weir)} collect \"$@\"")
    wait_until("the demo to say what to type", lambda: "Ctrl-C ends it" in (tmp_path / "log").read_text())
    metrics = tmp_path / "data/run/collect.prom"
    wait_until("flows", lambda: metrics.exists() and re.search(r"^weir_collect_flows_total [1-9]", metrics.read_text(),
                                                               re.M))
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    said = (tmp_path / "log").read_text()
    sent = sum(flows_of(name, tmp_path) for name in ("v5", "v9", "ipfix", "sflow"))
    assert f"{sent} flows, {sent} in the spool" in said and sent > 0
    assert not subprocess.run(["pgrep", "-g", str(process.pid)], capture_output=True, text=True).stdout


def test_demo_ends_when_weir_run_does(namespace, weir, tmp_path):
    process = demo(namespace, weir, tmp_path, "sh -c 'echo it did not start; exit 3'")
    assert process.wait(60) == 3
    assert "it did not start" in (tmp_path / "log").read_text()
    assert "demo traffic" not in (tmp_path / "log").read_text()
