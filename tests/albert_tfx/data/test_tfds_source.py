"""What `datasets.resolve` decides, and what it refuses."""

import dataclasses
import os
import socket
from pathlib import Path
from typing import Any

import pytest
import tensorflow_datasets as tfds

from albert_tfx.data import tfds_source
from albert_tfx.errors import InputError
from albert_tfx.options import DatasetOptions
from tests.support.data import reviews, store_dataset


def options(folder: Path, **changes: Any) -> DatasetOptions:
    return dataclasses.replace(DatasetOptions(name=str(folder)), **changes)


def store_features(folder: Path, features: dict[str, object], example: dict[str, object]) -> Path:
    builder = tfds.dataset_builders.store_as_tfds_dataset(
        name="odd",
        version="1.0.0",
        features=tfds.features.FeaturesDict(features),
        split_datasets={split: [(i, example) for i in range(10)] for split in ("train", "test")},
        data_dir=folder,
    )
    return Path(builder.data_dir)


def test_resolves_features_classes_and_absolute_splits(tiny):
    dataset = tfds_source.resolve(options(tiny))

    assert (dataset.text_feature, dataset.label_feature) == ("text", "label")
    assert dataset.class_names == ("negative", "positive")
    assert dataset.splits == {
        "train": "train[0:36]",
        "eval": "train[36:40]",
        "test": "test[0:10]",
    }
    assert dataset.num_examples == {"train": 36, "eval": 4, "test": 10}


def test_max_examples_caps_every_split(tiny):
    dataset = tfds_source.resolve(options(tiny, max_examples=3))

    assert dataset.splits == {"train": "train[0:3]", "eval": "train[36:39]", "test": "test[0:3]"}


def test_max_examples_runs_over_several_ranges(tiny):
    capped = options(tiny, train_split="train[:5]+train[10:20]", max_examples=8)

    assert tfds_source.resolve(capped).splits["train"] == "train[0:5]+train[10:13]"


def test_own_sample_reviews_are_known(tmp_path):
    assert tfds_source.find_builder("sample_reviews", str(tmp_path)).info.name == "sample_reviews"


def test_prepares_what_is_absent(tmp_path):
    dataset = tfds_source.resolve(DatasetOptions(data_dir=str(tmp_path), max_examples=4))

    assert dataset.builder.is_prepared()
    assert dataset.builder.data_dir.startswith(str(tmp_path))


def test_unknown_name_is_answered_with_a_close_one():
    with pytest.raises(InputError, match=r"'imdb_review' cannot be used.*imdb_reviews"):
        tfds_source.find_builder("imdb_review")


def test_folder_without_a_data_set_is_named(tiny):
    with pytest.raises(InputError, match=r"dataset_info\.json"):
        tfds_source.find_builder(str(tiny.parent))


@pytest.mark.parametrize("name", ["glue/nonsense", "imdb_reviews:9.9.9"])
def test_unknown_configuration_or_version(name, tmp_path):
    with pytest.raises(InputError, match=f"{name}.* cannot be used"):
        tfds_source.find_builder(name, str(tmp_path))


@pytest.mark.parametrize("kind", ["text", "label"])
def test_unknown_feature_lists_the_known(tiny, kind):
    with pytest.raises(InputError, match=rf"no {kind} feature 'verdict'.*text: Text.*--{kind}"):
        tfds_source.resolve(options(tiny, **{f"{kind}_feature": "verdict"}))


def test_several_texts_ask_for_one(tmp_path):
    folder = store_features(
        tmp_path,
        {
            "title": tfds.features.Text(),
            "body": tfds.features.Text(),
            "verdict": tfds.features.ClassLabel(names=["bad", "good"]),
        },
        {"title": "a", "body": "b", "verdict": 1},
    )

    with pytest.raises(
        InputError, match=r"more than one text feature.*body, title with --text-feature"
    ):
        tfds_source.resolve(options(folder))
    dataset = tfds_source.resolve(options(folder, text_feature="body"))
    assert (dataset.text_feature, dataset.label_feature) == ("body", "verdict")


def test_one_class_is_refused(tmp_path):
    folder = store_features(
        tmp_path,
        {"text": tfds.features.Text(), "label": tfds.features.ClassLabel(names=["only"])},
        {"text": "a", "label": 0},
    )

    with pytest.raises(InputError, match=r"1 class.*only"):
        tfds_source.resolve(options(folder))


@pytest.mark.parametrize("split", ["train", "eval", "test"])
@pytest.mark.parametrize("requested", ["trian", "train[", "train[:99999]"])
def test_unreadable_split_lists_the_known(tiny, split, requested):
    with pytest.raises(InputError, match=rf"train \(40 examples\).*--{split}-split"):
        tfds_source.resolve(options(tiny, **{f"{split}_split": requested}))


def test_empty_split_is_refused(tiny):
    with pytest.raises(InputError, match=r"eval split 'train\[20:20\]'.* selects no example"):
        tfds_source.resolve(options(tiny, eval_split="train[20:20]"))


