"""What the user asks for: the options of a run, checked against each other before anything runs."""

import dataclasses
import functools
import hashlib
import json
import os
import pathlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from albert_tfx import storage
from albert_tfx.contract import FINE_TUNED, FROZEN
from albert_tfx.errors import InputError
from albert_tfx.flags import Flag, check, declared, one_of, option, optional
from albert_tfx.options import (
    ANSWERED,
    COMPONENT_OPTIONS,
    ENCODER,
    FILE,
    REVIEWS,
    SERVED,
    TRAINING,
    FileOptions,
    OptionsT,
    TrainerOptions,
    absolute,
    plain_path,
)
from pipelines import encoder_choice
from pipelines.confinement import beam_flags
from pipelines.presets import PRESETS, recipe_of

_RUN = "the run"
_SCORING = "texts of no known class"
# The groups of flags, in the order of `--help`.
GROUPS = (_RUN, REVIEWS, FILE, _SCORING, ENCODER, TRAINING, SERVED, ANSWERED)

# Letters and digits, which a pipeline's name keeps, and separators, which all become its dashes.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9 ._/:*-]+")
# What no name of TFDS looks like: it has one slash at most, before its configuration.
_ONLY_A_PATH = re.compile(r"[.~/]|[^/:]+/[^/]+/")
_LONGEST_NAME = 63  # that TFX takes
_PREFIX = "albert-"
_OPTIONS_FILE = "options.json"
# What goes with --score where all else is as the last run into that folder was asked for.
_OF_SCORING = ("score", "output", "id_column", "text_column", "encoding", "skip_empty", "beam_arg")
_PATHS = ("csv", "eval_csv", "test_csv")
# What a file of the user's own is in place of.
_OF_A_DATA_SET = (
    *("dataset", "train_split", "eval_split", "test_split"),
    *("text_feature", "label_feature"),
)
# Each says in a way of its own which split a row belongs to.
_SPLITTERS = {
    "split_column": ("eval_csv", "test_csv", "group_column", "time_column"),
    "time_column": ("eval_csv", "test_csv", "group_column"),
}
# What is of no use without another option.
_NEEDED = {
    "id_column": "score",
    "rare_label": "min_rows_per_class",
    "abstain_label": "abstain_below",
}
# What is as true of a file to score as of one to learn from.
_OF_A_SCORED_FILE = ("text_column", "encoding", "skip_empty")


def local_output(folder: str) -> str:
    """Returns the absolute path of what `--output` names.

    Raises:
      InputError: It is in a bucket, or would be taken for a pattern of paths.
    """
    if "://" in folder:
        raise InputError(
            f"--output {folder} is not on this machine, to which a run here writes",
            "Give a folder, or write to a bucket with kubeflow_runner.py submit --output-root",
        )
    return plain_path(absolute(plain_path(folder, "--output")), "--output")


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

    @property
    def options_file(self) -> str:
        """Where the options of the last run are kept, for a later one that only scores."""
        return f"{self.output}/{_OPTIONS_FILE}"


