"""What a run gives to what it starts: this code, a folder for temporary files, and its own end."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping

from albert_tfx import sources
from pipelines.confinement import workers


@contextlib.contextmanager
def of_a_run() -> Iterator[str]:
    """Sets them for this process and those that it starts; yields the folder, and removes it.

    TFDS, TensorFlow and Beam leave folders and files behind, TensorFlow where its process is
    stopped. Worker processes of Beam need to find the project's code.
    """
    with _temporary_folder() as folder:
        ours = {**sources.environment(), **workers.own_environment(), "TMPDIR": folder}
        if given := os.environ.get("PYTHONPATH"):
            ours["PYTHONPATH"] += os.pathsep + given
        with _environment(ours):
            yield folder


@contextlib.contextmanager
def _temporary_folder() -> Iterator[str]:
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="albert-tfx-", ignore_cleanup_errors=True) as folder:
        tempfile.tempdir = folder
        try:
            yield folder
        finally:
            tempfile.tempdir = before


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
