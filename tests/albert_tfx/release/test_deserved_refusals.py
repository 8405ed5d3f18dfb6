"""Models that deserve to be refused, through TFX's Evaluator and the policy."""

from pathlib import Path

import numpy as np
import pytest

from albert_tfx.evaluation import tfma_config
from albert_tfx.evaluation.results import load_comparison
from albert_tfx.options import SelectionPolicy
from albert_tfx.release.selection import Decision, Rule, select
from tests.support import artifacts
from tests.support.data import Scores

REVIEWS = 300
LABELS = np.arange(REVIEWS) % 2
LONG = Scores(np.zeros((REVIEWS, 2)), np.zeros((REVIEWS, 2)), LABELS).words() >= 200


def answers(right: np.ndarray) -> np.ndarray:
    """Returns scores `[reviews, 2]` of a model that is right on these reviews only."""
    return np.where(np.eye(2)[np.where(right, LABELS, 1 - LABELS)], 1.5, 0.0)


def by_chance(share: float, seed: int = 0) -> np.ndarray:
    """Returns scores of a model that is right on this share of the reviews, whichever."""
    return answers(np.random.default_rng(seed).permutation(REVIEWS) < share * REVIEWS)


GOOD = by_chance(0.8)
CONSTANT = np.tile([1.5, 0.0], (REVIEWS, 1))
INVERTED = -by_chance(0.9)
DIVERGED = np.full((REVIEWS, 2), np.nan)
MEMORISED, FORGOTTEN = by_chance(1.0), by_chance(0.53)
GOOD_BUT_ON_LONG_REVIEWS = answers(~LONG)


def decide(folder: Path, frozen: np.ndarray, fine_tuned: np.ndarray, **splits: Scores) -> Decision:
    """Decides on two models of these scores on the eval split."""
    scores = Scores(frozen, fine_tuned, LABELS)
    evaluated = artifacts.evaluate(
        folder / "evaluated",
        tfma_config.comparison_config(SelectionPolicy()),
        artifacts.save_scores(folder / "examples", eval=scores, **splits),
        "eval",
        model=artifacts.save_model(folder / "fine_tuned", 2, 2),
        baseline_model=artifacts.save_model(folder / "frozen", 0, 2),
    )
    return select(SelectionPolicy(), load_comparison(evaluated.uri))


@pytest.mark.parametrize("model", [CONSTANT, INVERTED], ids=["constant", "inverted"])
def test_nothing_is_served_where_no_model_beats_the_majority(tmp_path, model):
    decision = decide(tmp_path, frozen=CONSTANT, fine_tuned=model)
    assert (decision.selected, decision.winner) == ("frozen", None)
    assert decision.rule == Rule.MAJORITY


def test_diverged_fine_tuning_leaves_the_frozen_model(tmp_path):
    decision = decide(tmp_path, frozen=GOOD, fine_tuned=DIVERGED)
    assert (decision.winner, decision.rule) == ("frozen", Rule.ONLY_DEFINED)
    assert "has diverged, as its AUC is undefined, log loss is undefined" in decision.reason


def test_overfitted_model_is_refused_however_well_it_knows_its_training_reviews(tmp_path):
    train = Scores(INVERTED, MEMORISED, LABELS)
    assert train.right("fine_tuned").all()
    decision = decide(tmp_path, frozen=INVERTED, fine_tuned=FORGOTTEN, train=train)
    assert (decision.selected, decision.winner) == ("fine_tuned", None)
    assert decision.rule == Rule.MAJORITY


def test_better_model_that_is_worse_on_long_reviews_loses(tmp_path):
    decision = decide(tmp_path, frozen=by_chance(0.6), fine_tuned=GOOD_BUT_ON_LONG_REVIEWS)
    assert (decision.winner, decision.rule) == ("frozen", Rule.SLICE_LOSS)
    assert f"on the {LONG.sum()} texts of length 200 to 399 words" in decision.reason
