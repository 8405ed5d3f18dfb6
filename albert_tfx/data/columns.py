"""Which column of a user's file holds the texts, and which the labels."""

import difflib
from collections.abc import Sequence

from albert_tfx import contract
from albert_tfx.errors import InputError

_SYNONYMS = {
    contract.TEXT: ("review", "sentence", "content"),
    contract.LABEL: ("sentiment", "class", "target"),
}


def choose(file: object, columns: Sequence[str], kind: str, given: str | None) -> str:
    """Returns the name of a column.

    Args:
      file: What to call the file in an error.
      columns: The columns there are.
      kind: `text` or `label`.
      given: The column that the user named, or None for the one named `kind` or a synonym.

    Raises:
      InputError: There is no such column, or more than one could be meant.
    """
    if given in columns or (given is None and kind in columns):
        return given or kind
    synonyms = [name for name in columns if name.strip().lower() in (kind, *_SYNONYMS[kind])]
    if given is None and len(synonyms) == 1:
        return synonyms[0]
    close = difflib.get_close_matches(given or kind, columns, n=1)
    raise InputError(
        f"File {file} has no column {given or kind!r}; it has {', '.join(columns)}",
        f"Name the column with --{kind}-column" + (f", perhaps {close[0]!r}" if close else ""),
    )
