"""The stages that check a log, which is written anew into the same place."""

from __future__ import annotations

import pytest
import tensorflow_data_validation as tfdv
from tfx import v1 as tfx

from tests.toy import toy_requests, toy_schema
from tfx_pipelines import record_batches
from tfx_pipelines.anomalies import AnomalyError, check_anomalies
from tfx_pipelines.code import stage_code
from tfx_pipelines.components.import_example_gen import ImportExampleGen
from tfx_pipelines.data_stages import checking_components
from tfx_pipelines.runners.local import LocalRun, run_local
from zoo.data.request_log import SPLITS, RequestLogWriter
from zoo.keras import tf
from zoo.schema import Schema

pytestmark = pytest.mark.slow
WITH_PRICE = toy_schema()
WITHOUT_PRICE = WITH_PRICE.model_copy(update={"candidates": tuple(f for f in WITH_PRICE.candidates if f.name != "price")})


@pytest.fixture
def stages(tmp_path):
    """Writes a log by a schema, and runs what checks it, declared by the same schema or another."""
    def run(schema: Schema, declared: Schema | None = None, share: float = 1.0) -> LocalRun:
        with RequestLogWriter(tmp_path / "log", schema, source={}, overwrite=True) as log:
            for split in SPLITS:
                for request in toy_requests(5):
                    request.candidates.pop("price") if schema == WITHOUT_PRICE else None
                    log.write(split, request)
        stages = checking_components(declared or schema, ImportExampleGen(str(tmp_path / "log")), share)
        pipeline = tfx.dsl.Pipeline(
            pipeline_name="data", pipeline_root=str(tmp_path), components=list(stages.values()), enable_cache=True,
            metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(f"{tmp_path}/m.sqlite"))
        return run_local(pipeline, tmp_path / "run.log", keys=stage_code("din"),
                         checks={("ExampleValidator", "anomalies"): check_anomalies})

    return run


def cached(run: LocalRun) -> set[str]:
    return {stage.name for stage in run.stages if stage.cached}


def test_the_new_schema_is_taken_in_the_same_root(stages):
    stages(WITH_PRICE)
    assert cached(stages(WITHOUT_PRICE)) == set()
    with pytest.raises(AnomalyError, match="candidate_price"):
        stages(WITHOUT_PRICE, declared=WITH_PRICE)


def test_statistics_of_a_share(stages):
    def counted(run: LocalRun) -> list[int]:
        return [tfdv.load_stats_binary(f"{run.artifacts['StatisticsGen', 'statistics']}/Split-{split}/FeatureStats.pb")
                .datasets[0].num_examples for split in SPLITS]

    assert counted(stages(WITH_PRICE)) == [5, 5, 5]
    half = stages(WITH_PRICE, share=0.5)
    assert counted(half) == [3, 3, 3] and "StatisticsGen" not in cached(half)


def test_large_examples_make_smaller_batches(tmp_path, monkeypatch):
    path = str(tmp_path / "some.gz")
    records = [bytes([number]) * 100 for number in range(200)]
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        for record in records:
            writer.write(record)
    assert list(map(len, record_batches.serialized_batches(path))) == [200]
    monkeypatch.setattr(record_batches, "_BATCH_BYTES", 6_500)
    batches = list(record_batches.serialized_batches(path))
    assert list(map(len, batches)) == [128, 72] and [one for batch in batches for one in batch] == records
