"""The server's image."""

from __future__ import annotations

import re

from pydantic import field_validator, model_validator

from serving.fleet import images
from zoo.config import Config, nearest

# A name with its release, or the digest of its bytes.
_PINNED = re.compile(r"^[^\s:@]+(?::\d+/[^\s:@]+)?(?::(?P<tag>[\w][\w.-]{0,127}))?(?P<digest>@sha256:[0-9a-f]{64})?$")


class Image(Config):
    """The server's image.

    Args:
        tensorflow: minor release that the models were exported with; it says which TF Serving is taken.
        cpu: another image for CPUs, pinned by a tag or digest (a mirror, say).
        gpu: the same for GPUs.
    """

    tensorflow: str = images.DEFAULT
    cpu: str | None = None
    gpu: str | None = None

    @field_validator("tensorflow")
    @classmethod
    def _known(cls, value: str) -> str:
        known = [image.tensorflow for image in images.IMAGES]
        if value not in known:
            raise ValueError(f"no server was chosen for that TensorFlow{nearest(value, known)}")
        return value

    @field_validator("cpu", "gpu")
    @classmethod
    def _pinned(cls, value: str | None) -> str | None:
        return value if value is None else pinned(value)

    @model_validator(mode="after")
    def _new_enough(self) -> Image:
        for image in (self.cpu, self.gpu):
            tag = re.search(r"(?:^|/)serving:(\d+\.\d+[\w.-]*)", image or "")
            if tag and images.minor(tag[1]) < images.minor(self.tensorflow):
                raise ValueError(
                    f"{image} is older than TensorFlow {self.tensorflow}, which wrote the models; "
                    f"take {images.REPOSITORY}:{images.image_of(self.tensorflow).tag} or newer"
                )
        return self

    @property
    def on_cpu(self) -> str:
        """The image on CPUs."""
        return self.cpu or f"{images.REPOSITORY}:{images.image_of(self.tensorflow).tag}"

    @property
    def on_gpu(self) -> str:
        """The image on GPUs."""
        return self.gpu or f"{images.REPOSITORY}:{images.image_of(self.tensorflow).tag}-gpu"


def pinned(image: str) -> str:
    """The image, if it names one release.

    Raises:
        ValueError: neither tag nor digest, or a tag that moves.
    """
    match = _PINNED.match(image)
    if not match or not (match["tag"] or match["digest"]) or (match["tag"] == "latest" and not match["digest"]):
        raise ValueError("expected an image pinned by a tag other than latest, or by a digest: NAME:1.2.3 or NAME@sha256:…")
    return image
