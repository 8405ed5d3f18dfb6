"""Copies of artifacts' folders that are never half there."""

import os

from tfx.dsl.io import fileio
from tfx.utils import io_utils

_PARTIAL = ".partial"
_PREVIOUS = ".previous"


def copy_entries(source: str, destination: str) -> None:
    """Copies all that lies in one folder into another, each entry under its name once whole.

    Args:
      source: An existing folder.
      destination: Folder that receives the entries; made where it does not exist.
    """
    fileio.makedirs(destination)
    for name in map(str, fileio.listdir(source)):
        copy_whole(os.path.join(source, name), os.path.join(destination, name))


def copy_whole(source: str, destination: str) -> None:
    """Copies a file or folder in place of `destination`, which is at no time half written."""
    source, destination = source.rstrip("/"), destination.rstrip("/")
    partial, previous = destination + _PARTIAL, destination + _PREVIOUS
    _remove(partial)
    _copy(source, partial)
    if fileio.exists(destination):
        _remove(previous)
        fileio.rename(destination, previous)
    fileio.rename(partial, destination)
    _remove(previous)


def _copy(source: str, destination: str) -> None:
    if fileio.isdir(source):
        io_utils.copy_dir(source, destination)
    else:
        io_utils.copy_file(source, destination)


def _remove(path: str) -> None:
    if fileio.isdir(path):
        fileio.rmtree(path)
    elif fileio.exists(path):
        fileio.remove(path)
