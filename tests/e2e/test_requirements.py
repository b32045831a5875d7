"""The table of what the standards require: each test that it names exists, and the page made of it is fresh."""
import pathlib
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]


def run(*arguments):
    return subprocess.run([TOP / "tools/requirements", *arguments], capture_output=True, text=True, timeout=60)


def test_every_named_test_exists():
    done = run("--check")
    assert done.returncode == 0, done.stdout
    print(done.stdout)


def test_the_page_is_fresh():
    assert run().stdout == (TOP / "doc/requirements.md").read_text(), "stale: make doc"
