"""Files and folders, on this machine or in a bucket, that are never half there.

Paths are those of `etils.epath`, which reads and writes buckets as it does local folders.
"""

import contextlib
import hashlib
import json
import math
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from etils import epath

_PARTIAL = ".partial"
_PREVIOUS = ".previous"
_NUMBER = re.compile("0|[1-9][0-9]*")


def to_json(value: Any) -> str:
    """Returns strict JSON, indented, with a final line break; NaN and infinity become null."""
    return json.dumps(_without_nan(value), indent=2, allow_nan=False) + "\n"


def read_json(path: epath.PathLike) -> Any:
    """Returns what a JSON file holds.

    Raises:
      FileNotFoundError: There is no such file.
      ValueError: It is no JSON in UTF-8.
    """
    return json.loads(epath.Path(path).read_text())


def write_json(path: epath.PathLike, value: Any) -> None:
    """Writes `to_json(value)` as `write_bytes` does."""
    write_bytes(path, to_json(value).encode())


def write_bytes(path: epath.PathLike, content: bytes) -> None:
    """Writes a file, whose folder is made where it does not exist."""
    epath.Path(path).parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        partial.write_bytes(content)


@contextlib.contextmanager
def whole_file(path: epath.PathLike) -> Iterator[epath.Path]:
    """Yields the path of a new file that takes the name `path` once the block has ended well.

    Args:
      path: Name of the file; one that is there already stays until it is replaced. A link keeps
        what it is, and its target is replaced.
    """
    target = epath.Path(os.path.realpath(path)) if _is_local(path) else epath.Path(path)
    partial = target.with_name(f"{target.name}.{os.getpid()}{_PARTIAL}")
    try:
        yield partial
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def copy_entries(source: epath.PathLike, destination: epath.PathLike) -> None:
    """Copies all that lies in one folder into another, each entry under its name once whole.

    Args:
      source: An existing folder.
      destination: Folder that receives the entries; made where it does not exist.
    """
    target = epath.Path(destination)
    target.mkdir(parents=True, exist_ok=True)
    for entry in epath.Path(source).iterdir():
        copy_whole(entry, target / entry.name)


def copy_whole(source: epath.PathLike, destination: epath.PathLike) -> None:
    """Copies a file or folder in place of `destination`, which is at no time half written."""
    target = epath.Path(destination)
    partial, previous = (target.with_name(target.name + end) for end in (_PARTIAL, _PREVIOUS))
    remove(partial)
    _copy(epath.Path(source), partial)
    if target.exists():
        remove(previous)
        target.rename(previous)
    partial.rename(target)
    remove(previous)


def remove(path: epath.PathLike) -> None:
    """Removes a file, or a folder with all that is in it; does nothing where there is neither.

    Of a link, what it points to stays.
    """
    target = epath.Path(path)
    if target.is_dir() and not os.path.islink(path):  # noqa: PTH114  False for a bucket's paths
        target.rmtree()
    else:
        target.unlink(missing_ok=True)


def fingerprint(folder: epath.PathLike, without: Collection[str] = ()) -> str:
    """Returns the first 16 hexadecimal digits of `digest`, which tell folders apart.

    Args:
      folder: An existing folder.
      without: Paths below `folder` of files that do not count.
    """
    return digest(folder, without)[:16]


def digest(folder: epath.PathLike, without: Collection[str] = ()) -> str:
    """Returns the SHA-256 of the names and contents of a folder's files, 64 hexadecimal digits.

    Args:
      folder: An existing folder.
      without: Paths below `folder` of files that do not count.
    """
    return digest_of(folder, [name for name in files_below(folder) if name not in without])


def files_below(folder: epath.PathLike) -> list[str]:
    """Returns the paths of a folder's files, as seen from it, in one order everywhere."""
    root = epath.Path(folder)
    files = sorted(_files(root), key=lambda path: (str(path.parent), path.name))
    return [os.path.relpath(path, root) for path in files]


def digest_of(folder: epath.PathLike, names: Iterable[str]) -> str:
    """Returns the SHA-256 of some of a folder's files, by name, in the order given."""
    hashed = hashlib.sha256()
    for name in names:
        hashed.update(name.encode())
        hashed.update(hashlib.sha256((epath.Path(folder) / name).read_bytes()).digest())
    return hashed.hexdigest()


def component_folder(artifact_uri: str) -> str:
    """Returns the folder of the component that made an artifact, by TFX's layout.

    >>> component_folder("gs://bucket/pipeline/Trainer.frozen/model/7")
    'gs://bucket/pipeline/Trainer.frozen'
    """
    return artifact_uri.rstrip("/").rsplit("/", 2)[0]


def size(folder: epath.PathLike) -> int:
    """Returns the bytes of a folder's files."""
    return sum(length_and_time(path)[0] for path in _files(epath.Path(folder)))


def length_and_time(path: epath.PathLike) -> tuple[int, int]:
    """Returns a file's bytes, and when it was last changed in whole seconds since 1970.

    `epath`'s own `stat` also looks up the owner's name, which in a container need not have one.
    """
    if _is_local(path):
        status = os.stat(path)  # noqa: PTH116
        return status.st_size, int(status.st_mtime)
    remote = epath.Path(path).stat()
    return remote.length, remote.mtime


def state_of(path: epath.PathLike) -> tuple[int, ...]:
    """Returns a file's bytes, and what else changes whenever its content does.

    On this machine that is when it was changed, in nanoseconds, by the system's own account, which
    no program sets; in a bucket, the time in seconds.
    """
    if _is_local(path):
        status = os.stat(path)  # noqa: PTH116
        return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
    return length_and_time(path)


def count_records(path: epath.PathLike) -> int | None:
    """Returns how many whole records a TFRecord file has, None where there is no file.

    Follows the lengths of the records without reading them. Each is 8 bytes of length, 4 of its
    checksum, the record, and 4 of its checksum:
    https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details.
    """
    file = epath.Path(path)
    if not file.exists():
        return None
    end, place, count = length_and_time(path)[0], 0, 0
    with file.open("rb") as content:
        while len(header := content.read(12)) == 12:
            place += 16 + int.from_bytes(header[:8], "little")
            if place > end:
                break
            count += 1
            content.seek(place)
    return count


def version_numbers(folder: epath.PathLike) -> list[int]:
    """Returns the versions in a serving folder, the oldest first; the folder need not exist.

    TensorFlow Serving's: folders whose names are decimal numbers without leading zeros.
    """
    root = epath.Path(folder)
    names = [entry.name for entry in root.iterdir()] if root.is_dir() else []
    return sorted(int(name) for name in names if _NUMBER.fullmatch(name))


def _files(root: epath.Path) -> Iterator[epath.Path]:
    for path in root.iterdir():
        if path.is_dir():
            yield from _files(path)
        else:
            yield path


def _copy(source: epath.Path, target: epath.Path) -> None:
    if not source.is_dir():
        source.copy(target)
        return
    target.mkdir(parents=True)
    for entry in source.iterdir():
        _copy(entry, target / entry.name)


def _is_local(path: epath.PathLike) -> bool:
    return "://" not in os.fspath(path)


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
