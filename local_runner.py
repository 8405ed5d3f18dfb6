"""Compares a frozen with a fine-tuned text encoder on this machine, and exports the better one.

`python local_runner.py --help` explains the options.
"""

import shlex
import sys
from collections.abc import Sequence

from albert_tfx import exit_status
from albert_tfx.errors import InputError
from albert_tfx.printable import redacted
from pipelines import command_line
from pipelines.local.run import run

_EPILOG = """\
examples:
  python local_runner.py
      the sample reviews and the small ALBERT, offline
  python local_runner.py --preset base --csv reviews.csv --label-column stars \\
      --output output/mine
      your own reviews, with ALBERT-base; each data set needs an output folder
      of its own
  python local_runner.py --encoder hf://sentence-transformers/all-MiniLM-L6-v2 \\
      --csv reviews.csv --text-column review --label-column stars \\
      --output output/minilm
      the same with another encoder of Hugging Face; docs/encoders.md says which
      can be used
  python local_runner.py --csv reviews.csv --label-column stars --check
      what that would learn from and cost; trains nothing
  python local_runner.py --preset imdb --max-examples 2000 --output output/imdb
      a first look at IMDB with ALBERT-base; without --max-examples, all of it
  python local_runner.py --dataset glue/sst2 --text-feature sentence \\
      --test-split validation --encoder models/my_albert \\
      --preprocessor models/my_preprocess --min-gain 0.01 --output sst2
      any TFDS data set, your own encoder; fine-tuning must gain more than a
      point to win
  python local_runner.py --score new_reviews.csv
      classifies those texts with the winner, into
      output/predictions/new_reviews.csv

What has finished is kept: the same command again goes on from there, and a
changed option repeats only what depends on it. Exit status: 0 done, also where
no model was good enough to be pushed; 1 a component failed; 2 the input cannot
be used; 130 stopped by Ctrl-C.
"""


@exit_status.command
def main(argv: Sequence[str] | None = None) -> int:
    """Runs the pipeline that `argv` asks for.

    Args:
      argv: The options; the process's own if None.

    Returns:
      The exit status.
    """
    given = sys.argv[1:] if argv is None else argv
    command = shlex.join(["python", "local_runner.py", *redacted(given)])
    error = run(command_line.read_request(_parser().parse_args(given), command))
    if isinstance(error, InputError):
        raise error
    if error is not None:
        exit_status.complain(error)
    return 0 if error is None else 1


def _parser() -> command_line.Parser:
    parser = command_line.Parser(
        prog="local_runner.py",
        usage="python local_runner.py [options]",
        description="Is fine-tuning a text encoder worth it on your text? Trains a frozen and\n"
        "a fine-tuned model, compares them with a confidence interval, and exports the\n"
        "better one.",
        epilog=_EPILOG,
        elsewhere=_options_elsewhere,
        first=("--csv", "--label-column", "--preset", "--encoder", "--output"),
    )
    command_line.add_options(parser)
    return parser


def _options_elsewhere() -> dict[str, str]:
    import predict
    from pipelines.cloud import commands

    return {**predict.options(), **commands.options()}


if __name__ == "__main__":
    exit_status.leave(main)
