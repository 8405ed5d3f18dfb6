"""What went wrong in a run, in one line."""

import re
from collections.abc import Iterator

from albert_tfx.errors import InputError
from pipelines.local.component_states import ComponentError

_QUOTED = re.compile(
    rf"^{re.escape(InputError.__module__)}\.{InputError.__name__}: (.*)\.", re.MULTILINE
)
_BEAM_STEP = re.compile(r" \[while running '.*?'\]")


class RunError(Exception):
    """A run failed, and not for an input that a remedy is known for. Its text is one line."""


def explain(error: BaseException, log: str) -> InputError | RunError:
    """Returns what to tell the user about `error`.

    Args:
      error: What ended the run.
      log: Path of the log that holds its traceback.

    Returns:
      The `InputError` that is at the bottom of it, if there is one. Else an error that names the
      component, the reason, where to read on and how to go on.
    """
    bad_input = next(filter(None, map(_input_error, _chain(error))), None)
    if bad_input is not None:
        return bad_input
    if isinstance(error, ComponentError):
        what = f"{error.args[0]} failed"
        reason = error.__cause__ and _last_line(error.__cause__)
        go_on = "The same command goes on from here, as what has finished is cached"
    else:
        what, reason, go_on = "the run failed", _last_line(error), "Then run the same command again"
    return RunError(f"{what} ({reason or 'its inputs are missing'}). See {log}. {go_on}.")


def _input_error(error: BaseException) -> InputError | None:
    """Returns the `InputError` that `error` is, or whose traceback it quotes.

    Beam adds the step to what a step raised, and hands on what a worker raised as text.
    """
    if isinstance(error, InputError):
        cause, remedy = _BEAM_STEP.sub("", error.cause), error.remedy
    elif quoted := _QUOTED.search(str(error)):
        cause, _, remedy = _BEAM_STEP.sub("", quoted[1]).partition(". ")
    else:
        return None
    return InputError(cause, remedy)


def _last_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[-1].strip()}" if lines else type(error).__name__


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
