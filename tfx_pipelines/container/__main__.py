"""`python -m tfx_pipelines.container`: the command of every step that `zoo compile` writes."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence

from tfx_pipelines.container.step import run_step


def main(arguments: Sequence[str]) -> None:
    """Runs one stage.

    Args:
        arguments: as `tfx_pipelines.runners.kubeflow` writes them, with the executor input filled in by the platform.
    """
    parser = argparse.ArgumentParser(prog="python -m tfx_pipelines.container", allow_abbrev=False)
    parser.add_argument("--executor", required=True, help="dotted path of the executor's class")
    parser.add_argument("--component", required=True, help="inputDefinitions and outputDefinitions of the step, as JSON")
    parser.add_argument("--executor-input", required=True, help="what the platform gives in place of {{$}}")
    parser.add_argument("--local", action="store_true", help="artifacts lie where Kubeflow's launcher has copied them")
    parser.add_argument("--temporary", help="folder that all of Beam's workers reach, where they are not this machine")
    parser.add_argument("beam", nargs="*", help="Beam's arguments, after --")
    said = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO)
    run_step(said.executor, json.loads(said.component), json.loads(said.executor_input), beam=said.beam, local=said.local,
             temporary=said.temporary)


if __name__ == "__main__":
    main(sys.argv[1:])
