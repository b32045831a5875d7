"""Golden tests of weir.yaml: tests/golden/config/NAME.in gives NAME.ok, which is what `weir config check` says of a
file that is wrong, or the values that `weir config show` has for one that is right (its comments left out).

WEIR_GOLDEN=write writes the .ok files anew; look at the difference before keeping it.
"""
import os
import pathlib
import shutil
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
WEIR = os.environ.get("WEIR", str(TOP / "build/release/weir"))
GOLDEN = TOP / "tests/golden/config"


def weir(*arguments, folder, **environment):
    clean = {name: value for name, value in os.environ.items() if name != "WEIR_CONFIG"}
    return subprocess.run([WEIR, *arguments], cwd=folder, env={**clean, **environment}, capture_output=True, text=True,
                          timeout=60)


def values(shown):
    return "".join(line + "\n" for line in shown.splitlines() if line.strip() and not line.lstrip().startswith("#"))


def outcome(folder):
    check = weir("config", "check", "weir.yaml", folder=folder)
    if check.returncode == 1:
        assert check.stdout == ""
        assert weir("config", "show", "weir.yaml", folder=folder).stderr == check.stderr
        return check.stderr
    assert (check.returncode, check.stdout, check.stderr) == (0, "weir.yaml: no mistakes\n", "")
    show = weir("config", "show", "weir.yaml", folder=folder)
    assert (show.returncode, show.stderr) == (0, "")
    return values(show.stdout)


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.in")))
def test_golden(name, tmp_path):
    shutil.copy(GOLDEN / f"{name}.in", tmp_path / "weir.yaml")
    got = outcome(tmp_path)
    ok = GOLDEN / f"{name}.ok"
    if os.environ.get("WEIR_GOLDEN") == "write":
        ok.write_text(got)
    assert got == ok.read_text()


def test_every_mistake_is_one_line_with_a_place_and_a_next_step():
    for ok in GOLDEN.glob("*.ok"):
        text = ok.read_text()
        if text.startswith("weir: "):
            assert text.count("\n") == 1 and "; " in text and text.startswith("weir: weir.yaml"), ok.name


def test_which_file_is_used(tmp_path):
    (tmp_path / "weir.yaml").write_text("collect: {workers: 1}\n")
    (tmp_path / "two.yaml").write_text("collect: {workers: 2}\n")
    (tmp_path / "three.yaml").write_text("collect: {workers: 3}\n")

    def workers(*arguments, **environment):
        shown = weir("config", "show", *arguments, folder=tmp_path, **environment)
        return next(line for line in shown.stdout.splitlines() if line.startswith("  workers:"))

    assert workers() == "  workers: 1"
    assert workers(WEIR_CONFIG="two.yaml") == "  workers: 2"
    assert workers("--config", "three.yaml", WEIR_CONFIG="two.yaml") == "  workers: 3"
    assert workers("three.yaml", WEIR_CONFIG="two.yaml") == "  workers: 3"


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    done = weir("config", "check", "absent.yaml", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr == ("weir: absent.yaml: the configuration cannot be read: No such file or directory; "
                           "`weir config show >FILE` makes one, --config FILE names one\n")


def test_what_show_prints_is_a_configuration(tmp_path):
    first = weir("config", "show", folder=tmp_path).stdout
    (tmp_path / "weir.yaml").write_text(first)
    assert weir("config", "show", folder=tmp_path).stdout == first
    assert weir("config", "check", folder=tmp_path).stdout == "weir.yaml: no mistakes\n"


@pytest.mark.parametrize("arguments", [(), ("look",), ("check", "a", "b"), ("check", "a", "--config", "b")])
def test_usage(arguments, tmp_path):
    done = weir("config", *arguments, folder=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("weir config: ") and done.stderr.count("\n") == 1
