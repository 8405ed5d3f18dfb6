"""What is in production after each of several runs: the gate, the pushes and what is said of them.

The runs go through the real components from ModelSelector on, over models of a few weights. Which
of the two is selected is up to `min_gain`: without one the better is, with a high one the worse.
"""

import copy
import dataclasses
import json
import re
import shutil
from pathlib import Path
from typing import cast

import pytest
from ml_metadata.metadata_store import MetadataStore
from tfx import v1 as tfx
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.types import standard_artifacts

from albert_tfx.evaluation import extractors, tfma_config
from albert_tfx.options import ProductionPolicy, SelectionPolicy, encode
from albert_tfx.storage import version_numbers
from components.atomic_pusher import AtomicPusher
from components.comparison_report import ComparisonReport
from components.model_card import ModelCard
from components.model_selector import ModelSelector
from components.production_evaluator import ProductionEvaluator
from components.production_gate import ProductionGate
from components.production_resolver import LatestOtherPush
from pipelines.config import PipelineConfig
from pipelines.local.reconciliation import reconcile
from pipelines.presets import IN_PROCESS
from tests.support import artifacts, data, metadata
from tests.support.runs import read_last

pytestmark = pytest.mark.slow

BETTER, WORSE = SelectionPolicy(), SelectionPolicy(min_gain=0.9)
STRICT, LENIENT = ProductionPolicy(), ProductionPolicy(max_production_loss=1.0)
CHAIN = (
    *("ModelSelector", "Evaluator.test", "ProductionGate"),
    *("ModelCard", "Pusher", "ComparisonReport"),
)


