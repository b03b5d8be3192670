"""Stops a run whose data have moved too far, from yesterday's or between training and test."""

# No postponed annotations here: TFX reads the types of the component's arguments.
import json

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils
from tfx.types.experimental.simple_artifacts import File
from tfx.types.standard_artifacts import ExampleStatistics, Model
from tfx.utils import path_utils

from tfx_pipelines.config_daily import DailyConfig
from tfx_pipelines.day_files import STATISTICS, STATS_FILE, state_of
from tfx_pipelines.drift import DriftError, in_words, measured, read_statistics
from tfx_pipelines.schema import schema_from_json
from zoo import files
from zoo.config import parse
from zoo.json_text import json_text
from zoo.versions import has_model

FILE = "drift.json"


@component
def DriftCheck(
    statistics: InputArtifact[ExampleStatistics],
    pushed: InputArtifact[Model],
    distances: OutputArtifact[File],
    schema: Parameter[str],
    config: Parameter[str],
):
    """Measures how far each column has moved, by TFDV, and ends the run where one has moved further than it may.

    Args:
        statistics: of the run's examples.
        pushed: of LatestPushedModel, whose last day's statistics `drift` compares with.
        distances: `drift.json`: by check and column, the distance and what is allowed.
        schema: the zoo's Schema of the request log, as JSON.
        config: a `DailyConfig`, as JSON.

    Raises:
        DriftError: naming column, distance and threshold.
    """
    declared, daily = schema_from_json(schema), parse(DailyConfig, json.loads(config), where="daily")
    model = path_utils.serving_model_path(pushed.uri)
    today, test = (read_statistics(files.join(artifact_utils.get_split_uri([statistics], split), STATS_FILE))
                   for split in ("train", "test"))
    found = {}
    state = state_of(model) if has_model(model) else None
    if daily.drift is not None and state is not None and files.is_file(files.join(state, STATISTICS)):
        found["drift"] = measured(declared, daily.drift, today, read_statistics(files.join(state, STATISTICS)))
    if daily.skew is not None:
        found["skew"] = measured(declared, daily.skew, test, today)
    files.make_dirs(distances.uri)
    files.write_text(files.join(distances.uri, FILE), json_text(
        {check: {one.column: {"distance": one.distance, "most": one.most} for one in moved} for check, moved in found.items()}))
    if said := in_words(found):
        raise DriftError(said)


__all__ = ["FILE", "DriftCheck"]
