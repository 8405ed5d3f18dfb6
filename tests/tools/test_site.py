"""The documents' site: whole, and loading nothing from elsewhere."""

import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
MKDOCS = PROJECT / ".venv-docs" / "bin" / "mkdocs"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MKDOCS.exists(), reason="needs the site's environment: make docs"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built without a warning: mkdocs.yml is strict."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run([MKDOCS, "build", "--quiet", "--site-dir", folder], cwd=PROJECT, check=True)
    return folder


def test_every_document_is_a_page(site: Path):
    pages = {page.stem for page in (PROJECT / "docs").glob("*.md")}
    assert pages <= {page.stem for page in site.glob("*.html")}
    assert (site / "project" / "changelog.html").exists()


def test_no_page_loads_anything_from_elsewhere(site: Path):
    for page in site.rglob("*.html"):
        tags = re.findall(r"<(?:script|link|img|iframe)\b[^>]*>", page.read_text(encoding="utf-8"))
        assert tags
        assert not [tag for tag in tags if re.search(r"""(?:src|href)=["']?(?:https?:)?//""", tag)]


def test_the_api_names_functions_with_their_arguments(site: Path):
    page = (site / "api.html").read_text(encoding="utf-8")
    assert 'id="pipelines.runs.list_runs"' in page
    assert "Raises:" in page
    assert "self._" not in page


def test_links_to_files_outside_the_site_are_text(site: Path):
    page = (site / "index.html").read_text(encoding="utf-8")
    assert 'href="decision.html' in page
    assert "compare_models.ipynb" in page
    assert "ipynb)" not in page
    assert 'href="notebooks' not in page
