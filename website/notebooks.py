"""Notebooks as pages: their text, code and kept outputs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def notebook_index() -> str:
    """Titles of the notebooks, and what each begins with."""
    text = "# Notebooks\n\nEach runs from top to bottom in a few minutes. They stand in `notebooks/`, with these outputs.\n\n"
    for path in NOTEBOOKS:
        first = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
        title, says = first.removeprefix("# ").split("\n", 1)
        text += f"* [{title}]({path.stem}.md): {says.strip().splitlines()[0]}\n"
    return text


def notebook_page(text: str) -> str:
    """Markdown of a notebook's JSON."""
    return "\n\n".join(filter(None, map(_cell, json.loads(text)["cells"]))) + "\n"


def _cell(cell: dict[str, Any]) -> str:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return source
    return "\n\n".join([f"```python\n{source}\n```", *map(_output, cell["outputs"])])


def _output(output: dict[str, Any]) -> str:
    if "text" in output:
        return f"```text\n{''.join(output['text']).rstrip()}\n```"
    data = {kind: value if isinstance(value, str) else "".join(value) for kind, value in output.get("data", {}).items()}
    if "image/png" in data:
        return f'<img alt="" src="data:image/png;base64,{data["image/png"].strip()}">'
    if "text/html" in data:  # a table of pandas, without its style
        html = re.sub(r"<style scoped>.*?</style>|\s(class|border|style)=\"[^\"]*\"", "", data["text/html"], flags=re.S)
        return re.sub(r"\n\s*", "\n", html).strip()
    return f"```text\n{data.get('text/plain', '').rstrip()}\n```"
