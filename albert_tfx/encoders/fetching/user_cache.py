"""This project's folder among the user's caches, which nobody else can write to.

A model is a program: whoever can put one where it is looked for has it run. So nothing is kept in
the shared folder for temporary files, and a folder of another user is not taken.
"""

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from albert_tfx.errors import InputError, one_line

_PROJECT = "albert-tfx"
_PRIVATE = 0o700


def folder(name: str) -> Path:
    """Returns a folder below `$XDG_CACHE_HOME/albert-tfx`, made where it does not exist.

    `XDG_CACHE_HOME` is `~/.cache` where it is not set, as in
    https://specifications.freedesktop.org/basedir-spec. Only the user can enter the folder.

    Raises:
      InputError: It cannot be made, or belongs to another user.
    """
    project = _caches() / _PROJECT
    with written(project / name):
        project.mkdir(_PRIVATE, parents=True, exist_ok=True)
        require_own(project)
        if stat.S_IMODE(project.stat().st_mode) != _PRIVATE:
            project.chmod(_PRIVATE)
        (project / name).mkdir(_PRIVATE, exist_ok=True)
    return project / name


@contextlib.contextmanager
def written(path: Path) -> Iterator[None]:
    """Turns what keeps the block from writing a path into one line with a remedy.

    Raises:
      InputError: The path cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror or one_line(error)})",
            "Make room, or name a folder that can be written in XDG_CACHE_HOME",
        ) from error


def require_own(path: Path, others: tuple[int, ...] = ()) -> None:
    """Refuses a folder of another user.

    Args:
      path: An existing folder.
      others: Ids of users who are trusted, too.

    Raises:
      InputError: It belongs to another user.
    """
    owner = path.stat().st_uid
    if owner not in (os.geteuid(), *others):
        raise InputError(
            f"{path} belongs to another user (id {owner}), who could put any model there",
            "Delete it, or name a folder of your own in XDG_CACHE_HOME",
        )


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lets one process at a time into the block, of all that lock the same path.

    Args:
      path: What the block makes, in an existing folder. A file beside it is the lock, and stays.
    """
    with open(path.with_name(f"{path.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _caches() -> Path:
    named = os.environ.get("XDG_CACHE_HOME", "")
    if Path(named).is_absolute():
        return Path(named)
    try:
        return Path.home() / ".cache"
    except RuntimeError as error:
        raise InputError(
            "This user has no home folder, and so no folder for caches",
            "Name one in XDG_CACHE_HOME",
        ) from error
