"""DuplicateFinder: takes the reviews out of `train` and `eval` that repeat others.

A review that stands in two splits is remembered instead of judged, and flatters whatever model was
trained on it; one that stands twice in a split counts twice.
"""

import collections
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import AsDict
from tfx import types
from tfx.components.example_gen import utils as example_gen_utils
from tfx.dsl.components.base import base_beam_component, base_beam_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import io_utils

from albert_tfx.contract import DUPLICATES_FILE
from albert_tfx.data import similarity
from albert_tfx.data.duplicates import (
    EXACT,
    KEPT,
    NEAR,
    SPLITS,
    Duplicate,
    Fate,
    File,
    FindDuplicates,
    Position,
    WriteOthers,
)
from albert_tfx.data.records import files_of
from albert_tfx.errors import InputError
from albert_tfx.options import DuplicateOptions, decode, encode

RAW_EXAMPLES_KEY = "raw_examples"
EXAMPLES_KEY = "examples"
REPORT_KEY = "report"
OPTIONS_KEY = "options"

_SHOWN_PAIRS = 3
# What readers of Examples go by, and what says which data they are.
_CARRIED_PROPERTIES = (
    example_gen_utils.PAYLOAD_FORMAT_PROPERTY_NAME,
    example_gen_utils.FILE_FORMAT_PROPERTY_NAME,
    example_gen_utils.FINGERPRINT_PROPERTY_NAME,
    example_gen_utils.SPAN_PROPERTY_NAME,
    example_gen_utils.VERSION_PROPERTY_NAME,
)


def load_duplicates(uri: str) -> dict[str, Any]:
    """Reads what DuplicateFinder found.

    Args:
      uri: Folder of its `report`.

    Returns:
      A mapping of

      * `exact`, `near`: `[split][other split]` → reviews of the split that repeat a review of the
        other, or an earlier one of their own. The splits are ordered test, eval, train, and a
        pair of them counts for the later. Of equal texts only the first is compared for near ones;
      * `removed`: `[split][exact or near]` → reviews taken out, for either reason but not for both;
      * `reviews`: `[split][label][kept, exact or near]` → what became of all reviews;
      * `keep`: whether duplicates were only counted, and all were kept;
      * `pairs`: a few of each kind and pair of splits, with `similarity` and how both begin;
      * `near_similarity`, `shingle_words`: see `text_similarity`.
    """
    with fileio.open(os.path.join(uri, DUPLICATES_FILE)) as file:
        return json.loads(file.read())


