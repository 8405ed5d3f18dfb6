import ast
import pathlib

import pytest

from albert_tfx import sources

_USER = "components.user"
_FILES = {
    "albert_tfx/__init__.py": "",
    "albert_tfx/options.py": "from albert_tfx import unused\nWIDTH = 1\n",
    "albert_tfx/unused.py": "",
    "albert_tfx/room/__init__.py": "",
    "albert_tfx/room/direct.py": "from albert_tfx.room import indirect\n",
    "albert_tfx/room/indirect.py": "VALUE = 1\n",
    "albert_tfx/room/lazy.py": 'PAGE = "page.html"\n',
    "albert_tfx/room/page.html": "<p>",
    "albert_tfx/room/other.html": "<p>",
    "components/__init__.py": "",
    "components/user.py": (
        "import json\n"
        "from albert_tfx.options import WIDTH\n"
        "from albert_tfx.room.direct import indirect\n"
        "def read():\n"
        '    """Reads."""\n'
        "    import albert_tfx.room.lazy\n"
        "    return json, WIDTH\n"
    ),
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Returns a function that writes a project with changed files → its fingerprint."""

    def write(**changed):
        for name, text in {**_FILES, **changed}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for cached in (sources._path, sources._tree, sources._imports, sources._own_hash):
            cached.cache_clear()
        return sources.fingerprint([_USER])

    monkeypatch.setattr(sources, "ROOT", tmp_path)
    yield write
    for cached in (sources._path, sources._tree, sources._imports, sources._own_hash):
        cached.cache_clear()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("components/user.py", _FILES["components/user.py"].replace("json, WIDTH", "WIDTH")),
        ("albert_tfx/room/direct.py", ""),
        ("albert_tfx/room/indirect.py", "VALUE = 2\n"),
        ("albert_tfx/room/lazy.py", 'PAGE = "other.html"\n'),
        ("albert_tfx/room/page.html", "<b>"),
        ("albert_tfx/room/__init__.py", "import json\n"),
    ],
)
def test_what_a_module_does_is_in_its_fingerprint(project, name, text):
    before = project()

    assert project(**{name: text}) != before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("albert_tfx/unused.py", "VALUE = 2\n"),
        ("albert_tfx/options.py", "WIDTH = 2\n"),
        ("albert_tfx/room/other.html", "<b>"),
        ("albert_tfx/room/indirect.py", '"""Has a value."""\n\nVALUE = (1)  # a value\n'),
        ("components/user.py", _FILES["components/user.py"].replace("Reads.", "Looks.")),
    ],
)
def test_what_it_does_not_do_is_not(project, name, text):
    before = project()

    assert project(**{name: text}) == before


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("components.user.read", _USER),
        ("albert_tfx.room", "albert_tfx.room"),
        ("albert_tfx.nothing", "albert_tfx"),
        ("tfx.components", None),
        ("", None),
    ],
)
def test_a_dotted_name_is_in_a_module_of_the_project_or_in_none(project, name, module):
    project()

    assert sources.module_of(name) == module


def test_no_modules_have_no_fingerprint():
    assert sources.fingerprint([]) == ""


def test_a_module_that_is_not_there_is_a_mistake():
    with pytest.raises(ModuleNotFoundError, match=r"albert_tfx\.nothing"):
        sources.fingerprint(["albert_tfx.nothing"])


def test_training_does_not_depend_on_the_report():
    needed = sources._with_imports(["components.trainer"])

    assert "albert_tfx.modeling.classifier" in needed
    assert not [name for name in needed if name.startswith(("albert_tfx.report", "pipelines"))]


def test_every_import_of_the_project_is_absolute_as_the_fingerprint_expects():
    for package in sources.PACKAGES:
        for path in pathlib.Path(sources.ROOT, package).rglob("*.py"):
            imports = [n for n in ast.walk(ast.parse(path.read_text())) if hasattr(n, "level")]
            assert not any(node.level for node in imports), path
