"""One evaluation of two trivial models and one whole run, each made once for every test."""

import ast
import dataclasses
import functools
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.pop("PYTHONUNBUFFERED", None)  # it hides what a process fails to write at its end

import pytest

# TFX looks for its own options among the process's, and would take pytest's -v for one.
del sys.argv[1:]
# A shell lets what it starts in the background ignore Ctrl-C, and so would all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

_TESTS = Path(__file__).parent
_ROOTS = (_TESTS.parent, _TESTS.parent / "tools", _TESTS.parent / "benchmarks")
_PIPELINE_PACKAGES = {"kfp", "ml_metadata", "tfx"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fast",
        action="store_true",
        help="only tests that import neither TFX nor KFP, nor are slow",
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    is_test = collection_path.name.startswith("test_")
    return True if is_test and config.getoption("--fast") and _runs_tfx(collection_path) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--fast"):
        items[:] = [item for item in items if item.get_closest_marker("slow") is None]


def _runs_tfx(file: Path) -> bool:
    """Returns whether a file imports a pipeline package, anywhere in it, directly or not."""
    found, waiting = set(), [file]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            names = _imported(each)
            if _PIPELINE_PACKAGES & {name.partition(".")[0] for name in names}:
                return True
            waiting += filter(None, map(_file_of, names))
    return False


@functools.cache
def _imported(file: Path) -> tuple[str, ...]:
    return tuple(_imports(ast.parse(file.read_bytes())))


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@functools.cache
def _file_of(module: str) -> Path | None:
    files = (root.joinpath(*module.split(".")).with_suffix(".py") for root in _ROOTS)
    return next((file for file in files if file.is_file()), None)


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """Both models of a run, their scores on the eval split and what TFX's Evaluator made of them.

    The test split holds the first 150 reviews of the eval split.
    """

    scores: Any
    examples: Any
    frozen_model: Any
    fine_tuned_model: Any
    evaluation: Any
    test_evaluation: Any


@pytest.fixture(scope="session", autouse=True)
def temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Takes what libraries leave for temporary, here and in processes, with pytest's own files."""
    folder = str(tmp_path_factory.mktemp("temporary"))
    os.environ["TMPDIR"] = tempfile.tempdir = folder


def make_evaluated(folder: Path, classes: int) -> Evaluated:
    from albert_tfx.evaluation import tfma_config
    from albert_tfx.options import SelectionPolicy
    from tests.support import artifacts, data

    scores = data.draw_scores(reviews=400, classes=classes)
    first = data.Scores(scores.frozen[:150], scores.fine_tuned[:150], scores.labels[:150])
    examples = artifacts.save_scores(folder / "examples", train=first, eval=scores, test=first)
    frozen = artifacts.save_model(folder / "frozen", 0, classes)
    fine_tuned = artifacts.save_model(folder / "fine_tuned", classes, classes)
    policy = SelectionPolicy(min_accuracy=0.2)
    compared = artifacts.evaluate(
        folder / "comparison",
        tfma_config.comparison_config(policy),
        examples,
        "eval",
        model=fine_tuned,
        baseline_model=frozen,
    )
    tested = artifacts.evaluate(
        folder / "test",
        tfma_config.winner_config(policy),
        examples,
        "test",
        model=fine_tuned,
    )
    return Evaluated(scores, examples, frozen, fine_tuned, compared, tested)


@pytest.fixture(scope="session")
def two_classes(tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    return make_evaluated(tmp_path_factory.mktemp("two_classes"), classes=2)


@pytest.fixture(scope="session")
def four_classes(tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    return make_evaluated(tmp_path_factory.mktemp("four_classes"), classes=4)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory):
    """The one run of the whole pipeline, a `runs.Run`."""
    from tests.support import runs

    folder = tmp_path_factory.mktemp("run")
    return runs.run(runs.with_texts_to_score(runs.make_config(folder), folder))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a prepared data set: 40 train reviews and 10 test reviews."""
    from tests.support import data

    folder = tmp_path_factory.mktemp("tfds")
    return data.store_dataset(folder, train=data.reviews(40), test=data.reviews(10, "held out"))
