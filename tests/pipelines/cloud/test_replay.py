"""The compiled file, run task by task with the commands of its containers.

The tasks run in processes of their own, in folders of their own, and import this project from where
it was installed from its wheel. Nothing of the checkout is in their reach.
"""

import concurrent.futures
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the exported model's operations

import kubeflow_runner
from pipelines.cloud import compiler, replay, resources, starters
from pipelines.cloud import spec as spec_file
from pipelines.cloud.replay import Replay
from tests.support import specs
from tests.support.runs import Run, compilable, read_examples
from tests.support.servers import Fifo

pytestmark = pytest.mark.slow

_PROJECT = Path(__file__).parents[3]
_SOURCES = ("albert_tfx", "assets", "components", "pipelines")
_ABOUT = ("pyproject.toml", "README.md", "LICENSE")
_IMPORT_ALL = """
import importlib, json, sys
names = json.load(sys.stdin)
files = set()
for name in names:
    module, attribute = name.rsplit(".", 1)
    module = importlib.import_module(module)
    getattr(module, attribute)
    files.add(module.__file__)
import assets, pipelines.container_entry_point
print(json.dumps([*files, assets.__file__, pipelines.container_entry_point.__file__]))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    """This project as its wheel installs it."""
    folder = tmp_path_factory.mktemp("package")
    sources, wheels, installed = (folder / name for name in ("sources", "wheels", "installed"))
    unwanted = shutil.ignore_patterns("__pycache__")
    for name in _SOURCES:
        shutil.copytree(_PROJECT / name, sources / name, ignore=unwanted)
    for path in (*_PROJECT.glob("*.py"), *(_PROJECT / name for name in _ABOUT)):
        shutil.copy(path, sources)
    build = f"import setuptools.build_meta as build; build.build_wheel({str(wheels)!r})"
    wheels.mkdir()
    subprocess.run([sys.executable, "-c", build], cwd=sources, check=True, capture_output=True)
    [wheel] = wheels.iterdir()
    zipfile.ZipFile(wheel).extractall(installed)
    return installed


@pytest.fixture(scope="module")
def compiled(finished: Run, tmp_path_factory) -> Path:
    """The pipeline of the local run, as one file that knows neither its reviews nor its encoder."""
    path = tmp_path_factory.mktemp("compiled") / "pipeline.yaml"
    spec_file.write(
        compiler.compile_pipeline(compilable(finished.config), "image", resources.DEFAULTS), path
    )
    return path


@pytest.fixture(scope="module")
def replayed(compiled: Path, package: Path, finished: Run, tmp_path_factory) -> Path:
    """The output root of a replay on the reviews and the encoder of the local run."""
    output = tmp_path_factory.mktemp("replayed")
    parameters = (
        f"dataset={finished.config.dataset.name}",
        f"encoder={finished.config.embedding.encoder}",
        f"preprocessor={finished.config.preprocessing.preprocessor}",
    )
    status = kubeflow_runner.main(
        [
            "replay",
            str(compiled),
            *("--output", str(output), "--package", str(package), "--at-once", "2"),
            *(part for parameter in parameters for part in ("--parameter", parameter)),
        ]
    )
    assert status == 0
    return output


def _probabilities(model: str | Path, texts: list[str]) -> np.ndarray:
    classify = tf.saved_model.load(str(model)).signatures["classify_text"]
    return classify(text=tf.constant(texts))["probabilities"].numpy()


def test_the_pushed_model_answers_as_the_one_of_the_local_run(finished: Run, replayed: Path):
    examples = read_examples(finished.uri("TfdsExampleGen", "examples"), "test")
    texts = [e.features.feature["text"].bytes_list.value[0].decode() for e in examples]
    [version] = replayed.glob("serving/[0-9]*")

    expected = _probabilities(finished.uri("Pusher", "pushed_model"), texts)

    assert np.ptp(expected[:, 0]) > 0.5
    np.testing.assert_allclose(_probabilities(version, texts), expected, atol=1e-5)


def _folder(run: Replay, title: str) -> Path:
    uri = run.uri(title, "model")
    assert uri is not None
    return Path(uri)


def test_the_replay_s_report_says_what_the_local_run_s_does(finished: Run, replayed: Path):
    [path] = replayed.glob("replay/*/*/comparisonreport/report/summary.json")
    here = json.loads(path.read_text())
    there = json.loads(Path(finished.uri("ComparisonReport", "report"), "summary.json").read_text())

    assert here["pushed"]
    for key in ("winner", "examples"):
        assert here[key] == there[key]
    for model in ("frozen", "fine_tuned"):
        assert here["models"][model]["accuracy"] == pytest.approx(
            there["models"][model]["accuracy"], abs=1e-6
        )


def test_the_next_run_would_find_the_pushed_model(compiled: Path, replayed: Path):
    spec = spec_file.read(compiled)
    resolver = spec_file.tasks(spec)["resolver-production"].executor
    found = {"producerTask": "resolve", "outputArtifactKey": "pushed_model"}
    next_run = specs.of_executors(
        {"resolve": resolver, "make": specs.writes()},
        {
            "resolve": {},
            "make": {"inputs": {"artifacts": {"model": {"taskOutputArtifact": found}}}},
        },
    )
    next_run["pipelineInfo"] = spec["pipelineInfo"]

    run = _run(next_run, replayed / "replay")

    ledger = json.loads((_folder(run, "make").parents[1] / "artifacts.json").read_text())
    [read] = ledger[0]["metadata"]["given"]["artifacts"]["model"]["artifacts"]
    [version] = replayed.glob("serving/[0-9]*")
    assert read["metadata"]["pushed"] == 1
    assert read["metadata"]["pushed_destination"] == str(version)


def test_all_that_the_spec_names_imports_from_the_package_alone(compiled: Path, package: Path):
    text = compiled.read_text()
    named = {
        *re.findall(r"\b(?:components|pipelines|tfx)(?:\.\w+)+\.(?:\w*Executor|\w+_fn)\b", text),
        *(
            f"{module}.__name__"
            for module in re.findall(r"\b(?:albert_tfx|components)(?:\.\w+)+\b", text)
        ),
    }
    named = {name for name in named if not re.search(r"_fn\.__name__|Executor\.__name__", name)}
    assert {
        "components.trainer.run_fn",
        "components.preprocessing.preprocessing_fn",
        "components.model_selector.ModelSelector_Executor",
        "components.embedding_gen.EmbeddingGen_Executor",
        "components.tfds_example_gen.Executor",
        "albert_tfx.evaluation.extractors.__name__",
    } <= named

    answer = subprocess.run(
        [sys.executable, "-c", _IMPORT_ALL],
        input=json.dumps(sorted(named)),
        cwd=package.parent,
        env={**os.environ, **starters.IMAGE_ENVIRONMENT, "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        check=True,
    )

    files = [Path(file) for file in json.loads(answer.stdout.splitlines()[-1])]
    ours = [file for file in files if "site-packages" not in file.parts]
    assert len(ours) > 5
    assert all(file.is_relative_to(package) for file in ours)


def _run(spec: dict, root: Path) -> Replay:
    run = Replay(spec, {}, root)
    run.run(2, lambda *_: None)
    return run


def _from(producer: str) -> dict:
    source = {"producerTask": producer, "outputArtifactKey": "model"}
    return {"inputs": {"artifacts": {"model": {"taskOutputArtifact": source}}}}


def test_a_task_reads_what_the_one_before_it_said_of_its_output(tmp_path):
    run = _run(
        specs.of_executors(
            {"first": specs.writes(), "second": specs.writes()},
            {"second": _from("first"), "first": {}},
        ),
        tmp_path,
    )

    [ledger] = tmp_path.rglob("artifacts.json")
    made = {artifact["uri"]: artifact for artifact in json.loads(ledger.read_text())}
    second = made[run.uri("second", "model")]
    [read] = second["metadata"]["given"]["artifacts"]["model"]["artifacts"]
    assert read["uri"] == run.uri("first", "model")
    assert read["metadata"]["blessed"] == 1.0
    assert read["type"] == specs.MODEL["artifactType"]


def test_a_task_that_fails_stops_the_replay_names_its_log_and_shows_its_end(tmp_path):
    spec = specs.of_executors(
        {
            "bad": specs.container("print('the\\x1b reason'); raise SystemExit(3)"),
            "next": specs.container(""),
        },
        {"bad": {}, "next": {"dependentTasks": ["bad"]}},
    )

    shown = r"bad ended with status 3\. See .*log\.txt\.\n  the\\x1b reason$"
    with pytest.raises(replay.TaskError, match=shown):
        _run(spec, tmp_path)

    assert len(list(tmp_path.rglob("log.txt"))) == 1


def test_a_task_that_is_deaf_to_its_end_is_killed(tmp_path):
    path = tmp_path / "fifo"
    run = Replay(specs.of_executors({"deaf": specs.waits(path, deaf=True)}), {}, tmp_path)

    with (
        contextlib.closing(Fifo(path)) as fifo,
        concurrent.futures.ThreadPoolExecutor() as pool,
    ):
        running = pool.submit(run.run, 1, lambda *_: None)
        assert fifo.read() == b"waiting"
        run.stop(grace=0)

        with pytest.raises(replay.TaskError, match="deaf ended with status -9"):
            running.result()
        assert fifo.read() == b""


def test_once_stopped_no_other_task_starts(tmp_path):
    run = Replay(specs.of_executors({"make": specs.writes()}), {}, tmp_path)
    run.stop()

    with pytest.raises(replay.TaskError, match="make ended with status -15"):
        run.run(1, lambda *_: None)

    assert not list(tmp_path.rglob("content"))


def test_a_run_s_number_is_above_the_highest_one_that_is_there(tmp_path):
    spec = specs.of_executors({"make": specs.writes()})
    for _ in range(2):
        _run(spec, tmp_path)
    shutil.rmtree(tmp_path / "toy" / "run-0001")
    for stray in ("run-0009.old", "run-best"):
        (tmp_path / "toy" / stray).mkdir()

    _run(spec, tmp_path)

    made = {path.parents[2].name for path in tmp_path.rglob("content")}
    assert made == {"run-0002", "run-0003"}


def test_two_replays_never_share_a_folder(tmp_path):
    spec = specs.of_executors({"make": specs.writes()})
    runs = [Replay(spec, {}, tmp_path) for _ in range(2)]
    runs[0].run(1, lambda *_: None)

    with pytest.raises(FileExistsError, match=r"run-0001'$"):
        runs[1].run(1, lambda *_: None)


def test_it_has_nothing_to_say_of_a_task_that_is_not_there(tmp_path):
    run = _run(specs.of_executors({"make": specs.writes(pushed=1.0)}), tmp_path)

    assert run.metadata("make", "model")["pushed"] == 1.0
    assert run.metadata("Pusher", "pushed_model") == {}
    assert run.uri("Pusher", "pushed_model") is None


def test_an_importer_and_a_driver_have_their_part(tmp_path):
    driver = {"command": ["python", "-c", "open('driven', 'w').write('yes')"]}
    container = specs.writes()
    container["container"]["lifecycle"] = {"preCacheCheck": driver}
    importer = {"importer": {"artifactUri": {"constant": "gs://b/m"}, "metadata": {"blessed": 0.0}}}

    run = _run(
        specs.of_executors(
            {"import": importer, "driven": container}, {"import": {}, "driven": _from("import")}
        ),
        tmp_path,
    )

    assert run.uri("import", "model") == "gs://b/m"
    assert _folder(run, "driven").parent.joinpath("driven").read_text() == "yes"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('schema_title="tfx.Model" AND state=LIVE', 1),
        ('schema_title="tfx.Model" AND state=LIVE AND metadata.blessed.number_value=1', 1),
        ('schema_title="tfx.Model" AND state=LIVE AND metadata.blessed.number_value=0', 0),
        ('schema_title="tfx.Model" AND state=LIVE AND metadata.by.string_value="toy"', 1),
        ('schema_title="tfx.Model" AND state=LIVE AND metadata.by.string_value="other"', 0),
        ('schema_title="tfx.ModelBlessing" AND state=LIVE', 0),
    ],
)
def test_a_resolver_finds_the_newest_of_earlier_replays(tmp_path, query, expected):
    resolver = {"resolver": {"outputArtifactQueries": {"model": {"filter": query}}}}
    spec = specs.of_executors(
        {"resolve": resolver, "make": specs.writes()},
        {"resolve": {}, "make": _from("resolve")},
    )

    runs = [_run(spec, tmp_path / "root") for _ in range(2)]
    again = _run(spec, tmp_path / "root")

    ledgers = sorted(tmp_path.rglob("artifacts.json"))
    [newest] = json.loads(ledgers[-1].read_text())
    found = newest["metadata"]["given"]["artifacts"]["model"].get("artifacts", [])
    assert len(found) == expected
    assert newest["uri"] == again.uri("make", "model")
    if found:
        assert found[0]["uri"] == runs[-1].uri("make", "model")


def test_without_resolvers_a_run_is_as_the_first_one(tmp_path):
    query = {"filter": 'schema_title="tfx.Model" AND state=LIVE'}
    resolver = {"resolver": {"outputArtifactQueries": {"model": query}}}
    spec = specs.of_executors(
        {"resolve": resolver, "make": specs.writes()},
        {"resolve": {}, "make": {**_from("resolve"), "dependentTasks": ["resolve"]}},
    )
    spec["components"]["make"]["inputDefinitions"] = {"artifacts": {"model": specs.MODEL}}
    _run(spec, tmp_path)

    run = _run(compiler.without_resolvers(spec), tmp_path)

    assert "resolve" not in json.dumps(spec)
    [newest] = json.loads(sorted(tmp_path.rglob("artifacts.json"))[-1].read_text())
    assert newest["uri"] == run.uri("make", "model")
    assert newest["metadata"]["given"]["artifacts"] == {}
