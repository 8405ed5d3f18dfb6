"""Which version answers: the newest in the serving folder that loads and answers its warm-up."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from albert_tfx.contract import EXTRA_ASSETS, WARMUP_FILE
from albert_tfx.errors import InputError, one_line
from albert_tfx.prediction.pushed_model import PushedModel
from albert_tfx.release.production import is_whole
from albert_tfx.serving import metadata
from albert_tfx.serving.batches import Answer
from albert_tfx.storage import files_below, version_numbers

if TYPE_CHECKING:
    from albert_tfx.serving.requests import Outputs

_NONE = -1  # below every version's number


class Model(Protocol):
    """What a version is loaded as.

    Attributes:
      signatures: What `metadata.signatures` returns of its folder.
    """

    signatures: dict[str, Any]

    def outputs(self, signature: str, values: Sequence[bytes]) -> "Outputs":
        """Returns what a signature gives for its input."""


@dataclasses.dataclass(frozen=True)
class Version:
    """A version that answers.

    Attributes:
      number: Its number, the name of its folder.
      model: The model, loaded.
    """

    number: int
    model: Model

    def answer(self, signature: str, values: Sequence[bytes]) -> Answer:
        """Returns what a signature gives for its input, with the version's number."""
        return Answer(self.number, self.model.outputs(signature, values))


class _Described(PushedModel):
    """A pushed model that is described also once its folder is removed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.signatures = metadata.signatures(folder)


def load(folder: Path) -> Model:
    """Loads a version, and asks it what it was pushed with, as the pusher does.

    Raises:
      InputError: Its files are not those that were pushed, it cannot be loaded, or its answers are
        no probabilities.
    """
    # Whoever deletes the warm-up requests, which the documents allow, changes the files.
    if (folder / EXTRA_ASSETS / WARMUP_FILE).exists() and not is_whole(folder):
        raise InputError(f"The files in {folder} are not those that were pushed", "Push it again")
    model = _Described(folder)
    model.answer_warmup()
    return model


class Versions:
    """The versions of a serving folder, one of which answers.

    Attributes:
      current: The version that answers.
    """

    def __init__(
        self,
        folder: Path,
        say: Callable[[str], None],
        load_version: Callable[[Path], Model] = load,
    ) -> None:
        """Loads the newest version.

        Args:
          folder: The serving folder.
          say: Is told of each version that is taken up or refused, in one line.
          load_version: Loads the model in a version's folder; an `InputError` refuses it.

        Raises:
          InputError: No version can be loaded.
        """
        self._folder = folder
        self._say = say
        self._load = load_version
        self._refused: dict[int, object] = {}
        found = self._newest(_NONE)
        if found is None:
            raise InputError(
                f"No version in {folder} can be served",
                "Push one that can: python local_runner.py",
            )
        self.current: Version = found

    def refresh(self) -> None:
        """Takes up a newer version, or the newest there is where the current one was removed.

        A version that is refused is tried again once its files have changed.
        """
        numbers = version_numbers(self._folder)
        is_there = self.current.number in numbers
        found = self._newest(self.current.number if is_there else _NONE)
        if found is not None:
            self.current = found
            self._say(f"version {found.number} answers from now on")

    def _newest(self, above: int) -> Version | None:
        for number in reversed(version_numbers(self._folder)):
            if number <= above:
                break
            version = self._tried(number)
            if version is not None:
                return version
        return None

    def _tried(self, number: int) -> Version | None:
        folder = self._folder / str(number)
        state = _state(folder)
        if number in self._refused and self._refused[number] == state:
            return None
        try:
            return Version(number, self._load(folder))
        except Exception as error:  # TensorFlow raises whatever the files led it to
            self._refused[number] = state
            self._say(f"version {number} is refused: {one_line(error)}")
            return None


def _state(folder: Path) -> object:
    """Returns what changes when one of a folder's files does; None where it has just gone."""
    try:
        stats = [(name, (folder / name).stat()) for name in files_below(folder)]
    except OSError:
        return None
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