@dataclasses.dataclass(frozen=True)
class Output(metadata.Output):
    """Where the runs leave things."""

    name: str = "production"

    @property
    def serving(self) -> str:
        return str(self.folder / f"serving of {self.name}")

    def delete(self, number: int) -> None:
        """Deletes a version, as somebody might who tidies up."""
        shutil.rmtree(Path(self.serving, str(number)))

    def truncate(self, number: int) -> None:
        """Cuts a version's graph, as a full disk might."""
        graph = Path(self.serving, str(number), "saved_model.pb")
        graph.write_bytes(graph.read_bytes()[:100])


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a run said, which components it took from the cache, and the versions after it."""

    summary: dict
    cached: set[str]
    versions: list[int]

    @property
    def pushed(self) -> int | None:
        """The version that the run says to have pushed."""
        path = self.summary["pushed_model"]
        return None if path is None else int(Path(path).name)


class Runs:
    """Runs over one evaluation, into one folder."""

    def __init__(self, evaluated, output: Output) -> None:
        self.output = output
        self._evaluated = {
            "frozen_model": evaluated.frozen_model,
            "fine_tuned_model": evaluated.fine_tuned_model,
            "evaluation": evaluated.evaluation,
            "examples": evaluated.examples,
        }
        self._report_inputs = artifacts.save_report_inputs(
            output.folder / output.name, evaluated.examples
        )

    def run(self, policy: SelectionPolicy, production_policy: ProductionPolicy) -> Outcome:
        reconcile(cast(PipelineConfig, self.output))
        tfx.orchestration.LocalDagRunner().run(self._pipeline(policy, production_policy))
        store = MetadataStore(sqlite_metadata_connection_config(self.output.metadata))
        states, uris = read_last(self.output.name, store)
        summary = Path(uris["ComparisonReport", "report"], "summary.json").read_text()
        return Outcome(
            json.loads(summary),
            {node for node in CHAIN if states[node] == "CACHED"},
            version_numbers(self.output.serving),
        )

    def moved(self, folder: Path) -> "Runs":
        """Copies the output folder, and deletes the old artifacts; returns runs into the copy."""
        shutil.copytree(self.output.folder, folder, dirs_exist_ok=True)
        for name in ("ModelSelector", "Evaluator.test", "Pusher"):
            shutil.rmtree(Path(self.output.pipeline_root, name))
        there = copy.copy(self)
        there.output = dataclasses.replace(self.output, folder=folder)
        return there

    def _pipeline(self, policy, production_policy) -> tfx.dsl.Pipeline:
        importers = [
            artifacts.import_artifact(key, artifact)
            for key, artifact in {**self._evaluated, **self._report_inputs}.items()
        ]
        channel = {importer.id: importer.outputs["result"] for importer in importers}
        models = {key: channel[key] for key in ("frozen_model", "fine_tuned_model", "evaluation")}
        selector = ModelSelector(**models, policy=json.dumps(encode(policy)))
        model = selector.outputs["model"]
        resolver = tfx.dsl.Resolver(
            LatestOtherPush,
            model=model,
            pushed_model=tfx.dsl.Channel(
                standard_artifacts.PushedModel, producer_component_id="Pusher"
            ),
        ).with_id("Resolver.production")
        production = resolver.outputs["pushed_model"]
        test = ProductionEvaluator(
            examples=channel["examples"],
            model=model,
            production=production,
            eval_config=tfma_config.winner_config(BETTER),
            example_splits=["test"],
            module_path=extractors.__name__,
        ).with_id("Evaluator.test")
        gate = ProductionGate(
            model=model,
            model_blessing=selector.outputs["blessing"],
            evaluation=test.outputs["evaluation"],
            production=production,
            policy=json.dumps(encode(production_policy)),
        )
        filesystem = tfx.proto.PushDestination.Filesystem(base_directory=self.output.serving)
        card = ModelCard(
            **{key: channel[key] for key in ("frozen_model", "fine_tuned_model")},
            **{key: channel[key] for key in ("evaluation", "examples", *self._report_inputs)},
            blessing=gate.outputs["blessing"],
            test_evaluation=test.outputs["evaluation"],
        )
        pusher = AtomicPusher(
            model=model,
            model_blessing=gate.outputs["blessing"],
            card=card.outputs["card"],
            push_destination=tfx.proto.PushDestination(filesystem=filesystem),
            pipeline=self.output.name,
            class_names=["no", "yes"],
        ).with_id("Pusher")
        report = ComparisonReport(
            **{key: channel[key] for key in ("frozen_model", "fine_tuned_model")},
            **{key: channel[key] for key in ("evaluation", "examples", *self._report_inputs)},
            blessing=gate.outputs["blessing"],
            test_evaluation=test.outputs["evaluation"],
            pushed_model=pusher.outputs["pushed_model"],
            card=card.outputs["card"],
        )
        return tfx.dsl.Pipeline(
            pipeline_name=self.output.name,
            pipeline_root=self.output.pipeline_root,
            components=[*importers, selector, resolver, test, gate, card, pusher, report],
            enable_cache=True,
            metadata_connection_config=sqlite_metadata_connection_config(self.output.metadata),
            beam_pipeline_args=list(IN_PROCESS),
        )


@pytest.fixture(scope="module")
def runs(two_classes, tmp_path_factory) -> Runs:
    return Runs(two_classes, Output(tmp_path_factory.mktemp("production")))


@pytest.fixture(scope="module")
def outcomes(runs: Runs, tmp_path_factory) -> dict[str, Outcome]:
    """The runs one after the other, each by what is new about it."""
    outcomes = {
        "first": runs.run(WORSE, LENIENT),
        "better": runs.run(BETTER, LENIENT),
        "worse": runs.run(WORSE, STRICT),
        "worse again": runs.run(WORSE, STRICT),
        "worse but allowed": runs.run(WORSE, LENIENT),
        "back to better": runs.run(BETTER, LENIENT),
        "better again": runs.run(BETTER, LENIENT),
    }
    versions = version_numbers(runs.output.serving)
    runs.output.delete(versions[0])
    outcomes["oldest deleted"] = runs.run(BETTER, LENIENT)
    runs.output.delete(versions[-1])
    outcomes["newest deleted"] = runs.run(BETTER, LENIENT)
    runs.output.truncate(version_numbers(runs.output.serving)[-1])
    outcomes["newest damaged"] = runs.run(BETTER, LENIENT)
    shutil.rmtree(runs.output.serving)
    outcomes["all deleted"] = runs.run(WORSE, LENIENT)
    shutil.rmtree(Path(runs.output.pipeline_root, "ModelSelector"))
    outcomes["selector deleted"] = runs.run(BETTER, LENIENT)
    outcomes["moved"] = runs.moved(tmp_path_factory.mktemp("moved")).run(WORSE, LENIENT)
    return outcomes


def production(outcome: Outcome) -> dict:
    return outcome.summary["production"]


def test_first_model_has_nothing_to_be_compared_with(outcomes):
    first = outcomes["first"]
    assert first.summary["winner"] == "frozen"
    assert first.versions == [first.pushed]
    assert production(first)["rule"] == "nothing_to_replace"
    assert production(first)["pushed_model"] is None
    assert production(first)["difference"] == {"accuracy": None}


def test_better_model_replaces_it(outcomes, two_classes):
    better = outcomes["better"]
    assert better.summary["winner"] == "fine_tuned"
    assert better.versions == [outcomes["first"].pushed, better.pushed]
    assert production(better)["rule"] == "not_worse"
    assert Path(production(better)["pushed_model"]).name == str(outcomes["first"].pushed)
    scores = two_classes.scores
    right = {model: scores.right(model)[:150] for model in data.MODELS}
    assert production(better)["metrics"]["accuracy"] == right["frozen"].mean()
    difference = production(better)["difference"]["accuracy"]
    assert difference["value"] == (right["fine_tuned"] - right["frozen"]).sum() / 150
    assert difference["lower"] < difference["value"] < difference["upper"]


def test_worse_model_is_refused_and_the_served_one_stays(outcomes):
    worse, better = outcomes["worse"], outcomes["better"]
    assert worse.summary["winner"] == "frozen"
    assert (worse.summary["pushed"], worse.pushed) == (False, None)
    assert worse.versions == better.versions
    assert (production(worse)["passed"], production(worse)["rule"]) == (False, "worse")
    assert re.search(
        "The whole interval, up to \N{MINUS SIGN}[0-9.]+ points, is below 0[.]",
        production(worse)["reason"],
    )
    assert Path(production(worse)["pushed_model"]).name == str(better.pushed)


def test_model_refused_at_the_gate_is_not_taken_for_the_one_in_production(outcomes):
    allowed = outcomes["worse but allowed"]
    assert (
        production(allowed)["pushed_model"]
        == outcomes["worse"].summary["production"]["pushed_model"]
    )
    assert production(allowed)["rule"] == "loss_allowed"
    assert allowed.versions == [*outcomes["worse"].versions, allowed.pushed]


def test_model_that_was_served_before_is_pushed_anew(outcomes):
    """Fails where Pusher takes its first push of the same model from the cache."""
    back = outcomes["back to better"]
    assert back.versions == [*outcomes["worse but allowed"].versions, back.pushed]
    assert Path(production(back)["pushed_model"]).name == str(outcomes["worse but allowed"].pushed)


@pytest.mark.parametrize(
    ("again", "before"),
    [
        ("worse again", "worse"),
        ("better again", "back to better"),
        ("oldest deleted", "back to better"),
    ],
)
def test_with_nothing_changed_everything_is_cached(outcomes, again, before):
    assert outcomes[again].cached == set(CHAIN)
    assert outcomes[again].summary == outcomes[before].summary
    assert outcomes[again].versions[-2:] == outcomes[before].versions[-2:]


_VERSIONS_AFTER = {"newest deleted": 3, "newest damaged": 4, "all deleted": 1}


@pytest.mark.parametrize("deleted", ["newest deleted", "newest damaged", "all deleted"])
def test_version_that_was_deleted_is_pushed_again(outcomes, deleted):
    outcome = outcomes[deleted]
    assert outcome.cached == set(CHAIN) - {"Pusher", "ComparisonReport"}
    assert outcome.pushed == outcome.versions[-1]
    assert len(outcome.versions) == _VERSIONS_AFTER[deleted]


@pytest.mark.parametrize(
    ("now", "before"), [("selector deleted", "all deleted"), ("moved", "selector deleted")]
)
def test_what_is_served_is_in_production_wherever_its_copies_went(outcomes, now, before):
    served = str(outcomes[before].pushed)
    assert Path(production(outcomes[now])["pushed_model"]).name == served
    assert production(outcomes[now])["difference"]["accuracy"]["value"] != 0
    assert outcomes[now].versions == [*outcomes[before].versions, outcomes[now].pushed]


def test_what_is_said_to_be_pushed_is_always_the_newest_version(outcomes):
    said = {name: each.pushed for name, each in outcomes.items() if each.summary["pushed"]}
    assert said == {name: outcomes[name].versions[-1] for name in said}
    assert len(said) == len(outcomes) - 2


def test_another_pipeline_has_nothing_to_do_with_it(outcomes, runs: Runs, two_classes):
    other = Runs(two_classes, Output(runs.output.folder, name="another"))
    outcome = other.run(BETTER, STRICT)
    assert production(outcome)["rule"] == "nothing_to_replace"
    assert outcome.versions == [outcome.pushed]
