"""Which TFDS data set the reviews come from, which features, and exactly which of its examples.

Everything is decided, and refused, here: a runner calls `resolve` before it starts TFX, and
`TfdsExampleGen` calls it again. Imports TFDS, never TFX.
"""

import dataclasses
import functools
import hashlib
import itertools
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import tensorflow_datasets as tfds
from etils import epath

import albert_tfx.data.sample_reviews  # noqa: F401  registers its builder with TFDS
from albert_tfx import contract, storage
from albert_tfx.data import catalogue
from albert_tfx.errors import InputError
from albert_tfx.options import DatasetOptions

ClassLabel = tfds.features.ClassLabel
Text = tfds.features.Text
# Each class is a slice of the evaluation, and a row of the report.
MOST_CLASSES = 1000
_PREPARE_AGAIN = "Copy or prepare it again"
_RECORDS = tfds.core.FileFormat.TFRECORD
# Of a larger data set the content is sampled, in parts that are evenly spaced in each file.
_MOST_HASHED = 1 << 28  # bytes
_SAMPLE = 1 << 20  # bytes


@dataclasses.dataclass(frozen=True)
class ResolvedDataset:
    """The data set, features and examples that `DatasetOptions` ask for.

    Attributes:
      builder: The prepared data set.
      text_feature: Name of the feature that holds the text.
      label_feature: Name of the `ClassLabel` feature.
      class_names: The classes; a label is an index into them.
      splits: For each of `train`, `eval` and `test` a TFDS split string in absolute numbers,
        e.g. `train[0:200]`.
      num_examples: For each of them the number of examples, unlabelled ones included.
      fingerprint: Changes whenever the stored data set does.
    """

    builder: tfds.core.DatasetBuilder
    text_feature: str
    label_feature: str
    class_names: tuple[str, ...]
    splits: dict[str, str]
    num_examples: dict[str, int]
    fingerprint: str

    def require_labels(self, counts: Mapping[str, Mapping[int, int]]) -> None:
        """Checks the number of labelled examples, by split and label.

        Raises:
          InputError: A split has none, or has them of one class only.
        """
        name = self.builder.info.full_name
        for split, labels in counts.items():
            where = f"the {split} split {self.splits[split]} of data set {name}"
            if not labels:
                raise InputError(
                    f"There is no labelled example in {where}",
                    f"Give another with --{split}-split",
                )
            if len(labels) == 1:
                [label] = labels
                raise InputError(
                    f"Every example of {where} is {self.class_names[label]!r}",
                    f"Give a split of two classes or more with --{split}-split, or raise "
                    "--max-examples",
                )


@dataclasses.dataclass(frozen=True)
class _Range:
    """The examples `start` to `stop` (exclusive) of one TFDS split."""

    split: str
    start: int
    stop: int

    def __len__(self) -> int:
        return max(0, self.stop - self.start)

    def __str__(self) -> str:
        return f"{self.split}[{self.start}:{self.stop}]"

    def shared(self, other: "_Range") -> int:
        """Returns how many examples lie in both."""
        if self.split != other.split:
            return 0
        return max(0, min(self.stop, other.stop) - max(self.start, other.start))


def resolve(options: DatasetOptions) -> ResolvedDataset:
    """Finds the data set, prepares it where it is not yet, and checks all that is asked of it.

    Raises:
      InputError: There is no such data set, feature or split; the data set cannot be prepared;
        the label has fewer than two classes; a split is empty; or two splits share examples.
    """
    builder = find_builder(options.name, options.data_dir)
    text_feature = _text_feature(builder, options.text_feature)
    label_feature = _label_feature(builder, options.label_feature)
    class_names = _class_names(builder, label_feature)
    prepare(builder)
    ranges = {
        split: _ranges(builder, split, requested, options.max_examples)
        for split, requested in requested_splits(options).items()
    }
    _refuse_shared_examples(ranges)
    return ResolvedDataset(
        builder=builder,
        text_feature=text_feature,
        label_feature=label_feature,
        class_names=class_names,
        splits={split: "+".join(map(str, parts)) for split, parts in ranges.items()},
        num_examples={split: sum(map(len, parts)) for split, parts in ranges.items()},
        fingerprint=_fingerprint(builder),
    )


