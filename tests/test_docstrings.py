"""The examples in docstrings are true."""

import doctest
import importlib
from pathlib import Path

import pytest

_PROJECT = Path(__file__).parents[1]
# Tools are left out: they need packages of their own.
_ROOTS = {"albert_tfx": ".", "pipelines": ".", "benchmarks": "benchmarks"}


def _modules() -> list[tuple[str, str]]:
    """Returns folders of `sys.path` and the modules below them whose docstrings have examples."""
    return sorted(
        (root, ".".join(path.relative_to(_PROJECT / root).with_suffix("").parts))
        for room, root in _ROOTS.items()
        for path in (_PROJECT / room).rglob("*.py")
        if ">>> " in path.read_text()
    )


def test_examples_are_found():
    assert {(".", "albert_tfx.data.lengths"), ("benchmarks", "in_turn")} <= set(_modules())


@pytest.mark.parametrize(("root", "name"), _modules())
def test_examples_give_what_they_say(root: str, name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(_PROJECT / root)

    result = doctest.testmod(importlib.import_module(name))

    assert result.attempted
    assert not result.failed
