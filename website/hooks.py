"""Hooks of MkDocs: pages of what stands elsewhere in the repository than in docs/, and links that lead to them."""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # MkDocs runs hooks by their path

from website.api import api_pages  # noqa: E402
from website.cards import CARDS, model_index  # noqa: E402
from website.github_markdown import as_mkdocs_reads_it  # noqa: E402
from website.notebooks import NOTEBOOKS, notebook_index, notebook_page  # noqa: E402
from zoo.models import registry  # noqa: E402

LINK = re.compile(r"(?<=\]\()([^)#:\s]+)(?=[)#])")
# Files of the repository that are pages, and their places in the site; those of docs/ have the names that they have there.
PLACES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md",
          "LICENSE": "LICENSE.txt"}
PLACES |= {f"{CARDS}/{name}.md": f"models/{name}.md" for name in registry.names()}
PLACES |= {f"notebooks/{path.name}": f"notebooks/{path.stem}.md" for path in NOTEBOOKS}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Puts the lists of models, notebooks and packages in the places of the navigation that have their names."""
    lists = {
        "models": ["models/index.md", *(f"models/{name}.md" for name in sorted(registry.names()))],
        "notebooks": ["notebooks/index.md", *(f"notebooks/{path.stem}.md" for path in NOTEBOOKS)],
        "api": list(api_pages(ROOT)),
    }
    config.nav = [{title: lists.get(place, place) if isinstance(place, str) else place for title, place in entry.items()}
                  if isinstance(entry, dict) else entry for entry in config.nav or []]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are no files of docs/."""
    for source, place in PLACES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, place, content=notebook_page(text) if source.endswith(".ipynb") else text))
    pages = {"models/index.md": model_index(), "notebooks/index.md": notebook_index(), **api_pages(ROOT)}
    for place, text in pages.items():
        files.append(File.generated(config, place, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Leads links between files of the repository to their pages."""
    place = page.file.src_uri
    if place.startswith("api/"):
        return markdown
    source = next((source for source, target in PLACES.items() if target == place), f"docs/{place}")

    def to_page(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link[1]))
        if target.startswith("docs/") and not place.startswith(("models/index", "notebooks/index")):
            target = target.removeprefix("docs/")
        target = PLACES.get(target, target)
        return posixpath.relpath(target, posixpath.dirname(place) or ".")

    generated = place in ("models/index.md", "notebooks/index.md")
    return as_mkdocs_reads_it(markdown if generated else LINK.sub(to_page, markdown))
