"""What `predict.py` does: it reads texts, asks a pushed model, and writes the answers.

The model, which takes a second to load, is loaded once all that can be refused has been.
"""

import collections
import contextlib
import dataclasses
import itertools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from albert_tfx import storage
from albert_tfx.contract import TEXT
from albert_tfx.data.files import lines as text_lines
from albert_tfx.data.files import reader
from albert_tfx.data.files.columns import ID, Row, Table
from albert_tfx.errors import InputError
from albert_tfx.options import plain_path
from albert_tfx.prediction import pushed_model, quick_model
from albert_tfx.prediction.predictions import (
    FORMATS,
    Answers,
    Classifier,
    Prediction,
    predict,
    refuse_taken,
    written,
)
from albert_tfx.printable import printable


@dataclasses.dataclass(frozen=True)
class Request:
    """Which texts to classify, by which model, and where the answers go.

    Attributes:
      text: The texts; where there are none, those of `input`, else of standard input.
      input: A file that holds the texts.
      text_column: The columns of `input` that hold them, or none for the one named like it.
      id_column: The column of `input` that goes into the answers, or None.
      encoding: How the texts are encoded, or None for UTF-8.
      skip_empty: Leaves rows without a text out.
      output: Output folder of `local_runner.py`, whose newest model answers.
      model: The folder of another model.
      output_file: The file to write the answers to, or None for standard output.
      format: A key of `FORMATS`, or None for the one that `output_file` is named for.
      no_text: Leaves the texts themselves out of the answers.
    """

    text: Sequence[str] = ()
    input: Path | None = None
    text_column: Sequence[str] = ()
    id_column: str | None = None
    encoding: str | None = None
    skip_empty: bool = False
    output: Path = Path("output")
    model: Path | None = None
    output_file: Path | None = None
    format: str | None = None
    no_text: bool = False


def answer(request: Request, reason: Callable[[Path], str | None] = lambda _: None) -> None:
    """Classifies the texts, and writes each answer as soon as it is there.

    Args:
      request: What to classify.
      reason: See `pushed_model.newest`.

    Raises:
      InputError: The texts, the model or the output file cannot be used.
      BrokenPipeError: Nobody reads the answers any more.
    """
    texts = _Texts(request)
    plain_path(os.fspath(request.output), "--output")
    plain_path(os.fspath(request.model or "model"), "--model")
    folder = request.model or pushed_model.newest(request.output, reason)
    pushed_model.require_saved_model(folder)
    chosen = FORMATS[request.format or _format_of(request.output_file)](
        not request.no_text, request.id_column
    )
    unsure = _Abstentions()
    with _opened(request.output_file) as output:
        with pushed_model.silenced_errors():
            model = quick_model.load(folder)
        with _with_progress(model, request) as classifier:
            predictions = unsure.counted(predict(texts, classifier))
            for lines in written(texts.identified(predictions), chosen):
                output.write(printable(lines) if output.isatty() else lines)
                output.flush()
    for remark in (*texts.remarks, *unsure.remarks()):
        print(printable(f"note: {remark}"), file=sys.stderr)


class _Abstentions:
    """Counts the texts that the model says no class of."""

    def __init__(self) -> None:
        self._texts = 0
        self._by_label: collections.Counter[str] = collections.Counter()

    def counted(self, parts: Iterable[Sequence[Prediction]]) -> Iterator[Sequence[Prediction]]:
        """Yields the predictions as they are."""
        for predictions in parts:
            self._texts += len(predictions)
            self._by_label.update(each.label for each in predictions if each.is_abstention)
            yield predictions

    def remarks(self) -> Iterator[str]:
        """Yields how many there were, where there were any."""
        for label, count in self._by_label.items():
            yield f"{count:,} of {self._texts:,} texts are {label}: no class is probable enough"


class _Texts:
    """The texts; those of standard input are yet to be read, and all but one of a file.

    Attributes:
      remarks: What to tell the user of how a file was read, once it is.
    """

    def __init__(self, request: Request) -> None:
        """Opens what holds the texts.

        Raises:
          InputError: It cannot be used, or options do not go together.
        """
        _refuse_clashes(request)
        self.remarks: list[str] = []
        self._identities: collections.deque[str | None] = collections.deque()
        self._texts: Iterator[str | None]
        if request.input:
            _refuse_to_replace(request.input, request.output_file)
            table = _table(request, request.input)
            self.remarks = table.remarks
            rows = reader.rows_with_text(table, request.skip_empty)
            self._texts = self._noted(itertools.chain(list(itertools.islice(rows, 1)), rows))
        elif request.text:
            self._texts = iter([*map(_utf8, request.text)])
        else:
            self._texts = _standard_input(request)

    def __iter__(self) -> Iterator[str | None]:
        """Yields the texts, and `PAUSE`s."""
        return self._texts

    def identified(self, parts: Iterable[Sequence[Prediction]]) -> Iterator[Sequence[Prediction]]:
        """Yields the predictions of the texts, each with its row's identity."""
        for predictions in parts:
            yield [
                dataclasses.replace(each, identity=self._identities.popleft())
                if self._identities
                else each
                for each in predictions
            ]

    def _noted(self, rows: Iterable[Row]) -> Iterator[str | None]:
        for row in rows:
            if ID in row.cells:
                self._identities.append(row.cells[ID])
            yield row.cells[TEXT]


