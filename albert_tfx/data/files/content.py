"""A file's content: its bytes, and what is told of them by how they begin."""

import gzip
import hashlib
import os
import select
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from albert_tfx.errors import InputError

# Sentinel in a stream: no more input is available yet.
PAUSE = None
_CHUNK = 1 << 16  # bytes; as much as a pipe holds
# How long a producer may take to refill the pipe that we emptied before that is a pause.
_PATIENCE = 0.05  # seconds
_EXPORT = "Export the table as CSV in UTF-8, and give that"
_UNPACK = "Unpack it, and give the file that it holds"
# How files begin that hold texts only once they are unpacked: what they are, and what to do.
_SIGNATURES = {
    b"\x1f\x8b": ("compressed by gzip, without .gz in its name", "Add .gz to its name"),
    b"PK\x03\x04": ("a zip archive, as Excel's workbooks are", _EXPORT),
    b"\xd0\xcf\x11\xe0": ("a workbook of Excel", _EXPORT),
    b"SQLite format 3\0": ("a database of SQLite", _EXPORT),
    b"%PDF-": ("PDF", _EXPORT),
    b"PAR1": ("Parquet, without .parquet at the end of its name", "Add .parquet to its name"),
    b"ARROW1\0\0": ("an Arrow file", "Save it as Parquet, and give that"),
    b"BZh": ("compressed by bzip2", _UNPACK),
    b"\xfd7zXZ\0": ("compressed by xz", _UNPACK),
    b"\x28\xb5\x2f\xfd": ("compressed by Zstandard", _UNPACK),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", _UNPACK),
}


def require_file(path: Path, remedy: str | None = None) -> None:
    """Refuses what is no readable file; a pipe is one.

    Args:
      path: What was named.
      remedy: What to give in its place, where that is no file of texts.

    Raises:
      InputError: It does not exist, is a folder, or may not be read.
    """
    if not path.exists():
        raise InputError(f"File {path} does not exist", remedy or "Give the path of a file")
    if path.is_dir():
        raise InputError(f"{path} is a folder", remedy or "Give the path of a file in it")
    if not os.access(path, os.R_OK):
        raise InputError(f"File {path} cannot be read: Permission denied", "Give a readable file")


def chunks(path: Path) -> Iterator[bytes]:
    """Yields a file's bytes, uncompressed where its name ends in `.gz`.

    Raises:
      InputError: It cannot be read, or plainly holds something else than text.
    """
    require_file(path)
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            first = file.read(_CHUNK)
            _refuse_other_kinds(path, first)
            yield first
            yield from iter(lambda: file.read(_CHUNK), b"")
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"File {path} cannot be read: {error}", "Give a readable file") from error


def chunks_of(descriptor: int) -> Iterator[bytes | None]:
    """Yields the bytes of a file descriptor, and `PAUSE` whenever no more are there yet."""
    while chunk := os.read(descriptor, _CHUNK):
        yield chunk
        if not select.select([descriptor], [], [], _PATIENCE)[0]:
            yield PAUSE


def content_hash(paths: Iterable[Path], prefix: bytes) -> str:
    """Returns the SHA-256, in hexadecimal digits, of `prefix` and the content of files.

    Args:
      paths: The files; of a folder, those that lie directly in it count.
      prefix: What else counts.

    Raises:
      InputError: One cannot be read.
    """
    digest = hashlib.sha256(prefix)
    for path in paths:
        for file in (
            sorted(each for each in path.iterdir() if each.is_file()) if path.is_dir() else [path]
        ):
            digest.update(f"\0{file.name}\0".encode())
            for chunk in _raw_chunks(file):
                digest.update(chunk)
    return digest.hexdigest()


def _raw_chunks(path: Path) -> Iterator[bytes]:
    require_file(path)
    with path.open("rb") as file:
        yield from iter(lambda: file.read(1 << 20), b"")


def _refuse_other_kinds(path: Path, first: bytes) -> None:
    for signature, (kind, remedy) in _SIGNATURES.items():
        if first.startswith(signature):
            raise InputError(f"File {path} is {kind}", remedy)
