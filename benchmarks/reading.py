"""Measures what it costs to read texts for training, without a model.

    python benchmarks/reading.py            # 100,000 short texts
    python benchmarks/reading.py --quick    # 2,000: shows that it works

Once as the Trainers read them, once record by record: one operation that parses and one that finds
the length for each text. Both give an epoch of batches of like length, from the same files of
token ids, in the same buffer. Processor seconds, so that other work on the machine counts little.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import drawn_reviews
import numpy as np
from figures import Figure, add_results_option, publish
from in_turn import measure_in_turn, median_ratio

TEXTS, QUICK_TEXTS, FILES, REPEATS = 100_000, 2_000, 10, 3
LONGEST, BATCH_SIZE, VOCABULARY, SEED = 32, 32, 8_000, 1
BATCHED, SINGLY = "in batches", "record by record"


def measure(texts: int, folder: Path) -> dict[str, list[float]]:
    """Returns the processor microseconds a text, for both sides, of each measurement."""
    lengths = np.random.default_rng(SEED).integers(4, LONGEST + 1, texts)
    ids = drawn_reviews.draw_ids(lengths.tolist(), VOCABULARY, SEED)
    for number in range(FILES):
        drawn_reviews.write_records(ids[number::FILES], folder / f"{number}.gz")
    files = str(folder / "*.gz")
    sides = {BATCHED: lambda: batched(files), SINGLY: lambda: singly(files)}
    return measure_in_turn(
        {name: (lambda make=make: _microseconds(make(), texts)) for name, make in sides.items()},
        REPEATS,
    )


def batched(files: str) -> Any:
    """Returns an endless stream of batches, as the Trainers read it."""
    from albert_tfx.modeling import batches

    buckets = batches.bucket_lengths(LONGEST)
    return batches.training_batches(batches.read_token_ids([files]), BATCH_SIZE, SEED, buckets)


def singly(files: str) -> Any:
    """Returns the same, in another order, by operations for each record."""
    import tensorflow as tf

    from albert_tfx.contract import INPUT_WORD_IDS, LABEL
    from albert_tfx.modeling import batches

    features = {
        INPUT_WORD_IDS: tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64),
        LABEL: tf.io.FixedLenFeature([], tf.int64),
    }
    records = tf.data.TFRecordDataset(sorted(tf.io.gfile.glob(files)), compression_type="GZIP")
    parsed = records.map(lambda record: tf.io.parse_single_example(record, features))
    pairs = parsed.map(lambda each: (tf.cast(each[INPUT_WORD_IDS], tf.int32), each[LABEL]))
    buckets = batches.bucket_lengths(LONGEST)
    return (
        pairs.shuffle(100_000, seed=SEED)
        .repeat()
        .bucket_by_sequence_length(
            lambda ids, _: tf.shape(ids)[0],
            [length + 1 for length in buckets],
            [BATCH_SIZE] * (len(buckets) + 1),
            pad_to_bucket_boundary=True,
        )
    )


def _microseconds(stream: Any, texts: int) -> float:
    iterator, started = iter(stream), time.process_time()
    for _ in range(texts // BATCH_SIZE):
        next(iterator)
    return 1e6 * (time.process_time() - started) / texts


def figures_of(found: dict[str, list[float]], texts: int) -> list[Figure]:
    """Returns what is worth quoting."""
    return [
        *(
            Figure(f"{texts:,} texts, {name}", statistics.median(each), "us a text")
            for name, each in found.items()
        ),
        Figure(f"{SINGLY} over {BATCHED}", median_ratio(found[SINGLY], found[BATCHED]), "times"),
    ]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_TEXTS:,} texts")
    add_results_option(parser)
    arguments = parser.parse_args()
    texts = QUICK_TEXTS if arguments.quick else TEXTS
    with tempfile.TemporaryDirectory() as folder:
        found = measure(texts, Path(folder))
    command = "python benchmarks/reading.py" + (" --quick" if arguments.quick else "")
    publish(figures_of(found, texts), command, arguments.results)


if __name__ == "__main__":
    main()
