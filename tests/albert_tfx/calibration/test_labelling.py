import numpy as np
import pytest
import tensorflow as tf

from albert_tfx.calibration.labelling import label_and_score, tempered
from albert_tfx.errors import InputError
from albert_tfx.options import AnswerOptions

TWO, THREE = ["no", "yes"], ["bad", "fair", "good"]


def answers(probabilities, class_names, **options) -> list[tuple[str, float]]:
    found = label_and_score(
        tf.constant(probabilities, tf.float32), class_names, AnswerOptions(**options)
    )
    labels = [label.decode() for label in found["label"].numpy()]
    scores = [round(score, 6) for score in found["score"].numpy().tolist()]
    return list(zip(labels, scores, strict=True))


def test_the_label_is_the_most_probable_class():
    rows = [[0.2, 0.5, 0.3], [0.4, 0.4, 0.2], [0.1, 0.1, 0.8]]
    assert answers(rows, THREE) == [("fair", 0.5), ("bad", 0.4), ("good", 0.8)]


@pytest.mark.parametrize(
    ("threshold", "expected"), [(0.5, "no no yes"), (0.3, "no yes yes"), (0.9, "no no no")]
)
def test_a_threshold_moves_the_second_class(threshold: float, expected: str):
    rows = [[0.8, 0.2], [0.7, 0.3], [0.2, 0.8]]
    found = answers(rows, TWO, threshold=threshold)
    assert [label for label, _ in found] == expected.split()
    chosen = [TWO.index(label) for label, _ in found]
    assert [score for _, score in found] == [
        row[index] for row, index in zip(rows, chosen, strict=True)
    ]


def test_a_score_below_the_bound_has_no_class_and_keeps_its_value():
    rows = [[0.3, 0.7], [0.2, 0.8], [0.9, 0.1]]
    found = answers(rows, TWO, abstain_below=0.8, abstain_label="ask")
    assert found == [("ask", 0.7), ("yes", 0.8), ("no", 0.9)]


def test_a_model_that_diverged_is_not_sure():
    assert answers([[np.nan, np.nan]], TWO, abstain_below=0.1)[0][0] == "unsure"


def test_the_same_operations_run_in_a_graph():
    options = AnswerOptions(threshold=0.3, abstain_below=0.5)
    rows = tf.constant([[0.8, 0.2], [0.6, 0.4], [0.2, 0.8]])

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32)])
    def compiled(probabilities):
        return label_and_score(tempered(probabilities, 2.0), tf.constant(TWO), options)

    eager = label_and_score(tempered(rows, 2.0), TWO, options)
    for name, values in compiled(rows).items():
        np.testing.assert_array_equal(values, eager[name])
    assert compiled(tf.zeros([0, 2]))["label"].shape == [0]


@pytest.mark.parametrize("temperature", [0.1, 0.5, 1.7, 10.0])
def test_the_temperature_divides_logits(temperature: float):
    logits = np.random.default_rng(1).normal(0, 4, [500, 4]).astype(np.float32)
    found = tempered(tf.nn.softmax(logits), temperature)
    np.testing.assert_allclose(found, tf.nn.softmax(logits / temperature), atol=2e-6)


@pytest.mark.parametrize("temperature", [0.1, 0.37, 1.3, 3.0, 10.0])
@pytest.mark.parametrize("classes", [2, 3, 50])
def test_the_first_class_stays_the_first(temperature: float, classes: int):
    """Among them are ties, and neighbours that rounding could make equal, or change over."""
    random = np.random.default_rng(classes)
    logits = random.normal(0, 10, [20_000, classes])
    probabilities = tf.nn.softmax(tf.constant(logits, tf.float32)).numpy()
    probabilities[:10_000, 0] = random.uniform(0.5, 0.9, 10_000)
    probabilities[:10_000, 1] = probabilities[:10_000, 0]
    probabilities[:9_000, 1] = np.nextafter(probabilities[:9_000, 1], np.float32(1))
    probabilities[:3_000, 0] = np.nextafter(probabilities[:3_000, 1], np.float32(1))
    found = tempered(probabilities, temperature)
    np.testing.assert_array_equal(tf.argmax(found, axis=1), tf.argmax(probabilities, axis=1))
    np.testing.assert_allclose(tf.reduce_sum(found, axis=1), 1.0, atol=1e-5)


def test_an_impossible_class_stays_nearly_so_and_a_model_that_diverged_as_it_is():
    found = tempered(tf.constant([[0.0, 1.0], [np.nan, np.nan]]), 2.0).numpy()
    np.testing.assert_allclose(found[0], [0, 1], atol=1e-6)
    assert np.isnan(found[1]).all()


@pytest.mark.parametrize(
    ("options", "class_names", "message"),
    [
        ({"threshold": 0.3}, THREE, "3"),
        ({"threshold": 0.3}, ["alone"], "1"),
        ({"abstain_below": 0.6}, ["sure", "unsure"], "unsure"),
        ({"abstain_below": 0.6, "abstain_label": "no"}, TWO, "no"),
        ({"abstain_below": 0.6, "abstain_label": "n\u200bo "}, TWO, "as a reader sees it"),
    ],
)
def test_what_does_not_fit_the_classes_is_refused(options, class_names, message: str):
    with pytest.raises(InputError, match=message):
        AnswerOptions(**options).require_fit(class_names)


@pytest.mark.parametrize("name", ["a\x1b[2J", "a\nb", "a\tb", "a\u202eb", "\u200b", " "])
def test_a_label_that_moves_a_cursor_or_is_not_seen_is_refused(name: str):
    with pytest.raises(InputError, match="abstain-label cannot be"):
        AnswerOptions(abstain_label=name)


def test_a_label_may_have_joined_letters():
    assert AnswerOptions(abstain_label="नहीं\u200d पता").abstain_label == "नहीं\u200d पता"


def test_a_class_may_be_called_unsure_where_the_model_never_is():
    AnswerOptions(threshold=0.3).require_fit(["sure", "unsure"])
