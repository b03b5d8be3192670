"""The site is built, and no link of it leads nowhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from website.github_markdown import as_mkdocs_reads_it, language
from website.notebooks import notebook_page
from zoo.models import registry

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_site_is_built(tmp_path):
    words = ["-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path / "site"]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pages = {str(path.relative_to(tmp_path / "site")): path.read_text(encoding="utf-8")
             for path in (tmp_path / "site").rglob("*.html")}
    assert {f"models/{name}.html" for name in registry.names()} <= set(pages)
    assert "encode_candidates" in pages["api/zoo.models.html"]
    assert 'href="models/double_sequence.html"' in pages["live.html"], "links between files are links between pages"
    for name, page in pages.items():
        assert not re.search(r"<p>(\||[^<]*\n[*-] )", page), f"{name} shows Markdown as text"


def test_markdown_of_github_is_that_of_mkdocs():
    text = "A table:\n| a |\n| --- |\n| 1 ± 2 |\n\n* one\n\n      zoo models\n\n  more\n\n    x = f(1)\n"
    assert as_mkdocs_reads_it(text).replace("\u00a0", "~") == (
        "A table:\n\n| a |\n| --- |\n| 1~±~2 |\n\n"
        "* one\n\n    ```bash\n    zoo models\n    ```\n\n    more\n\n      x = f(1)\n")
    assert as_mkdocs_reads_it("<!-- table: a -->\n| a |\n| --- |\n") == "\n| a |\n| --- |\n"


@pytest.mark.parametrize("code, name", [("zoo models\n", "bash"), ("model: {name: din}\n", "yaml"), ("import a\n", "python"),
                                        ('{"a": 1}', "json"), ("for a in b:\n    c\n", "python"), ("a   b\n", "text")])
def test_code_has_a_language(code, name):
    assert language(code) == name


def test_a_notebook_is_a_page():
    table = '<style scoped>x</style><table class="dataframe">\n  <tr></tr>\n</table>'
    outputs = [{"text": ["x\n"]}, {"data": {"text/plain": "7"}}, {"data": {"image/png": "QUI=\n", "text/plain": "<Figure>"}},
               {"data": {"text/html": table}}]
    page = notebook_page(json.dumps({"cells": [{"cell_type": "markdown", "source": ["# A\n", "b"]},
                                               {"cell_type": "code", "source": "f()", "outputs": outputs}]}))
    assert page.split("\n\n") == [
        "# A\nb", "```python\nf()\n```", "```text\nx\n```", "```text\n7\n```",
        '<img alt="" src="data:image/png;base64,QUI=">', "<table>\n<tr></tr>\n</table>\n"]
