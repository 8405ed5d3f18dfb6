"""Exports the pretrained ALBERT and its preprocessor in TF Hub's format, and checks both."""

from __future__ import annotations

import argparse
import os
import pathlib
import sys

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ENCODER = "albert_en_mini"
PREPROCESSOR = "albert_en_mini_preprocess"


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--folder",
        type=pathlib.Path,
        default=pathlib.Path(".cache/pretraining"),
        help="of pretrain_albert.py (default: %(default)s)",
    )
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        default=pathlib.Path("assets"),
        help=f"where {ENCODER}/ and {PREPROCESSOR}/ go (default: %(default)s)",
    )
    return parser.parse_args(arguments)


def main() -> None:
    """Restores the last checkpoint, exports it, and compares the export with it."""
    arguments = parse_arguments()
    from albert_pretraining import export, model_card, preparation, pretrainer, training
    from albert_pretraining.batches import BatchOptions, BatchSource

    shape = pretrainer.EncoderShape()
    corpus = preparation.load(arguments.folder / "corpus")
    model = training.build_pretrainer(corpus, shape, pretrainer.UpdateOptions(), seed=0)
    step = training.restore_latest(arguments.folder, model)
    vocabulary_path = arguments.folder / "corpus" / preparation.VOCABULARY_FILE
    held_out = BatchSource(
        corpus.held_out_tokens, corpus.held_out_offsets, corpus.vocabulary, BatchOptions(), seed=0
    )
    with export.replacing(arguments.output / PREPROCESSOR) as folder:
        export.export_preprocessor(vocabulary_path, folder)
        export.verify_preprocessor(folder, corpus.vocabulary)
    with export.replacing(arguments.output / ENCODER) as folder:
        export.export_encoder(model, shape, vocabulary_path, folder)
        model_card.write(
            folder / "README.md",
            arguments.folder,
            corpus.counts,
            shape,
            step=step,
            parameters=model.encoder.count_params(),
        )
        for batch_step in (0, BatchOptions().long_every - 1):
            difference = export.verify_encoder(model, folder, held_out.batch(batch_step))
            print(f"largest relative difference from the checkpoint: {difference:.2g}")
    print(f"step {step}: {arguments.output / ENCODER} and {arguments.output / PREPROCESSOR}")


if __name__ == "__main__":
    try:
        main()
    except (FileNotFoundError, AssertionError) as error:
        sys.exit(f"export_albert: {error}")
