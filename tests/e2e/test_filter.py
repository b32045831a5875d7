"""Golden tests of the filter language: tests/golden/filter/NAME.in holds filters, one a line ("# …" is a comment);
NAME.ok what each gives: the WHERE expression of `weir flows --explain`, or the mistake with its caret.

WEIR_GOLDEN=write writes the .ok files anew; look at the difference before keeping it.
"""
import os
import pathlib
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = TOP / "tests/golden/filter"
WINDOW = ("--from", "2026-01-31T12:00:00Z", "--to", "2026-01-31T13:00:00Z")


def explain(weir, text):
    done = subprocess.run([weir, "flows", "--explain", *WINDOW, "--", text], capture_output=True, text=True,
                          env={**os.environ, "TZ": "UTC"})
    if done.returncode:
        assert done.returncode == 2 and done.stdout == "", (text, done)
        return done.stderr.rstrip("\n")
    assert done.stderr == "", (text, done)
    lines = done.stdout.splitlines()
    assert lines[2].startswith("WHERE time_received >= toDateTime64('2026-01-31 12:00:00.000', 3, 'UTC')")
    assert lines[3].startswith("  AND (") and lines[3].endswith(")")
    assert lines[4].startswith("ORDER BY"), "the filter must stay on its line"
    return lines[3][len("  AND ("):-1]


def expected_of(weir, path):
    out = []
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            out.append(f"{line}\n--> {explain(weir, line)}\n")
    return "\n".join(out)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.in")), ids=lambda path: path.stem)
def test_golden(weir, path):
    made = expected_of(weir, path)
    ok = path.with_suffix(".ok")
    if os.environ.get("WEIR_GOLDEN") == "write":
        ok.write_text(made)
    assert made == ok.read_text()


def test_there_are_golden_files():
    assert len(list(GOLDEN.glob("*.in"))) >= 3


def test_a_filter_may_be_many_words_of_the_shell(weir):
    words = subprocess.run([weir, "flows", "--explain", *WINDOW, "src", "ip", "10.0.0.1", "and", "proto", "tcp"],
                           capture_output=True, text=True)
    one = subprocess.run([weir, "flows", "--explain", *WINDOW, "src ip 10.0.0.1 and proto tcp"], capture_output=True,
                         text=True)
    assert words.returncode == 0 and words.stdout == one.stdout


def test_a_mistake_is_two_lines_and_the_caret(weir):
    done = subprocess.run([weir, "top", "src ip 10.0.0.1 and prot tcp"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == ('weir: filter: unknown word "prot"; did you mean "proto"?\n'
                           "    src ip 10.0.0.1 and prot tcp\n"
                           "                        ^~~~\n")
