"""How good scores are on candidates that came so far in the cascade, by the true probabilities that a simulator keeps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.metrics.classification import auc, logloss
from zoo.stages import StageTag


@dataclass(frozen=True)
class StageQuality:
    """Scores of the candidates that came to one stage and no further.

    Args:
        stage: which.
        candidates: how many.
        excess: cross entropy of the scores to the truth above the truth's own, in nats; 0 for the truth itself.
        excess_constant: the same of one number for all of them, the best one.
        auc: expected AUC: each candidate is a positive with its true probability, and a negative otherwise.
        auc_best: that of the truth.
        auc_error: its standard error if scores said nothing, `√((1/P + 1/N)/12)`, P and N the expected positives and negatives.
    """

    stage: str
    candidates: int
    excess: float
    excess_constant: float
    auc: float
    auc_best: float
    auc_error: float

    @property
    def probabilities(self) -> bool:
        """Whether the scores, as probabilities, say more than a constant that is right on average."""
        return self.excess < self.excess_constant

    @property
    def order(self) -> bool:
        """Whether their order says more than chance, by two standard errors."""
        return self.auc - 2 * self.auc_error > 0.5


def stage_quality(scores: np.ndarray, truth: np.ndarray, stages: np.ndarray) -> list[StageQuality]:
    """The quality of scores on each stage that has candidates, those that came furthest first.

    A model that learned from what was shown knows nothing of what never is, and its mistakes there are seen in no log: labels
    are missing exactly where it is weak. The true probabilities are known everywhere.

    Args:
        scores: `[n]` probabilities.
        truth: `[n]` true probabilities.
        stages: `[n]` the log's mark of the role `stage` (`zoo.stages`).

    Example:
        >>> [one.stage for one in stage_quality(scores, truth, marks) if not one.probabilities]
        ['recalled']
    """
    found = []
    for tag in sorted(StageTag, reverse=True):
        here = stages == tag
        if not here.any():
            continue
        p, q = scores[here], truth[here]
        least = logloss(q, q)
        found.append(StageQuality(
            tag.name.lower(), int(here.sum()), logloss(q, p) - least, logloss(q, np.full_like(q, q.mean())) - least,
            expected_auc(p, q), expected_auc(q, q), float(np.sqrt((1 / q.sum() + 1 / (1 - q).sum()) / 12))))
    return found


def expected_auc(scores: np.ndarray, truth: np.ndarray) -> float:
    """`Σ_ij p_i(1−p_j)·[s_i > s_j] / Σ_ij p_i(1−p_j)`, ties one half: AUC over all labels that the truth p may draw.

    Args:
        scores: `[n]`.
        truth: `[n]` probabilities.
    """
    labels = np.repeat([1, 0], len(scores))
    return auc(labels, np.tile(scores, 2), np.concatenate([truth, 1 - truth]))
