"""What dist/ has for packages: the configuration is of this program's table, and the service says what the program knows."""
import configparser
import pathlib
import shutil
import subprocess

import pytest

DIST = pathlib.Path(__file__).resolve().parents[2] / "dist"


def service():
    found = configparser.ConfigParser(strict=False, interpolation=None, delimiters="=")
    found.optionxform = str
    found.read(DIST / "weir.service")
    return found


def test_configuration_is_fresh(weir, tmp_path):
    (tmp_path / "weir.yaml").write_text("data_dir: /var/lib/weir\n")
    shown = subprocess.run([weir, "config", "show", "weir.yaml"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (DIST / "weir.yaml").read_text() == shown.stdout, \
        "make it anew: echo 'data_dir: /var/lib/weir' >/tmp/d.yaml && weir config show /tmp/d.yaml >dist/weir.yaml"


def test_service_starts_what_there_is(weir):
    program, command, *options = service()["Service"]["ExecStart"].split()
    assert program == "/usr/bin/weir"
    known = subprocess.run([weir, command, "--help"], capture_output=True, text=True, check=True).stdout
    assert options[0::2] == ["--config", "--data"] and all(option in known for option in options[0::2])


def test_service_ends_in_order():
    # Anything else would send SIGTERM to the store before the sink is done.
    assert service()["Service"]["KillMode"] == "mixed"
    # More than the time that `weir run` gives its processes: 10 s each to drain and stop, 30 s for the store.
    assert int(service()["Service"]["TimeoutStopSec"]) > 10 + 10 + 10 + 30


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
def test_systemd_takes_the_service(tmp_path):
    text = (DIST / "weir.service").read_text().replace("/usr/bin/weir", "/bin/true").replace("User=weir", "User=daemon")
    (tmp_path / "weir.service").write_text(text.replace("Group=weir", "Group=daemon").replace("man:weir-run(1)", "man:true(1)"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", "weir.service"], cwd=tmp_path, capture_output=True, text=True)
    assert "weir.service" not in done.stderr, done.stderr
