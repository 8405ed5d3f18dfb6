"""What ComparisonReport reads of a run besides its evaluations and its decision."""

import dataclasses
from collections import Counter
from pathlib import Path

import trivial_models
from tfx import v1 as tfx
from tfx.types import Artifact, standard_artifacts

from albert_tfx.contract import SIZES_FILE
from albert_tfx.data.duplicates import SplitSizes
from albert_tfx.data.lengths import ReviewLengths, count_words
from albert_tfx.data.records import reviews_of
from albert_tfx.storage import write_json
from components.yardstick import Yardstick

HISTORIES = {
    "frozen": trivial_models.history("frozen", [0.62, 0.68, 0.71, 0.70], best_epoch=2),
    "fine_tuned": trivial_models.history("fine_tuned", [0.74, 0.79], best_epoch=1),
}
DUPLICATES = {
    "exact": {"train": {"test": 3}},
    "near": {},
    "removed": {"train": {"exact": 3, "near": 0}},
    "reviews": {"train": {"0": {"kept": 147, "exact": 3, "near": 0}}},
    "keep": False,
    "near_similarity": 0.8,
    "shingle_words": 3,
    "pairs": [
        {
            "kind": "exact",
            "similarity": 1.0,
            "review": {"split": "train", "file": "one", "row": 7, "text": "A film"},
            "original": {"split": "test", "file": "two", "row": 0, "text": "A film"},
        }
    ],
}


def save(folder: Path, examples: Artifact) -> dict[str, Artifact]:
    """Stores the artifacts below `folder`; returns them by the names that the report knows.

    Args:
      folder: Where to.
      examples: What the models were evaluated on, for the yardstick.
    """
    return {
        "duplicates": _save_duplicates(folder / "duplicates", examples),
        "yardstick": _measure_yardstick(folder / "yardstick", examples),
        **{
            f"{name}_model_run": trivial_models.save_history(folder / name, history)
            for name, history in HISTORIES.items()
        },
    }


def import_artifact(key: str, artifact: Artifact) -> tfx.dsl.Importer:
    """Returns a node, of the id `key`, that gives the artifact."""
    is_examples = isinstance(artifact, standard_artifacts.Examples)
    return tfx.dsl.Importer(
        source_uri=artifact.uri,
        artifact_type=type(artifact),
        properties={"split_names": artifact.split_names} if is_examples else None,
    ).with_id(key)


def _measure_yardstick(folder: Path, examples: Artifact) -> Artifact:
    result = trivial_models.artifact(standard_artifacts.ModelEvaluation, folder)
    Yardstick.test_call(examples=examples, result=result)
    return result


def _save_duplicates(folder: Path, examples: Artifact) -> Artifact:
    saved = trivial_models.artifact(standard_artifacts.ModelEvaluation, folder)
    words = {
        split: Counter(count_words(text) for text, _ in reviews_of(examples.uri, split))
        for split in ("train", "eval", "test")
    }
    sizes = SplitSizes(
        {split: each.total() for split, each in words.items()},
        {split: ReviewLengths.of(each) for split, each in words.items()},
    )
    write_json(folder / "duplicates.json", DUPLICATES)
    write_json(folder / SIZES_FILE, dataclasses.asdict(sizes))
    return saved
