"""Answers texts by HTTP with the model that `local_runner.py` pushed last.

`python serve.py --help` explains the options.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from albert_tfx import exit_status
from albert_tfx.prediction import pushed_model
from albert_tfx.serving.options import Limits, Place
from pipelines import command_line

_EPILOG = """\
examples:
  python serve.py
      the newest model of output/serving, at http://127.0.0.1:8501/
  python serve.py --output output/mine --name mine --port 8600
      another one, under another name
  curl -d '{"instances": ["What a film!"]}' \\
      http://127.0.0.1:8501/v1/models/reviews:predict
      TensorFlow Serving's form; a page to try texts is at
      http://127.0.0.1:8501/

A newer version is taken up as soon as it is pushed, without a lost request; one
that does not load is refused. SIGTERM or Ctrl-C: what was asked is answered,
then the server ends. Exit status: 0 stopped; 2 there is no model, or the
address is taken.
"""


@exit_status.command
def main(argv: Sequence[str] | None = None) -> int:
    """Serves until it is stopped.

    Args:
      argv: The options; the process's own if None.

    Returns:
      The exit status.
    """
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # the lighter of the two to import
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    arguments = _parser().parse_args(argv)
    place = command_line.read(Place, arguments)
    limits = command_line.read(Limits, arguments)
    pushed_model.newest(
        Path(place.output), otherwise=""
    )  # refused before anything slow is imported
    from albert_tfx.serving import server

    server.serve(place, limits, _say)
    return 0


def options() -> dict[str, str]:
    """Returns the options of this command, each with its name."""
    return dict.fromkeys(_parser().names(), "serve.py")


def _parser() -> command_line.Parser:
    parser = command_line.Parser(
        prog="serve.py",
        usage="python serve.py [options]",
        description="Answers texts by HTTP, in the form of TensorFlow Serving's REST, with the\n"
        "newest model that local_runner.py pushed. On this machine only, unless --host\nsays "
        "otherwise.",
        epilog=_EPILOG,
        elsewhere=lambda: command_line.local_options(every=True),
    )
    command_line.add_flags(parser, Place, Limits)
    return parser


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    exit_status.leave(main)