def class_names(options: DatasetOptions) -> tuple[str, ...]:
    """Returns the classes that the data set declares, without preparing it.

    Raises:
      InputError: There is no such data set or label feature, or it has fewer than two classes.
    """
    builder = find_builder(options.name, options.data_dir)
    return _class_names(builder, _label_feature(builder, options.label_feature))


def requested_splits(options: DatasetOptions) -> dict[str, str]:
    """Returns the split strings as they were given, by the names of our own splits."""
    return {
        contract.TRAIN: options.train_split,
        contract.EVAL: options.eval_split,
        contract.TEST: options.test_split,
    }


def find_builder(name: str, data_dir: str | None = None) -> tfds.core.DatasetBuilder:
    """Returns the builder of a TFDS name, or of the folder of a prepared data set.

    Raises:
      InputError: TFDS knows no such name, configuration or version.
    """
    folder = tfds.core.Path(name).expanduser()
    if (folder / "dataset_info.json").exists():
        return _builder_of_folder(folder)
    try:
        return tfds.builder(name, data_dir=data_dir)
    except Exception as error:  # every builder checks its own arguments in its own way
        raise InputError(
            f"Data set {name!r} cannot be used: {_first_line(error)}", catalogue.remedy(name)
        ) from error


def _builder_of_folder(folder: epath.Path) -> tfds.core.DatasetBuilder:
    try:
        return tfds.builder_from_directory(folder)
    except Exception as error:  # TFDS raises whatever the file that is missing or damaged led it to
        raise InputError(
            f"The data set in {folder} is damaged: {_first_line(error)}", _PREPARE_AGAIN
        ) from error


def texts(dataset: ResolvedDataset, split: str) -> Iterator[bytes]:
    """Returns the texts of any TFDS split, labelled or not, in the order they are stored in.

    Raises:
      InputError: The data set has no such split.
    """
    builder, feature = dataset.builder, dataset.text_feature
    try:
        rows = builder.as_dataset(
            split=split,
            decoders=tfds.decode.PartialDecoding({feature: True}),
            read_config=tfds.ReadConfig(try_autocache=False, interleave_cycle_length=1),
        )
    except Exception as error:  # TFDS raises ValueError, NotImplementedError and more
        raise InputError(
            f"{split!r} is neither a file nor a split of data set {builder.info.full_name}, which "
            f"has {_known_splits(builder)}",
            "Give a file or one of these splits to --score",
        ) from error
    return (row[feature] for row in tfds.as_numpy(rows))


def count_labels(dataset: ResolvedDataset, split: str, most: int) -> dict[str, int]:
    """Returns how many of the first `most` labelled examples of a split are of each class.

    Args:
      dataset: What `resolve` returned.
      split: `train`, `eval` or `test`.
      most: Examples to read at most.
    """
    feature = dataset.label_feature
    rows = dataset.builder.as_dataset(
        split=dataset.splits[split],
        decoders=tfds.decode.PartialDecoding({feature: True}),
        read_config=tfds.ReadConfig(try_autocache=False, interleave_cycle_length=1),
    )
    labels = [int(row[feature]) for row in tfds.as_numpy(rows.take(most))]
    counts = np.bincount([each for each in labels if each >= 0], minlength=len(dataset.class_names))
    return dict(zip(dataset.class_names, counts.tolist(), strict=True))


def prepare(builder: tfds.core.DatasetBuilder) -> None:
    """Downloads and prepares the data set, unless it is there.

    Raises:
      InputError: It cannot be downloaded or prepared.
    """
    if builder.is_prepared():
        return
    remedy = (
        f"Connect to the network, or copy a prepared {builder.info.full_name} below a folder and "
        "name that with --data-dir"
    )
    versions = _other_versions(builder)
    there = f" (there is {', '.join(versions)})" if versions else ""
    cause = (
        f"Data set {builder.info.full_name} is not in {builder.data_dir}{there} and cannot be "
        "prepared"
    )
    unknown_hosts = _unknown_hosts(builder)
    if unknown_hosts:
        raise InputError(f"{cause}: no network address for {', '.join(unknown_hosts)}", remedy)
    try:
        builder.download_and_prepare()
    except Exception as error:  # TFDS, requests, the file system: whatever it is, it is not there
        raise InputError(f"{cause}: {_first_line(error)}", remedy) from error


def _other_versions(builder: tfds.core.DatasetBuilder) -> list[str]:
    """Returns the versions of the data set that are there in place of the one asked for."""
    folder = builder.data_path.parent
    entries = folder.iterdir() if folder.is_dir() else ()
    return sorted(each.name for each in entries if (each / "dataset_info.json").exists())


