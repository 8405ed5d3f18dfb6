"""What the user asks for: the options of a run, checked against each other before anything runs."""

import dataclasses
import functools
import hashlib
import os
import pathlib
import re
from collections.abc import Mapping
from typing import Any

from albert_tfx.contract import FINE_TUNED, FROZEN
from albert_tfx.errors import InputError
from albert_tfx.flags import Flag, check, declared, one_of, option, optional
from albert_tfx.options import (
    COMPONENT_OPTIONS,
    ENCODER,
    REVIEWS,
    SERVED,
    TRAINING,
    OptionsT,
    TrainerOptions,
    absolute,
)
from pipelines import encoder_choice
from pipelines.confinement import beam_flags
from pipelines.presets import PRESETS, recipe_of

_RUN = "the run"
_FILE = "your own file, in place of a data set"
_SCORING = "texts of no known class"
# The groups of flags, in the order of `--help`.
GROUPS = (_RUN, REVIEWS, _FILE, _SCORING, ENCODER, TRAINING, SERVED)

# Letters and digits, which a pipeline's name keeps, and separators, which all become its dashes.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9 ._/:*-]+")
_LONGEST_NAME = 63  # that TFX takes
_PREFIX = "albert-"
# What a file of the user's own is in place of.
_OF_A_DATA_SET = (
    *("dataset", "train_split", "eval_split", "test_split"),
    *("text_feature", "label_feature"),
)


def local_output(folder: str) -> str:
    """Returns the absolute path of what `--output` names.

    Raises:
      InputError: It is in a bucket.
    """
    if "://" in folder:
        raise InputError(
            f"--output {folder} is not on this machine, to which a run here writes",
            "Give a folder, or write to a bucket with kubeflow_runner.py submit --output-root",
        )
    return absolute(folder)


class OutputFolder:
    """Where things lie in the folder `output`."""

    output: str

    @property
    def pipeline_root(self) -> str:
        """Where TFX keeps its artifacts."""
        return f"{self.output}/pipeline"

    @property
    def metadata(self) -> str:
        """The ML Metadata database."""
        return f"{self.output}/metadata.db"

    @property
    def serving(self) -> str:
        """Where the winner is pushed, one numbered folder a version."""
        return f"{self.output}/serving"

    @property
    def report(self) -> str:
        """Where the page, its plots and the summary are published."""
        return f"{self.output}/report"

    @property
    def predictions(self) -> str:
        """Where the classes of `scoring` are written."""
        return f"{self.output}/predictions"


@dataclasses.dataclass(frozen=True)
class Request(OutputFolder):
    """A run as it was asked for. `pipelines.config.build_config` makes its configuration.

    Attributes:
      options: Values of the components' flags by `Flag.key`: those given, else the preset's.
      remarks: What to tell the user of how the options were understood.
      without_network: Values that take the place of those in `options` where the encoder can
        neither be taken from a cache nor fetched.
      pins: Digests that the files of `encoder` and `preprocessor` must have, where they are given.
      command: What started the run, for the report; decides nothing.
    """

    preset: str = option(
        "sample",
        Flag(
            "--preset",
            _RUN,
            "; ".join(f"{name}: {preset.purpose}" for name, preset in PRESETS.items()),
            "NAME",
            "sample",
        ),
        bounds=one_of(tuple(PRESETS)),
    )
    output: str = option(
        factory=functools.partial(local_output, "output"),
        flag=Flag(
            "--output",
            _RUN,
            "folder that receives everything",
            "DIR",
            "output",
            convert=local_output,
            local=True,
        ),
    )
    beam_args: tuple[str, ...] = option(
        (),
        Flag(
            "--beam-arg",
            _RUN,
            "passed on to Beam, as --beam-arg=--FLAG=VALUE; may be repeated",
            "FLAG",
            "one process",
        ),
    )
    csv: str | None = optional(
        "--csv", _FILE, "CSV, TSV or JSONL file with one review a row", "PATH", local=True
    )
    text_column: str | None = optional(
        "--text-column",
        _FILE,
        "the column that holds the text",
        "NAME",
        "text, review or the like",
        local=True,
    )
    label_column: str | None = optional(
        "--label-column",
        _FILE,
        "the column that holds the class",
        "NAME",
        "label, sentiment or the like",
        local=True,
    )
    score: str | None = optional(
        "--score",
        _SCORING,
        "a split, or a CSV, TSV, JSONL or text file, whose texts the selected model "
        "classifies, into predictions/ in the output folder",
        "SPLIT_OR_FILE",
        local=True,
    )
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    without_network: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    pins: Mapping[str, str] = dataclasses.field(default_factory=dict)
    command: str = ""

    def __post_init__(self) -> None:
        check(self)
        beam_flags.refuse_open(self.beam_args)
        for options_class in COMPONENT_OPTIONS:
            models = (FROZEN, FINE_TUNED) if options_class is TrainerOptions else (None,)
            for model in models:
                self.of(options_class, model)

    @property
    def name(self) -> str:
        """The pipeline's name: one of its own for each set of reviews."""
        return _pipeline_name(pathlib.Path(self.csv).stem if self.csv else self.options["dataset"])

    def of(self, options_class: type[OptionsT], model: str | None = None, **found: Any) -> OptionsT:
        """Returns what was asked of a component.

        Args:
          options_class: The component's class of options.
          model: The Trainer whose options they are, where they are a Trainer's.
          **found: Fields that no flag sets.

        Raises:
          InputError: An option is out of its bounds.
        """
        asked = {
            each.field.name: self.options[each.flag.key]
            for each in declared(options_class)
            if each.model in (None, model) and each.flag.key in self.options
        }
        if "epochs" in asked:  # so many, not more
            asked["least_steps"] = TrainerOptions.least_steps
        recipe: dict[str, Any] = {}
        if model is not None:
            reviews = self.csv or self.options["dataset"]
            recipe = {"model": model, **recipe_of(self.options["encoder"], reviews).of(model)}
        return options_class(**{**recipe, **asked, **found})


