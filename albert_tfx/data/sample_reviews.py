"""The sample reviews as a TFDS data set, for runs without a network.

Importing this module registers the builder, so that `tfds.builder("sample_reviews")` finds it.
"""

import hashlib
import json
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import tensorflow_datasets as tfds

LABELS = ("negative", "positive")
_SPLITS = ("train", "test")

_DESCRIPTION = """
Film reviews, each labelled with its writer's overall verdict. All were composed from phrases
written for this data set; the films, people and places in them are invented. Reviews of both
classes hold praise and blame: the verdict follows from who speaks, what is negated and what weighs
more.
"""


def _file(split: str) -> Traversable:
    return resources.files("assets") / "sample_reviews" / f"{split}.jsonl"


def _content_hash() -> str:
    content = b"".join(_file(split).read_bytes() for split in _SPLITS)
    return hashlib.sha256(content).hexdigest()[:16]


class SampleReviews(tfds.core.GeneratorBasedBuilder):
    """Composed film reviews with their writers' verdicts.

    Both splits, `train` and `test`, hold as many negative as positive reviews. `test` also draws on
    phrases that no training review uses. Examples have two features: `text`, a string, and
    `label`, an int64 class (0 "negative", 1 "positive").
    """

    # The reviews' hash is part of the data set's path, so that TFDS never takes an older copy.
    BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=_content_hash())]  # noqa: RUF012
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}  # noqa: RUF012, as TFDS declares it

    def _info(self) -> tfds.core.DatasetInfo:
        """Returns the data set's metadata."""
        return self.dataset_info_from_configs(
            description=_DESCRIPTION,
            features=tfds.features.FeaturesDict(
                {
                    "text": tfds.features.Text(),
                    "label": tfds.features.ClassLabel(names=list(LABELS)),
                }
            ),
            supervised_keys=("text", "label"),
            license="MIT",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        """Returns the splits; nothing is downloaded."""
        del dl_manager
        return {split: self._generate_examples(split) for split in _SPLITS}

    def _generate_examples(self, split: str) -> Iterator[tuple[str, dict[str, str]]]:
        """Yields each review under a key that is unique in its split."""
        for index, line in enumerate(_file(split).read_text(encoding="utf-8").splitlines()):
            yield f"{split}-{index:05d}", json.loads(line)
