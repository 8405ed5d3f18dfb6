"""Measures what DuplicateFinder and Yardstick find on a TFDS data set, and what they cost.

    python benchmarks/duplicates_and_yardstick.py            # imdb_reviews: some two minutes
    python benchmarks/duplicates_and_yardstick.py --quick    # the sample reviews

Nothing is trained but the yardstick. IMDB is downloaded by TFDS where it is not prepared yet.
"""

import argparse
import contextlib
import json
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import apache_beam as beam
from figures import Figure, add_results_option, publish
from tfx.types import Artifact, standard_artifacts

from albert_tfx.data import schema
from albert_tfx.data.duplicates.findings import EXACT, NEAR
from albert_tfx.data.duplicates.report import load_duplicates
from albert_tfx.evaluation import baseline
from albert_tfx.options import DatasetOptions, DuplicateOptions, encode
from components import tfds_example_gen
from components.duplicate_finder import DuplicateFinder
from components.yardstick import Yardstick
from pipelines.presets import IN_PROCESS


def measure(dataset: str, folder: Path) -> list[Figure]:
    """Runs both after TfdsExampleGen, in `folder`, and returns what is worth quoting."""
    model = _artifact(standard_artifacts.Model, folder / "e")
    curated = _artifact(standard_artifacts.Schema, folder / "f")
    raw, examples = (_artifact(standard_artifacts.Examples, folder / name) for name in ("a", "b"))
    report, result = (
        _artifact(standard_artifacts.ModelEvaluation, folder / name) for name in ("c", "d")
    )
    schema.write(schema.for_classes(("negative", "positive")), curated.uri)
    generator = tfds_example_gen.TfdsExampleGen(DatasetOptions(name=dataset))
    executor = tfds_example_gen.Executor
    context = executor.Context(beam_pipeline_args=list(IN_PROCESS))
    executor(context).Do({}, {"examples": [raw]}, generator.exec_properties)
    costs: list[Figure] = []
    with _costs("DuplicateFinder", costs):
        DuplicateFinder.test_call(
            raw_examples=raw,
            examples=examples,
            report=report,
            options=json.dumps(encode(DuplicateOptions())),
            beam_pipeline=beam.Pipeline(argv=list(IN_PROCESS)),
        )
    with _costs("Yardstick", costs):
        Yardstick.test_call(examples=examples, schema=curated, result=result, model=model)
    return [
        *_duplicates(load_duplicates(report.uri)),
        *_yardstick(baseline.load_yardstick(result.uri)),
        *costs,
    ]


def _duplicates(found: dict[str, Any]) -> Iterator[Figure]:
    for kind in (EXACT, NEAR):
        for split, others in found[kind].items():
            for other, count in others.items():
                yield Figure(f"{kind} duplicates, {split} of {other}", count, "reviews")
    for split, kinds in found["removed"].items():
        yield Figure(f"removed from {split}", sum(kinds.values()), "reviews")


def _yardstick(measured: dict[str, Any]) -> Iterator[Figure]:
    for split in ("eval", "test"):
        for name in ("accuracy", "accuracy_lower", "accuracy_upper", "auc", "log_loss"):
            yield Figure(f"yardstick {name}, {split}", measured[split][name], "")


@contextlib.contextmanager
def _costs(component: str, figures: list[Figure]) -> Iterator[None]:
    memory, started, processor = _peak_memory(), time.monotonic(), time.process_time()
    yield
    figures += [
        Figure(f"{component}, elapsed", time.monotonic() - started, "s"),
        Figure(f"{component}, processor", time.process_time() - processor, "s"),
        Figure(f"{component}, peak memory on top", _peak_memory() - memory, "MiB"),
    ]


def _peak_memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _artifact(artifact_type: type[Artifact], folder: Path) -> Artifact:
    folder.mkdir()
    artifact = artifact_type()
    artifact.uri = str(folder)
    return artifact


def main(arguments: list[str] | None = None) -> None:
    """Measures, prints, records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="the sample reviews")
    add_results_option(parser)
    options = parser.parse_args(arguments)
    dataset, flag = ("sample_reviews", " --quick") if options.quick else ("imdb_reviews", "")
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(dataset, Path(folder))
    publish(figures, f"python benchmarks/duplicates_and_yardstick.py{flag}", options.results)


if __name__ == "__main__":
    main()
