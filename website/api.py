"""A page for each package: what its modules' docstrings say, in the order of their names."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

PACKAGES = ("zoo", "serving", "tfx_pipelines")
TITLE = """# API

What the docstrings of the public modules say, a page for each package. `zoo` knows no TFX and no gRPC,
`serving` knows `zoo`, and `tfx_pipelines` knows both.

| package | what |
| --- | --- |
"""


@cache
def api_pages(root: Path) -> dict[str, str]:
    """Markdown by the place of the page; the first one lists the others."""
    pages, rows = {}, []
    for folder in (path.parent for name in PACKAGES for path in sorted((root / name).rglob("__init__.py"))):
        package = ".".join(folder.relative_to(root).parts)
        modules = [path for path in sorted(folder.glob("*.py")) if not path.name.startswith("_") and _public(path)]
        if not modules:
            continue
        says = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
        members = "".join(f"::: {package}.{path.stem}\n\n" for path in modules)
        pages[f"api/{package}.md"] = f"# {package}\n\n{says}\n\n{members}"
        rows.append(f"| [`{package}`]({package}.md) | {says.splitlines()[0] if says else ''} |\n")
    return {"api/index.md": TITLE + "".join(rows), **pages}


def _public(path: Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = (node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef))
    return any(not name.startswith("_") for name in names)