class Executor(base_beam_executor.BaseBeamExecutor):
    """Finds, counts and takes out."""

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the Beam pipeline.

        Args:
          input_dict: `raw_examples`.
          output_dict: `examples` and `report`.
          exec_properties: `options`, JSON of `DuplicateOptions`.

        Raises:
          InputError: A split has no review of a class left.
        """
        options = decode(DuplicateOptions, json.loads(exec_properties[OPTIONS_KEY]))
        source = artifact_utils.get_single_instance(input_dict[RAW_EXAMPLES_KEY])
        target = artifact_utils.get_single_instance(output_dict[EXAMPLES_KEY])
        report_uri = artifact_utils.get_single_uri(output_dict[REPORT_KEY])
        _describe_alike(source, target)
        paths = _paths(source)
        with self._make_beam_pipeline() as pipeline:
            duplicates = (
                pipeline
                | "Files" >> beam.Create(list(paths))
                | "FindDuplicates" >> FindDuplicates(paths)
            )
            removable = duplicates | "Removable" >> beam.Filter(lambda _: not options.keep)
            fates = removable | "WriteOthers" >> WriteOthers(paths, _targets(paths, target))
            _ = (
                pipeline
                | "ReportUri" >> beam.Create([report_uri])
                | "WriteReport"
                >> beam.Map(
                    _write_report,
                    options.keep,
                    paths,
                    AsDict(duplicates | "Findings" >> _CountFindings()),
                    AsDict(fates),
                    AsDict(duplicates | "Pairs" >> _SomeOfEach()),
                )
            )
        _refuse_lost_classes(load_duplicates(report_uri))


@beam.ptransform_fn
def _CountFindings(duplicates: beam.PCollection) -> beam.PCollection:  # noqa: N802
    """Counts reviews, each once for each finding, by finding."""
    return (
        duplicates
        | beam.Map(lambda duplicate: (duplicate.review, duplicate.finding))
        | beam.Distinct()
        | beam.Values()
        | beam.combiners.Count.PerElement()
    )


@beam.ptransform_fn
def _SomeOfEach(duplicates: beam.PCollection) -> beam.PCollection:  # noqa: N802
    """Picks the first duplicates by finding."""
    return (
        duplicates
        | beam.Map(lambda duplicate: (duplicate.finding, duplicate))
        | beam.combiners.Top.SmallestPerKey(_SHOWN_PAIRS)
    )


def _paths(examples: types.Artifact) -> dict[File, str]:
    """Returns where each file of `examples` lies; its number is its place among the names."""
    paths = {}
    for split in artifact_utils.decode_split_names(examples.split_names):
        for number, path in enumerate(files_of(examples, split)):
            paths[SPLITS.index(split), number] = path
    return paths


def _targets(paths: Mapping[File, str], examples: types.Artifact) -> dict[File, str]:
    """Returns where each file goes: by the same name, into the same split of `examples`."""
    folders = {split: artifact_utils.get_split_uri([examples], split) for split in SPLITS}
    for folder in folders.values():
        fileio.makedirs(folder)
    return {
        file: os.path.join(folders[SPLITS[file[0]]], pathlib.Path(path).name)
        for file, path in paths.items()
    }


def _describe_alike(source: types.Artifact, target: types.Artifact) -> None:
    """Gives `target` the splits of `source`, and the properties that are as true of it."""
    target.split_names = source.split_names
    for name in _CARRIED_PROPERTIES:
        value = source.get_custom_property(name)
        if isinstance(value, str):
            target.set_string_custom_property(name, value)
        elif value is not None:  # Kubeflow makes every number a float
            target.set_int_custom_property(name, int(value))


def _write_report(
    uri: str,
    keep: bool,
    paths: Mapping[File, str],
    findings: Mapping[tuple[str, str, str], int],
    fates: Mapping[Fate, int],
    shown: Mapping[tuple[str, str, str], list[Duplicate]],
) -> None:
    counts: dict[str, Any] = {EXACT: {}, NEAR: {}}
    for (kind, split, other), count in sorted(findings.items()):
        counts[kind].setdefault(split, {})[other] = count
    pairs = [_pair(each, paths) for _, found in sorted(shown.items()) for each in sorted(found)]
    content = {
        **counts,
        "removed": _removed(fates),
        "reviews": _reviews(fates),
        "keep": keep,
        "near_similarity": similarity.NEAR,
        "shingle_words": similarity.SHINGLE_WORDS,
        "pairs": pairs,
    }
    io_utils.write_string_file(
        os.path.join(uri, DUPLICATES_FILE), json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    )


def _removed(fates: Mapping[Fate, int]) -> dict[str, dict[str, int]]:
    removed = {split: {EXACT: 0, NEAR: 0} for split, _, _ in sorted(fates)}
    for (split, _, fate), count in fates.items():
        if fate != KEPT:
            removed[split][fate] += count
    return removed


def _reviews(fates: Mapping[Fate, int]) -> dict[str, dict[str, dict[str, int]]]:
    reviews: dict[str, dict[str, dict[str, int]]] = collections.defaultdict(dict)
    for (split, label, fate), count in sorted(fates.items()):
        reviews[split].setdefault(str(label), {KEPT: 0, EXACT: 0, NEAR: 0})[fate] = count
    return dict(reviews)


def _pair(duplicate: Duplicate, paths: Mapping[File, str]) -> dict[str, Any]:
    return {
        "kind": duplicate.kind,
        "similarity": round(duplicate.similarity, 3),
        "review": _place(duplicate.review, duplicate.excerpt, paths),
        "original": _place(duplicate.original, duplicate.original_excerpt, paths),
    }


def _place(position: Position, excerpt: str, paths: Mapping[File, str]) -> dict[str, Any]:
    split, number, row = position
    name = pathlib.Path(paths[split, number]).name
    return {"split": SPLITS[split], "file": name, "row": row, "text": excerpt}


def _refuse_lost_classes(found: Mapping[str, Any]) -> None:
    for split, labels in found["reviews"].items():
        for label, fates in labels.items():
            if not fates[KEPT]:
                raise InputError(
                    f"Every review of class number {label}, counted from 0, in the {split} split "
                    f"repeats another ({sum(fates.values()):,} in all), so that none is left",
                    "Give splits that share fewer reviews, or keep all with --keep-duplicates",
                )


class DuplicateFinderSpec(component_spec.ComponentSpec):
    """Interface of DuplicateFinder."""

    PARAMETERS = {  # noqa: RUF012
        OPTIONS_KEY: component_spec.ExecutionParameter(type=str)
    }
    INPUTS = {  # noqa: RUF012
        RAW_EXAMPLES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples)
    }
    OUTPUTS = {  # noqa: RUF012
        EXAMPLES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
        # Kubeflow compiles TFX's own types only; this one is nearest to a report.
        REPORT_KEY: component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
    }


class DuplicateFinder(base_beam_component.BaseBeamComponent):
    """Takes out what stands twice, so that no model is judged on what it was trained on.

    From `train` goes whatever stands in `eval`, in `test` or earlier in `train`, and from `eval`
    whatever stands in `test` or earlier in `eval`; `test` stays whole, as results on it are to be
    compared with others'. What counts as the same is said in `albert_tfx/data/similarity.py`.

    Outputs:
      examples: `raw_examples` without these, in the same files and order.
      report: Folder of what was found; `load_duplicates` reads it.
    """

    SPEC_CLASS = DuplicateFinderSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, raw_examples: types.BaseChannel, options: DuplicateOptions) -> None:
        """Takes `Examples` with the splits `train`, `eval` and `test`.

        Args:
          raw_examples: What an ExampleGen gave.
          options: What becomes of duplicates.
        """
        super().__init__(
            DuplicateFinderSpec(
                raw_examples=raw_examples,
                options=json.dumps(encode(options)),
                examples=types.Channel(type=standard_artifacts.Examples),
                report=types.Channel(type=standard_artifacts.ModelEvaluation),
            )
        )
