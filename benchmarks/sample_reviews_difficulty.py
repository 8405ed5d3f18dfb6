"""Measures how hard the sample reviews are for models that do not read word order.

    python benchmarks/sample_reviews_difficulty.py
    python benchmarks/sample_reviews_difficulty.py --sequence-model
    python benchmarks/sample_reviews_difficulty.py --quick    # 500 reviews of each split

Prints the test accuracy of TF-IDF (1- and 2-grams) with logistic regression, that of the best
single word, and how long the reviews are. Takes seconds. With --sequence-model it also trains a
small convolutional network from scratch, which does read order: some minutes on two cores.
"""

import argparse
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from figures import Figure, add_results_option, publish
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

DEFAULT_FOLDER = Path(__file__).resolve().parents[1] / "assets" / "sample_reviews"
VOCABULARY_SIZE, SEQUENCE_LENGTH, DILATIONS, EPOCHS, SEED = 6000, 128, (1, 2, 4), 8, 1
QUICK_REVIEWS = 500
QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)


@dataclass(frozen=True)
class Split:
    """The reviews of one split: texts, and one bool for each, true where positive."""

    texts: list[str]
    is_positive: np.ndarray


@dataclass(frozen=True)
class Difficulty:
    """What the benchmark found. Accuracies are shares of the test split, lengths are in words."""

    train_reviews: int
    test_reviews: int
    tfidf_accuracy: float
    best_word: str
    best_word_accuracy: float
    sequence_model_accuracy: float | None
    length_quantiles: dict[str, int]


def read_split(folder: Path, name: str, most: int | None = None) -> Split:
    """Reads `<folder>/<name>.jsonl`, or its first `most` reviews."""
    lines = (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()[:most]
    reviews = [json.loads(line) for line in lines]
    labels = [review["label"] == "positive" for review in reviews]
    return Split([review["text"] for review in reviews], np.array(labels))


def tfidf_accuracy(train: Split, test: Split) -> float:
    """Accuracy of logistic regression on TF-IDF weights of 1- and 2-grams."""
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(max_iter=1000))
    return float(model.fit(train.texts, train.is_positive).score(test.texts, test.is_positive))


def best_word(train: Split, test: Split) -> tuple[str, float]:
    """The word whose presence alone tells the training labels best, and its test accuracy."""
    vectorizer = CountVectorizer(binary=True)
    agreement = _agreement(vectorizer.fit_transform(train.texts), train.is_positive)
    index = int(np.argmax(np.maximum(agreement, 1 - agreement)))
    on_test = _agreement(vectorizer.transform(test.texts), test.is_positive)[index]
    accuracy = on_test if agreement[index] >= 0.5 else 1 - on_test
    return str(vectorizer.get_feature_names_out()[index]), float(accuracy)


def _agreement(presence, is_positive: np.ndarray) -> np.ndarray:
    """For each word, the share of reviews where it is present exactly if the label is positive."""
    present_and_positive = presence.T @ is_positive
    present = np.asarray(presence.sum(axis=0)).ravel()
    positive, count = is_positive.sum(), len(is_positive)
    absent_and_negative = (count - positive) - (present - present_and_positive)
    return (present_and_positive + absent_and_negative) / count


def sequence_model_accuracy(train: Split, test: Split) -> float:
    """Accuracy of a convolutional network over the first `SEQUENCE_LENGTH` words."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    tf.keras.utils.set_random_seed(SEED)
    vectorize = tf.keras.layers.TextVectorization(
        VOCABULARY_SIZE, standardize=_separate_punctuation, output_sequence_length=SEQUENCE_LENGTH
    )
    vectorize.adapt(train.texts)
    model = _convolutional_network()
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    model.fit(vectorize(train.texts), train.is_positive, epochs=EPOCHS, verbose=2)
    return model.evaluate(vectorize(test.texts), test.is_positive, verbose=0)[1]


def _separate_punctuation(texts):
    import tensorflow as tf

    return tf.strings.regex_replace(tf.strings.lower(texts), r"([.,;:!?])", r" \1 ")


def _convolutional_network():
    from tensorflow.keras import Sequential, layers

    blocks = [
        [
            layers.Conv1D(128, 3, padding="same", dilation_rate=dilation, activation="relu"),
            layers.Dropout(0.2),
        ]
        for dilation in DILATIONS
    ]
    return Sequential(
        [
            layers.Embedding(VOCABULARY_SIZE, 96),
            layers.Dropout(0.3),
            *(layer for block in blocks for layer in block),
            layers.GlobalMaxPooling1D(),
            layers.Dropout(0.3),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def length_quantiles(*splits: Split) -> dict[str, int]:
    """Review lengths in words at a few quantiles, over all splits."""
    lengths = [len(text.split()) for split in splits for text in split.texts]
    return {f"{q:.0%}": int(np.quantile(lengths, q)) for q in QUANTILES}


def measure(folder: Path, with_sequence_model: bool, most: int | None = None) -> Difficulty:
    """Runs the benchmark on the data set in `folder`, or on `most` reviews of each split."""
    train, test = read_split(folder, "train", most), read_split(folder, "test", most)
    word, word_accuracy = best_word(train, test)
    return Difficulty(
        train_reviews=len(train.texts),
        test_reviews=len(test.texts),
        tfidf_accuracy=tfidf_accuracy(train, test),
        best_word=word,
        best_word_accuracy=word_accuracy,
        sequence_model_accuracy=(
            sequence_model_accuracy(train, test) if with_sequence_model else None
        ),
        length_quantiles=length_quantiles(train, test),
    )


def figures_of(difficulty: Difficulty) -> list[Figure]:
    """Returns what is worth quoting, accuracies as shares of the test split."""
    figures = [
        Figure("train reviews", difficulty.train_reviews, "reviews", ">= 4000"),
        Figure("test reviews", difficulty.test_reviews, "reviews"),
        Figure(
            "TF-IDF + logistic regression", difficulty.tfidf_accuracy, "accuracy", "0.80 to 0.92"
        ),
        Figure(
            f"best single word ({difficulty.best_word!r})",
            difficulty.best_word_accuracy,
            "accuracy",
            "< 0.65",
        ),
    ]
    if difficulty.sequence_model_accuracy is not None:
        figures.append(
            Figure("convolutional network", difficulty.sequence_model_accuracy, "accuracy")
        )
    return figures + [
        Figure(f"words a review, quantile {quantile}", words, "words")
        for quantile, words in difficulty.length_quantiles.items()
    ]


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=DEFAULT_FOLDER,
        help="holds train.jsonl and test.jsonl (default: %(default)s)",
    )
    parser.add_argument(
        "--sequence-model", action="store_true", help="also train a network that reads word order"
    )
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK_REVIEWS} reviews of each split"
    )
    add_results_option(parser)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Measures, prints, records."""
    options = parse_arguments(arguments)
    most = QUICK_REVIEWS if options.quick else None
    difficulty = measure(options.folder, options.sequence_model, most)
    flags = {"--sequence-model": options.sequence_model, "--quick": options.quick}
    given = [flag for flag, is_given in flags.items() if is_given]
    command = " ".join(["python benchmarks/sample_reviews_difficulty.py", *given])
    publish(figures_of(difficulty), command, options.results)


if __name__ == "__main__":
    main()
