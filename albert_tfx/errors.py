"""The one error that is the user's to mend, and the words that errors share."""

import difflib
from collections.abc import Iterable

from albert_tfx.printable import printable


class InputError(Exception):
    """Something the user gave cannot be used; says what, and what to do about it.

    Runners print it as one line and exit with a non-zero status, without a traceback.
    """

    def __init__(self, cause: str, remedy: str) -> None:
        """Joins the two sentences.

        Args:
          cause: What is wrong, echoing what was received. No final full stop.
          remedy: What to do about it. No final full stop.
        """
        super().__init__(cause, remedy)
        self.cause = cause
        self.remedy = remedy

    def __str__(self) -> str:
        return printable(f"{self.cause}. {self.remedy}.")


class UnreachableError(InputError):
    """No cache has what the user gave a name of, and the network does not lead to it."""


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
    return f"Did you mean {close[0]}" if close else otherwise
