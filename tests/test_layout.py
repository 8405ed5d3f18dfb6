"""Who may know whom: runners, then pipelines, components and albert_tfx."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
FORBIDDEN = {
    "albert_tfx": {
        "components",
        "pipelines",
        "kubeflow_runner",
        "local_runner",
        "predict",
        "tools",
    },
    "components": {
        "pipelines",
        "kubeflow_runner",
        "local_runner",
        "predict",
        "tools",
        "benchmarks",
        "tests",
    },
    "pipelines": {"kubeflow_runner", "local_runner", "predict", "tools", "benchmarks", "tests"},
}


def imported(file: Path) -> Iterator[str]:
    """Yields the first part of each name that `file` imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize("room", FORBIDDEN)
def test_no_room_knows_one_above_it(room: str):
    former_name = PROJECT / "components" / "run_history.py"
    files = [path for path in (PROJECT / room).rglob("*.py") if path != former_name]
    assert files
    offenders = {str(f): FORBIDDEN[room] & set(imported(f)) for f in files}
    assert not {name: found for name, found in offenders.items() if found}
