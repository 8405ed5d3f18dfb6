"""TfdsExampleGen: what it writes, when it runs again, what it refuses."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from ml_metadata.proto import metadata_store_pb2
from tfx import v1 as tfx
from tfx.orchestration import metadata
from tfx.types import standard_artifacts

from albert_tfx.errors import InputError
from albert_tfx.options import DatasetOptions
from components.tfds_example_gen import Executor, TfdsExampleGen
from tests.support.data import IN_PROCESS, TWO_PROCESSES, reviews, store_dataset


def execute(
    options: DatasetOptions, folder: Path, beam_args: list[Any] | None = None
) -> standard_artifacts.Examples:
    """Runs the executor alone, without a driver before it, as Kubeflow does."""
    examples = standard_artifacts.Examples()
    examples.uri = str(folder)
    context = Executor.Context(beam_pipeline_args=beam_args or IN_PROCESS, tmp_dir=str(folder))
    exec_properties = TfdsExampleGen(options).exec_properties
    Executor(context).Do({}, {"examples": [examples]}, exec_properties)
    return examples


def files(folder: Path) -> dict[str, bytes]:
    paths = sorted(folder.glob("Split-*/*"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def rows(folder: Path, split: str) -> list[tuple[bytes, int]]:
    paths = sorted(map(str, folder.glob(f"Split-{split}/*")))
    records = tf.data.TFRecordDataset(paths, "GZIP").as_numpy_iterator()
    parsed = [tf.train.Example.FromString(record).features.feature for record in records]
    assert all(set(feature) == {"text", "label"} for feature in parsed)
    return [(f["text"].bytes_list.value[0], f["label"].int64_list.value[0]) for f in parsed]


def test_writes_text_and_label_of_every_example(tiny, tmp_path):
    examples = execute(DatasetOptions(name=str(tiny), train_split="train[:30]"), tmp_path)

    expected = {(text.encode(), label) for text, label in reviews(40)}
    train, evaluation = rows(tmp_path, "train"), rows(tmp_path, "eval")
    assert (len(train), len(evaluation)) == (30, 4)
    assert set(train) | set(evaluation) < expected
    assert set(rows(tmp_path, "test")) == {(t.encode(), n) for t, n in reviews(10, "held out")}
    assert json.loads(examples.split_names) == ["train", "eval", "test"]
    assert examples.get_string_custom_property("payload_format") == "FORMAT_TF_EXAMPLE"
    assert examples.get_string_custom_property("file_format") == "tfrecords_gzip"


def test_order_follows_from_the_content_not_from_how_it_is_stored(tmp_path):
    for name, stored in (("a", reviews(200)), ("b", reviews(200)[::-1])):
        folder = store_dataset(tmp_path / name, train=stored, dev=reviews(4), test=reviews(4))
        options = DatasetOptions(name=str(folder), train_split="train", eval_split="dev")
        execute(options, tmp_path / name / "examples")

    assert files(tmp_path / "a" / "examples") == files(tmp_path / "b" / "examples")
    first_half = [label for _, label in rows(tmp_path / "a" / "examples", "train")[:100]]
    assert 30 < sum(first_half) < 70


def test_unlabelled_examples_never_enter(tmp_path):
    labelled, unlabelled = reviews(40), [(f"unlabelled {index}", -1) for index in range(20)]
    folder = store_dataset(tmp_path, train=labelled + unlabelled, test=reviews(10, "held out"))

    execute(DatasetOptions(name=str(folder)), tmp_path / "examples")

    read = rows(tmp_path / "examples", "train") + rows(tmp_path / "examples", "eval")
    assert sorted(read) == sorted((text.encode(), label) for text, label in labelled)


def test_two_executions_write_the_same_bytes(tiny, tmp_path):
    options = DatasetOptions(name=str(tiny))

    execute(options, tmp_path / "a")
    execute(options, tmp_path / "b")

    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_large_split_goes_into_several_files(tmp_path, monkeypatch):
    monkeypatch.setattr("albert_tfx.data.records._EXAMPLES_PER_FILE", 10)
    folder = store_dataset(tmp_path, train=reviews(40), test=reviews(10))

    execute(DatasetOptions(name=str(folder)), tmp_path / "examples")

    train = [name for name in files(tmp_path / "examples") if "train" in name]
    assert train == [f"Split-train/data_tfrecord-{i:05}-of-00004.gz" for i in range(4)]
    assert len(rows(tmp_path / "examples", "train")) == 36


@pytest.mark.slow
def test_two_processes_write_the_same_bytes(tiny, tmp_path):
    options = DatasetOptions(name=str(tiny))

    execute(options, tmp_path / "one")
    execute(options, tmp_path / "two", TWO_PROCESSES)

    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_split_without_a_label_is_refused(tmp_path):
    folder = store_dataset(tmp_path, train=reviews(40), test=[("secret", -1)] * 5)

    with pytest.raises(InputError, match=r"no labelled.* test split test\[0:5\] .*--test-split"):
        execute(DatasetOptions(name=str(folder)), tmp_path / "examples")


def test_train_split_of_one_class_is_refused(tmp_path):
    folder = store_dataset(tmp_path, train=[(f"good {i}", 1) for i in range(40)], test=reviews(10))

    with pytest.raises(InputError, match=r"train split train\[0:36\] .* is 'positive'"):
        execute(DatasetOptions(name=str(folder)), tmp_path / "examples")


def run(options: DatasetOptions, root: Path) -> None:
    connection = tfx.orchestration.metadata.sqlite_metadata_connection_config(str(root / "db"))
    pipeline = tfx.dsl.Pipeline(
        pipeline_name="examples",
        pipeline_root=str(root / "pipeline"),
        components=[TfdsExampleGen(options)],
        enable_cache=True,
        metadata_connection_config=connection,
        beam_pipeline_args=IN_PROCESS,
    )
    tfx.orchestration.LocalDagRunner().run(pipeline)


def states(root: Path) -> list[str]:
    """Returns the states of all executions in the order in which they were made."""
    config = metadata.sqlite_metadata_connection_config(str(root / "db"))
    with metadata.Metadata(config) as handle:
        executions = handle.store.get_executions()
    state_name = metadata_store_pb2.Execution.State.Name
    return [state_name(e.last_known_state) for e in sorted(executions, key=lambda e: e.id)]


def test_runs_again_only_when_data_or_options_change(tmp_path):
    folder = store_dataset(tmp_path / "first", train=reviews(40), test=reviews(10))
    options = DatasetOptions(name=str(folder))
    run(options, tmp_path)
    run(options, tmp_path)
    assert states(tmp_path) == ["COMPLETE", "CACHED"]

    run(dataclasses.replace(options, max_examples=20), tmp_path)
    assert states(tmp_path)[2:] == ["COMPLETE"]

    changed = store_dataset(tmp_path / "second", train=reviews(50), test=reviews(10))
    folder.rename(tmp_path / "old")
    changed.rename(folder)
    run(options, tmp_path)
    run(options, tmp_path)
    assert states(tmp_path)[3:] == ["COMPLETE", "CACHED"]


def test_driver_refuses_before_anything_is_registered_as_done(tiny, tmp_path):
    with pytest.raises(InputError, match="trian"):
        run(DatasetOptions(name=str(tiny), train_split="trian"), tmp_path)

    assert "COMPLETE" not in states(tmp_path)
