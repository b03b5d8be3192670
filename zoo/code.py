"""Which code runs: a fingerprint of a module and of all that it imports, read from the sources, without importing them."""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

HOME = Path(__file__).parents[1]


def code_fingerprint(modules: Iterable[str], packages: Iterable[str] = ("zoo",), home: Path = HOME) -> str:
    """A digest of the sources that run when some modules do, the same wherever they lie.

    Imports inside of functions count; those for type checkers alone do not, nor do modules named by a string. What a package
    gathers in its `__init__` counts where the package is asked for it, not where a module below it is.

    Args:
        modules: dotted names of the modules that are run.
        packages: whose modules are followed; others are libraries.
        home: the folder that holds the packages.

    Raises:
        ModuleNotFoundError: one of `modules` has no source below `home`.

    Example:
        >>> code_fingerprint(["zoo.models.fine.din"])
        '5f0c…'
    """
    digest = hashlib.sha256()
    for name, path in sorted(_imported(modules, tuple(packages), home).items()):
        content = path.read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def imported_modules(modules: Iterable[str], packages: Iterable[str] = ("zoo",), home: Path = HOME) -> set[str]:
    """Dotted names of what `code_fingerprint` reads: the modules, what they import, and the packages of all these."""
    return set(_imported(modules, tuple(packages), home))


def _imported(modules: Iterable[str], packages: tuple[str, ...], home: Path) -> dict[str, Path]:
    waiting = list(modules)
    for name in waiting:
        if _source(name, home) is None:
            raise ModuleNotFoundError(f"{name}: no such module below {home}")
    found: dict[str, Path] = {}
    followed: set[str] = set()
    while waiting:
        name = waiting.pop()
        path = _source(name, home)
        if name in followed or path is None or name.split(".")[0] not in packages:
            continue
        followed.add(name)
        found[name] = path
        parts = name.split(".")
        packages_above = [".".join(parts[:count]) for count in range(1, len(parts))]
        found |= {above: source for above in packages_above if (source := _source(above, home))}
        package = name if path.name == "__init__.py" else ".".join(parts[:-1])
        for base, attribute in _imports(path.read_text(encoding="utf-8"), package):
            below = f"{base}.{attribute}"
            waiting.append(below if attribute and _source(below, home) else base)
    return found


def _source(name: str, home: Path) -> Path | None:
    path = home.joinpath(*name.split("."))
    return next((file for file in (path / "__init__.py", path.with_suffix(".py")) if name and file.is_file()), None)


@functools.cache
def _imports(source: str, package: str) -> frozenset[tuple[str, str]]:
    """What the source imports: (module, "") or (module, a name in it, which may be a module too)."""
    names: set[tuple[str, str]] = set()
    for node in _running(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            start = parts[:len(parts) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            names |= {(base, alias.name) for alias in node.names}
    return frozenset(names)


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below, without those under `if TYPE_CHECKING:`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        yield child
        yield from _running(child)