def test_shared_examples_are_refused(tiny):
    with pytest.raises(InputError, match=r"train\[0:40\].*test\[5:10\]\+train\[38:40\].* share 2"):
        tfds_source.resolve(
            options(
                tiny, train_split="train", eval_split="test[:5]", test_split="test[5:]+train[38:]"
            )
        )


def test_offline_is_said_at_once(tmp_path, monkeypatch):
    def no_address(*_: object) -> list[object]:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", no_address)
    for proxy in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    with pytest.raises(InputError, match=r"no network address for ai\.stanford\.edu.*--data-dir"):
        tfds_source.resolve(DatasetOptions(name="imdb_reviews", data_dir=str(tmp_path)))


def test_failed_preparation_names_the_cause(tmp_path, monkeypatch):
    builder = tfds_source.find_builder("sample_reviews", str(tmp_path))

    def fail() -> None:
        raise OSError("disk full")

    monkeypatch.setattr(builder, "download_and_prepare", fail)
    with pytest.raises(InputError, match=r"sample_reviews.*disk full.*--data-dir"):
        tfds_source.prepare(builder)


def test_fingerprint_follows_the_stored_data(tmp_path):
    first = store_dataset(tmp_path / "a", train=reviews(40), test=reviews(10))
    longer = store_dataset(tmp_path / "b", train=reviews(40), test=reviews(11))

    fingerprints = [
        tfds_source.resolve(options(folder)).fingerprint for folder in (first, first, longer)
    ]

    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


def swapped_labels(folder: Path) -> None:
    """Writes each record again with the other label, in as many bytes, under the old time."""
    import tensorflow as tf

    for path in folder.glob("*.tfrecord*"):
        times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
        records = [*tf.data.TFRecordDataset(str(path)).as_numpy_iterator()]
        with tf.io.TFRecordWriter(str(path)) as writer:
            for record in records:
                example = tf.train.Example.FromString(record)
                [label] = example.features.feature["label"].int64_list.value
                example.features.feature["label"].int64_list.value[:] = [1 - label]
                writer.write(example.SerializeToString(deterministic=True))
        os.utime(path, ns=times)


def test_fingerprint_follows_the_content_under_an_old_time(tmp_path):
    folder = store_dataset(tmp_path, train=reviews(40), test=reviews(10))
    before = tfds_source.resolve(options(folder)).fingerprint
    size = sum(path.stat().st_size for path in folder.iterdir())

    swapped_labels(folder)

    assert sum(path.stat().st_size for path in folder.iterdir()) == size
    assert tfds_source.resolve(options(folder)).fingerprint != before


def test_a_large_data_set_is_sampled(tmp_path, monkeypatch):
    monkeypatch.setattr(tfds_source, "_MOST_HASHED", 1000)
    monkeypatch.setattr(tfds_source, "_SAMPLE", 100)
    folder = store_dataset(tmp_path, train=reviews(400), test=reviews(10))
    before = tfds_source.resolve(options(folder)).fingerprint
    assert tfds_source.resolve(options(folder)).fingerprint == before

    swapped_labels(folder)

    assert tfds_source.resolve(options(folder)).fingerprint != before


def shard(folder: Path) -> Path:
    return next(folder.glob("*train.tfrecord*"))


def damage(folder: Path, how: str) -> None:
    if how == "cut":
        shard(folder).write_bytes(shard(folder).read_bytes()[:-20])
    elif how == "shorter":
        swapped_labels(folder)  # as it was, but for
        content = shard(folder).read_bytes()
        shard(folder).write_bytes(content[: 16 + int.from_bytes(content[:8], "little")])
    else:
        {"missing": shard(folder), "features": folder / "features.json"}[how].unlink()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("cut", r"has 39 whole records of 40.*Copy or prepare it again"),
        ("shorter", r"has 1 whole records of 40"),
        ("missing", r"is missing of 40|cannot be read"),
        ("features", r"data set in .* is damaged"),
    ],
)
def test_a_damaged_data_set_is_refused(tmp_path, how, message):
    folder = store_dataset(tmp_path, train=reviews(40), test=reviews(10))
    tfds_source.require_whole(tfds_source.resolve(options(folder)))
    damage(folder, how)
    with pytest.raises(InputError, match=message):
        tfds_source.require_whole(tfds_source.resolve(options(folder)))


def test_a_name_that_is_no_path_is_not_looked_for_among_folders(tiny, monkeypatch):
    monkeypatch.chdir(tiny.parent)
    with pytest.raises(InputError) as refused:
        tfds_source.find_builder("no_such_data_set:9.9.9")
    assert tiny.name not in str(refused.value)


def test_a_missing_version_names_those_that_are_there(tiny):
    with pytest.raises(InputError, match=rf"There is .*{tiny.name}"):
        tfds_source.find_builder(str(tiny.parent / "9.9.9"))
    with pytest.raises(InputError, match=rf"dataset_info\.json: .*{tiny.name}"):
        tfds_source.find_builder(str(tiny.parent))
