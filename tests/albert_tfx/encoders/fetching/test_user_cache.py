"""The project's folder among the user's caches."""

import os
import stat
import threading
from pathlib import Path

import pytest

from albert_tfx.encoders.fetching import user_cache
from albert_tfx.errors import InputError


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    return tmp_path / "caches"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_made_below_the_user_s_caches_for_the_user_alone(caches: Path):
    before = os.umask(0)
    try:
        folder = user_cache.folder("encoders")
    finally:
        os.umask(before)
    assert folder == caches / "albert-tfx" / "encoders"
    assert (mode(folder), mode(folder.parent)) == (0o700, 0o700)


def test_one_that_others_can_enter_is_closed(caches: Path):
    project = caches / "albert-tfx"
    project.mkdir(parents=True)
    project.chmod(0o777)
    user_cache.folder("encoders")
    assert mode(project) == 0o700


@pytest.mark.parametrize("named", ["", "relative/path"])
def test_without_an_absolute_name_it_is_in_the_home_folder(tmp_path, monkeypatch, named):
    monkeypatch.setenv("XDG_CACHE_HOME", named)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_cache.folder("encoders") == tmp_path / ".cache" / "albert-tfx" / "encoders"


def test_one_of_another_user_is_refused(caches: Path, monkeypatch):
    user_cache.folder("encoders")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(InputError, match=r"albert-tfx belongs to another user .*XDG_CACHE_HOME"):
        user_cache.folder("encoders")


def test_one_that_cannot_be_made_is_refused(caches: Path):
    caches.write_text("a file")
    with pytest.raises(InputError, match=r"cannot be written .*XDG_CACHE_HOME"):
        user_cache.folder("encoders")


def test_one_at_a_time_makes_a_path(tmp_path: Path):
    seen = []

    def look() -> None:
        with user_cache.locked(tmp_path / "made"):
            seen.append((tmp_path / "made").exists())

    waiting = threading.Thread(target=look)
    with user_cache.locked(tmp_path / "made"):
        waiting.start()
        (tmp_path / "made").touch()
        assert seen == []
    waiting.join(60)
    assert seen == [True]
