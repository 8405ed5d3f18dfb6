"""Asks a pushed model for hostile texts, a million of them, and counts what is not as it should be.

    python benchmarks/hostile_texts.py --model output/serving/1795569553
    python benchmarks/hostile_texts.py --model output/serving/1795569553 --quick    # 2,000 texts

Any bytes may be asked for: random ones, cut and overlong UTF-8, every plane of Unicode, control
characters, tokens that mean something to the encoder, and words. Probabilities have to be finite
and to sum to 1, the labels the same for all; and the answer to a text has to be the same, to 1e-5,
alone, among others, in another order, beside one that is far longer, and as a `tf.train.Example`.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from figures import Figure, add_results_option, publish

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops of tokenization

TOLERANCE = 1e-5
_BATCHES = (1, 2, 63, 64, 65, 256, 512)
_TOKENS = [
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "<pad>",
    "<unk>",
    "[PAD]",
    "[UNK]",
    "</s>",
    "▁",
    "##ing",
    "<0x00>",
    "[unused1]",
]
_WORDS = [
    "the",
    "film",
    "was",
    "good",
    "bad",
    "lovely",
    "awful",
    "not",
    "a",
    "I",
    "of",
    "to",
    "and",
    "it",
    "in",
    "is",
    "that",
    "this",
    "as",
    "with",
]
_SPACES = "\u00a0\u1680\u2003\u2028\u2029\u3000\t\n\r\x0b\x0c"
_EMOJI = ["😀", "👨\u200d👩\u200d👧\u200d👦", "🏳️\u200d🌈", "🇩🇪", "👍🏿", "❤️", "🧿", "©️"]
_MARKUP = (
    "<br /><script>alert(1)</script>&lt;&#0; {{7*7}} ${jndi:ldap://x} %s%n =1+1 \x1b[31m \ufeff"
)
_OVERLONG = (b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xfe\xff")


class Texts:
    """Draws hostile texts, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.kinds: tuple[Callable[[], bytes], ...] = (
            lambda: self._random.randbytes(self._below(200)),
            lambda: self._some(_OVERLONG, 30, b""),
            lambda: self._characters("é漢😀", 20)[: self._below(40)],
            lambda: self._range(0, 0x1F, 100),
            lambda: self._range(0x7F, 0x9F, 60),
            lambda: self._range(0x300, 0x36F, 100),
            lambda: self._range(0x590, 0x6FF, 150),
            lambda: self._range(0x200B, 0x206F, 60),
            lambda: self._range(0x4E00, 0x9FFF, 200),
            lambda: self._range(0xD800, 0xDFFF, 60),
            lambda: self._range(0xE000, 0xF8FF, 60),
            lambda: self._range(0x10000, 0x10FFFF, 60),
            lambda: self._characters(_SPACES, 80),
            lambda: self._some(_EMOJI, 80, "").encode(),
            lambda: self._some(_TOKENS, 40, " ").encode(),
            lambda: self._some(_TOKENS + _WORDS, 40, "").encode(),
            lambda: self._some(_MARKUP.split(" "), 20, " ").encode(),
            lambda: self._some(_WORDS, 120, " ").encode(),
            lambda: self._random.choice("aZ9漢é😀.\0").encode() * self._below(3000),
            lambda: b"",
        )

    def draw(self, count: int) -> list[bytes]:
        """Returns so many texts, of any kinds."""
        return [self._random.choice(self.kinds)() for _ in range(count)]

    def batch(self) -> list[bytes]:
        """Returns texts for one request."""
        return self.draw(self._random.choice(_BATCHES))

    def order(self, count: int) -> list[int]:
        """Returns the numbers below `count` in some order."""
        return self._random.sample(range(count), count)

    def _below(self, most: int) -> int:
        return self._random.randrange(most)

    def _range(self, first: int, last: int, most: int) -> bytes:
        drawn = (chr(self._random.randint(first, last)) for _ in range(self._below(most)))
        return "".join(drawn).encode("utf-8", "surrogatepass")

    def _characters(self, among: str, most: int) -> bytes:
        return "".join(self._random.choices(among, k=self._below(most))).encode()

    def _some(self, among: Sequence[Any], most: int, between: Any) -> Any:
        return between.join(self._random.choices(among, k=self._below(most)))


