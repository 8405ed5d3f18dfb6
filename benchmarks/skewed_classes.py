"""Measures what `--class-weights balanced` gains where 5 % of the texts are of one class.

    python benchmarks/skewed_classes.py            # 2,000 texts to train on, 4,000 to measure on
    python benchmarks/skewed_classes.py --quick    # 300 and 300: shows that it works

The texts are messages to a support desk, composed here: 19 in 20 ask about something ordinary, one
in 20 reports that something is broken. They share most of their words, and one message in ten says
too little to tell. The yardstick and the frozen model's head, on vectors of the small ALBERT, are
each trained with and without the weights on the same texts.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from figures import Figure, add_results_option, publish
from sklearn.metrics import accuracy_score, f1_score, recall_score

RARE_SHARE, VAGUE_SHARE = 0.05, 0.1
TRAIN, TEST, QUICK = 2_000, 4_000, 300
THINGS = (
    *("invoice", "login page", "export", "calendar", "search", "upload", "report", "dashboard"),
    *("mobile app", "printer driver", "backup", "mailing list", "shared folder", "password form"),
)
OPENINGS = ("Hello,", "Good morning,", "Hi team,", "Dear support,", "A question:", "", "Hi,")
ORDINARY = (
    "could you tell me how the {0} works together with the {1}?",
    "I would like to change the colours of the {0}, and of the {1} as well.",
    "where do I find the manual of the {0}?",
    "is the {0} part of our plan, or only the {1}?",
    "please add a colleague to the {0}; she uses the {1} already.",
    "we do not need the {0} any more, only the {1}.",
    "thank you for the {0}, it works as well as the {1} did.",
)
BROKEN = (
    "since this morning the {0} does not open, though the {1} does.",
    "the {0} lost what we entered, and the {1} shows nothing.",
    "nobody here can reach the {0}; the {1} is not affected.",
    "the {0} stops each time the {1} is opened.",
    "after the change of the {1}, the {0} no longer answers.",
)
VAGUE = (
    "it is about the {0} and the {1}.",
    "please look at the {0}.",
    "a word on the {0}, please.",
)
CLOSINGS = ("Thanks!", "Best regards", "It is not urgent.", "Please answer soon.", "", "Cheers")


def compose(count: int, seed: int) -> tuple[list[bytes], np.ndarray]:
    """Composes messages, and labels that are 1 where something is broken."""
    random = np.random.default_rng(seed)
    labels = (np.arange(count) < round(RARE_SHARE * count)).astype(np.int64)
    random.shuffle(labels)
    return [_message(random, bool(label)).encode() for label in labels], labels


def _message(random: np.random.Generator, is_broken: bool) -> str:
    own = BROKEN if is_broken else ORDINARY
    sentence = random.choice(VAGUE if random.random() < VAGUE_SHARE else own)
    things = random.choice(THINGS, size=2, replace=False)
    parts = (random.choice(OPENINGS), sentence.format(*things), random.choice(CLOSINGS))
    return " ".join(filter(None, parts))


def measure(name: str, labels: np.ndarray, answers: np.ndarray) -> list[Figure]:
    """Returns how a model's answers do."""
    values = {
        "recall of the rare class": recall_score(labels, answers),
        "macro F1": f1_score(labels, answers, average="macro"),
        "accuracy": accuracy_score(labels, answers),
    }
    return [Figure(f"{name}: {what}", float(value), "") for what, value in values.items()]


def yardstick(
    texts: list[bytes], labels: np.ndarray, class_weights: str
) -> Callable[[list[bytes]], np.ndarray]:
    """Trains the yardstick; returns what answers texts."""
    from albert_tfx.options import YardstickOptions
    from albert_tfx.yardstick import training

    model = training.train(texts, labels, YardstickOptions(class_weights))
    return lambda others: model.predict(others)


def embed(texts: list[bytes]) -> np.ndarray:
    """Returns the small ALBERT's vectors, float32 `[texts, hidden_size]`."""
    import tensorflow as tf

    from albert_tfx.modeling import tokens
    from albert_tfx.modeling.encoder import PooledEncoder
    from pipelines import presets

    preprocessor = tokens.load_preprocessor(presets.MINI_PREPROCESSOR)
    special = preprocessor.tokenize.get_special_tokens_dict()
    encoder = PooledEncoder(presets.MINI_ENCODER, "mean", trainable=False)
    parts = []
    for first in range(0, len(texts), 256):
        pieces = tokens.tokenize(preprocessor, tf.constant(texts[first : first + 256]))
        ids = tokens.add_special_tokens(
            pieces, special["start_of_sequence_id"], special["end_of_segment_id"]
        )
        parts.append(encoder(tf.cast(ids, tf.int32).to_tensor()).numpy())
    return np.concatenate(parts)


def frozen(
    vectors: np.ndarray, labels: np.ndarray, class_weights: str
) -> Callable[[np.ndarray], np.ndarray]:
    """Trains the frozen model's head as the Trainer does; returns what answers vectors."""
    import tensorflow as tf

    from albert_tfx.contract import FROZEN
    from albert_tfx.modeling import batches, training
    from albert_tfx.modeling.classifier import build_head
    from albert_tfx.options import BALANCED
    from pipelines import presets

    options = presets.trainer_options(FROZEN, presets.MINI_RECIPE, encoder=presets.MINI_ENCODER)
    tf.keras.utils.set_random_seed(options.seed)
    reviews = tf.data.Dataset.from_tensor_slices((vectors, labels))
    head = build_head(options, vectors.shape[1], 2)
    epochs, steps = training.extent(options, len(labels))
    training.configure(head, options, epochs * steps)
    weights = batches.balanced_weights(labels) if class_weights == BALANCED else None
    stream = batches.training_batches(reviews, options.batch_size, options.seed)
    weighted = batches.weighted(stream, weights)
    head.fit(weighted, steps_per_epoch=steps, epochs=epochs, verbose=0)
    return lambda others: head.predict(others, verbose=0).argmax(axis=1)


def run(train: int, test: int) -> list[Figure]:
    """Trains and measures everything."""
    (texts, labels), (others, truth) = compose(train, 1), compose(test, 2)
    vectors, other_vectors = embed(texts), embed(others)
    found = []
    for weights in ("none", "balanced"):
        answers = yardstick(texts, labels, weights)(others)
        found += measure(f"yardstick, weights {weights}", truth, answers)
        answers = frozen(vectors, labels, weights)(other_vectors)
        found += measure(f"frozen, weights {weights}", truth, answers)
    return found


def main() -> None:
    """Prints and keeps the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} texts on each side")
    add_results_option(parser)
    arguments = parser.parse_args()
    sizes = (QUICK, QUICK) if arguments.quick else (TRAIN, TEST)
    command = f"python benchmarks/{Path(__file__).name}{' --quick' if arguments.quick else ''}"
    publish(run(*sizes), command, arguments.results)


if __name__ == "__main__":
    main()
