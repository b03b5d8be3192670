"""Which of two lanes `scripts/environment.sh` makes, on machines that hold one, both or none.

The script is the real one; the machine around it is made of small programs that answer as that machine's would, and its
installer writes down what it is asked for. `tests/nightly/test_other_lane.py` makes the other lane for real.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.installed import ROOT

_TOOLS = ("bash", "dirname", "awk", "sort", "head", "sha256sum", "cut", "cat", "rm", "mkdir", "cp")
# Asked for its version by a second argument, for its headers by none; makes an environment that has itself in it.
_PYTHON = """#!/bin/bash
case "$1 $2" in
    "-c "*) [ $# -eq 3 ] && { [ "$3" = VERSION ]; exit; }; HEADERS; exit ;;
    "-m venv") mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
esac
"""
_UV = """#!/bin/bash
[ "$1" = python ] && exit 1
echo "$@" >>installed
"""


class Machine:
    """A checkout on a machine that holds some things.

    Args:
        root: of the checkout.
        glibc: its version.
        pythons: versions on PATH.
        compiler: whether there is one.
        headers: whether Python's are there.
    """

    def __init__(self, root: Path, glibc: str = "2.41", pythons: tuple[str, ...] = ("3.13", "3.10"), compiler: bool = True,
                 headers: bool = True):
        self.root, self.bin = root, root / "bin"
        self.bin.mkdir()
        (root / "scripts").mkdir()
        shutil.copy(ROOT / "scripts" / "environment.sh", root / "scripts")
        for name in ("requirements.lock", "requirements-1.21.lock", "setup.py"):
            (root / name).write_text(name)
        for tool in _TOOLS:
            found = shutil.which(tool)
            assert found, f"{tool} is not on PATH"
            (self.bin / tool).symlink_to(found)
        self._program("ldd", f"#!/bin/bash\necho 'ldd (GLIBC) {glibc}'\n")
        self._program("uv", _UV)
        for version in pythons:
            self._program(f"python{version}", _PYTHON.replace("VERSION", version).replace("HEADERS", str(headers).lower()))
        if compiler:
            self._program("cc", "#!/bin/bash\n")

    def made(self, **variables: str) -> subprocess.CompletedProcess[str]:
        """The script's end."""
        (self.root / "installed").unlink(missing_ok=True)
        return subprocess.run([str(self.root / "scripts" / "environment.sh")], env={
            "PATH": str(self.bin), "HOME": str(self.root), **variables}, capture_output=True, text=True)

    def lane(self, **variables: str) -> str:
        """The lane whose packages were installed."""
        end = self.made(**variables)
        assert end.returncode == 0, end.stderr
        locks = {"requirements.lock": "1.16", "requirements-1.21.lock": "1.21"}
        synced = next(line for line in (self.root / "installed").read_text().splitlines() if line.startswith("pip sync"))
        assert "--require-hashes" in synced
        lane = locks[synced.split()[-1]]
        assert f"of TFX {lane} " in end.stdout
        assert (self.root / ".venv" / ".complete").read_text().split()[0] == lane
        return lane

    def _program(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        os.chmod(self.bin / name, 0o755)


def test_the_newest_lane_is_made_that_the_machine_holds(tmp_path):
    assert Machine(tmp_path).lane() == "1.21"


@pytest.mark.parametrize("without", [{"glibc": "2.36"}, {"glibc": "2.4"}, {"pythons": ("3.10",)}, {"compiler": False},
                                     {"headers": False}], ids=str)
def test_what_the_newest_lane_lacks_leads_to_the_older_one_and_is_said_where_it_was_named(tmp_path, without):
    machine = Machine(tmp_path, **without)
    refused = machine.made(LANE="1.21")
    assert refused.returncode == 1 and not (tmp_path / ".venv").exists()
    named = {"glibc": f"glibc 2.39 (here: {without.get('glibc')})", "pythons": "Python 3.13", "compiler": "a C compiler",
             "headers": "the headers of Python 3.13"}
    assert refused.stderr.startswith(f"Lane 1.21 needs {named[next(iter(without))]}")
    assert machine.lane() == "1.16"


def test_a_lane_that_is_named_is_made_where_both_can_be(tmp_path):
    machine = Machine(tmp_path)
    assert machine.lane(LANE="1.16") == "1.16"
    assert machine.lane(LANE="1.21") == "1.21"


def test_a_python_that_is_named_decides(tmp_path):
    assert Machine(tmp_path).lane(PYTHON=str(tmp_path / "bin" / "python3.10")) == "1.16"


def test_a_machine_without_a_python_of_either_lane_is_told_what_brings_one(tmp_path):
    end = Machine(tmp_path, pythons=("3.12",)).made()
    assert end.returncode == 1 and not (tmp_path / ".venv").exists()
    assert "needs Python 3.10 (or 3.13, with glibc 2.39 or newer)" in end.stderr and "uv python install 3.10" in end.stderr


def test_a_lane_that_does_not_exist_is_refused(tmp_path):
    end = Machine(tmp_path).made(LANE="1.99")
    assert end.returncode == 1 and end.stderr == "There is no lane 1.99; lanes are 1.21 and 1.16.\n"


def test_what_is_made_stays_until_its_lock_changes(tmp_path):
    machine = Machine(tmp_path)
    machine.lane(LANE="1.16")
    again = machine.made()
    assert again.returncode == 0 and not again.stdout and not (tmp_path / "installed").exists()
    (tmp_path / "requirements.lock").write_text("another")
    assert machine.lane() == "1.21"
