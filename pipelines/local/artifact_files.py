"""The files of finished components' artifacts, by name and size: so damage is found at the start.

TFX's cache asks only whether an artifact's folder exists. A file in it that was cut by a full disk,
or deleted, would end each run that reads it, for ever.
"""

import contextlib
import hashlib
import os
import pathlib
from collections.abc import Iterable, Mapping

from albert_tfx.storage import read_json, write_json

_FILE = "files.json"


def remember(pipeline_root: str, uris: Iterable[str]) -> None:
    """Writes down the files of artifacts that are not written down yet, and forgets all others.

    Args:
      pipeline_root: The folder of the artifacts.
      uris: Folders of artifacts that are whole.
    """
    known = _known(pipeline_root)
    digests = {uri: known.get(uri) or _digest(uri) for uri in uris if pathlib.Path(uri).is_dir()}
    if digests != known:
        write_json(os.path.join(pipeline_root, _FILE), digests)


def damaged(pipeline_root: str, uris: Iterable[str]) -> list[str]:
    """Returns those of `uris` that lack a file, or have one of another size, since `remember`."""
    known = _known(pipeline_root)
    return [uri for uri in uris if uri in known and _digest(uri) != known[uri]]


def _known(pipeline_root: str) -> Mapping[str, str]:
    with contextlib.suppress(FileNotFoundError, ValueError):
        digests: Mapping[str, str] = read_json(os.path.join(pipeline_root, _FILE))
        return digests
    return {}


def _digest(folder: str) -> str:
    root = pathlib.Path(folder)
    files = (path for path in root.rglob("*") if path.is_file())
    sizes = sorted((str(path.relative_to(root)), path.stat().st_size) for path in files)
    return hashlib.sha256(repr(sizes).encode()).hexdigest()[:16]
