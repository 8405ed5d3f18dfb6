"""Measures from how many tokens of a length on XLA pays for EmbeddingGen.

    python benchmarks/compiled_embedding.py            # the small ALBERT; some minutes
    python benchmarks/compiled_embedding.py --quick    # one tiny batch: shows that it works
    python benchmarks/compiled_embedding.py --encoder FOLDER --batch-size 16 --lengths 32 96

A batch is run as it is and compiled, in turn, in processor seconds over the number of cores. What
compiling costs is measured as what the first batch of a length takes more than a later one, and as
what it takes to prepare the encoder, once. Divided by what a batch gains, it is what must come.
"""

import argparse
import os
import shlex
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from figures import Figure, add_results_option, publish
from in_turn import REPEATS, measure_in_turn, processor_seconds

MINI = Path(__file__).resolve().parents[1] / "assets" / "albert_en_mini"
LENGTHS, BATCH_SIZE = (12, 24, 48, 96), 64
PLAIN, COMPILED = "as it is", "compiled"


class Embedding:
    """The frozen encoder, as it is and compiled."""

    def __init__(self, encoder: Path, batch_size: int) -> None:
        """Loads and prepares it; `prepared` is the seconds that XLA's side took."""
        import tensorflow as tf

        from albert_tfx.modeling.encoder import PooledEncoder

        frozen = PooledEncoder(str(encoder), "mean", trainable=False)
        self._batch_size = batch_size
        plain = tf.function(frozen, reduce_retracing=True)
        for length in (2, 3):  # traced for one length, then for any
            plain(tf.ones([batch_size, length], tf.int32))
        started = time.process_time()
        self._run: dict[str, Callable[..., Any]] = {
            PLAIN: plain,
            COMPILED: frozen.compiled_inference(),
        }
        self.prepared = (time.process_time() - started) / (os.cpu_count() or 1)

    def seconds(self, name: str, length: int) -> float:
        """Returns the processor seconds of one batch, over the number of cores."""
        import tensorflow as tf

        ids = tf.random.stateless_uniform([self._batch_size, length], [1, 2], 5, 11, tf.int32)
        return processor_seconds(lambda: self._run[name](ids).numpy())


def measure(embedding: Embedding, length: int, repeats: int) -> dict[str, list[float]]:
    """Returns the seconds of the first batch of a length, then of others, for both sides."""
    first = {name: embedding.seconds(name, length) for name in (PLAIN, COMPILED)}
    timed = {name: (lambda name=name: embedding.seconds(name, length)) for name in first}
    later = measure_in_turn(timed, repeats)
    return {name: [first[name], *later[name]] for name in first}


def figures_of(found: dict[str, list[float]], length: int, batch_size: int) -> list[Figure]:
    """Returns what is worth quoting of one length."""
    medians = {name: statistics.median(seconds[1:]) for name, seconds in found.items()}
    gain = medians[PLAIN] - medians[COMPILED]
    cost = found[COMPILED][0] - medians[COMPILED]
    tokens = cost / gain * batch_size * length if gain > 0 else float("inf")
    what = f"{batch_size} x {length}"
    return [
        *(Figure(f"batch, {what}, {name}", seconds, "s") for name, seconds in medians.items()),
        Figure(f"compiling, {what}", cost, "s"),
        Figure(f"break-even, {what}", tokens, "tokens"),
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one tiny batch")
    parser.add_argument("--encoder", type=Path, default=MINI, help="folder of an encoder")
    parser.add_argument("--batch-size", type=int, default=BATCH_SIZE, help="(default: %(default)s)")
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, help="tokens of a text")
    add_results_option(parser)
    return parser


def _command(encoder: Path, batch_size: int, lengths: Sequence[int], quick: bool) -> str:
    command = ["python", "benchmarks/compiled_embedding.py"]
    if quick:
        return shlex.join([*command, "--quick"])
    if encoder != MINI:
        command += ["--encoder", "FOLDER", "--batch-size", str(batch_size)]
        command += ["--lengths", *map(str, lengths)]
    return shlex.join(command)


def main() -> None:
    """Measures and prints."""
    chosen = _parser().parse_args()
    if chosen.quick:
        chosen.batch_size, chosen.lengths = 2, [4]
    embedding = Embedding(chosen.encoder, chosen.batch_size)
    figures = [Figure("preparing the encoder for XLA, once", embedding.prepared, "s")]
    for length in chosen.lengths:
        found = measure(embedding, length, 2 if chosen.quick else REPEATS)
        figures += figures_of(found, length, chosen.batch_size)
    command = _command(chosen.encoder, chosen.batch_size, chosen.lengths, chosen.quick)
    publish(figures, command, chosen.results)


if __name__ == "__main__":
    main()
