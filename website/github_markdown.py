"""Markdown as GitHub reads it, rewritten for Python-Markdown, which MkDocs uses.

Python-Markdown wants four columns where CommonMark wants as many as the marker has, and a blank line before lists and tables.
Blocks of code become fenced ones with a language, and a mean stays on a line with its deviation.
"""

from __future__ import annotations

import json
import re

import yaml
from markdown_it import MarkdownIt

COMMAND = re.compile(r"(\.venv/bin/)?(zoo|python|make|pip|docker|kubectl|curl|echo|git|uv|[A-Z]+=)\b")
MARKER = re.compile(r"([*+-]|\d+[.)]) +")
INDENT = 4


def as_mkdocs_reads_it(text: str) -> str:
    """The same document for Python-Markdown."""
    lines = re.sub(r"^<!--.*-->$", "", text, flags=re.M).replace(" ± ", "\u00a0±\u00a0").split("\n")
    depth = 0
    for token in MarkdownIt("commonmark").enable("table").parse("\n".join(lines)):
        if token.type == "list_item_close":
            depth -= 1
        if token.map is None:
            continue
        start, end = token.map
        if token.type == "list_item_open":
            _widen(lines, start, end, INDENT * depth)
            depth += 1
        elif token.type == "code_block":
            end = start + token.content.rstrip("\n").count("\n") + 1
            fenced = f"```{language(token.content)}\n{token.content.rstrip()}\n```".split("\n")
            lines[start:end] = ["\n".join(" " * INDENT * depth + line for line in fenced), *[None] * (end - start - 1)]
        elif token.type in ("bullet_list_open", "ordered_list_open", "table_open") and start and lines[start - 1]:
            lines[start] = "\n" + lines[start]
    return "\n".join(line for line in lines if line is not None)


def _widen(lines: list[str], start: int, end: int, column: int) -> None:
    """Moves what belongs to a list's item from below its text to four columns right of its marker."""
    marker = MARKER.match(lines[start].lstrip("\n")[column:])
    width = marker.end() if marker else 2
    for place in range(start + 1, end):
        line = lines[place]
        if line.strip() and not line[:column + width].strip():
            lines[place] = line[:column] + " " * INDENT + line[column + width:]


def language(code: str) -> str:
    """What a block of code is written in, as far as its looks tell."""
    if COMMAND.match(code):
        return "bash"
    try:
        json.loads(code)
        return "json"
    except ValueError:
        pass
    try:
        data = yaml.safe_load(code)
        if isinstance(data, list) or isinstance(data, dict) and all(re.fullmatch(r"[\w.-]+", str(key)) for key in data):
            return "yaml"
    except yaml.YAMLError:
        pass
    return "python" if re.search(r"^\s*(import|from|class|def|for|with|return|@)\b|\w\(|^[\w.]+ = ", code, re.M) else "text"
