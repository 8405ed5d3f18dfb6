"""Pretrains our small ALBERT on IMDB's unlabelled text: one command, resumable.

    python tools/pretrain_albert.py                      # 60 million tokens
    python tools/pretrain_albert.py --tokens 200_000_000  # goes on from before the decay

Interrupt it whenever you like; the same command goes on from the last checkpoint.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import sys

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

DEFAULT_FOLDER = pathlib.Path(".cache/pretraining")


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--tokens",
        type=int,
        default=60_000_000,
        help="the whole budget, counted from the first run's start (default: %(default)s)",
    )
    parser.add_argument(
        "--folder",
        type=pathlib.Path,
        default=DEFAULT_FOLDER,
        help="where the prepared corpus, checkpoints and curve are kept (default: %(default)s)",
    )
    parser.add_argument(
        "--peak-rate", type=float, default=1.5e-3, help="learning rate (default: %(default)s)"
    )
    parser.add_argument(
        "--document-weight",
        type=float,
        default=1.0,
        help="of the document-word loss; 0: only ALBERT's own objectives (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=1, help="(default: %(default)s)")
    return parser.parse_args(arguments)


def main() -> None:
    """Prepares the corpus, trains, and says where the checkpoint is."""
    arguments = parse_arguments()
    from albert_pretraining.batches import BatchOptions
    from albert_pretraining.preparation import prepare
    from albert_pretraining.pretrainer import EncoderShape, UpdateOptions
    from albert_pretraining.training import TrainingOptions, train

    shape = EncoderShape()
    corpus = prepare(
        arguments.folder / "corpus",
        vocabulary_size=shape.vocabulary_size,
        width=shape.word_width,
        held_out=500,
        seed=arguments.seed,
    )
    train(
        corpus,
        arguments.folder,
        TrainingOptions(
            tokens=arguments.tokens,
            peak_rate=arguments.peak_rate,
            seed=arguments.seed,
        ),
        shape=shape,
        batches=BatchOptions(),
        updates=UpdateOptions(document_weight=arguments.document_weight),
    )
    print(f"done; the checkpoint is in {arguments.folder}")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, FloatingPointError) as error:
        sys.exit(f"pretrain_albert: {error}")
