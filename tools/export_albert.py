"""Exports the pretrained ALBERT and its preprocessor in TF Hub's format, and checks both."""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import sys
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ENCODER = "albert_en_mini"
PREPROCESSOR = "albert_en_mini_preprocess"
PYTORCH_OPTIONS_FILE = "pytorch_options.json"
PYTORCH_OUTLIERS = 1e-4  # TensorFlow's own rounding reaches 1.2e-4 of the largest component


@dataclasses.dataclass(frozen=True)
class Restored:
    """A checkpoint ready for export.

    Attributes:
      encoder: tf-models-official's, with the weights.
      expected: gives the outputs that the export is compared with.
      shape: the encoder's sizes.
      trained: what the card says of the training.
      outliers: share of components that may differ by more than rounding.
    """

    encoder: Any
    expected: Any
    shape: Any
    trained: Any
    outliers: float = 0.0


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--folder",
        type=pathlib.Path,
        default=pathlib.Path(".cache/pretraining"),
        help="of pretrain_albert.py or pretrain_pytorch.py (default: %(default)s)",
    )
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        default=pathlib.Path("assets"),
        help=f"where {ENCODER}/ and {PREPROCESSOR}/ go (default: %(default)s)",
    )
    return parser.parse_args(arguments)


def restore_tensorflow(folder: pathlib.Path) -> Restored:
    """Returns the last checkpoint of `pretrain_albert.py` in `folder`."""
    from albert_pretraining import model_card, preparation, pretrainer, training

    shape = pretrainer.EncoderShape()
    corpus = preparation.load(folder / "corpus")
    model = training.build_pretrainer(corpus, shape, pretrainer.UpdateOptions(), seed=0)
    step = training.restore_latest(folder, model)
    trained = model_card.tensorflow_training(folder, step, shape)
    return Restored(model.encoder, model.encoder, shape, trained)


def restore_pytorch(folder: pathlib.Path) -> Restored:
    """Returns the averaged weights of the last checkpoint of `pretrain_pytorch.py` in `folder`."""
    from albert_pretraining.pytorch import export, training

    encoder, step = export.restore_averaged(folder)
    return Restored(
        export.to_tensorflow(encoder, folder),
        export.Expected(encoder),
        training.read_options(folder).shape,
        export.describe_training(folder, step),
        outliers=PYTORCH_OUTLIERS,
    )


def main() -> None:
    """Restores the last checkpoint, exports it, and compares the export with it."""
    arguments = parse_arguments()
    from albert_pretraining import export, model_card, preparation
    from albert_pretraining.batches import BatchOptions, BatchSource

    corpus = preparation.load(arguments.folder / "corpus")
    is_pytorch = (arguments.folder / PYTORCH_OPTIONS_FILE).exists()
    restored = (restore_pytorch if is_pytorch else restore_tensorflow)(arguments.folder)
    vocabulary_path = arguments.folder / "corpus" / preparation.VOCABULARY_FILE
    held_out = BatchSource(
        corpus.held_out_tokens, corpus.held_out_offsets, corpus.vocabulary, BatchOptions(), seed=0
    )
    with export.replacing(arguments.output / PREPROCESSOR) as folder:
        export.export_preprocessor(vocabulary_path, folder)
        export.verify_preprocessor(folder, corpus.vocabulary)
    with export.replacing(arguments.output / ENCODER) as folder:
        export.export_encoder(restored.encoder, restored.shape, vocabulary_path, folder)
        model_card.write(
            folder / "README.md",
            arguments.folder,
            corpus.counts,
            restored.shape,
            restored.trained,
            parameters=restored.encoder.count_params(),
        )
        for batch_step in (0, BatchOptions().long_every - 1):
            batch = held_out.batch(batch_step)
            difference = export.verify_encoder(restored.expected, folder, batch, restored.outliers)
            print(f"largest relative difference from the checkpoint: {difference:.2g}")
    print(
        f"{restored.trained.seen:,} tokens: {arguments.output / ENCODER} and "
        f"{arguments.output / PREPROCESSOR}"
    )


if __name__ == "__main__":
    try:
        main()
    except (FileNotFoundError, AssertionError) as error:
        sys.exit(f"export_albert: {error}")
