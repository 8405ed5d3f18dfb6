"""When a training is judged unfinished."""

import pytest

from albert_tfx.report.convergence import Convergence, judge

NAN = float("nan")


def epochs(losses: list[float], validation: list[float], accuracy: float = 0.8):
    return [
        {"loss": loss, "accuracy": accuracy, "val_loss": val_loss, "val_accuracy": 0.7}
        for loss, val_loss in zip(losses, validation, strict=True)
    ]


FALLING = epochs([0.7, 0.6, 0.5], [0.69, 0.62, 0.55])
BY_HEART = epochs([0.5, 0.2, 0.05], [0.5, 0.4, 0.42])
FLAT = epochs([0.5, 0.4, 0.39], [0.5, 0.45, 0.42])

PERFECT = epochs([0.02, 0.008, 0.003], [0.02, 0.01, 0.005], accuracy=1.0)


@pytest.mark.parametrize("model", ["frozen", "fine_tuned"])
@pytest.mark.parametrize(
    ("trained", "expected"),
    [
        (FALLING, Convergence.STILL_FALLING),
        (BY_HEART, Convergence.CONVERGED),
        (FLAT, Convergence.CONVERGED),
        (PERFECT, Convergence.CONVERGED),
        (FALLING[:1], Convergence.CONVERGED),
        ([], Convergence.CONVERGED),
        (epochs([NAN, NAN], [NAN, NAN], accuracy=0.5), Convergence.CONVERGED),
    ],
)
def test_a_loss_that_still_falls_is_of_an_unfinished_training(model, trained, expected):
    assert judge(model, trained, 0.5) == expected


@pytest.mark.parametrize(
    ("accuracy", "majority_share", "expected"),
    [
        (0.54, 0.5, Convergence.NEAR_CHANCE),
        (0.56, 0.5, Convergence.CONVERGED),
        (0.905, 0.9, Convergence.NEAR_CHANCE),
        (0.4, 0.2, Convergence.CONVERGED),
    ],
)
def test_fine_tuning_near_chance_is_unfinished(accuracy, majority_share, expected):
    trained = epochs([0.69], [0.69], accuracy)
    assert judge("fine_tuned", trained, majority_share) == expected
    assert judge("frozen", trained, majority_share) == Convergence.CONVERGED
