"""The images of the proof, as docker/Dockerfile makes them: the base system and Python, the locked environment, the package."""

from __future__ import annotations

import compileall
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.installed import ROOT, installed
from tests.kubernetes.archive import Image, Layer, layer, read, write
from tests.kubernetes.debian import unpack

_ENVIRONMENT = "zoo.test/environment:1"
PAUSE, ZOO, SERVER, NEWER_SERVER = "zoo.test/pause:1", "zoo.test/zoo:1", "zoo.test/model-server:1", "zoo.test/model-server:2"
_BASE = ("base-files", "busybox-static", "ca-certificates", "libc6", "libgcc-s1", "libstdc++6", "zlib1g", "libssl3", "libffi8",
         "libsqlite3-0", "libbz2-1.0", "liblzma5", "libuuid1", "libncursesw6", "libtinfo6", "libcrypt1", "libexpat1",
         "libgomp1")
_SHELL = ("sh", "sleep", "ls", "cat", "env")
_PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
_SITE = f"opt/zoo/lib/{_PYTHON}/site-packages"
_ENV = ["PATH=/opt/zoo/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LD_LIBRARY_PATH=/opt/python/lib", "HOME=/tmp", "PYTHONUNBUFFERED=1",
        "PYTHONDONTWRITEBYTECODE=1"]
_PAUSE = "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done"


def images(cache: Path, model_server: str | None) -> list[Image]:
    """The images; layers that did not change are taken from the cache.

    Args:
        cache: keeps the layers.
        model_server: TF Serving's binary; None: the local model server, by ModelServer's flags.
    """
    base = _layer(cache, "base", ",".join((*_BASE, *_SHELL, sys.version)), _base)
    locked = ROOT / "docker/cpu.lock"
    environment = _layer(cache, "environment", locked.read_text(), lambda folder, _: _environment(folder, locked))
    package = _layer(cache, "package", _package_digest(), lambda folder, _: _package(folder))
    server = _layer(cache, "server", _server_digest(model_server), lambda folder, _: _server(folder, model_server))
    newer = _layer(cache, "newer", "", lambda folder, _: _newer(folder))
    config = {"Env": _ENV, "User": "10001", "WorkingDir": "/tmp"}
    zoo = [base, environment, package]
    # The second runs nowhere: while the package's layer is replaced, it keeps containerd from clearing away the layers below.
    return [Image(PAUSE, [base], {"Entrypoint": ["/bin/sh", "-c", _PAUSE]}), Image(_ENVIRONMENT, zoo[:2], config),
            Image(ZOO, zoo, config), Image(SERVER, [*zoo, server], config), Image(NEWER_SERVER, [*zoo, server, newer], config)]


def imported(cache: Path, made: list[Image]) -> None:
    """Makes what nodes have of the images from the start: containerd's own folder, filled once."""
    mark, archive, store = cache / "containerd.layers", cache / "images.tar", cache / "containerd"
    wanted = [digest for image in made for digest in (image.digest, *(one.digest for one in image.layers))]
    there = mark.read_text().split() if mark.exists() else []
    if wanted == there:
        return
    print("image: importing", flush=True)
    # Where even the environment is another one, the folder would only grow; one that was filled by half is no use.
    if not {one.digest for one in made[1].layers[:2]} <= set(there):
        shutil.rmtree(store, ignore_errors=True)
        there = []
    write(made, archive, there)
    mark.unlink(missing_ok=True)
    subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", Path(__file__).parent
                    / "machine/import.sh", store, archive], env={"CACHE": str(cache), "PATH": os.environ["PATH"]}, check=True)
    archive.unlink()
    mark.write_text("\n".join(wanted))


def _layer(cache: Path, name: str, made_of: str, fill) -> Layer:
    """A layer of the cache; made anew where what it is made of changed."""
    key = hashlib.sha256(made_of.encode()).hexdigest()[:16]
    path = cache / "layers" / f"{name}-{key}.tar"
    if path.exists():
        return read(path)
    print(f"image: packing {name}", flush=True)
    path.parent.mkdir(exist_ok=True)
    for old in path.parent.glob(f"{name}-*"):
        old.unlink()
    folder, partial = cache / f"layer-{name}", path.with_suffix(".partial")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    fill(folder, cache)
    made = layer(folder, partial)
    partial.rename(path)
    shutil.rmtree(folder)
    return Layer(path, made.digest)


def _base(folder: Path, cache: Path) -> None:
    shutil.copytree(unpack(_BASE, cache / "base"), folder, symlinks=True, dirs_exist_ok=True)
    (folder / ".packages").unlink()
    for name in _SHELL:
        (folder / "usr/bin" / name).symlink_to("busybox")
    for name in ("tmp", "proc", "sys", "dev", "run", "models", "config", "source"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "etc/passwd").write_text("zoo:x:10001:10001::/tmp:/bin/sh\n")
    skipped = shutil.ignore_patterns("test", "tests", "idlelib", "site-packages", "__pycache__", "*.a", "share", "include")
    shutil.copytree(sys.base_prefix, folder / "opt/python", symlinks=True, ignore=skipped)
    compileall.compile_dir(folder / "opt/python/lib", quiet=2, stripdir=str(folder))
    (folder / "opt/zoo/bin").mkdir(parents=True)
    (folder / "opt/zoo/pyvenv.cfg").write_text("home = /opt/python/bin\ninclude-system-site-packages = false\n")
    (folder / "opt/zoo/bin/python").symlink_to(f"/opt/python/bin/{_PYTHON}")


def _environment(folder: Path, locked: Path) -> None:
    subprocess.run([sys.executable, "-m", "uv", "pip", "install", "--quiet", "--require-hashes", "--compile-bytecode",
                    "--python", sys.executable, "--target", folder / _SITE, "-r", locked], check=True)


def _package(folder: Path) -> None:
    installed(folder / _SITE)
    compileall.compile_dir(folder / _SITE, quiet=2, stripdir=str(folder))
    _script(folder / "opt/zoo/bin/zoo", "import sys\nfrom tfx_pipelines.cli import main\nsys.exit(main())\n")


def _package_digest() -> str:
    files = [path for name in ("zoo", "serving", "tfx_pipelines") for path in sorted((ROOT / name).rglob("*")) if path.is_file()
             and path.suffix != ".pyc"]
    return hashlib.sha256(b"".join(path.read_bytes() for path in [ROOT / "setup.py", *files])).hexdigest()


def _server(folder: Path, model_server: str | None) -> None:
    target = folder / "usr/bin/tensorflow_model_server"
    if model_server is None:
        _script(target, (Path(__file__).parent / "model_server.py").read_text(encoding="utf-8"))
    else:
        target.parent.mkdir(parents=True)
        shutil.copy(model_server, target)


def _server_digest(model_server: str | None) -> str:
    return hashlib.sha256(Path(model_server or Path(__file__).parent / "model_server.py").read_bytes()).hexdigest()


def _newer(folder: Path) -> None:
    """What a rebuilt image has: other bytes, the same server."""
    (folder / "etc").mkdir()
    (folder / "etc/model-server-build").write_text("2\n")


def _script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/opt/zoo/bin/python\n" + text, encoding="utf-8")
    path.chmod(0o755)
