"""Measures both models on all test reviews, with the small ALBERT's pretraining and without it.

    python benchmarks/pretraining_worth.py                           # the sample reviews; minutes
    python benchmarks/pretraining_worth.py --dataset imdb_reviews --sequence-length 128 256 512
    python benchmarks/pretraining_worth.py --quick                   # 200 reviews; decides nothing

Each encoder goes through whole runs of `local_runner.py`. A run reports only its winner on the
`test` split, so the frozen and the fine-tuned model that it exported are asked here for the rest.
`random` is the same encoder with every weight drawn anew, as ALBERT starts (normal of deviation
0.02, truncated; Lan et al. 2020). Its encoder's rate, its epochs and batches are the same; its head
has the defaults of an encoder that is not ours: half the rate, and dropout of 0.1. The figures of
one length are kept before the next is begun.
"""

import argparse
import os
import shlex
import tempfile
from pathlib import Path

import encoder_shapes
import tested_run
from figures import add_results_option, publish

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

MINI, RANDOM = ENCODERS = ("mini", "random")
BARS = {(MINI, 256): {"frozen": ">= 0.85", "fine_tuned": ">= 0.88"}}
DEVIATION = 0.02


def save_with_random_weights(encoder: Path, folder: Path, seed: int = 1) -> None:
    """Saves the encoder of one folder in another, with every weight drawn anew."""
    import tensorflow as tf

    model = tf.saved_model.load(str(encoder))
    for number, variable in enumerate(model.variables):
        if variable.name.endswith(("gamma:0", "beta:0", "bias:0")):
            variable.assign(tf.fill(variable.shape, float(variable.name.endswith("gamma:0"))))
        else:
            variable.assign(
                tf.random.stateless_truncated_normal(variable.shape, [seed, number], 0, DEVIATION)
            )
    tf.saved_model.save(model, str(folder))


def options_of(encoder: str, dataset: str, folder: Path) -> list[str]:
    """Returns the options by which a run takes an encoder; `folder` receives a random one."""
    from pipelines.presets import MINI_ENCODER, MINI_PREPROCESSOR, recipe_of

    if encoder == MINI:
        return []
    save_with_random_weights(encoder_shapes.MINI, folder)
    recipe = recipe_of(MINI_ENCODER, dataset).fine_tuned
    return [
        f"--encoder={folder}",
        f"--preprocessor={MINI_PREPROCESSOR}",
        f"--batch-size={recipe['batch_size']}",
        f"--fine-tuned-epochs={recipe['epochs']}",
        f"--fine-tuned-learning-rate={recipe['encoder_learning_rate']}",
    ]


def main() -> None:
    """Runs, prints, records."""
    arguments = _parser().parse_args()
    count = 200 if arguments.quick else None
    limits = [f"--max-examples={count}", "--fine-tuned-epochs=1"] if count else []
    command = ["python", "benchmarks/pretraining_worth.py", f"--dataset={arguments.dataset}"]
    command += ["--quick"] if arguments.quick else []
    texts, labels = tested_run.test_reviews(arguments.dataset, count)
    for length in arguments.sequence_length:
        figures = []
        for encoder in arguments.encoders:
            with tempfile.TemporaryDirectory() as folder:
                chosen = options_of(encoder, arguments.dataset, Path(folder, "encoder"))
                data = [f"--dataset={arguments.dataset}", f"--sequence-length={length}"]
                figures += tested_run.measure(
                    f"{encoder}, {length} tokens",
                    Path(folder, "output"),
                    [*data, *chosen, *limits],
                    texts,
                    labels,
                    BARS.get((encoder, length), {}),
                )
        repeated = [*command, f"--sequence-length={length}", "--encoders", *arguments.encoders]
        publish(figures, shlex.join(repeated), arguments.results)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", default="sample_reviews", help="(default: %(default)s)")
    parser.add_argument(
        "--sequence-length", type=int, nargs="+", default=[96], metavar="N", help="(default: 96)"
    )
    parser.add_argument(
        "--encoders", nargs="+", choices=ENCODERS, default=ENCODERS, help="(default: both)"
    )
    parser.add_argument("--quick", action="store_true", help="200 reviews, one epoch")
    add_results_option(parser)
    return parser


if __name__ == "__main__":
    main()
