"""`weir status`: what it says of a system that is well, of each thing that is not, and of none at all."""
import json
import os
import re
import signal
import subprocess
import time

import pytest

from conftest import free_port, wait_until
from test_run import alive, start  # noqa: F401 (a fixture)


def status(weir, folder, *arguments):
    done = subprocess.run([weir, "status", "--config", "weir.yaml", *arguments], cwd=folder, capture_output=True, text=True,
                          timeout=60)
    assert done.stderr == ""
    return done.returncode, done.stdout


def facts(weir, folder):
    code, text = status(weir, folder, "--format", "json")
    found = json.loads(text)
    assert found["healthy"] == (code == 0) == (not found["problems"])
    return found


@pytest.fixture
def published(weir, tmp_path):
    """Roles that were started by themselves, played by files that say they are well but for what the test adds."""
    (tmp_path / "weir.yaml").write_text("data_dir: var\nstore: {embedded: false, url: 'http://127.0.0.1:1'}\n")
    (tmp_path / "var/run").mkdir(parents=True)

    def publish(**texts):
        for role in ("collect", "sink"):
            text = f"# HELP x y\nweir_{role}_start_time_seconds 1\n" + texts.get(role, "")
            path = tmp_path / f"var/run/{role}.prom"
            path.write_text(text)
            os.utime(path, (time.time() - 4, time.time() - 4))  # so old that nobody waits for the next one
        return facts(weir, tmp_path)

    return publish


def problems_of(found):
    """But for the store, which is never there."""
    return [line for line in found["problems"] if "no store answers" not in line]


def test_nothing_runs(weir, tmp_path):
    (tmp_path / "weir.yaml").write_text("data_dir: var\n")
    code, text = status(weir, tmp_path)
    assert code == 1
    assert text.startswith("problem: weir does not run with this data folder; start it with `weir run`, or name another one "
                           "with --data\n")
    assert not (tmp_path / "var").exists()


def test_well(weir, start, embedded_store):  # noqa: F811
    run = start(store=f"{{listen: '127.0.0.1:{free_port()}'}}").up()
    code, text = status(weir, run.folder)
    assert code == 0, text
    assert text.startswith("all is well\nNothing has arrived yet: ")
    subprocess.run([weir, "generate", "--to", f"127.0.0.1:{run.port}", "--flows", "500", "--rate", "0"], check=True,
                   capture_output=True)
    wait_until("the flows in the store", lambda: facts(weir, run.folder)["store"]["flows"] == 500)
    found = facts(weir, run.folder)
    assert found["problems"] == []
    assert found["collect"]["flows"] == 500 and found["collect"]["datagrams"] > 0 and found["sink"]["flows"] == 500
    assert found["spool"]["waiting_flows"] == 0
    assert found["store"]["answers"] and found["store"]["disk_bytes"] > 0 and found["store"]["newest_time"] > 1.7e9
    assert {role: facts_of["pid"] for role, facts_of in found["roles"].items()} == run.pids()
    assert all(facts_of["state"] == "up" and facts_of["restarts"] == 0 for facts_of in found["roles"].values())
    code, text = status(weir, run.folder)
    assert code == 0 and text.startswith("all is well\n\nrole ")
    assert re.search(r"^  flows +500 +0/s$", text, re.M), text
    assert re.search(r"^  flows that wait +0   0 B in 0 segments$", text, re.M), text
    assert run.stop() == 0


def test_role_that_was_killed(weir, start):  # noqa: F811
    run = start().up()
    before = run.pids()["collect"]
    os.kill(before, signal.SIGKILL)
    wait_until("another collect", lambda: run.pids().get("collect", before) != before)
    found = facts(weir, run.folder)
    assert found["roles"]["collect"]["restarts"] == 1
    assert any(line.startswith("collect has ended by itself and was started again ") for line in found["problems"])
    assert any("no store answers at http://127.0.0.1:1" in line for line in found["problems"])


def test_store_that_refused(weir, start):  # noqa: F811
    run = start(store=f"{{listen: '127.0.0.1:{free_port()}', library: /nonexistent/libchdb.so}}").up()
    found = facts(weir, run.folder)
    assert found["problems"] == ["store refused to start; the log of `weir run` says why, and what to do"]
    assert found["roles"]["store"]["state"] == "refused" and found["roles"]["sink"]["state"] == "waits"
    subprocess.run([weir, "generate", "--to", f"127.0.0.1:{run.port}", "--flows", "100", "--rate", "0"], check=True,
                   capture_output=True)
    wait_until("the flows in the spool", lambda: facts(weir, run.folder)["spool"]["waiting_flows"] == 100)


def test_supervisor_that_was_killed(weir, start):  # noqa: F811
    run = start().up()
    run.process.kill()
    run.process.wait()
    wait_until("the roles to end", lambda: not any(alive(pid) for pid in run.pids().values()))
    assert facts(weir, run.folder)["problems"][0].startswith("weir does not run with this data folder; ")


def test_roles_without_a_supervisor(published):
    found = published()
    assert problems_of(found) == []
    assert found["roles"]["collect"]["state"] == "up" and "store" not in found["roles"]


@pytest.mark.parametrize("role, sample, problem", [
    ("collect", "weir_spool_dropped_rows_total 12\n", "12 flows were removed from the spool before the store had them; "),
    ("collect", "weir_spool_lost_rows_total 3\n", "3 flows were lost because the spool could not be written; "),
    ("sink", "weir_sink_damaged_segments_total 1\n", "1 segments of the spool failed their checksum"),
    ("sink", "weir_sink_set_aside_rows_total 7\n", "7 flows were set aside"),
    ("sink", "weir_sink_up 0\nweir_sink_down_seconds 30\n", "the store has taken nothing for 30 s"),
])
def test_problem_of_a_figure(published, role, sample, problem):
    lines = problems_of(published(**{role: sample}))
    assert len(lines) == 1 and lines[0].startswith(problem) and "; " in lines[0] or ", " in lines[0]


def test_store_that_is_down_for_a_moment_is_no_problem(published):
    assert problems_of(published(sink="weir_sink_up 0\nweir_sink_down_seconds 2\n")) == []


def test_faults_by_name(published, weir, tmp_path):
    found = published(collect='weir_collect_faults_total{fault="set_short"} 4\nweir_collect_faults_total{fault="x"} 0\n')
    assert found["faults"] == {"set_short": 4, "x": 0}
    _, text = status(weir, tmp_path)
    assert re.search(r"^  fault set_short +4$", text, re.M) and "fault x" not in text


def test_files_that_are_no_metrics(published, weir, tmp_path):
    (tmp_path / "var/run/collect.prom").write_bytes(bytes(range(256)) * 100)
    (tmp_path / "var/run/sink.prom").mkdir()
    code, text = status(weir, tmp_path)
    assert code == 1 and "does not run" in text


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_folder_that_cannot_be_read(weir, tmp_path):
    (tmp_path / "weir.yaml").write_text("data_dir: var\n")
    (tmp_path / "var").mkdir(mode=0)
    done = subprocess.run([weir, "status"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "cannot be read" in done.stderr