def make(given: Mapping[str, Any], command: str = "") -> Request:
    """Returns the request that flags make.

    Args:
      given: Their values by `Flag.key`; others are not looked at.
      command: What started the run.

    Raises:
      InputError: An option is out of its bounds, or does not go with another.
    """
    own = {
        each.field.name: given[each.flag.key]
        for each in declared(Request)
        if each.flag.key in given
    }
    keys = {each.flag.key for options in COMPONENT_OPTIONS for each in declared(options)}
    asked = {key: value for key, value in given.items() if key in keys}
    preset = PRESETS[own.get("preset", Request.preset)]
    models = encoder_choice.choose(asked, preset.options)
    _refuse_clashes(given)
    options = {**preset.options, **asked}
    options |= {"encoder": models.encoder, "preprocessor": models.preprocessor}
    options["dataset"] = _prepared_folder(options["dataset"])
    return Request(
        **own,
        options=options,
        remarks=models.remarks,
        pins=models.pins,
        without_network={} if "encoder" in asked else preset.without_network,
        command=command,
    )


def _refuse_clashes(given: Mapping[str, Any]) -> None:
    of_data_set = [key for key in _OF_A_DATA_SET if key in given]
    if "csv" in given and of_data_set:
        raise InputError(f"--csv does not go with {_flag(of_data_set[0])}", "Give one of the two")
    columns = [key for key in ("text_column", "label_column") if key in given]
    if columns and "csv" not in given and not ("score" in given and "text_column" in columns):
        raise InputError(f"{_flag(columns[0])} needs --csv", "Name the file with --csv PATH")


def _flag(key: str) -> str:
    return f"--{key.replace('_', '-')}"


def _prepared_folder(name: str) -> str:
    """Returns the absolute path where `name` is a prepared data set's folder, else `name`."""
    is_prepared = pathlib.Path(absolute(name), "dataset_info.json").exists()
    return absolute(name) if is_prepared else name


def _pipeline_name(reviews: str) -> str:
    """Returns a name of its own for each set of reviews, as each has its own classes.

    Vertex AI and Kubeflow take small letters, digits and dashes. Where these are not enough to tell
    `reviews` from others, a hash of it is added.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", reviews.lower()).strip("-")
    longest = _LONGEST_NAME - len(_PREFIX)
    if not slug or len(slug) > longest or not _PLAIN_NAME.fullmatch(reviews):
        slug += f"-{hashlib.sha256(os.fsencode(reviews)).hexdigest()[:8]}"
    return f"{_PREFIX}{slug[-longest:].strip('-')}"
