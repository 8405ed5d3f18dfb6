"""Compares what two pushed models answer: that of a run here and that of a replay, for one.

    python tools/compare_models.py output/serving/1795693671 output/replay/serving/1795963000

prints the largest difference of a probability among the sample reviews of the test split, and ends
with status 1 where it is above 1e-5.
"""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the models' operations

from albert_tfx import exit_status

_REVIEWS = Path(__file__).parent.parent / "assets" / "sample_reviews" / "test.jsonl"
_TOLERANCE = 1e-5


def probabilities(model: str, texts: Sequence[str]) -> np.ndarray:
    """Returns the probability of each class, one row a text."""
    classify = tf.saved_model.load(model).signatures["classify_text"]
    return classify(text=tf.constant(texts))["probabilities"].numpy()


@exit_status.command
def main() -> int:
    """Compares two models, and returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs=2, metavar="MODEL", help="folder of a pushed version")
    one, other = parser.parse_args().models
    lines = _REVIEWS.read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    left, right = probabilities(one, texts), probabilities(other, texts)
    largest = float(np.abs(left - right).max())
    changed = int((left.argmax(axis=1) != right.argmax(axis=1)).sum())
    print(
        f"{len(texts):,} reviews: probabilities from {left.min():.4f} to {left.max():.4f} differ "
        f"by {largest:.1e} at the most, and {changed} classes change"
    )
    return 0 if largest <= _TOLERANCE else 1


if __name__ == "__main__":
    exit_status.leave(main)