def _table(request: Request, file: Path) -> Table:
    return reader.open_texts(file, request.text_column, request.id_column, request.encoding)


def _standard_input(request: Request) -> Iterator[str | None]:
    if sys.stdin is None:
        raise InputError("there is no text", "Give one, or name a file with --input FILE")
    if sys.stdin.isatty():
        print("one text a line; Ctrl-D ends", file=sys.stderr)
    encoding = text_lines.require_encoding(request.encoding) if request.encoding else None
    return reader.texts_of_descriptor(sys.stdin.fileno(), "Standard input", encoding)


def _refuse_clashes(request: Request) -> None:
    if request.text and request.input:
        raise InputError("there are both texts and --input", "Give one of the two")
    of_file = {
        "--text-column": request.text_column,
        "--id-column": request.id_column,
        "--skip-empty": request.skip_empty,
    }
    for option, value in of_file.items():
        if value and not request.input:
            raise InputError(f"{option} needs --input", "Name the file with --input FILE")
    refuse_taken(request.id_column)
    if request.text and all(map(_names_a_file, request.text)):
        raise InputError(
            f"{request.text[0]!r} names a file, and would be classified as a text",
            f"Give --input {request.text[0]} for the texts in it; a text of these words goes "
            "through standard input",
        )


def _names_a_file(text: str) -> bool:
    """Returns whether a text is a file or pipe, or a single word that ends as files do."""
    is_there = os.path.exists(text) and not os.path.isdir(text)  # noqa: PTH110, PTH112
    return is_there or (len(text.split()) == 1 and reader.names_a_file(text))


def _refuse_to_replace(file: Path, output_file: Path | None) -> None:
    if output_file and output_file.exists() and file.exists() and file.samefile(output_file):
        raise InputError(
            f"The answers would replace the texts in {file}", "Give another file with --output-file"
        )


def _utf8(argument: str) -> str:
    try:
        argument.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"the text {argument!r} is not UTF-8", "Set the terminal to UTF-8, or give a file"
        ) from error
    return argument


def _format_of(output_file: Path | None) -> str:
    return "jsonl" if output_file and output_file.suffix in (".jsonl", ".ndjson") else "csv"


@contextlib.contextmanager
def _opened(output_file: Path | None) -> Iterator[TextIO]:
    """Opens what the answers go to; a file gets its name once all of them are in it."""
    try:
        if output_file is None:
            sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
            yield sys.stdout
        elif output_file.exists() and not output_file.is_file():  # a device or a pipe
            with output_file.open("w", encoding="utf-8") as file:
                yield file
        else:
            with storage.whole_file(output_file) as partial, partial.open("w") as file:
                yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(
            f"{output_file or 'Standard output'} cannot be written ({error.strerror})",
            "Give another file with --output-file FILE",
        ) from error


class _Counted:
    """A classifier that counts the texts it has classified."""

    def __init__(self, classifier: Classifier, advance: Callable[[int], None]) -> None:
        self._classifier = classifier
        self._advance = advance
        self.class_names = classifier.class_names

    def answers(self, texts: Sequence[str]) -> Answers:
        found = self._classifier.answers(texts)
        self._advance(len(texts))
        return found


@contextlib.contextmanager
def _with_progress(classifier: Classifier, request: Request) -> Iterator[Classifier]:
    """Shows on a terminal how many texts are done, unless the answers themselves go there."""
    answers_shown = request.output_file is None and sys.stdout.isatty()
    if request.text or answers_shown or not sys.stderr.isatty():
        yield classifier
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.SpinnerColumn(),
        progress.TextColumn("{task.completed:,} texts"),
        progress.TextColumn("{task.fields[rate]}"),
        progress.TimeElapsedColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True)) as shown:
        task = shown.add_task("", total=None, rate="")

        def advance(count: int) -> None:
            speed = shown.tasks[0].speed  # None until it has been measured
            shown.update(task, advance=count, rate=f"{speed:,.0f}/s" if speed else "")

        yield _Counted(classifier, advance)
