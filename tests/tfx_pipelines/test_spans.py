"""Spans: which there are, which are learned, and a backfill over them, on runs that are made up."""

from __future__ import annotations

import json

import pytest

from tfx_pipelines.backfill import backfill, spans_between
from tfx_pipelines.config import DailyConfig, DataConfig, ModelConfig, PipelineConfig, RunConfig
from tfx_pipelines.learned_days import learned_days
from tfx_pipelines.places import day_report
from tfx_pipelines.registry import Pushed
from tfx_pipelines.span_paths import of_span, span_of, spans_of_logs
from tfx_pipelines.spans import SpanError, caught_up, with_span
from zoo import files
from zoo.config import ConfigError


@pytest.fixture
def config(tmp_path):
    """Of daily runs on the logs of three days."""
    for day in (16, 17, 18):
        files.make_dirs(tmp_path / f"days/2023-11-{day}")
        files.write_text(tmp_path / f"days/2023-11-{day}/manifest.json", "{}")
    files.make_dirs(tmp_path / "days/2023-11-19.partial")
    files.make_dirs(tmp_path / "days/2023-11-19")  # without a manifest: being written
    files.make_dirs(tmp_path / "days/2023-02-31")
    return RunConfig(data=DataConfig(log=f"{tmp_path}/days/{{YYYY}}-{{MM}}-{{DD}}"), model=ModelConfig(name="din"),
                     daily=DailyConfig(), pipeline=PipelineConfig(root=str(tmp_path / "root")))


def test_paths_and_numbers():
    assert of_span("a/{YYYY}/{MM}-{DD}", 19_680) == "a/2023/11-19" and of_span("{SPAN}-{SPAN:3}", 7) == "7-007"
    assert span_of("19680") == span_of("2023-11-19") == 19_680
    assert spans_between("2023-11-18..19680") == range(19_679, 19_681)
    with pytest.raises(ConfigError, match="no span"):
        span_of("yesterday")
    with pytest.raises(ConfigError, match="ends before it begins"):
        spans_between("5..4")


def test_logs_that_are_whole_are_found(config):
    assert spans_of_logs(config.data.log) == [19_677, 19_678, 19_679]
    chosen = with_span(config)
    assert chosen.data.span == 19_679 and chosen.data.log == config.data.log and chosen.root == config.root
    alone = with_span(config.model_copy(update={"daily": None}))
    assert alone.data.log.endswith("days/2023-11-18") and alone.data.span is None and alone.name == "days-din"
    with pytest.raises(SpanError, match="span 19680: there is no request log in .*2023-11-19"):
        with_span(config.model_copy(update={"data": config.data.model_copy(update={"span": 19_680})}))
    with pytest.raises(ConfigError, match="needs data by spans"):
        with_span(config.model_copy(update={"data": DataConfig(log="runs/log")}))


def test_the_newest_raw_files_are_found(tmp_path):
    for name in ("events-20231116.csv", "events-20231118.csv", "events-20231199.csv"):
        files.write_text(tmp_path / name, "")
    data = DataConfig(raw=(f"{tmp_path}/events-{{YYYY}}{{MM}}{{DD}}.csv",), config="rees46")
    raw = RunConfig(data=data, model=ModelConfig(name="din"), daily=DailyConfig())
    assert with_span(raw).data.span == 19_679
    patterns = raw.model_copy(update={"data": data.model_copy(update={"raw": (f"{tmp_path}/*-{{YYYY}}{{MM}}{{DD}}.csv",)})})
    assert with_span(patterns).data.span is None


def test_what_is_learned_and_what_tested():
    next_day = learned_days(8, DailyConfig(days=2))
    assert {day for day, _ in next_day["train"]} == {6, 7} and len(next_day["train"]) == 6
    assert next_day["validation"] == [(8, "validation")] and next_day["test"] == [(8, "train"), (8, "test")]
    same = learned_days(8, DailyConfig(test="same"))
    assert same["train"] == [(7, "validation"), (7, "test"), (8, "train")] and same["test"] == [(8, "test")]
    # Over days, each request is learned once.
    learned = [part for day in range(5, 9) for part in learned_days(day, DailyConfig(test="same"))["train"]]
    assert len(set(learned)) == len(learned)


def test_spans_that_nobody_learned_are_caught_up(config):
    chosen = with_span(config)

    def days(before: int | None) -> int:
        pushed = before and Pushed(name="din", version=1, path="", pushed_at="", package="", span=before)
        return caught_up(chosen, pushed).daily.days

    assert days(None) == days(19_678) == 1 and days(19_676) == 3


def report(config: RunConfig, blessed: bool = True) -> dict:
    made = {"blessed": blessed, "span": config.data.span}
    files.make_dirs(files.parent(day_report(config, config.data.span)))
    files.write_text(day_report(config, config.data.span), json.dumps(made))
    return made


def test_a_backfill_leaves_out_what_is_done_and_goes_on_after_a_kill(config):
    begun: list[int] = []

    def run(of_day: RunConfig) -> dict:
        begun.append(of_day.data.span)
        if begun == [19_677, 19_678]:
            raise KeyboardInterrupt
        return report(of_day)

    spans = spans_between("2023-11-16..2023-11-18")
    with pytest.raises(KeyboardInterrupt):
        list(backfill(config, spans, run))
    again = [(span, done) for span, _, done in backfill(config, spans, run)]
    assert again == [(19_677, True), (19_678, False), (19_679, False)]
    assert begun == [19_677, 19_678, 19_678, 19_679]
    assert [done for *_, done in backfill(config, spans, run)] == [True, True, True] and len(begun) == 4
    assert [done for *_, done in backfill(config, spans, run, again=True)] == [False, False, False]


def test_a_backfill_names_what_is_missing_before_the_first_run(config):
    with pytest.raises(ConfigError, match="no request log of the spans 19675, 19676"):
        next(backfill(config, range(19_675, 19_679), report))
    with pytest.raises(ConfigError, match="no `daily`"):
        next(backfill(config.model_copy(update={"daily": None}), range(19_677, 19_679), report))
