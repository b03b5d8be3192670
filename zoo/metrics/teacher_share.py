"""How much of what a teacher would choose survives a student's cut."""

from __future__ import annotations

from zoo.metrics.pool_ranks import PoolMean, PoolRanks


def teacher_share(student: PoolRanks, teacher: PoolRanks, k: int, m: int) -> PoolMean:
    """Share of the teacher's top k that stands in the student's top m, the mean over requests.

    `mean_r |top_k(teacher) ∩ top_m(student)| / k`. Of ties each order is as likely; a student that says the same of all reaches
    m / n of n candidates.

    It is 1 by construction where a request has no more than m candidates, so such requests don't count; and it can't exceed
    m / k. It says that the student agrees with the teacher, not that either is right: where the teacher never trained, on what
    was never exposed, agreement may be what one should not want.

    Args:
        student: of `pool_ranks`, by the student's scores.
        teacher: of the same candidates in the same order, by the teacher's scores.
        k: how many the teacher would choose.
        m: how many the student lets through.

    Example:
        >>> student, teacher = pool_ranks([0, 0, 0, 0], [4, 3, 2, 1]), pool_ranks([0, 0, 0, 0], [1, 2, 4, 3])
        >>> teacher_share(student, teacher, k=2, m=3).value     # of the third and fourth, the third survives
        0.5

    Source: Wang et al., COLD, DLP-KDD 2020, section 4 (recall of the fine ranker's top candidates).
    """
    counts = student.larger_than(m)
    # Of fewer than k candidates, all are the teacher's choice.
    shares = student.sums(student.chance(m) * teacher.chance(k)) / student.size.clip(1, k)
    return PoolMean(float(shares[counts].sum()), float(counts.sum()))
