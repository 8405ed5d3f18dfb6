"""The user's own file as a TFDS data set with the splits `train`, `eval` and `test`."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from albert_tfx import contract
from albert_tfx.data import tfds_source
from albert_tfx.data.files import content, reader
from albert_tfx.data.labelled import labels, rows, splits
from albert_tfx.errors import InputError
from albert_tfx.options import DatasetOptions, FileOptions

# To be raised when the same file would give another data set.
_VERSION = "2.0.0"
_TITLE = "A text file of the user's own."
_SHOWN = 5


class PreparedFile(NamedTuple):
    """A file that has become a data set.

    Attributes:
      dataset: Options that read the stored data set.
      remarks: What to tell the user of how the file was read and divided.
    """

    dataset: DatasetOptions
    remarks: tuple[str, ...]


class _Plan(NamedTuple):
    """What becomes of each usable row, in their order.

    Attributes:
      classes: The names of the classes.
      of_row: The index of each row's class, -1 where it is left out.
      sides: The side of each row.
      remarks: What to tell the user.
    """

    classes: list[str]
    of_row: np.ndarray
    sides: np.ndarray
    remarks: list[str]


def prepare(options: FileOptions, data_dir: str | Path | None = None) -> PreparedFile:
    """Stores a user's own file as a TFDS data set, unless it is there.

    The splits are those that the options name; else a row's side follows from the hash of its
    text's words: see `splits`. The data set lies in `data_dir/text_file/<file name>-<hash>`,
    where the hash is of the content and the options, and is reused until one of these changes.

    Args:
      options: The file, and how to read it.
      data_dir: TFDS's data directory, or None for TFDS's own default.

    Returns:
      Options that read the stored data set, and remarks.

    Raises:
      InputError: The file cannot be read or cannot be used: a column is missing, a cell is empty,
        a class has too few rows, or there are too few or too many classes.
    """
    files = rows.sources(options)
    # The paths are in the hash by their names only, so that a file may move.
    named = {**dataclasses.asdict(options), "csv": "", "eval_csv": "", "test_csv": ""}
    key = json.dumps([[(each.path.name, each.side) for each in files], named], sort_keys=True)
    digest = content.content_hash([each.path for each in files], key.encode())
    name = reader.plain_name(files[0].path.name.split(".")[0]) or "file"
    config = f"{name}-{digest[:16]}"
    root = tfds.core.Path(data_dir or tfds.core.constants.DATA_DIR).expanduser()
    folder = root / "text_file" / config / _VERSION
    if not (folder / "dataset_info.json").exists():
        _store(files, options, root, config)
    return PreparedFile(
        DatasetOptions(
            name=str(folder),
            data_dir=str(root),
            train_split=contract.TRAIN,
            eval_split=contract.EVAL,
            test_split=contract.TEST,
        ),
        _remarks(folder),
    )


def _remarks(folder: tfds.core.Path) -> tuple[str, ...]:
    description = tfds.builder_from_directory(folder).info.description
    return tuple(description.splitlines()[1:])


def _store(
    files: list[rows.Source], options: FileOptions, root: tfds.core.Path, config: str
) -> None:
    """Writes the data set, under a temporary name until it is complete."""
    plan = _plan(files, options)
    tfds.dataset_builders.store_as_tfds_dataset(
        name="text_file",
        config=config,
        version=_VERSION,
        features=tfds.features.FeaturesDict(
            {
                contract.TEXT: tfds.features.Text(),
                contract.LABEL: tfds.features.ClassLabel(names=plan.classes),
            }
        ),
        split_datasets={
            name: _examples(files, options, plan, side) for side, name in enumerate(splits.SIDES)
        },
        data_dir=root,
        description="\n".join([_TITLE, *plan.remarks]),
    )


def _examples(
    files: list[rows.Source], options: FileOptions, plan: _Plan, side: int
) -> Iterator[tuple[str | int, dict[str, object]]]:
    """Yields the examples of a split, each with its key."""
    decided = zip(plan.sides.tolist(), plan.of_row.tolist(), strict=True)
    for index, file in enumerate(files):
        for row in rows.read(file, options):
            its_side, of_class = next(decided)
            if its_side == side and of_class >= 0:
                key = row.number if len(files) == 1 else f"{index} {row.number}"
                yield key, {contract.TEXT: row.text, contract.LABEL: of_class}


def _plan(files: list[rows.Source], options: FileOptions) -> _Plan:
    found = rows.survey(files, options)
    path = files[0].path
    classes = labels.classes_of(found.spellings, options)
    _refuse_bad_classes(path, files[0], options, classes.names)
    by_spelling = [classes.of_label.get(label, -1) for label in found.spellings]
    of_row = np.array(by_spelling, np.int64)[rows.as_array(found.labels, np.int64)]
    sides = rows.as_array(found.given, np.uint8)
    used = of_row >= 0
    units = rows.as_array(found.units, np.uint64)
    if options.time_column:
        times = rows.as_array(found.times, np.int64)
        sides[used] = splits.by_time(times[used], sides[used])
    else:
        if not _all_given(sides):
            _refuse_rare(path, classes.names, of_row[used], units[used], options)
        sides[used] = splits.by_hash(units[used], of_row[used], sides[used])
    remarks = [*found.remarks, *classes.remarks]
    remarks += _lacking_classes(path, classes.names, of_row[used], sides[used])
    if options.group_column:
        remarks += _divided_groups(units[used], sides[used])
    return _Plan(classes.names, of_row, sides, [*map(_one_line, remarks)])


def _one_line(remark: str) -> str:
    return " ".join(remark.split()).encode(errors="replace").decode()


def _all_given(sides: np.ndarray) -> bool:
    return all((sides == side).any() for side in range(len(splits.SIDES)))


def _refuse_bad_classes(
    path: Path, source: rows.Source, options: FileOptions, names: list[str]
) -> None:
    if not names:
        raise InputError(f"File {path} has no rows", "Give a file with a text and label a row")
    if 1 < len(names) <= tfds_source.MOST_CLASSES:
        return
    [column] = rows.open_source(source, options).names[contract.LABEL]
    if len(names) == 1:
        raise InputError(
            f"File {path}, column {column!r} has one label only, {names[0]!r}",
            "Give rows of two labels or more, or name another column with --label-column",
        )
    raise InputError(
        f"File {path}, column {column!r} has {len(names):,} different labels, more than "
        f"{tfds_source.MOST_CLASSES:,}",
        "Name the column of the classes with --label-column, or leave rare ones out with "
        "--min-rows-per-class",
    )


def _refuse_rare(
    path: Path, names: list[str], of_row: np.ndarray, units: np.ndarray, options: FileOptions
) -> None:
    """Refuses classes that cannot be on each side."""
    counts = np.bincount(of_row, minlength=len(names))
    rare = [index for index in range(len(names)) if counts[index] < labels.LEAST_ROWS]
    if rare:
        raise InputError(
            f"File {path} has too few rows of label {_listed([names[i] for i in rare])}: "
            f"{counts[rare[0]]} of {labels.LEAST_ROWS}",
            f"Give {labels.LEAST_ROWS} rows or more of each label, or leave rarer ones out with "
            f"--min-rows-per-class {labels.LEAST_ROWS}",
        )
    pairs = np.unique(np.stack([of_row.astype(np.uint64), units]), axis=1)
    different = np.bincount(pairs[0].astype(np.int64), minlength=len(names))
    rare = [index for index in range(len(names)) if different[index] < len(splits.SIDES)]
    if rare:
        what = "groups" if options.group_column else "texts"
        raise InputError(
            f"File {path} has too few rows of label {_listed([names[i] for i in rare])}: its "
            f"{counts[rare[0]]} rows have {different[rare[0]]} different {what}, fewer than splits",
            f"Give rows with {len(splits.SIDES)} or more {what}, or delete its rows",
        )


def _lacking_classes(
    path: Path, names: list[str], of_row: np.ndarray, sides: np.ndarray
) -> Iterator[str]:
    """Yields a remark for each side that lacks classes.

    Raises:
      InputError: Train lacks one, or a side has one only.
    """
    for side, split in enumerate(splits.SIDES):
        counts = np.bincount(of_row[sides == side], minlength=len(names))
        lacking = [names[index] for index in np.flatnonzero(counts == 0)]
        if len(names) - len(lacking) < 2:
            raise InputError(
                f"File {path}: the {split} split has rows of {len(names) - len(lacking)} of "
                f"{len(names)} labels",
                "Give each split rows of two labels or more",
            )
        if lacking and side == splits.TRAIN:
            raise InputError(
                f"File {path}: label {_listed(lacking)} is in eval or test only",
                "Give rows of it to train on, or delete its rows",
            )
        if lacking:
            yield f"the {split} split has no row of label {_listed(lacking)}"


def _divided_groups(units: np.ndarray, sides: np.ndarray) -> Iterator[str]:
    pairs = np.unique(np.stack([units, sides.astype(np.uint64)]), axis=1)
    divided = int((np.unique(pairs[0], return_counts=True)[1] > 1).sum())
    if divided:
        yield f"{divided:,} groups are in several splits, as the files given have them there"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(map(labels.shown, names[:_SHOWN])) + more
