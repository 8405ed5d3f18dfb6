"""Measures a step of fine-tuning by the engine, over the same step by the encoder's SavedModel.

    python benchmarks/engine_step.py            # the small ALBERT, 16 reviews of 96 tokens: minutes
    python benchmarks/engine_step.py --quick    # a tiny step: shows that it works
    python benchmarks/engine_step.py --encoder FOLDER --tokens 128 --precision bfloat16

Both sides run in one process, in turn, at the same precision, and are measured in processor seconds
over the number of cores: other work on the machine counts little. What XLA's programs cost is
measured as what the first step of a further length takes more than a later one; divided by what a
step gains, it is the number of steps of one length from which the engine pays.
"""

import argparse
import itertools
import os
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from figures import Figure, add_results_option, publish
from in_turn import REPEATS, measure_in_turn, median_ratio, processor_seconds

from albert_tfx.options import BFLOAT16, FLOAT32, XLA_AUTO, XLA_OFF

MINI = Path(__file__).resolve().parents[1] / "assets" / "albert_en_mini"
ENGINE, SAVED_MODEL = "engine", "SavedModel"


def measure(
    encoder: Path, batch_size: int, tokens: int, precision: str, repeats: int
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Returns, for both sides, the seconds of each step measured, and those of the first.

    The function is traced before, on reviews of half the length.
    """
    steps = {
        ENGINE: _step(encoder, batch_size, tokens, precision=precision, xla=XLA_AUTO),
        SAVED_MODEL: _step(encoder, batch_size, tokens, precision=precision, xla=XLA_OFF),
    }
    for step in steps.values():
        step()
    first = {name: processor_seconds(step) for name, step in steps.items()}
    timed = {name: (lambda step=step: processor_seconds(step)) for name, step in steps.items()}
    return measure_in_turn(timed, repeats), first


def _step(encoder: Path, batch_size: int, tokens: int, **chosen: str) -> Callable[[], Any]:
    from fine_tuning import train_function

    from albert_tfx.contract import FINE_TUNED
    from pipelines.presets import BASE_RECIPE, trainer_options

    options = trainer_options(
        FINE_TUNED, BASE_RECIPE, encoder=str(encoder), batch_size=batch_size, dropout=0.0, **chosen
    )
    step, batches = train_function(options), _batches(batch_size, tokens)
    return lambda: [float(value) for value in step(batches).values()]


def _batches(batch_size: int, tokens: int) -> Iterator[Any]:
    import tensorflow as tf

    shorter = tf.ones([batch_size, tokens // 2], tf.int32)
    ids = tf.random.stateless_uniform([batch_size, tokens], [1, 2], 5, 1000, tf.int32)
    labels = tf.range(batch_size, dtype=tf.int64) % 2
    # As in training, the step is traced once for all lengths.
    signature = (tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int64))
    stream = tf.data.Dataset.from_generator(
        lambda: itertools.chain([(shorter, labels)], itertools.repeat((ids, labels))),
        output_signature=signature,
    )
    return iter(stream)


def figures_of(found: dict[str, list[float]], first: dict[str, float], what: str) -> list[Figure]:
    """Returns what is worth quoting."""
    medians = {name: statistics.median(values) for name, values in found.items()}
    compiling = {name: first[name] - medians[name] for name in found}
    gain = medians[SAVED_MODEL] - medians[ENGINE]
    more = compiling[ENGINE] - compiling[SAVED_MODEL]
    return [
        *(Figure(f"step, {what}, {name}", medians[name], "s") for name in found),
        Figure(
            f"step, {what}, SavedModel over engine",
            median_ratio(found[SAVED_MODEL], found[ENGINE]),
            "times",
            ">= 2.0",
        ),
        Figure(f"compiling, {what}", more, "s"),
        Figure(f"break-even, {what}", more / gain if gain > 0 else float("inf"), "steps"),
    ]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tiny step")
    parser.add_argument("--encoder", type=Path, default=MINI, help="folder of an encoder")
    parser.add_argument("--batch-size", type=int, default=16, help="reviews in a step")
    parser.add_argument("--tokens", type=int, default=96, help="of each review")
    parser.add_argument("--precision", choices=(FLOAT32, BFLOAT16), default=FLOAT32)
    add_results_option(parser)
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.batch_size, chosen.tokens = 2, 8
    found, first = measure(
        chosen.encoder,
        chosen.batch_size,
        chosen.tokens,
        chosen.precision,
        2 if chosen.quick else REPEATS,
    )
    what = f"{chosen.batch_size} x {chosen.tokens} in {chosen.precision}"
    command = f"python benchmarks/engine_step.py --precision {chosen.precision}"
    if chosen.quick:
        command += " --quick"
    elif chosen.encoder != MINI:
        command += f" --encoder FOLDER --batch-size {chosen.batch_size} --tokens {chosen.tokens}"
    publish(figures_of(found, first, what), command, chosen.results)


if __name__ == "__main__":
    main()
