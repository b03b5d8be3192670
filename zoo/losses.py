"""Losses of `[R, N]` logits, averaged over the candidates that have weight."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.keras import tf
from zoo.schema import Schema

Tensors = Mapping[str, tf.Tensor]


def weighted_rows(weight: tf.Tensor, by: Mapping[str, float], labels: Tensors, weights: Tensors) -> tf.Tensor:
    """Weights of a task's rows by what else came of them: `w·(1 + Σ_k a_k·y_k)`, over the labels k that were observed.

    A click that ended with an order counts as 1 + a clicks: scores of the clicks' task then rank by more than clicks, and are
    no probabilities of a click any more.

    Args:
        weight: `[R, N]` w.
        by: `a_k` by label.
        labels: by label, `[R, N]`.
        weights: by label, `[R, N]`, 0 where it was not observed.
    """
    return weight * (1 + sum(factor * labels[name] * tf.cast(weights[name] > 0, tf.float32) for name, factor in by.items()))


def weighted_mean(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """`Σ w·v / Σ w`; zero where nothing has weight."""
    return tf.math.divide_no_nan(tf.reduce_sum(values * weights), tf.reduce_sum(weights))


def task_loss(kind: str, labels: tf.Tensor, logits: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Loss of one task: binary cross entropy of logits for `binary`, squared error for `regression`.

    Args:
        kind: the label's kind.
        labels: `[R, N]`; of a soft label probabilities.
        logits: `[R, N]`.
        weights: `[R, N]`, 0 on padding and where the label was not observed.

    Returns:
        A scalar, the weighted mean.
    """
    if kind == "regression":
        return weighted_mean(tf.square(labels - logits), weights)
    return weighted_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits), weights)


def task_losses(schema: Schema, outputs: Tensors, labels: Tensors, weights: Tensors, soft: bool = True,
                outstanding: Tensors | None = None) -> tf.Tensor:
    """The weighted sum of the labels' losses.

    A task B that is given another, A, is learned in one of two ways:

    * over the entire space, as ESMM does: the label `y_A·y_B` by the probability `p_A·p_B`, wherever A was observed and is 0,
      whatever B says there, or both were observed;
    * where A happened: the label `y_B` by `p_B`, weighted by `y_A`.

    A task whose outcomes come late is learned by `late_cross_entropy`, over the entire space as where A happened.

    Args:
        schema: declares the labels, and how much each weighs. A soft label of a task is learned by that task's output.
        outputs: logits by task, `[R, N]` each.
        labels: by task, `[R, N]`; 0 where not observed.
        weights: by task, `[R, N]`, 0 on padding and where the label was not observed.
        soft: whether soft labels are among them.
        outstanding: by task whose outcomes come late, `[R, N]`, the logarithm of the chance that an outcome has not come yet;
            a task that is not there is taken to have seen all of its outcomes.

    Returns:
        A scalar.

    Source: Ma et al., Entire Space Multi-Task Model, SIGIR 2018, section 2.3.
    """
    total = tf.constant(0.0)
    for label in schema.labels if soft else [one for one in schema.labels if not one.soft]:
        name, given, late = label.name, label.given, (outstanding or {}).get(label.name)
        if given is not None and label.entire_space:
            decided = tf.cast((labels[given] == 0) | (weights[name] > 0), tf.float32)
            cross_entropy = joint_cross_entropy(labels[given] * labels[name], outputs[given], outputs[name], late)
            loss = weighted_mean(cross_entropy, weights[given] * decided)
        else:
            weight = weights[name] if given is None else weights[name] * labels[given]
            logits = outputs[label.of or name]
            loss = (task_loss(label.kind, labels[name], logits, weight) if late is None
                    else weighted_mean(late_cross_entropy(labels[name], logits, late), weight))
        total += label.weight * loss
    return total


