"""Images as an archive that containerd imports, in the form of the Open Container Initiative: layers, configurations, lists."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_KIND = "application/vnd.oci.image"


@dataclass(frozen=True)
class Layer:
    """A layer: its archive, and the digest of that."""

    path: Path
    digest: str


@dataclass(frozen=True)
class Image:
    """An image.

    Args:
        name: with its tag.
        layers: the lowest first.
        config: `Env`, `Entrypoint`, `User`, … as Docker has them.
    """

    name: str
    layers: Sequence[Layer]
    config: Mapping[str, Any]

    @property
    def config_blob(self) -> bytes:
        """Its configuration, whose digest is the image's own."""
        return _json({"architecture": "amd64", "os": "linux", "config": self.config,
                      "rootfs": {"type": "layers", "diff_ids": [f"sha256:{one.digest}" for one in self.layers]}})

    @property
    def manifest(self) -> bytes:
        """What it consists of."""
        config = _described("config.v1+json", self.config_blob)
        layers = [{"mediaType": f"{_KIND}.layer.v1.tar", "digest": f"sha256:{one.digest}", "size": one.path.stat().st_size}
                  for one in self.layers]
        return _json({"schemaVersion": 2, "mediaType": f"{_KIND}.manifest.v1+json", "config": config, "layers": layers})

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.config_blob).hexdigest()


def layer(folder: Path, path: Path) -> Layer:
    """Packs a folder: the same files give the same bytes, all belong to root, none is dated.

    Args:
        folder: what becomes the layer's root.
        path: of the archive.
    """
    def anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = info.mtime = 0
        info.uname = info.gname = ""
        return info

    with tarfile.open(path, "w") as archive:
        archive.add(folder, arcname=".", filter=anonymous)
    return read(path)


def read(path: Path) -> Layer:
    """A layer that is packed already."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return Layer(path, digest.hexdigest())


def write(images: Sequence[Image], path: Path, there: Collection[str] = ()) -> None:
    """Writes images.

    Args:
        images: all that are listed.
        path: of the archive.
        there: digests of layers that whoever imports it has already; they are left out.
    """
    manifests = [{**_described("manifest.v1+json", image.manifest), "annotations": {
        "io.containerd.image.name": image.name, "org.opencontainers.image.ref.name": image.name}} for image in images]
    with tarfile.open(path, "w") as archive:
        _put(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        for one in {one.digest: one for image in images for one in image.layers if one.digest not in there}.values():
            archive.add(one.path, arcname=f"blobs/sha256/{one.digest}")
        for blob in {blob for image in images for blob in (image.config_blob, image.manifest)}:
            _put(archive, f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}", blob)
        _put(archive, "index.json", _json({"schemaVersion": 2, "manifests": manifests}))


def _described(kind: str, blob: bytes) -> dict[str, Any]:
    return {"mediaType": f"{_KIND}.{kind}", "digest": f"sha256:{hashlib.sha256(blob).hexdigest()}", "size": len(blob)}


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _put(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))
