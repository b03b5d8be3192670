"""Ablations of models: what a table calls them, and what is changed."""

from __future__ import annotations

from typing import Any

from zoo.config import merged


def _starts(**how: Any) -> dict[str, Any]:
    """What becomes of the vectors that tables of live rooms begin with."""
    return {"embedding": {"pretrained": dict.fromkeys(("user", "host", "item"), how)}}


# A name for the table, the model, and what is changed in the settings that a log's configuration gives it; None takes one away.
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "dmr-no-auxiliary": ("dmr", {"auxiliary": "none"}),
    "dmr-logistic": ("dmr", {"auxiliary": "logistic"}),
    "dmr-no-u2i": ("dmr", {"u2i": False}),
    "dmr-no-i2i": ("dmr", {"i2i": False}),
    "dmr-no-position": ("dmr", {"position": False}),
    "dmr-no-match": ("dmr", {"match": False}),
    "dmr-item-output": ("dmr", {"output": "item"}),
    "dien-no-auxiliary": ("dien", {"auxiliary_weight": 0.0}),
    "dien-augru-code": ("dien", {"evolution": "augru_code"}),
    "dien-agru": ("dien", {"evolution": "agru"}),
    "dien-gru": ("dien", {"evolution": "gru"}),
    "dien-no-match": ("dien", {"match": False}),
    "sim-hard": ("sim", {"search": "hard"}),
    "sim-soft": ("sim", {"search": "soft"}),
    "sim-no-time-gap": ("sim", {"time_gap": False}),
    "lsrmm-no-long-term": ("lsrmm", {"long_term": False}),
    "lsrmm-no-gate": ("lsrmm", {"gate": False}),
    "lsrmm-no-raw": ("lsrmm", {"raw": False}),
    "usm-no-pooling": ("usm", {"pooling": False}),
    "fism": ("nais", {"attention": "none"}),
    "shared-bottom": ("mmoe", {"sharing": "shared_bottom"}),
    "din-no-match": ("din", {"attention": {"match": False}}),
}
# What counting says of a candidate, as an input of the network. Tables overfit beside it, so they decay: chosen on REES46's
# validation split by Embedding & MLP (AUC 0.882 at 0.3, 0.885 at 1, 0.880 at 3, 0.872 at 10; one seed).
COUNTING = ("-statistics", "-detailed")  # how the names of what follows end
_NETWORKS = ("embedding_mlp", "wdl", "dcn", "deepfm", "fibinet", "mmoe", "usm", "din", "dien", "dmr", "sim", "lsrmm")
VARIANTS |= {f"{model}-statistics": (model, {"statistics": True, "embedding": {"regularization": 1.0}}) for model in _NETWORKS}
# In detail, chosen on the simulator's validation split (AUC 0.7168 at 1, 0.7173 at 3; one seed).
VARIANTS |= {f"{model}-detailed": (model, {"statistics": "detailed", "embedding": {"regularization": 3.0}})
             for model in _NETWORKS}
VARIANTS |= {f"{model}-detailed": (model, {"detailed": True}) for model in ("gbdt", "gbdt_lr")}
# The coarse ranker, one switch after the other, each with those before it; and with what the teacher says of every candidate.
_SWITCHES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("mlp", {"head": "mlp"}), ("fm", {"crossing": "matched"}), ("nova", {"nova": {}}), ("senet", {"senet": True}),
    ("bilinear", {"bilinear": True}))
LADDER = ["dssm", *(f"dssm-{name}" for name, _ in _SWITCHES)]
_so_far: dict[str, Any] = {}
for _name, _change in _SWITCHES:
    _so_far = {**_so_far, **_change}
    VARIANTS[f"dssm-{_name}"] = ("dssm", _so_far)
VARIANTS |= {f"dssm-nova-{fusion}": ("dssm", {**VARIANTS["dssm-fm"][1], "nova": {"fusion": fusion}})
             for fusion in ("add", "concat")}