def require_whole(dataset: ResolvedDataset) -> None:
    """Refuses a data set that lacks a file, or whose files have not as many records as it says.

    Of each shard the records' lengths are followed to its end; they are not read.

    Raises:
      InputError: A file is missing or cut short, or is stored in another format than TFRecord.
    """
    info = dataset.builder.info
    if info.file_format not in (None, _RECORDS):
        raise InputError(
            f"Data set {info.full_name} is stored as {info.file_format.value}, not as TFRecord",
            "Prepare it as TFRecord, with tfds build --file_format=tfrecord",
        )
    used = {
        part.partition("[")[0] for split in dataset.splits.values() for part in split.split("+")
    }
    for name in sorted(used):
        split = info.splits[name]
        for path, expected in zip(split.filepaths, split.shard_lengths, strict=True):
            found = storage.count_records(path)
            if found != expected:
                what = "is missing" if found is None else f"has {found:,} whole records"
                raise InputError(
                    f"Data set {info.full_name} is damaged: {path} {what} of {expected:,}",
                    _PREPARE_AGAIN,
                )


def _unknown_hosts(builder: tfds.core.DatasetBuilder) -> list[str]:
    """Returns the hosts to download from, where none has an address.

    TFDS itself tries for more than three minutes before it says so. Behind a proxy, or with
    downloads kept from another time, a missing address proves nothing.
    """
    root = builder.data_path.parents[len(builder.info.full_name.split("/")) - 1]
    downloads = root / "downloads"
    kept = downloads.exists() and any(each.suffix == ".INFO" for each in downloads.iterdir())
    if kept or urllib.request.getproxies():
        return []
    hosts = {urllib.parse.urlsplit(url).hostname for url in builder.url_infos or ()}
    names = sorted(host for host in hosts if host)
    return [] if any(map(_has_address, names)) else names


def _has_address(host: str) -> bool:
    try:
        return bool(socket.getaddrinfo(host, None))
    except OSError:
        return False


def _text_feature(builder: tfds.core.DatasetBuilder, given: str | None) -> str:
    strings = [name for name, feature in builder.info.features.items() if _is_string(feature)]
    texts = [name for name in strings if isinstance(builder.info.features[name], Text)]
    return _only_feature(builder, "text", strings if given else texts or strings, given)


def _label_feature(builder: tfds.core.DatasetBuilder, given: str | None) -> str:
    labels = [n for n, feature in builder.info.features.items() if isinstance(feature, ClassLabel)]
    return _only_feature(builder, "label", labels, given)


def _is_string(feature: tfds.features.FeatureConnector) -> bool:
    return feature.shape == () and np.dtype(feature.np_dtype).kind in "OSU"


def _only_feature(
    builder: tfds.core.DatasetBuilder, kind: str, names: list[str], given: str | None
) -> str:
    """Chooses among `names`: the one given, else the supervised key, else the only one."""
    supervised = [key for key in builder.info.supervised_keys or () if key in names]
    candidates = [name for name in names if name == given] if given else supervised or names
    if len(candidates) == 1:
        return candidates[0]
    wanted = f"{kind} feature {given!r}" if given else f"{kind} feature"
    number = "more than one" if candidates else "no"
    known = ", ".join(f"{n}: {type(f).__name__}" for n, f in sorted(builder.info.features.items()))
    raise InputError(
        f"Data set {builder.info.full_name} has {number} {wanted} ({known})",
        f"Name one of {', '.join(sorted(names))} with --{kind}-feature"
        if names
        else f"Name one with --{kind}-feature from a data set that has one",
    )


def _class_names(builder: tfds.core.DatasetBuilder, label_feature: str) -> tuple[str, ...]:
    names = tuple(builder.info.features[label_feature].names or ())
    if not names:
        raise InputError(
            f"Label feature {label_feature!r} of data set {builder.info.full_name} has no names: "
            f"{builder.data_path} lacks {label_feature}.labels.txt",
            _PREPARE_AGAIN,
        )
    if len(names) > MOST_CLASSES:
        raise InputError(
            f"Label feature {label_feature!r} of data set {builder.info.full_name} has "
            f"{len(names):,} classes, more than {MOST_CLASSES:,}",
            "Name another one with --label-feature",
        )
    if len(names) < 2:
        raise InputError(
            f"Label feature {label_feature!r} of data set {builder.info.full_name} has "
            f"{len(names)} class(es): {', '.join(names)}",
            "Name one of two classes or more with --label-feature",
        )
    return names


