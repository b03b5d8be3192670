"""What a report says of a teacher: how good it is, and on which candidates it should be heard."""

from __future__ import annotations

import dataclasses
from typing import Any

from tfx_pipelines.config_teacher import TeacherConfig
from zoo.metrics import auc, gauc, stage_quality
from zoo.schema import Schema
from zoo.training import Scored


def of_teacher(teacher: TeacherConfig, scored: Scored, schema: Schema, task: str) -> dict[str, Any]:
    """How good the teacher is on what the model was measured on."""
    name = next((name for name, of in teacher.labels(schema).items() if of == task), None)
    if name is None:
        return {}
    y, p, w = scored.labels[task], scored.labels[name], scored.weights[task]
    return {"auc": auc(y, p, w), "gauc": gauc(scored.keys[schema.group_key], y, p, w).value}


def by_stage(teacher: TeacherConfig | None, scored: Scored, schema: Schema, task: str) -> dict[str, Any]:
    """The model, and its teacher, on candidates that came so far in the cascade, where the log knows stages and truth."""
    mark = schema.mark("stage")
    if mark is None or task not in scored.truth:
        return {}
    truth, stages = scored.truth[task], scored.marks[mark.name]
    found = {"model": stage_quality(scored.scores[task], truth, stages)}
    for name, of in (teacher.labels(schema) if teacher else {}).items():
        if of == task:
            found["teacher"] = stage_quality(scored.labels[name], truth, stages)
    return {"stages": {who: [dataclasses.asdict(one) for one in of_stages] for who, of_stages in found.items()},
            **({"hear_teacher": {"order": [one.stage for one in found["teacher"] if one.order],
                                 "probabilities": [one.stage for one in found["teacher"] if one.probabilities]}}
               if "teacher" in found else {})}


def hearing(metrics: dict[str, Any]) -> str | None:
    """Whether the student should listen to its teacher, in words; None where the truth is not known."""
    if "hear_teacher" not in metrics:
        return None
    heard, stages = metrics["hear_teacher"], [one["stage"] for one in metrics["stages"]["teacher"]]
    deaf = [stage for stage in stages if stage not in heard["order"]]
    sentence = (f"By the truth, the teacher's order is worth hearing of candidates that came as far as: "
                f"{', '.join(heard['order']) or 'none'}; its probabilities say more than a constant of: "
                f"{', '.join(heard['probabilities']) or 'none'}")
    return sentence + (f"; turn it off (distillation.stages) on: {', '.join(deaf)}" if deaf else "")


def stage_lines(metrics: dict[str, Any]) -> list[str]:
    """The same as a table in Markdown."""
    if "stages" not in metrics:
        return []
    rows = [f"| {one['stage']} | {who} | {one['candidates']:,} | {one['excess']:.4f} | {one['excess_constant']:.4f} | "
            f"{one['auc']:.4f} | {one['auc_best']:.4f} |"
            for who, of_stages in metrics["stages"].items() for one in of_stages]
    sentence = hearing(metrics)
    return ["| came as far as | who | candidates | nats above the truth | a constant's | expected AUC | the truth's |",
            "| --- | --- | --- | --- | --- | --- | --- |", *rows, "", *([sentence + ".", ""] if sentence else [])]
