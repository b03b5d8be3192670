"""The `zoo` command: every package brings its own commands, imported only when one of them is called."""

from __future__ import annotations

import gc
import importlib
import io
import sys
import warnings

import click

from zoo import __version__

# name -> (where the click command is, one line of help shown without importing it)
COMMANDS = {
    "data": ("zoo.commands.data:data", "Make request logs: simulate a marketplace, or import an event log."),
    "models": ("zoo.commands.models:models", "List the models of the zoo, or show one of them."),
    "run": ("tfx_pipelines.commands:run", "Run the pipeline of a configuration: from a request log to a pushed model."),
    "backfill": ("tfx_pipelines.commands:backfill", "Run the daily pipeline of a configuration for some days, in order."),
    "compile": ("tfx_pipelines.commands:compile_", "Compile the pipeline of a configuration for Kubeflow or Vertex AI."),
    "training-job": ("tfx_pipelines.commands:training_job", "Write the Kubernetes objects of a run whose training is divided."),
    "flink-cluster": ("tfx_pipelines.commands:flink_cluster", "Write the Kubernetes objects of a Flink for Beam's stages."),
    "submit": ("tfx_pipelines.commands:submit", "Start the pipeline of a configuration on Kubeflow Pipelines, and follow it."),
    "serve": ("serving.commands:serve", "Serve exported models on this machine, by TF Serving's protocol."),
    "rank": ("serving.commands:rank", "Send a ranking request to a server and print the ranked candidates."),
    "fleet": ("serving.fleet.commands:fleet", "Serve on a fleet of TF Serving: render it, roll out versions, load and tune."),
    "demo": ("tfx_pipelines.commands:demo", "The whole way once: simulate, train, gate, serve and rank."),
}

# module -> the extra of setup.py that brings it
EXTRAS = dict.fromkeys(("grpc", "grpc_health", "tensorflow_serving"), "serving") | {"lightgbm": "trees"} | dict.fromkeys(
    ("prometheus_client", "opentelemetry"), "observability") | dict.fromkeys(
    ("apache_beam", "kfp", "matplotlib", "psutil", "tensorflow_data_validation", "tensorflow_metadata",
     "tensorflow_model_analysis", "tensorflow_transform", "tfx", "tfx_bsl"), "pipeline")

# TensorFlow's graphs are full of circles and slow to walk: at Python's default of 700 new objects, a process that traces large
# ones spends most of its time looking for garbage.
NEW_OBJECTS = 100_000


class LazyGroup(click.Group):
    """A click group that knows its commands by name and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        return getattr(importlib.import_module(module), attribute)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="zoo")
def zoo() -> None:
    """Cascade Zoo: models of an e-commerce ranking cascade, from a request log to an answered ranking call.

    Start with `zoo demo`, or with your own log: `zoo data import --help`.
    """


def main() -> None:
    """Entry point: errors that a user can mend are one message, not a stack trace."""
    gc.set_threshold(NEW_OBJECTS)
    # A terminal that lacks a character of an id or a name shows its code instead of ending the command.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # Google's client libraries, which Beam imports, warn of Python's and gRPC's age at every start.
    warnings.filterwarnings("ignore", category=FutureWarning, module="google")
    try:
        zoo.main(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit("Stopped.")
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").split(".")[0])
        if extra is None:
            raise
        sys.exit(f"Error: this command needs {error.name}, which is not installed here: pip install 'cascade-zoo[{extra}]'")
    except ValueError as error:
        # Errors made for users (ConfigError, RequestError, …) are ValueErrors of our own packages.
        if not type(error).__module__.startswith(("zoo.", "serving.", "tfx_pipelines.")):
            raise
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