class Checks:
    """Asks a model, and keeps count of what it answered."""

    def __init__(self, model: Any, texts: Texts) -> None:
        self._by_text = model.signatures["classify_text"]
        self._by_example = model.signatures["serving_default"]
        self._texts = texts
        self._labels = self._by_text(text=tf.constant([""]))["labels"].numpy()[0].tolist()
        self.counts = dict.fromkeys(("texts", "not finite", "other labels", "compared"), 0)
        self.worst = dict.fromkeys(("sum", "order", "companions", "signatures"), 0.0)

    def ask(self, number: int) -> None:
        """Checks one batch; of four in turn, three are compared with the same texts otherwise."""
        batch = self._texts.batch()
        answers = self._by_text(text=tf.constant(batch))
        found = answers["probabilities"].numpy().astype(np.float64)
        self.counts["texts"] += len(batch)
        self.counts["not finite"] += int((~np.isfinite(found)).any(axis=1).sum())
        self.counts["other labels"] += sum(
            each.tolist() != self._labels for each in answers["labels"].numpy()
        )
        self._note("sum", found.sum(axis=1) - 1)
        compare = (self._in_order, self._with_companions, self._as_examples, None)[number % 4]
        if compare is not None:
            compare(batch, found)

    def _in_order(self, batch: list[bytes], found: Any) -> None:
        order = self._texts.order(len(batch))
        self._note("order", self._probabilities([batch[each] for each in order]) - found[order])
        self.counts["compared"] += len(batch)

    def _with_companions(self, batch: list[bytes], found: Any) -> None:
        for index in self._texts.order(len(batch))[:8]:
            alone = self._probabilities([batch[index]])
            company = [b"far longer " * 400, batch[index], b"", *self._texts.draw(2)]
            among = self._probabilities(company)[1]
            self._note("companions", np.stack([alone[0], among]) - found[index])
            self.counts["compared"] += 2

    def _as_examples(self, batch: list[bytes], found: Any) -> None:
        examples = tf.constant([_example(text) for text in batch])
        answers = self._by_example(examples=examples)["probabilities"].numpy()
        self._note("signatures", answers - found)
        self.counts["compared"] += len(batch)

    def _probabilities(self, texts: list[bytes]) -> Any:
        return self._by_text(text=tf.constant(texts))["probabilities"].numpy()

    def _note(self, name: str, differences: Any) -> None:
        self.worst[name] = max(self.worst[name], float(np.abs(differences).max(initial=0.0)))


def _example(text: bytes) -> bytes:
    example = tf.train.Example()
    example.features.feature["text"].bytes_list.value.append(text)
    serialized: bytes = example.SerializeToString()
    return serialized


def check(model: Any, count: int, seed: int = 7) -> Checks:
    """Asks a SavedModel for at least `count` texts; returns what was found."""
    checks = Checks(model, Texts(seed))
    number = 0
    while checks.counts["texts"] < count:
        checks.ask(number)
        number += 1
        if number % 100 == 0:
            print(f"{checks.counts['texts']:,} texts", checks.worst, file=sys.stderr, flush=True)
    return checks


def main() -> None:
    """Runs, prints, records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--texts", type=int, default=1_000_000, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="(default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="2,000 texts")
    add_results_option(parser)
    arguments = parser.parse_args()
    count = 2000 if arguments.quick else arguments.texts
    started = time.monotonic()
    checks = check(tf.saved_model.load(str(arguments.model)), count, arguments.seed)
    figures = [
        *(Figure(name, number, "") for name, number in checks.counts.items()),
        *(
            Figure(f"largest difference: {name}", worst, "", f"<= {TOLERANCE:g}")
            for name, worst in checks.worst.items()
        ),
        Figure("time", time.monotonic() - started, "s"),
    ]
    command = f"python benchmarks/hostile_texts.py --texts {count} --seed {arguments.seed}"
    publish(figures, command, arguments.results)
    wrong = checks.counts["not finite"] or checks.counts["other labels"]
    sys.exit(1 if wrong or max(checks.worst.values()) > TOLERANCE else 0)


if __name__ == "__main__":
    main()
