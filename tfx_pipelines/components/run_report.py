"""The report of a run as its last stage, for platforms whose runner writes none."""

# No postponed annotations here: TFX reads the types of the component's arguments.
import json
import tempfile

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.experimental.simple_artifacts import File
from tfx.types.standard_artifacts import (
    Examples,
    InfraBlessing,
    Model,
    ModelBlessing,
    ModelEvaluation,
    ModelRun,
    PushedModel,
)

from tfx_pipelines.config import RunConfig
from tfx_pipelines.container.artifacts import properties
from tfx_pipelines.imported_log import imported_log
from tfx_pipelines.lineage import origin
from tfx_pipelines.report import write_report
from tfx_pipelines.runners.local import LocalRun
from zoo import files
from zoo.config import parse
from zoo.data.request_log import RequestLog

FILES = ("report.json", "report.md", "report.png")


@component
def RunReport(
    examples: InputArtifact[Examples],
    model: InputArtifact[Model],
    model_run: InputArtifact[ModelRun],
    baseline: InputArtifact[Model],
    evaluation: InputArtifact[ModelEvaluation],
    model_blessing: InputArtifact[ModelBlessing],
    infra_blessing: InputArtifact[InfraBlessing],
    pushed_model: InputArtifact[PushedModel],
    report: OutputArtifact[File],
    config: Parameter[str],
    log: Parameter[str],
):
    """Writes `report.json`, `report.md` and `report.png` as an artifact, and at the pipeline's root.

    Args:
        examples: of the run; an imported log lies in them.
        model: that was evaluated.
        model_run: of the Trainer.
        baseline: of LatestPushedModel.
        evaluation: of the Evaluator.
        model_blessing: of the Evaluator.
        infra_blessing: of the ServingValidator.
        pushed_model: of the Pusher.
        report: the files.
        config: of the run, as JSON.
        log: folder of the request log; "" for the one beside the examples.
    """
    run = LocalRun()
    given = {("Trainer", "model_run"): model_run, ("LatestPushedModel", "model"): baseline,
             ("Evaluator", "evaluation"): evaluation, ("Evaluator", "blessing"): model_blessing,
             ("ServingValidator", "blessing"): infra_blessing, ("Pusher", "pushed_model"): pushed_model,
             ("ImportExampleGen", "examples"): examples}
    for key, artifact in given.items():
        run.artifacts[key], run.properties[key] = artifact.uri, properties(artifact)
    run.artifacts["Trainer", "model"] = origin(model)
    if "items" in (found := properties(model)):
        run.artifacts["ItemTable", "filled"], run.properties["ItemTable", "filled"] = origin(model), found
    # TFX and matplotlib write local files.
    settings = parse(RunConfig, json.loads(config), where="config")
    with tempfile.TemporaryDirectory() as folder:
        write_report(folder, settings, RequestLog(log or imported_log(examples.uri), settings.data.labels), run)
        for target in (report.uri, settings.root):
            files.make_dirs(target)
            for name in FILES:
                files.copy(files.join(folder, name), files.join(target, name))


__all__ = ["FILES", "RunReport"]
