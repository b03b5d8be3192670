"""A teacher's scores as soft labels: who may teach, what is written, and a student that learns from it."""

from __future__ import annotations

import numpy as np
import pytest

from tfx_pipelines.config import load_run_config
from tfx_pipelines.config_teacher import TeacherConfig
from tfx_pipelines.pipeline import create_pipeline
from tfx_pipelines.places import serving_dir
from tfx_pipelines.record_batches import serialized_batches
from tfx_pipelines.run import run_pipeline
from tfx_pipelines.runners.local import StageError
from zoo import files
from zoo.config import ConfigError
from zoo.data.example import from_example
from zoo.keras import tf
from zoo.schema import Label


def of_student(config, *settings: str, **teacher):
    """The demo's run with a student in place of its model; what comes before the teacher is cached."""
    taught = load_run_config("demo", [
        f"data.log={config.data.log}", f"pipeline.name={config.name}", f"pipeline.root={config.root}", "gate.auc=0.3",
        "gate.gauc=0.3", "training.epochs=1", "serving.replay_requests=20", *settings], model="dssm",
        options={"teacher": teacher})
    return taught.model_copy(update={"serving": taught.serving.model_copy(update={"model_name": "student"})})


@pytest.fixture(scope="module")
def pushed(ran, config):
    """A student's run; its teacher is what the demo pushed."""
    return run_pipeline(of_student(config, "model.config.distillation.listwise=0.5", pushed=serving_dir(config)))


@pytest.mark.slow
def test_the_teachers_scores_stand_beside_the_raw_and_the_transformed_examples(pushed, config, log):
    run, _ = pushed
    schema = log.schema.model_copy(update={"labels": (*log.schema.labels, Label(name="click_teacher", soft=True, of="click"))})
    teacher = tf.saved_model.load(f"{run.artifacts['TeacherModel', 'model']}/Format-Serving").signatures["serving_default"]
    spec = {"label_click_teacher": tf.io.RaggedFeature(tf.float32), "candidate_item": tf.io.RaggedFeature(tf.int64)}
    for split in ("train", "test"):
        [raw], [transformed] = (files.glob(f"{run.artifacts['TeacherScores', output]}/Split-{split}", "*.gz")
                                for output in ("scored_examples", "scored_transformed_examples"))
        examples, twins = (next(serialized_batches(path))[:50] for path in (raw, transformed))
        expected = teacher(examples=tf.constant(examples))["click"].numpy()
        parsed = tf.io.parse_example(twins, spec)
        for number, example in enumerate(examples):
            request = from_example(schema, example)
            scores = expected[number, :request.candidate_count]
            np.testing.assert_allclose(request.labels["click_teacher"], scores, atol=1e-6)
            np.testing.assert_allclose(parsed["label_click_teacher"][number], scores, atol=1e-6)
            assert len(parsed["candidate_item"][number]) == request.candidate_count


@pytest.mark.slow
def test_a_student_is_measured_beside_its_teacher_and_pushed_without_it(pushed, ran, config):
    run, report = pushed
    assert report["pushed_version"], report["reasons"]
    assert {"ImportExampleGen", "StatisticsGen", "Transform"} <= {stage.name for stage in run.stages if stage.cached}
    # It is the demo's model, measured on the same split.
    assert report["metrics"]["teacher"]["auc"] == pytest.approx(ran[1]["metrics"]["auc"], abs=1e-4)
    model = tf.saved_model.load(report["trained_model"])
    assert set(model.signatures["serving_default"].structured_outputs) == {"click"}


@pytest.mark.slow
def test_a_teacher_that_is_not_blessed_teaches_nothing(ran, config):
    bad = of_student(config, "gate.auc=0.99", name="lr", training={"epochs": 1})
    with pytest.raises(StageError, match=r"TeacherScores failed: TeacherError: the Evaluator did not bless the teacher"):
        run_pipeline(bad)


@pytest.mark.slow
def test_a_folder_without_a_teacher_is_named(ran, config, tmp_path):
    with pytest.raises(StageError, match=r"no teacher was pushed to the folder that teacher\.pushed names"):
        run_pipeline(of_student(config, pushed=str(tmp_path)))


def test_a_teacher_is_trained_as_its_own_file_would(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("""
extends: rees46
model: {name: dssm}
training: {epochs: 7}
teacher: {name: din, training: {optimizers: {embedding: {learning_rate: 0.5}}}}
models: {din: {training: {batch_size: 99}}}
""")
    teacher = load_run_config(path, ["training.epochs=1"]).teacher
    assert teacher is not None
    assert teacher.config == {"attention": {"activation": "dice"}}
    assert (teacher.training.epochs, teacher.training.batch_size) == (7, 99)
    assert teacher.training.optimizers["embedding"].learning_rate == 0.5
    assert teacher.training.optimizers["dense"].learning_rate == 0.002


@pytest.mark.parametrize(("teacher", "message"), [
    ("{name: dinn}", r"run\.yaml\.teacher\.name: there is no model 'dinn' in the zoo; did you mean 'din'"),
    ("{name: din, config: {attentoin: {}}}", r"run\.yaml\.teacher\.config\.attentoin: unknown key; did you mean 'attention'"),
    ("{}", "a teacher is either a model of the zoo"),
    ("{name: din, pushed: x}", "a teacher is either a model of the zoo"),
    ("{pushed: x, config: {a: 1}}", "for a teacher that is trained"),
])
def test_a_wrong_teacher_is_told_by_its_place(tmp_path, teacher, message):
    path = tmp_path / "run.yaml"
    path.write_text(f"model: {{name: dssm}}\nteacher: {teacher}\n")
    with pytest.raises(ConfigError, match=message):
        load_run_config(path)


def test_what_a_teacher_is_asked_for_must_be_in_the_log(log, config):
    schema = log.schema
    with pytest.raises(ConfigError, match=r"the log has no label 'clicks'; did you mean 'click'"):
        TeacherConfig(name="din", tasks=("clicks",)).taught(schema)
    taught = TeacherConfig(name="din").taught(schema)
    assert taught.labels[-1] == Label(name="click_teacher", soft=True, of="click")
    with pytest.raises(ConfigError, match="has a label 'click_teacher' already"):
        TeacherConfig(name="din").taught(taught)
    assert TeacherConfig(name="din", output="own").taught(schema).tasks[-1].name == "click_teacher"


def test_a_student_without_a_teacher_is_told_before_the_first_stage(log, config):
    alone = load_run_config("demo", [f"data.log={log.path}", "model.config.distillation.listwise=1"], model="dssm")
    with pytest.raises(ConfigError, match=r"name one \(teacher\.name"):
        create_pipeline(alone, log.schema, serving_dir="serving", metadata_path="metadata.sqlite")
