"""The one error that is the user's to mend, and what is quoted of others."""


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
        return f"{self.cause}. {self.remedy}."


def quoted(error: BaseException) -> str:
    """Returns the last line of what `error` says, or its class where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]
