"""Which TF Serving serves models of which TensorFlow, and what was tried."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ServerImage:
    """A release of TF Serving.

    Args:
        tensorflow: minor release of TensorFlow that wrote the models. A server reads what its own TensorFlow or an older one
            wrote; the other way round nobody promises.
        tag: of `tensorflow/serving`, pinned to the patch; `-gpu` is appended for GPUs.
        lane: of this project that exports with that TensorFlow.
        tried: what was run against it.
    """

    tensorflow: str
    tag: str
    lane: str
    tried: str


REPOSITORY = "tensorflow/serving"
IMAGES = (
    ServerImage("2.16", "2.16.1", "TFX 1.16, Python 3.10", "the protocol tests, batching with padding, warm-up, labels (CPU)"),
    ServerImage("2.21", "2.21.0", "TFX 1.21, Python 3.11 to 3.13", "not tried; named after the release of its API package"),
)
DEFAULT = IMAGES[0].tensorflow


def image_of(tensorflow: str) -> ServerImage:
    """The server for models of a minor release of TensorFlow.

    Raises:
        KeyError: there is none in the matrix.
    """
    return {image.tensorflow: image for image in IMAGES}[tensorflow]


def minor(tag: str) -> tuple[int, int]:
    """Major and minor number of a tag.

    Example:
        >>> minor("2.16.1-gpu")
        (2, 16)
    """
    first, second = tag.split("-")[0].split(".")[:2]
    return int(first), int(second)


def matrix() -> list[list[str]]:
    """Rows of the table in the docs."""
    return [
        [image.lane, image.tensorflow, f"`{REPOSITORY}:{image.tag}`, `{REPOSITORY}:{image.tag}-gpu`", image.tried]
        for image in IMAGES
    ]
