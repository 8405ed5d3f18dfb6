"""Names of TFDS's data sets, read from its source: importing it takes ten times as long."""

import importlib.util
import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path

from etils import epath

from albert_tfx.errors import InputError, did_you_mean
from albert_tfx.options import DatasetOptions

_ANY_NAME = (
    "Give NAME, NAME/CONFIGURATION or NAME:VERSION of TFDS's catalogue, or a folder that holds "
    "dataset_info.json"
)
_PACKAGE = "tensorflow_datasets"
_NO_DATA_SETS = ("core", "scripts", "testing")
# Not of what describes a configuration, and derives from a class that says so.
_CLASS = re.compile(r"^class ([^\W_]\w*)\((?![\w.]*Config\b)", re.MULTILINE)
# `kaggle:name`, whose catalogue is not part of the package; not `name:1.0.0`.
_OF_A_COMMUNITY = re.compile(r"\w+:[^\d*]")
_WORD_ENDS = (re.compile(r"(.)([A-Z][a-z0-9]+)"), re.compile(r"([a-z0-9])([A-Z])"))


def names(package: Path | None = None) -> frozenset[str]:
    """Returns the name of each data set of TFDS, and of some other classes.

    A data set is named by the folder in `datasets` that holds it, or by its class.

    Args:
      package: TFDS's folder; None for the installed one.
    """
    root = package or _installed()
    folders = (folder.name for folder in (root / "datasets").iterdir())
    classes = (_snake_case(name) for name in _classes(root))
    return frozenset(itertools.chain([DatasetOptions.name], folders, classes))


def require_known(name: str, data_dir: str | None = None) -> None:
    """Refuses within a second what TFDS cannot find, or would download to where nothing is.

    Args:
      name: As `--dataset` has it: of a data set, or the folder of a prepared one.
      data_dir: Where prepared data sets lie, by name; None for TFDS's own place.

    Raises:
      InputError: No class of TFDS has the name, and no folder of a prepared data set; or there is
        no folder `data_dir` for what has to be downloaded.
    """
    is_folder = (Path(name).expanduser() / "dataset_info.json").exists()
    if is_folder or _OF_A_COMMUNITY.match(name):
        return
    base = _base(name)
    if (_place(data_dir) / base).is_dir():  # prepared, perhaps by code that is not here
        return
    if base not in names():
        raise InputError(f"Data set {name!r} cannot be used: TFDS has no such name", remedy(name))
    if data_dir and base != DatasetOptions.name:
        _require_folder(data_dir, name)


def _require_folder(data_dir: str, name: str) -> None:
    if "://" not in data_dir and not Path(data_dir).is_dir():
        raise InputError(
            f"--data-dir {data_dir} is no folder",
            f"Give the one that holds {name}, or make this one, so that it is downloaded there",
        )


def remedy(name: str) -> str:
    """Returns what to do about a data set that there is none of: a folder or name to give."""
    folder = epath.Path(name).expanduser()
    if folder.is_dir():
        within = ", ".join(_prepared_below(folder))
        it = "one within it that holds dataset_info.json"
        return f"It is a folder; name the {it}" + (f": {within}" if within else "")
    is_path = "/" in name
    if is_path and folder.parent.is_dir() and (beside := _prepared_below(folder.parent)):
        return f"There is {', '.join(beside)}"
    return did_you_mean(_base(name), names(), _ANY_NAME)


def _prepared_below(folder: epath.Path) -> list[str]:
    """Returns the folders of prepared data sets in a folder, or in one of those in it."""
    inner = sorted(each for each in folder.iterdir() if each.is_dir())
    deeper = [each for one in inner for each in sorted(one.iterdir()) if each.is_dir()]
    found = (each for each in (*inner, *deeper) if (each / "dataset_info.json").exists())
    return list(map(str, itertools.islice(found, 5)))


def _base(name: str) -> str:
    """Returns a name without its configuration, version and other arguments."""
    return _snake_case(re.split(r"[/:,]", name)[0])


def _installed() -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def _classes(root: Path) -> Iterator[str]:
    for file in root.rglob("*.py"):
        if file.relative_to(root).parts[0] not in _NO_DATA_SETS:
            yield from _CLASS.findall(file.read_text(encoding="utf-8"))


def _snake_case(name: str) -> str:
    """Returns a class's name as TFDS does (`tfds.core.naming.camelcase_to_snakecase`)."""
    for word_end in _WORD_ENDS:
        name = word_end.sub(r"\1_\2", name)
    return name.lower()


def _place(data_dir: str | None) -> Path:
    """Returns TFDS's data directory, which `tfds.core.constants` reads from the environment."""
    default = os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")
    return Path(data_dir or default).expanduser()
