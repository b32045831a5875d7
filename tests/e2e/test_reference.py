"""What the program says of its own tables. That doc/ has the same is a test of ctest (src/cli/CMakeLists.txt)."""
import json
import subprocess

import pytest

TOPICS = ["columns", "exporters", "faults", "elements", "config"]


def reference(weir, topic):
    return subprocess.run([weir, "reference", topic], capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.parametrize("topic", TOPICS)
def test_tables_are_well_formed(weir, topic):
    rows = [line for line in reference(weir, topic).splitlines() if line.startswith("|")]
    assert len(rows) > 10
    widths = {}
    for row in rows:
        widths.setdefault(row.replace("\\|", "").count("|"), []).append(row)
    assert len(widths) == 1 or topic == "config", widths


def test_every_column_of_an_output_is_documented(weir, tmp_path):
    header = "\x00\x05\x00\x01" + "\0" * 20  # a NetFlow v5 message of one record
    (tmp_path / "v5.raw").write_bytes((header + "\0" * 48).encode("latin-1"))
    done = subprocess.run([weir, "decode", "-f", "ndjson", tmp_path / "v5.raw"], capture_output=True, text=True, check=True)
    text = reference(weir, "columns")
    for column in json.loads(done.stdout):
        assert f"| `{column}` |" in text


def test_an_unknown_topic_is_a_usage_error(weir):
    done = subprocess.run([weir, "reference", "weather"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and "weather" in done.stderr
