"""Artifacts may lie in a bucket, where Python's own file functions cannot go."""

import ast
from pathlib import Path

import pytest

_PROJECT = Path(__file__).parents[2]
_ROOMS = ("albert_tfx", "components")
_LOCAL_ONLY = {
    "open",
    "Path",
    "pathlib.Path",
    *(f"os.{name}" for name in ("listdir", "makedirs", "mkdir", "remove", "rename", "replace")),
    *(f"os.path.{name}" for name in ("exists", "getsize", "isdir", "isfile")),
    *(f"shutil.{name}" for name in ("copy", "copyfile", "copytree", "move", "rmtree")),
}
# These read what is on this machine by nature: a runner's schema, TF Hub's cache, the database of a
# local run, the processor, the memory of a process, the source of TFDS and the libraries of
# TensorFlow. So do the rooms `encoders`, of folders of Hugging Face, and `files` and `labelled`, of
# the users' own.
_OF_THIS_MACHINE = {
    "acceleration.py",
    "answering.py",
    "catalogue.py",
    "memory.py",
    "options.py",
    "pushed_model.py",
    "runtime.py",
    "schema.py",
    "scoring.py",
}
_ROOMS_OF_THIS_MACHINE = {"encoders", "files", "labelled"}


def _modules() -> list[Path]:
    found = (path for room in _ROOMS for path in (_PROJECT / room).rglob("*.py"))
    return sorted(
        path
        for path in found
        if path.name not in _OF_THIS_MACHINE
        and _ROOMS_OF_THIS_MACHINE.isdisjoint(path.relative_to(_PROJECT).parts)
    )


def _calls(module: Path) -> list[str]:
    """Returns a module's calls, but not those for a path's name or for this package's own files."""
    nodes = list(ast.walk(ast.parse(module.read_text())))
    names = {"name", "stem", "suffix"}
    harmless = {id(n.value) for n in nodes if isinstance(n, ast.Attribute) and n.attr in names}
    calls = [n for n in nodes if isinstance(n, ast.Call) and id(n) not in harmless]
    return [
        f"line {call.lineno}: {ast.unparse(call.func)}"
        for call in calls
        if [ast.unparse(argument) for argument in call.args] != ["__file__"]
    ]


def test_modules_are_found_in_every_room():
    assert {path.relative_to(_PROJECT).parts[0] for path in _modules()} == set(_ROOMS)
    assert any(path.parent.name == "evaluation" for path in _modules())


@pytest.mark.parametrize("module", _modules(), ids=lambda path: str(path.relative_to(_PROJECT)))
def test_a_component_opens_files_as_tfx_does(module: Path):
    calls = _calls(module)

    assert [each for each in calls if each.partition(": ")[2] in _LOCAL_ONLY] == []


def test_a_file_function_of_python_is_found(tmp_path: Path):
    module = tmp_path / "module.py"
    module.write_text("import pathlib\npathlib.Path('a').name\npathlib.Path('b').exists()\n")

    assert _calls(module)[-1] == "line 3: pathlib.Path"
    assert len(_calls(module)) == 2
