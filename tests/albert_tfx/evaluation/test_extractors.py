"""Batches of like length, and the names of slices."""

from typing import Any

import numpy as np
import pyarrow as pa
from tensorflow_model_analysis import constants

from albert_tfx.evaluation import extractors
from albert_tfx.evaluation.extractors import BATCH_SIZE


def make_batch(lengths) -> dict:
    column = pa.array(
        [[b"x" * int(length)] for length in lengths], pa.large_list(pa.large_binary())
    )
    batch = pa.RecordBatch.from_arrays([column], [constants.ARROW_INPUT_COLUMN])
    return {constants.ARROW_RECORD_BATCH_KEY: batch}


def lengths_of(extracts: dict) -> list[int]:
    batch = extracts[constants.ARROW_RECORD_BATCH_KEY]
    return [len(row[0]) for row in batch.column(0).to_pylist()]


def batch_by_length(*sizes: int) -> list[list[int]]:
    """Returns the lengths that reach the models, of reviews that come in batches of `sizes`."""
    lengths = np.random.default_rng(seed=1).integers(1, 500, size=sum(sizes))
    step = extractors.BatchByLength()
    step.start_bundle()
    emitted: list[Any] = []
    for part in np.split(lengths, np.cumsum(sizes)[:-1]):
        emitted += step.process(make_batch(part))
    emitted += [windowed.value for windowed in step.finish_bundle()]
    return list(map(lengths_of, emitted))


def test_models_meet_full_batches_of_like_length():
    batches = batch_by_length(900, 900, 700)
    sizes = list(map(len, batches))
    assert sum(sizes) == 2500
    assert {size for size in sizes if size != BATCH_SIZE} == {2500 % 1024 % BATCH_SIZE}
    longest, own = sum(len(batch) * max(batch) for batch in batches), sum(map(sum, batches))
    assert longest / own < 1.1


def test_batches_do_not_depend_on_those_that_come():
    expected = batch_by_length(1, 1, 1024, 374)
    assert batch_by_length(1400) == expected
    assert batch_by_length(*[100] * 14) == expected


def test_features_are_added_to_the_batch():
    extracts: dict[str, dict[str, Any]] = {
        constants.FEATURES_KEY: {
            "text": np.array([[b"good film"], [b"a " * 30]], dtype=object),
            "label": np.array([[1], [0]]),
        },
        constants.PREDICTIONS_KEY: {
            model: {"labels": np.array([[b"neg", b"pos"]] * 2), "probabilities": np.eye(2)}
            for model in ("frozen", "fine_tuned")
        },
    }
    features = extractors.add_slice_features(extracts)[constants.FEATURES_KEY]
    assert features["length"].tolist() == ["under 25 words", "25 to 49 words"]
    assert features["label_name"].tolist() == ["pos", "neg"]
    assert "length" not in extracts[constants.FEATURES_KEY]