# Beside the switches of the source, ours: wider fields, so that counts of one id don't blur into those of others, and sums that
# forget. Chosen on the validation split of the simulator's cascade, one seed (docs/coarse.md).
VARIANTS["dssm-wide"] = ("dssm", {**VARIANTS["dssm-fm"][1], "embedding": {"dim": 48}})
VARIANTS["dssm-recent"] = ("dssm", {**VARIANTS["dssm-wide"][1], "half_lives": [2, 8]})
TAUGHT = "-taught"  # stands in the names of students
VARIANTS |= {f"{name}{TAUGHT}": ("dssm", {**VARIANTS[name][1], "distillation": {"listwise": 0.5}})
             for name in ("dssm-fm", "dssm-bilinear", "dssm-wide", "dssm-recent")}
# Other ways to follow a teacher; the last two go by how far a candidate came, which not every log says.
_taught = VARIANTS["dssm-recent"][1]
VARIANTS |= {f"dssm-recent{TAUGHT}-{name}": ("dssm", {**_taught, "distillation": change}) for name, change in (
    ("pointwise", {}), ("alignment", {"alignment": 0.5}), ("two-stages", {"listwise": 0.5, "alone": 1}),
    ("exposed", {"listwise": 0.5, "stages": dict.fromkeys(("recalled", "coarse", "fine"), 0.0)}),
    ("further", {"listwise": 0.5, "further": 0.5}))}
STAGED = tuple(f"dssm-recent{TAUGHT}-{name}" for name in ("exposed", "further"))
# Student and teacher in one training, and each switch of it.
_together: dict[str, Any] = {**VARIANTS["dssm-recent"][1], "nova": {}, "distillation": {"listwise": 0.5, "after": 1}}
SYNCHRONOUS = "synchronous_dssm-recent"
VARIANTS |= {f"{SYNCHRONOUS}{name}": ("synchronous_dssm", {**_together, **change}) for name, change in (
    ("", {}), ("-student-moves-tables", {"student_updates_embeddings": True}),
    ("-student-moves-attention", {"teacher_updates_user_attention": False}))}
# Live rooms: the first generation without the weights of orders and stay; the second and the third without one of their parts.
VARIANTS |= {f"{model}-unweighted": (model, {"row_weights": {"order": 0.0, "stay": 0.0}}) for model in ("lr", "gbdt")}
_UNCOUNTED: dict[str, Any] = {"statistics": False, "embedding": {"regularization": 0.0}}
VARIANTS |= {f"double_sequence-{name}": ("double_sequence", change) for name, change in (
    ("rooms", {"streams": ["rooms"]}), ("products", {"streams": ["products"]}), ("no-minutes", {"minutes_units": 0}),
    ("shared-bottom", {"tasks": {"sharing": "shared_bottom"}}), ("waiting-is-no", {"late": False}), ("uncounted", _UNCOUNTED))}
VARIANTS |= {f"hin-{name}": ("hin", change) for name, change in (
    ("uncounted", _UNCOUNTED), ("no-paths", {"paths": None}), ("random-start", {"embedding": {"pretrained": None}}),
    ("free", _starts(mode="free")), ("anchored", _starts(mode="anchored", anchor=0.01)),
    # Without tables of roles, shared ones have to learn.
    ("shared", merged(_starts(mode="free"), {"embedding": {"tables": "shared"}})),
    ("dedicated", {"embedding": {"tables": "dedicated", "pretrained": None}}), ("mean", {"semantic": "mean"}),
    ("expanded", {"paths": {"near": {"column": "products_item", "to": "item", "neighbours": 3}}, "expand": ["near"]}))}
SINGLE = "-single"  # how the names of rows end that have a model for each task
VARIANTS |= {f"double_sequence{SINGLE}": ("double_sequence", {})}
VARIANTS["cold-8"] = ("cold", {"keep": 8})
