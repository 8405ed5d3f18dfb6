"""Classifies texts with the model that `local_runner.py` pushed last.

`python predict.py --help` explains the options.
"""

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np

from albert_tfx.data import text_files
from albert_tfx.errors import InputError
from albert_tfx.prediction import pushed_model
from albert_tfx.prediction.prediction_formats import FORMATS
from albert_tfx.prediction.predictions import Classifier, predict
from pipelines.command_line import Parser

# TensorFlow takes seconds to import: it is, once all that can be refused has been.

_EPILOG = """\
examples:
  python predict.py "I wanted to like it." "What a film!"
      two texts; the answer is CSV
  python predict.py < reviews.txt > predictions.csv
      one text a line; millions need no more memory than thousands
  python predict.py --input reviews.csv --text-column review --output-file predictions.jsonl
      a column of a CSV, TSV or JSONL file, perhaps .gz; the probability of every class
  tail -f reviews.log | python predict.py --no-text --format jsonl
      each line is answered as soon as it comes
  python predict.py --model output/serving/1795569553 "What a film!"
      another version than the newest

The first line of CSV is text,label,probability: the most probable class and how probable it is.
JSONL has the probabilities of all classes besides. Answers keep the order of the texts; an empty
line is a text as well. Exit status: 0 done; 2 the input cannot be used; 130 stopped by Ctrl-C;
141 nobody reads the output any more.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Classifies the texts that `argv` names.

    Args:
      argv: The options; the process's own if None.

    Returns:
      The exit status.
    """
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # the lighter of the two to import
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        _run(_parser().parse_args(argv))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Python would flush to the closed pipe once more at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog="predict.py",
        usage='python predict.py [options] ["text" ...]',
        description="Classifies texts with the newest model that local_runner.py pushed. Without a "
        "text or --input, reads\none text a line from standard input.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "text", nargs="*", help="a text to classify; one that begins with - goes after --"
    )
    model = parser.add_argument_group("the model")
    model.add_argument(
        "--output",
        default="output",
        metavar="DIR",
        help="output folder of local_runner.py, whose newest model answers (default: output)",
    )
    model.add_argument("--model", type=Path, metavar="FOLDER", help="this SavedModel instead")
    texts = parser.add_argument_group("the texts")
    texts.add_argument("--input", type=Path, metavar="FILE", help="file to read them from")
    texts.add_argument(
        "--text-column",
        metavar="NAME",
        help="where FILE is CSV, TSV or JSONL, its column with the texts (default: text, review "
        "or the like)",
    )
    answers = parser.add_argument_group("the answers")
    answers.add_argument(
        "--output-file",
        type=Path,
        metavar="FILE",
        help="file to write them to, there once it is whole (default: standard output)",
    )
    answers.add_argument(
        "--format", choices=tuple(FORMATS), help="(default: jsonl for FILE.jsonl, else csv)"
    )
    answers.add_argument("--no-text", action="store_true", help="leave the texts themselves out")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    texts = _texts(arguments)
    folder = arguments.model or pushed_model.newest(Path(arguments.output))
    pushed_model.require_saved_model(folder)
    chosen = FORMATS[arguments.format or _format_of(arguments.output_file)]
    answers = chosen(not arguments.no_text)
    with _opened(arguments.output_file) as output:
        with _silenced_errors():
            model = pushed_model.PushedModel(folder)
        output.write(answers.header())
        with _with_progress(model, arguments) as classifier:
            for predictions in predict(texts, classifier):
                output.write(answers.rows(predictions))
                output.flush()


def _texts(arguments: argparse.Namespace) -> Iterable[str | None]:
    """Returns the texts, of which those of a file or of standard input are yet to be read."""
    if arguments.text and arguments.input:
        raise InputError("there are both texts and --input", "Give one of the two")
    if arguments.text_column and not arguments.input:
        raise InputError("--text-column needs --input", "Name the file with --input FILE")
    if arguments.text:
        return list(map(_utf8, arguments.text))
    if arguments.input:
        if not arguments.input.is_file():
            raise InputError(f"There is no file {arguments.input}", "Give a file with --input")
        if arguments.output_file and _same(arguments.input, arguments.output_file):
            raise InputError(
                f"The answers would replace the texts in {arguments.input}",
                "Give another file with --output-file",
            )
        return text_files.from_file(arguments.input, arguments.text_column)
    if sys.stdin is None:
        raise InputError("there is no text", "Give one, or name a file with --input FILE")
    if sys.stdin.isatty():
        print("one text a line; Ctrl-D ends", file=sys.stderr)
    return text_files.from_descriptor(sys.stdin.fileno(), "Standard input")


def _same(one: Path, other: Path) -> bool:
    return other.exists() and one.samefile(other)


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
        else:
            with _whole(output_file) as file:
                yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(
            f"{output_file or 'Standard output'} cannot be written ({error.strerror})",
            "Give another file with --output-file FILE",
        ) from error


@contextlib.contextmanager
def _whole(output_file: Path) -> Iterator[TextIO]:
    """Opens a file that gets its name at the end; a device or a pipe keeps what it is."""
    if output_file.exists() and not output_file.is_file():
        with output_file.open("w", encoding="utf-8") as file:
            yield file
        return
    whole = output_file.resolve()
    partial = whole.with_name(whole.name + ".partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            yield file
        partial.replace(whole)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def _silenced_errors() -> Iterator[None]:
    """Keeps what TensorFlow's C++ says of itself off the terminal."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


class _Counted:
    """A classifier that says how many texts it has done."""

    def __init__(self, classifier: Classifier, advance: Callable[[int], None]) -> None:
        self._classifier = classifier
        self._advance = advance
        self.class_names = classifier.class_names

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        answer = self._classifier.probabilities(texts)
        self._advance(len(texts))
        return answer


@contextlib.contextmanager
def _with_progress(classifier: Classifier, arguments: argparse.Namespace) -> Iterator[Classifier]:
    """Shows on a terminal how many texts are done, unless the answers themselves go there."""
    answers_shown = arguments.output_file is None and sys.stdout.isatty()
    if arguments.text or answers_shown or not sys.stderr.isatty():
        yield classifier
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.SpinnerColumn(),
        progress.TextColumn("{task.completed:,} texts"),
        progress.TextColumn("{task.speed:,.0f}/s"),
        progress.TimeElapsedColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True)) as shown:
        task = shown.add_task("", total=None)
        yield _Counted(classifier, lambda count: shown.advance(task, count))


if __name__ == "__main__":
    sys.exit(main())
