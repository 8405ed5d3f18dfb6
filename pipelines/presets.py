"""What a run is where nothing else is asked: presets, recipes, the models in assets; only data."""

import dataclasses
import json
import pathlib
import re
from collections.abc import Mapping
from typing import Any

from albert_tfx.contract import FROZEN
from albert_tfx.options import AUTO_RATE, DatasetOptions, TrainerOptions

PROJECT = pathlib.Path(__file__).resolve().parent.parent
ASSETS = PROJECT / "assets"
MINI_ENCODER = "asset://albert_en_mini"
MINI_PREPROCESSOR = "asset://albert_en_mini_preprocess"
BASE_ENCODER = "https://tfhub.dev/tensorflow/albert_en_base/3"
BASE_PREPROCESSOR = "https://tfhub.dev/tensorflow/albert_en_preprocess/3"
HUGGING_FACE_BASE = "hf://albert/albert-base-v2"
# Beam in this process. The image is never started: where none is named, TFX packs its own source
# into an archive for workers elsewhere, before each component, for longer than the component takes.
IN_PROCESS = ("--runner=FnApiRunner", "--sdk_container_image=unused")


@dataclasses.dataclass(frozen=True)
class Preset:
    """Where the options that were not given come from.

    Attributes:
      purpose: What it is for, in a few words.
      options: Values of flags, by `Flag.key`.
      without_network: Values that take their place where the encoder can neither be taken from a
        cache nor fetched.
    """

    purpose: str
    options: Mapping[str, Any]
    without_network: Mapping[str, Any] = dataclasses.field(default_factory=dict)


PRESETS = {
    "sample": Preset(
        "the reviews and the small ALBERT in assets, offline, in minutes",
        {
            "dataset": "sample_reviews",
            "encoder": MINI_ENCODER,
            "preprocessor": MINI_PREPROCESSOR,
            "sequence_length": 192,
        },
    ),
    "imdb": Preset(
        "the 50,000 reviews of imdb_reviews and ALBERT-base from TF Hub",
        {
            "dataset": "imdb_reviews",
            "encoder": BASE_ENCODER,
            "preprocessor": BASE_PREPROCESSOR,
            "sequence_length": 256,
        },
    ),
    "base": Preset(
        "ALBERT-base from Hugging Face, on whatever data is given",
        {
            "dataset": "sample_reviews",
            "encoder": HUGGING_FACE_BASE,
            "preprocessor": HUGGING_FACE_BASE,
            "sequence_length": 256,
        },
        without_network={"encoder": MINI_ENCODER, "preprocessor": MINI_PREPROCESSOR},
    ),
}


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Training options that belong to an encoder's size, and to what it reads.

    Attributes:
      frozen: Options of the frozen model's Trainer that differ from the defaults.
      fine_tuned: Options of the fine-tuned model's Trainer that differ from the defaults.
    """

    frozen: Mapping[str, float | str]
    fine_tuned: Mapping[str, float | str]

    def of(self, model: str) -> Mapping[str, float | str]:
        """Returns the options of one of the two models."""
        return self.frozen if model == FROZEN else self.fine_tuned


_LEAST_STEPS = 400
# A dropout of 0.1 learns 400 texts by heart and is then no better than a coin; on 8,468 texts 0.5
# loses nothing by it, and 0.7 does.
FROZEN_RECIPE = {"epochs": 20, "head_learning_rate": 2e-3, "dropout": 0.5}
# benchmarks/README.md has what chose these; benchmarks/recipes.py measures each choice anew.
MINI_RECIPE = Recipe(
    frozen=FROZEN_RECIPE,
    fine_tuned={
        "epochs": 2,
        "least_steps": _LEAST_STEPS,
        "batch_size": 16,
        "dropout": 0.0,
        "head_learning_rate": 2e-3,
        "encoder_learning_rate": 3e-4,
    },
)
# Few reviews, whose verdict lies in how a few sentences are joined, wherever they stand.
SAMPLE_RECIPE = Recipe(
    frozen=MINI_RECIPE.frozen,
    fine_tuned={**MINI_RECIPE.fine_tuned, "epochs": 5, "encoder_learning_rate": 5e-4},
)
BASE_RECIPE = Recipe(
    frozen=FROZEN_RECIPE,
    fine_tuned={
        "epochs": 2,
        "least_steps": _LEAST_STEPS,
        "head_learning_rate": 1e-3,
        "encoder_learning_rate": 3e-5,
    },
)
# Of an encoder of which nothing is known but what its files say, once they are read.
OTHER_RECIPE = Recipe(
    frozen=FROZEN_RECIPE,
    fine_tuned={
        **BASE_RECIPE.fine_tuned,
        "batch_size": 16,
        "label_smoothing": 0.1,
        "encoder_learning_rate": AUTO_RATE,
    },
)
RECIPES = {
    "small ALBERT on sample reviews": SAMPLE_RECIPE,
    "on others": MINI_RECIPE,
    "ALBERT": BASE_RECIPE,
    "any other encoder": OTHER_RECIPE,
}
_NAME_OF_ALBERT = re.compile(
    r"(^|[/_-])albert([_-][^/]*(/\d+|@[^/]*)?/?$|/.*tensorflow2/)", re.IGNORECASE
)


def recipe_of(encoder: str, reviews: str) -> Recipe:
    """Returns how to train with `encoder` on `reviews`, a data set's name or a file."""
    if encoder != MINI_ENCODER:
        return BASE_RECIPE if _is_albert(encoder) else OTHER_RECIPE
    return SAMPLE_RECIPE if reviews == DatasetOptions().name else MINI_RECIPE


def _is_albert(encoder: str) -> bool:
    """Returns whether a model folder says so, or else its name."""
    try:
        stated = json.loads(pathlib.Path(encoder, "config.json").read_bytes())["model_type"]
    except (OSError, ValueError, KeyError, TypeError):
        return bool(_NAME_OF_ALBERT.search(encoder))
    return bool(stated == "albert")


def trainer_options(model: str, recipe: Recipe, **options: Any) -> TrainerOptions:
    """Returns `recipe`'s options for `model`, with `options` on top."""
    return TrainerOptions(model=model, **{**recipe.of(model), **options})
