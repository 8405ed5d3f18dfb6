"""The one error that is the user's to mend, and the words that errors share."""

import difflib
import errno
import re
from collections.abc import Iterable, Iterator

from albert_tfx.printable import printable

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
# Of the C library and of SQLite, in what TensorFlow, Beam and ML Metadata make of them; and of
# Python's `tempfile`, which calls a full disk a missing folder.
_SAYS_NO_SPACE = re.compile(
    "No space left on device|Disk quota exceeded|database or disk is full|No usable temporary dir"
)
# Of TensorFlow and Python, and of the shell or Beam where a process was killed by signal 9.
_SAYS_NO_MEMORY = re.compile(
    r"\bOOM\b|out of memory|Cannot allocate memory|bad_alloc"
    r"|worker process of Beam was lost|(return|exit) ?code:? (-9|137)\b|status (-9|137)\b|SIGKILL",
    re.IGNORECASE,
)
LESS_MEMORY = (
    "Give it more memory, or less to do: a smaller --batch-size or --sequence-length, "
    "--gradient-accumulation, or --max-examples"
)


class InputError(Exception):
    """Something the user gave cannot be used; says what, and what to do about it.

    Runners print it as one line and exit with a non-zero status, without a traceback.
    """

    def __init__(self, cause: str, remedy: str) -> None:
        """Joins the two sentences.

        Args:
          cause: What is wrong, echoing what was received. No final full stop.
          remedy: What to do about it. No final full stop; a question has its mark.
        """
        super().__init__(cause, remedy)
        self.cause = cause
        self.remedy = remedy

    def __str__(self) -> str:
        end = "" if self.remedy.endswith("?") else "."
        return printable(f"{self.cause}. {self.remedy}{end}")


class UnreachableError(InputError):
    """No cache has what the user gave a name of, and the network does not lead to it."""


def is_full_disk(error: BaseException) -> bool:
    """Returns whether an error, or one behind it, says that nothing more can be written."""
    return any(
        getattr(each, "errno", None) in _NO_SPACE or _SAYS_NO_SPACE.search(str(each))
        for each in chain(error)
    )


def is_lack_of_memory(error: BaseException) -> bool:
    """Returns whether an error, or one behind it, is of memory, or of a process that was killed.

    The kernel kills a process by signal 9 where memory is short; others may do so as well.
    """
    return any(
        isinstance(each, MemoryError) or _SAYS_NO_MEMORY.search(str(each)) for each in chain(error)
    )


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yields an error and those that it came from, the latest first."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's message that is not blank, or its class without one."""
    lines = (line.strip() for line in str(error).splitlines())
    return printable(next(filter(None, lines), type(error).__name__))


def one_line(error: BaseException) -> str:
    """Returns the last line of an error's message, or its class where the message is empty."""
    return printable((str(error).strip().splitlines() or [type(error).__name__])[-1])


def did_you_mean(given: str, known: Iterable[str], otherwise: str) -> str:
    """Returns a remedy for a misspelt name.

    Args:
      given: The name that is not known.
      known: The names that are.
      otherwise: The remedy where no known name is close.
    """
    close = difflib.get_close_matches(given, list(known), n=1)
    return f"Did you mean {close[0]}?" if close else otherwise