def joint_cross_entropy(labels: tf.Tensor, a: tf.Tensor, b: tf.Tensor, outstanding: tf.Tensor | None = None) -> tf.Tensor:
    """Cross entropy of the probability that two things happen: `-y·log p - (1-y)·log(1-p)`, `p = σ(a)·σ(b)`.

    Never by p itself, which rounds to 0 or 1: `log p = log σ(a) + log σ(b)`, and as the second can only happen with the first,
    `1-p = σ(-a) + σ(a)·σ(-b)`, two terms that are added as logarithms. Where the second comes late, its absence says less:
    `1 - p·F = σ(-a) + σ(a)·σ(-b) + σ(a)·σ(b)·(1-F)` (see `late_cross_entropy`).

    Args:
        labels: `[...]` 0, 1, or a probability.
        a: `[...]` logits of the first.
        b: `[...]` logits of the second, given the first.
        outstanding: `[...]` `log(1-F)`; None where the second was seen if it happened.
    """
    positive = tf.math.log_sigmoid(a) + tf.math.log_sigmoid(b)
    ways = [tf.math.log_sigmoid(-a), tf.math.log_sigmoid(a) + tf.math.log_sigmoid(-b)]
    negative = tf.reduce_logsumexp(tf.stack(ways if outstanding is None else [*ways, positive + outstanding]), 0)
    return -labels * positive - (1 - labels) * negative


def late_cross_entropy(labels: tf.Tensor, logits: tf.Tensor, outstanding: tf.Tensor) -> tf.Tensor:
    """Cross entropy of what has been seen of outcomes that come late: `-y·log p - (1-y)·log(1 - p·F)`, `p = σ(z)`.

    p is the chance that the outcome comes at all, F that it has come by now if it comes. So it has been seen with the chance
    `p·F`, and not with `1 - p·F`: it never comes (`1-p`), or it is still to come (`p·(1-F)`). The log likelihood of what was
    seen is `y·log(p·F) + (1-y)·log(1 - p·F)`, of which `y·log F` moves nothing. With the true F its expectation over y, which
    is 1 with the chance `q·F`, has the derivative `q·F/p - (1 - q·F)·F/(1 - p·F)` by p, which is 0 at `p = q`: unlike the cross
    entropy of y, which is least at `p = q·F`, and so takes for a negative what has not waited long enough.

    Args:
        labels: `[...]` 1 where the outcome was seen.
        logits: `[...]` z.
        outstanding: `[...]` `log(1-F)`, 0 of what was shown just now; `zoo.layers.arrival.Arrival` learns it.

    Source: Chapelle, Modeling Delayed Feedback in Display Advertising, KDD 2014, with F known.
    """
    ways = [tf.math.log_sigmoid(-logits), tf.math.log_sigmoid(logits) + outstanding]
    return -labels * tf.math.log_sigmoid(logits) - (1 - labels) * tf.reduce_logsumexp(tf.stack(ways), 0)


def softened_cross_entropy(teacher: tf.Tensor, logits: tf.Tensor, weights: tf.Tensor, temperature: float = 1.0) -> tf.Tensor:
    """`T²·BCE(σ(t/T), σ(z/T))`, t the teacher's logits: gradients are as large at any temperature T.

    Args:
        teacher: `[R, N]` probabilities.
        logits: `[R, N]` of the student.
        weights: `[R, N]`.
        temperature: T.

    Returns:
        A scalar, the weighted mean.

    Source: Hinton et al., Distilling the Knowledge in a Neural Network, 2015.
    """
    if temperature != 1.0:
        teacher = tf.sigmoid(_logits(teacher) / temperature)
    return temperature**2 * task_loss("binary", teacher, logits / temperature, weights)


