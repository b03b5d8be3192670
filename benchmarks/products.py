"""The matrix products of a SavedModel's signature for one request, found by running it, and their own time."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from zoo.keras import tf

# How TensorFlow's graph optimizer writes products: fused with what follows, and by the library that computes them.
_PRODUCT = re.compile(r"_?(Mkl)?(Native)?_?(Fused)?(MatMul|BatchMatMul(V2)?|Einsum)")
Product = tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]


def products_of(path: Path, signature: str, inputs: dict[str, np.ndarray]) -> list[Product]:
    """Shapes of both operands of each product that a call computes, and its attributes.

    The graph is run once with a trace: its nodes, after TensorFlow optimized it, and the shapes that they had.

    Raises:
        RuntimeError: a product's operands are not in the trace.
    """
    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        definition = v1.saved_model.load(session, ["serve"], str(path)).signature_def[signature]
        trace = v1.RunMetadata()
        session.run([info.name for info in definition.outputs.values()],
                    {definition.inputs[name].name: value for name, value in inputs.items()},
                    options=v1.RunOptions(trace_level=v1.RunOptions.FULL_TRACE, output_partition_graphs=True),
                    run_metadata=trace)
    shapes = {(one.node_name, output.slot): tuple(dim.size for dim in output.tensor_description.shape.dim)
              for device in trace.step_stats.dev_stats for one in device.node_stats for output in one.output}
    found: list[Product] = []
    for partition in trace.partition_graphs:
        for node in partition.node:
            # Of a condition's branches one was run.
            if not _PRODUCT.fullmatch(node.op) or (node.name, 0) not in shapes:
                continue
            operands = []
            for name in node.input[:2]:
                producer, _, slot = name.partition(":")
                if (producer, int(slot or 0)) not in shapes:
                    raise RuntimeError(f"{node.name}: no shape of its operand {name} in the trace")
                operands.append(shapes[producer, int(slot or 0)])
            found.append((operands[0], operands[1], _attributes(node)))
    if not found:
        raise RuntimeError(f"{path}: no product in the trace of {signature}; was a function not inlined?")
    return found


def flops(products: list[Product]) -> int:
    """Multiplications and additions of all of them."""
    total = 0
    for first, second, attributes in products:
        if "equation" in attributes:
            sizes = dict(zip(attributes["equation"].replace("->", ",").split(",")[0], first, strict=True))
            sizes |= dict(zip(attributes["equation"].replace("->", ",").split(",")[1], second, strict=True))
            total += 2 * int(np.prod(list(sizes.values())))
        else:
            rows = first[-1] if attributes["first"] else first[-2]
            inner = first[-2] if attributes["first"] else first[-1]
            columns = second[-2] if attributes["second"] else second[-1]
            batch = max((first[:-2], second[:-2]), key=lambda one: int(np.prod(one)))
            total += 2 * int(np.prod(batch)) * rows * inner * columns
    return total


def alone(products: list[Product]) -> Callable[[], object]:
    """A function that computes these products, one after the other as one graph, and nothing else."""
    rng = np.random.default_rng(0)
    operands = [tuple(tf.constant(rng.normal(size=shape), tf.float32) for shape in product[:2]) for product in products]

    @tf.function
    def compute(pairs: Any) -> Any:
        results = []
        for (first, second), (_, _, attributes) in zip(pairs, products, strict=True):
            if "equation" in attributes:
                results.append(tf.einsum(attributes["equation"], first, second))
            else:
                results.append(tf.linalg.matmul(
                    first, second, transpose_a=attributes["first"], transpose_b=attributes["second"]))
        return results

    return lambda: compute(operands)


def _attributes(node: Any) -> dict[str, Any]:
    if node.op.endswith("Einsum"):
        return {"equation": node.attr["equation"].s.decode()}
    names = ("adj_x", "adj_y") if "Batch" in node.op else ("transpose_a", "transpose_b")
    return {"first": node.attr[names[0]].b, "second": node.attr[names[1]].b}
