"""What the project's documents hold: commands, code, links."""

import re
import shlex
from pathlib import Path

PROJECT = Path(__file__).parents[2]
README = PROJECT / "README.md"
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")


def pages() -> list[Path]:
    """Returns the documents of the project."""
    folders = (PROJECT, PROJECT / "docs", PROJECT / "benchmarks", PROJECT / "tools")
    return sorted(page for folder in folders for page in folder.glob("*.md"))


def code(page: Path, language: str) -> list[str]:
    """Returns the blocks of code in a language."""
    found = _FENCED.findall(page.read_text(encoding="utf-8"))
    return [block for name, block in found if name == language]


def commands(page: Path) -> list[list[str]]:
    """Returns the commands of a page, each as its words, without comments."""
    lines = "\n".join(code(page, "sh")).replace("\\\n", " ").splitlines()
    words = (shlex.split(line, comments=True) for line in lines)
    return [command for line in words for command in _divided(line) if command]


def _divided(line: list[str]) -> list[list[str]]:
    """Returns the commands of a line that `&&` joins."""
    parts: list[list[str]] = [[]]
    for word in line:
        if word == "&&":
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def calls(page: Path, *program: str) -> list[list[str]]:
    """Returns the arguments of each call of a program, such as `python`, `predict.py`."""
    wanted = list(program)
    return [each[len(wanted) :] for each in commands(page) if each[: len(wanted)] == wanted]


def links(page: Path) -> list[tuple[str, str]]:
    """Returns path and anchor of each link to another part of the project."""
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    return _LINK.findall(text)


def anchors(page: Path) -> set[str]:
    """Returns the names by which headings can be linked to, as GitHub makes them."""
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", each).lower() for each in headings)
    return {re.sub(r"[^\w\- ]", "", each).strip().replace(" ", "-") for each in plain}
