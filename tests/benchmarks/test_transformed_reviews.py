from pathlib import Path

import pytest
import transformed_reviews

from albert_tfx.contract import FINE_TUNED
from albert_tfx.options import PreprocessingOptions
from albert_tfx.prediction.pushed_model import PushedModel
from pipelines.presets import MINI_ENCODER, MINI_PREPROCESSOR, MINI_RECIPE, trainer_options


@pytest.mark.slow
def test_a_model_trained_on_a_few_reviews_answers(tmp_path: Path):
    reviews = transformed_reviews.sample_reviews(16)
    transformed = transformed_reviews.transform(
        reviews, PreprocessingOptions(MINI_PREPROCESSOR, 8), tmp_path
    )
    options = trainer_options(
        FINE_TUNED,
        MINI_RECIPE,
        encoder=MINI_ENCODER,
        sequence_length=8,
        epochs=1,
        least_steps=1,
    )

    model = PushedModel(transformed_reviews.train(transformed, options, tmp_path))

    probabilities = model.probabilities([str(reviews[0]["text"])])
    assert probabilities.sum() == pytest.approx(1)