def _ranges(
    builder: tfds.core.DatasetBuilder, split: str, requested: str, max_examples: int | None
) -> list[_Range]:
    ranges = list(_cap(_absolute_ranges(builder, split, requested), max_examples))
    if not ranges:
        raise InputError(
            f"The {split} split {requested!r} of data set {builder.info.full_name} selects no "
            f"example; it has {_known_splits(builder)}",
            f"Give a larger range with --{split}-split",
        )
    return ranges


def _absolute_ranges(
    builder: tfds.core.DatasetBuilder, split: str, requested: str
) -> Iterable[_Range]:
    sizes = {name: info.num_examples for name, info in builder.info.splits.items()}
    try:
        instruction = tfds.core.ReadInstruction.from_spec(requested)
        parts = instruction.to_absolute(builder.info.splits)
    except Exception as error:  # TFDS raises ValueError, NotImplementedError and more
        raise InputError(
            f"The {split} split {requested!r} cannot be read from data set "
            f"{builder.info.full_name}: {_first_line(error)}",
            f"It has {_known_splits(builder)}; name among them with --{split}-split",
        ) from error
    for part in parts:
        stop = sizes[part.splitname] if part.to is None else part.to
        yield _Range(part.splitname, part.from_ or 0, stop)


def _cap(ranges: Iterable[_Range], max_examples: int | None) -> Iterable[_Range]:
    """Yields the ranges that are not empty, cut after `max_examples` in all."""
    left = float("inf") if max_examples is None else max_examples
    for each in ranges:
        size = int(min(len(each), left))
        left -= size
        if size:
            yield dataclasses.replace(each, stop=each.start + size)


def _refuse_shared_examples(ranges: dict[str, list[_Range]]) -> None:
    for (one, its_ranges), (other, other_ranges) in itertools.combinations(ranges.items(), 2):
        shared = sum(a.shared(b) for a, b in itertools.product(its_ranges, other_ranges))
        if shared:
            raise InputError(
                f"The {one} split {'+'.join(map(str, its_ranges))} and the {other} split "
                f"{'+'.join(map(str, other_ranges))} share {shared} examples, which would flatter "
                "the models",
                f"Give splits that share none with --{one}-split and --{other}-split",
            )


def _known_splits(builder: tfds.core.DatasetBuilder) -> str:
    splits = builder.info.splits.items()
    return ", ".join(f"{name} ({info.num_examples:,} examples)" for name, info in splits)


def _fingerprint(builder: tfds.core.DatasetBuilder) -> str:
    """Hashes name, version, and the content of every file of the data set.

    Content is read up to 256 MiB in all, about a second. Of a larger data set each file is sampled:
    evenly spaced parts of 1 MiB, the first and the last among them, 256 MiB or one part a file; and
    its time counts as well.
    """
    files = sorted(builder.data_path.iterdir())
    sizes = {path: storage.length_and_time(path) for path in files}
    total = sum(length for length, _ in sizes.values())
    share = min(1.0, _MOST_HASHED / total) if total else 1.0
    digest = hashlib.sha256(builder.info.full_name.encode())
    for path, (length, changed) in sizes.items():
        time = "" if share == 1 else changed
        digest.update(f"{path.name} {length} {time}".encode())
        digest.update(_content(str(path), storage.state_of(path), share))
    return digest.hexdigest()


@functools.cache  # a run asks several times
def _content(path: str, state: tuple[int, ...], share: float) -> bytes:
    """Returns a hash of a share of a file's content; `state` tells one content from another."""
    digest = hashlib.sha256()
    length = state[0]
    parts = max(2, round(length * share / _SAMPLE))
    with epath.Path(path).open("rb") as file:
        if share == 1 or parts * _SAMPLE >= length:
            for chunk in iter(lambda: file.read(_SAMPLE), b""):
                digest.update(chunk)
        else:
            for part in range(parts):
                file.seek(part * (length - _SAMPLE) // (parts - 1))
                digest.update(file.read(_SAMPLE))
    return digest.digest()


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return next((line for line in lines if not line.startswith("Error parsing")), lines[0]).strip(
        " ."
    )
