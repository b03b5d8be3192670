"""The commands of docs/quick_start.md, run as they stand there, in the folder of the demo that these tests share."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from contextlib import ExitStack

import pytest

from tests.serving.processes import ServerProcess
from tests.tfx_pipelines.conftest import REPOSITORY, as_options
from zoo import files

PAGE = files.read_text(REPOSITORY / "docs/quick_start.md")


@pytest.mark.slow
def test_the_quick_start_goes_through(demo, root):
    assert demo.code == 0  # what `make demo` calls
    printed = {}
    with ExitStack() as stack:
        target = None
        for line in re.findall(r"^ {4}(zoo .*)$", PAGE, re.M):
            words = shlex.split(line.replace("runs/demo", str(root)).removesuffix("&"))[1:]
            if words[0] == "serve":
                target = stack.enter_context(ServerProcess(*words[1:])).target
                continue
            words += ["--target", target] if words[0] == "rank" else as_options() if words[0] == "run" else []
            done = subprocess.run([sys.executable, "-m", "tfx_pipelines.cli", *words], cwd=REPOSITORY, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            assert done.returncode == 0, f"{line}\n{done.stdout}"
            printed[words[0]] = done.stdout
    assert set(printed) == {"data", "models", "rank", "run"}
    assert "candidates ranked by version" in printed["rank"] and [*(root / "lr/serving/lr").glob("*/saved_model.pb")]
