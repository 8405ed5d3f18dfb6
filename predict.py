"""Classifies texts with the model that `local_runner.py` pushed last.

`python predict.py --help` explains the options.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from albert_tfx import exit_status
from albert_tfx.errors import InputError
from albert_tfx.prediction.predictions import FORMATS
from pipelines import command_line

_EPILOG = """\
examples:
  python predict.py "I wanted to like it." "What a film!"
      two texts; the answer is CSV
  python predict.py < reviews.txt > predictions.csv
      one text a line; millions need no more memory than thousands
  python predict.py --input reviews.csv --text-column review \\
      --output-file predictions.jsonl
      a column of a CSV, TSV, JSONL or Parquet file; the probability of every
      class
  python predict.py --input reviews.csv --id-column id --no-text
      the rows' ids in place of their texts
  tail -f reviews.log | python predict.py --no-text --format jsonl
      each line is answered as soon as it comes
  python predict.py --model output/serving/1795569553 "What a film!"
      another version than the newest

The first line of CSV is text,label,probability,score: what the model says, the
probability of the most probable class, and that of the class that it chose.
Below the bound of --abstain-below, with which a model may be made, the label is
unsure. JSONL has the probabilities of all classes besides. Answers keep the
order of the texts; an empty line is a text as well. Exit status: 0 done; 2 the
input cannot be used; 130 stopped by Ctrl-C; 141 nobody reads the output any
more.
"""


@exit_status.command
def main(argv: Sequence[str] | None = None) -> int:
    """Classifies the texts that `argv` names.

    Args:
      argv: The options; the process's own if None.

    Returns:
      The exit status.
    """
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # the lighter of the two to import
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    given = vars(_parser().parse_args(argv))
    command_line.refuse_empty({key: value for key, value in given.items() if key != "text"})
    from albert_tfx.prediction import answering

    answering.answer(answering.Request(**given), _why_none_was_pushed)
    return 0


def options() -> dict[str, str]:
    """Returns the options of this command, each with its name."""
    return dict.fromkeys(_parser().names(), "predict.py")


def _parser() -> command_line.Parser:
    parser = command_line.Parser(
        prog="predict.py",
        usage='python predict.py [options] ["text" ...]',
        description="Classifies texts with the newest model that local_runner.py pushed. Without a"
        "\ntext or --input, reads one text a line from standard input.",
        epilog=_EPILOG,
        elsewhere=lambda: command_line.local_options(every=True),
    )
    parser.add_argument(
        "text", nargs="*", help="a text to classify; one that begins with - goes after --"
    )
    model = parser.add_argument_group("the model")
    model.add_argument(
        "--output",
        type=_path,
        default="output",
        metavar="DIR",
        help="output folder of local_runner.py, whose newest model answers (default: output)",
    )
    model.add_argument("--model", type=_path, metavar="FOLDER", help="this SavedModel instead")
    texts = parser.add_argument_group("the texts")
    texts.add_argument("--input", type=_path, metavar="FILE", help="file to read them from")
    texts.add_argument(
        "--text-column",
        metavar="NAME",
        action="append",
        default=[],
        help="where FILE has columns, the one with the texts; several are joined (default: text, "
        "review or the like)",
    )
    texts.add_argument(
        "--id-column", metavar="NAME", help="column of FILE that goes into the answers"
    )
    texts.add_argument(
        "--encoding", metavar="NAME", help="such as windows-1252 or utf-16 (default: utf-8)"
    )
    texts.add_argument(
        "--skip-empty", action="store_true", help="leave out the rows of FILE without a text"
    )
    answers = parser.add_argument_group("the answers")
    answers.add_argument(
        "--output-file",
        type=_path,
        metavar="FILE",
        help="file to write them to, there once it is whole (default: standard output)",
    )
    answers.add_argument(
        "--format", choices=tuple(FORMATS), help="(default: jsonl for FILE.jsonl, else csv)"
    )
    answers.add_argument("--no-text", action="store_true", help="leave the texts themselves out")
    return parser


def _path(name: str) -> Path | str:
    return Path(name) if name else ""


def _why_none_was_pushed(output: Path) -> str | None:
    """Returns the reason that the last run gave, where it left a summary."""
    if not (output / "report").is_dir():  # told before anything slow is imported
        return None
    from albert_tfx.report.summary import Summary

    try:
        return Summary.load(output / "report").reason
    except (OSError, InputError):
        return None


if __name__ == "__main__":
    exit_status.leave(main)
