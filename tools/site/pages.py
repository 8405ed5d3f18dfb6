"""A hook of MkDocs: pages that lie outside docs/, and links that hold in the site as on GitHub.

See https://www.mkdocs.org/user-guide/configuration/#hooks.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

_PROJECT = Path(__file__).parents[2]
# Each file outside docs/ and its page.
_PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
    "benchmarks/README.md": "benchmarks/readme.md",
    "tools/README.md": "tools/readme.md",
    "assets/albert_en_mini/README.md": "assets/albert_en_mini.md",
    "assets/sample_reviews/README.md": "assets/sample_reviews.md",
}
_SOURCES = {page: source for source, page in _PAGES.items()}
_DOCUMENTS = "docs/"
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages that lie outside docs/."""
    for source, page in _PAGES.items():
        text = (_PROJECT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lets each link lead to a page of the site; of a link to another file only the text stays."""
    own = page.file.src_uri
    return _LINK.sub(lambda found: _link(found, own), markdown)


def _link(found: re.Match[str], own: str) -> str:
    mark, text, path, anchor = found.groups(default="")
    source = _SOURCES.get(own, _DOCUMENTS + own)
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    if target not in _PAGES and not target.startswith(_DOCUMENTS):
        return text
    page = _PAGES.get(target, target.removeprefix(_DOCUMENTS))
    return f"{mark}[{text}]({posixpath.relpath(page, posixpath.dirname(own) or '.')}{anchor})"