def listwise_divergence(teacher: tf.Tensor, logits: tf.Tensor, weights: tf.Tensor, temperature: float = 1.0) -> tf.Tensor:
    """`T²·KL(softmax(t/T) ‖ softmax(z/T))` over each request's candidates that the teacher scored.

    Args:
        teacher: `[R, N]` probabilities; t are their logits.
        logits: `[R, N]` of the student.
        weights: `[R, N]`; candidates without weight are not in the list. A list weighs what its candidates weigh on average.
        temperature: T.

    Returns:
        A scalar, the weighted mean over the requests that have two candidates at least.
    """
    listed = weights > 0
    # A finite number, since the logarithm of a probability of 0 would make the product with it NaN.
    q = tf.nn.log_softmax(tf.where(listed, _logits(teacher) / temperature, _AWAY))
    p = tf.nn.log_softmax(tf.where(listed, logits / temperature, _AWAY))
    divergence = tf.reduce_sum(tf.where(listed, tf.exp(q) * (q - p), 0.0), 1)
    count = tf.reduce_sum(tf.cast(listed, tf.float32), 1)
    of_list = tf.math.divide_no_nan(tf.reduce_sum(weights, 1), count)
    return temperature**2 * weighted_mean(divergence, of_list * tf.cast(count > 1, tf.float32))


def rank_alignment(teacher: tf.Tensor, logits: tf.Tensor, weights: tf.Tensor, chunks: int) -> tf.Tensor:
    """`Σ Δ_ij·softplus(z_j − z_i) / Σ Δ_ij` over pairs that the teacher puts into different chunks, i before j.

    The teacher's order of a request's candidates is cut into `C` chunks of one size, so that only what it tells apart clearly
    is learned. `Δ_ij = |g_i − g_j|·|d_i − d_j|` is what swapping two chunks c costs of NDCG: `g = 2^((C−1−c)/(C−1)) − 1`,
    `d = 1/log₂(2 + c)`. COPR draws one candidate a chunk and divides scores by each other; here all pairs count, and logits
    are subtracted, so that nothing is drawn and scores may be of any sign.

    Args:
        teacher: `[R, N]` probabilities.
        logits: `[R, N]` of the student.
        weights: `[R, N]`; candidates without weight are not in the order.
        chunks: C.

    Returns:
        A scalar.

    Source: Zhao et al., COPR: Consistency-Oriented Pre-Ranking for Online Advertising, CIKM 2023.
    """
    listed = tf.cast(weights > 0, tf.float32)
    before = tf.argsort(tf.argsort(tf.where(weights > 0, teacher, -1.0), direction="DESCENDING", stable=True))
    count = tf.reduce_sum(listed, 1, keepdims=True)
    chunk = tf.floor(tf.cast(before, tf.float32) * chunks / tf.maximum(count, 1.0))
    gain, discount = 2.0 ** ((chunks - 1 - chunk) / (chunks - 1)), 1.0 / tf.experimental.numpy.log2(2.0 + chunk)
    first, second = (lambda values: values[:, :, tf.newaxis]), (lambda values: values[:, tf.newaxis, :])
    cost = tf.abs(first(gain) - second(gain)) * tf.abs(first(discount) - second(discount))
    cost *= first(listed * weights) * second(listed * weights) * tf.cast(first(chunk) < second(chunk), tf.float32)
    return weighted_mean(tf.nn.softplus(second(logits) - first(logits)), cost)


def ordered_pairs(levels: tf.Tensor, logits: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """`Σ softplus(z_j − z_i)` over the pairs of a request with level i above level j, over their weight.

    Args:
        levels: `[R, N]`; NaN is in no pair.
        logits: `[R, N]`.
        weights: `[R, N]`; a pair weighs the product.

    Returns:
        A scalar.

    Source: Burges et al., Learning to Rank using Gradient Descent (RankNet), ICML 2005.
    """
    first, second = (lambda values: values[:, :, tf.newaxis]), (lambda values: values[:, tf.newaxis, :])
    pairs = first(weights) * second(weights) * tf.cast(first(levels) > second(levels), tf.float32)
    return weighted_mean(tf.nn.softplus(second(logits) - first(logits)), pairs)


_AWAY = -1e9


def _logits(probabilities: tf.Tensor) -> tf.Tensor:
    """Logits of a teacher's probabilities, which may have been rounded to 0 or 1."""
    p = tf.clip_by_value(probabilities, 1e-6, 1 - 1e-6)
    return tf.math.log(p) - tf.math.log1p(-p)
