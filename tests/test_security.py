"""What the code itself must not do, read from its syntax trees."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from albert_tfx import sources

PROJECT = Path(__file__).parent.parent
_RUNS_TEXT = {"eval", "exec", "compile", "__import__"}
_UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}
# Of these modules, what runs a shell, or what a file says.
_UNSAFE_CALLS = {
    ("os", "system"),
    ("os", "popen"),
    ("yaml", "load"),
    ("yaml", "unsafe_load"),
    ("yaml", "full_load"),
    ("torch", "load"),
    ("tempfile", "mktemp"),
}
_UNSAFE_KEYWORDS = {("shell", True), ("allow_pickle", True), ("verify", False)}


def files() -> list[Path]:
    """Returns every module that a run, a task or a command may import."""
    packages = (path for name in sources.PACKAGES for path in (PROJECT / name).rglob("*.py"))
    return sorted({*packages, *PROJECT.glob("*.py"), *(PROJECT / "examples").glob("*.py")})


def unsafe(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (n.name for n in node.names if n.name.partition(".")[0] in _UNSAFE_MODULES)
        elif isinstance(node, ast.ImportFrom):
            if str(node.module).partition(".")[0] in _UNSAFE_MODULES:
                yield str(node.module)
        elif isinstance(node, ast.Call):
            yield from _in_call(node)


def _in_call(call: ast.Call) -> Iterator[str]:
    function = call.func
    if isinstance(function, ast.Name) and function.id in _RUNS_TEXT:
        yield function.id
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        called = (function.value.id, function.attr)
        yield from {".".join(called)} if called in _UNSAFE_CALLS else ()
    for keyword in call.keywords:
        value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
        if (keyword.arg, value) in _UNSAFE_KEYWORDS:
            yield f"{keyword.arg}={value!r}"


def test_nothing_is_unpickled_and_no_text_is_run():
    found = {
        str(path.relative_to(PROJECT)): names
        for path in files()
        if (names := list(unsafe(path.read_text(encoding="utf-8"))))
    }
    assert len(files()) > 100
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "import cloudpickle.cloudpickle",
        "eval(text)",
        "exec(text)",
        "import os; os.system(text)",
        "import yaml; yaml.load(text)",
        "import numpy as np; np.load(file, allow_pickle=True)",
        "import subprocess; subprocess.run(text, shell=True)",
    ],
)
def test_each_such_thing_would_be_found(source):
    assert list(unsafe(source))