@dataclasses.dataclass(frozen=True)
class Request(OutputFolder):
    """A run as it was asked for. `pipelines.config.build_config` makes its configuration.

    Attributes:
      only_check: Whether everything is checked and nothing trained.
      file: The user's own file, and how it is read.
      scored: How the file that `score` names is read.
      given: The options that were given, by `Flag.key`.
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
    score: str | None = optional(
        "--score",
        _SCORING,
        "a split, or a CSV, TSV, JSONL, Parquet or text file, whose texts the selected model "
        "classifies, into predictions/ in the output folder; alone or with --output, for the run "
        "that was asked for there",
        "SPLIT_OR_FILE",
        local=True,
    )
    id_column: str | None = optional(
        "--id-column",
        _SCORING,
        "column of that file that goes into the answers",
        "NAME",
        local=True,
    )
    only_check: bool = option(
        False,
        Flag(
            "--check",
            _RUN,
            "read and check everything, say what a run would train on and cost, and train nothing",
            default="train",
            local=True,
        ),
    )
    file: FileOptions = dataclasses.field(default_factory=FileOptions)
    scored: FileOptions = dataclasses.field(default_factory=FileOptions)
    given: Mapping[str, Any] = dataclasses.field(default_factory=dict)
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
        csv = self.file.csv
        return _pipeline_name(pathlib.Path(csv).stem if csv else self.options["dataset"])

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
            reviews = self.file.csv or self.options["dataset"]
            recipe = {"model": model, **recipe_of(self.options["encoder"], reviews).of(model)}
        return options_class(**{**recipe, **asked, **found})

    def refuse_local_paths(self) -> None:
        """Refuses what tasks in containers would not find.

        Raises:
          InputError: A model or the data set is named by a path of this machine.
        """
        for key in (encoder_choice.ENCODER, encoder_choice.PREPROCESSOR, "data_dir"):
            value = self.options.get(key)
            if value is not None and "://" not in value:
                raise _on_this_machine(f"{_flag(key)} {value}")
        name = self.options["dataset"]
        if pathlib.Path(absolute(name), "dataset_info.json").exists():
            raise _on_this_machine(f"The data set {name}")


def make(given: Mapping[str, Any], command: str = "") -> Request:
    """Returns the request that flags make.

    Args:
      given: Their values by `Flag.key`; others are not looked at.
      command: What started the run.

    Raises:
      InputError: An option is out of its bounds, or does not go with another.
    """
    of_score = FileOptions(**_fields(FileOptions, _without(given, _PATHS)))
    given = _completed(given)
    own = _fields(Request, given)
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
        file=FileOptions(**_fields(FileOptions, given)),
        scored=of_score,
        given=given,
        options=options,
        remarks=models.remarks,
        pins=models.pins,
        without_network={} if "encoder" in asked else preset.without_network,
        command=command,
    )


def remember(request: Request) -> None:
    """Keeps what was asked for in the output folder, for a later run that only scores."""
    # Beam's flags may be passwords.
    kept = _without(request.given, ("score", "output", "id_column", "check", "beam_arg"))
    paths = {key: absolute(kept[key]) for key in _PATHS if key in kept}
    for key in (encoder_choice.ENCODER, encoder_choice.PREPROCESSOR):
        if key in kept:
            paths[key] = encoder_choice.from_anywhere(kept[key])
    if "dataset" in kept:
        paths["dataset"] = request.options["dataset"]
    storage.write_json(request.options_file, {**kept, **paths})


def _completed(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns options to score with: alone, they are for the run that the folder is of.

    Raises:
      InputError: The folder's options are damaged.
    """
    file = pathlib.Path(given.get("output") or local_output("output"), _OPTIONS_FILE)
    if "score" not in given or not set(given) <= {*_OF_SCORING} or not file.exists():
        return given
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        kept = {key: tuple(v) if isinstance(v, list) else v for key, v in kept.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(
            f"{file} is damaged ({error})", "Delete it, and give the options of the training again"
        ) from error
    # The columns of the file to score are none of the one that was learnt from.
    return {**kept, **_without(given, ("text_column", "encoding", "skip_empty"))}


def _without(given: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key not in {*keys}}


def _fields(options: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values of a dataclass's fields that were given."""
    return {
        each.field.name: given[each.flag.key]
        for each in declared(options)
        if each.flag.key in given
    }


def _refuse_clashes(given: Mapping[str, Any]) -> None:
    of_data_set = [key for key in _OF_A_DATA_SET if key in given]
    if "csv" in given and of_data_set:
        raise InputError(f"--csv does not go with {_flag(of_data_set[0])}", "Give one of the two")
    for one in _SPLITTERS:
        others = [key for key in _SPLITTERS[one] if key in given]
        if one in given and others:
            raise InputError(
                f"{_flag(one)} does not go with {_flag(others[0])}", "Give one of the two"
            )
    of_file = [each.flag.key for each in declared(FileOptions) if each.flag.key != "csv"]
    of_scored_file = _OF_A_SCORED_FILE if "score" in given else ()
    lonely = [key for key in of_file if key in given and key not in of_scored_file]
    if lonely and "csv" not in given:
        raise InputError(f"{_flag(lonely[0])} needs --csv", "Name the file with --csv PATH")
    for one, needed in _NEEDED.items():
        if one in given and needed not in given:
            raise InputError(f"{_flag(one)} needs {_flag(needed)}", "Give both, or neither")


def _flag(key: str) -> str:
    return f"--{key.replace('_', '-')}"


def _prepared_folder(name: str) -> str:
    """Returns the absolute path where `name` is a prepared data set's folder, else `name`.

    Raises:
      InputError: It can only be a path, and there is no such folder.
    """
    is_prepared = pathlib.Path(absolute(name), "dataset_info.json").exists()
    if not is_prepared and _ONLY_A_PATH.match(name):  # told before TFDS is imported
        raise InputError(
            f"--dataset {name} is no folder of a prepared data set: it holds no dataset_info.json",
            "Give that folder, such as DATA_DIR/NAME/1.0.0, or a name of TFDS's catalogue",
        )
    return plain_path(absolute(name), "--dataset") if is_prepared else name


def _on_this_machine(what: str) -> InputError:
    return InputError(
        f"{what} is on this machine only", "Copy it to a bucket and give its gs:// address"
    )


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
