"""Converts a real encoder and compares it with transformers on PyTorch.

    python benchmarks/real_encoder.py            # MiniLM, 5,000 reviews of IMDB: minutes
    python benchmarks/real_encoder.py --quick    # 50 sample reviews: shows that it works
    python benchmarks/real_encoder.py --source FOLDER    # another encoder with BERT's tokenizer
    python benchmarks/real_encoder.py --train 128 256    # whole runs on IMDB, too: hours
    python benchmarks/real_encoder.py --train 256 -- --train-split 'train[:10%]'

The encoder is all-MiniLM-L6-v2, 22.7 million weights, from a package that the peer's environment
holds (benchmarks/requirements-encoder.txt). Compared are

  - what the converted encoder makes of reviews, with `AutoModel` in float32;
  - the tokens that the preprocessor cuts, with BERT's slow tokenizer (`BertTokenizerLegacy`), on
    reviews and on sentences in fourteen languages (sample_sentences.py). A token differs where the
    longest common subsequence of both sides leaves it out.
"""

import argparse
import dataclasses
import difflib
import os
import resource
import shlex
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import peer
import tensorflow as tf
import tensorflow_hub
import transformed_reviews
import whole_run
from figures import Figure, add_results_option, publish
from measured_run import run
from sample_sentences import SENTENCES

from albert_tfx.encoders import conversion, facts

REVIEWS, QUICK_REVIEWS = 5000, 50
COMPARED, LENGTH, AT_ONCE = 64, 128, 100
OUTPUTS_BAR, TOKENS_BAR = "<= 1e-05", ">= 99.9"
ODD, REVIEW_TEXTS = "odd", "reviews"
IMDB = "imdb_reviews"
QUICK_RUN = [f"--max-examples={QUICK_REVIEWS}", "--frozen-epochs=1", "--fine-tuned-epochs=1"]


def converted(source: str, folder: Path) -> tuple[Path, list[Figure]]:
    """Converts a model folder; returns the conversion, and what it took."""
    started = time.perf_counter()
    known = conversion.convert(source, folder)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return folder, [
        Figure("weights of the encoder", known.parameters, "weights"),
        Figure("conversion", seconds, "seconds"),
        Figure("peak memory after it", peak, "MiB"),
    ]


def compare_outputs(
    theirs: peer.Peer, source: str, folder: Path, texts: Sequence[str], scratch: Path
) -> list[Figure]:
    """Returns the largest difference of each output over the real tokens of some texts."""
    preprocessor = tensorflow_hub.load(str(folder / facts.PREPROCESSOR))
    tokens = preprocessor.tokenize(tf.constant(texts))
    inputs = preprocessor.bert_pack_inputs([tokens], tf.constant(LENGTH))
    np.savez(scratch / "inputs.npz", **{key: value.numpy() for key, value in inputs.items()})
    names = theirs.ask(
        "encode",
        folder=source,
        inputs=str(scratch / "inputs.npz"),
        outputs=str(scratch / "outputs.npz"),
    )
    expected = np.load(scratch / "outputs.npz")
    made = tensorflow_hub.KerasLayer(str(folder / facts.ENCODER))(inputs)
    real = {"sequence_output": inputs["input_mask"].numpy() == 1}
    return [
        Figure(
            f"largest difference of {name}",
            float(np.abs(made[name].numpy() - expected[name])[real.get(name, ...)].max()),
            "",
            OUTPUTS_BAR,
        )
        for name in names
    ]


def compare_tokens(
    theirs: peer.Peer, source: str, folder: Path, texts: dict[str, Sequence[str]]
) -> list[Figure]:
    """Returns the share of equal tokens by kind of text."""
    tokenize = tensorflow_hub.load(str(folder / facts.PREPROCESSOR)).tokenize
    expected = {
        kind: theirs.ask("tokens", folder=source, texts=list(some)) for kind, some in texts.items()
    }
    made = {kind: ids(tokenize, some) for kind, some in texts.items()}
    languages = [kind for kind in SENTENCES if kind != ODD]
    together = equal_share(
        *([row for kind in languages for row in of[kind]] for of in (expected, made))
    )
    return [
        *(
            Figure(f"equal tokens, {kind}", 100 * equal_share(expected[kind], made[kind]), "%")
            for kind in SENTENCES
        ),
        Figure(f"equal tokens, {len(languages)} languages", 100 * together, "%", TOKENS_BAR),
        Figure(
            f"equal tokens, {len(texts[REVIEW_TEXTS]):,} reviews",
            100 * equal_share(expected[REVIEW_TEXTS], made[REVIEW_TEXTS]),
            "%",
            TOKENS_BAR,
        ),
    ]


def ids(tokenize: Any, texts: Sequence[str]) -> list[list[int]]:
    """Returns the ids of each text."""
    starts = range(0, len(texts), AT_ONCE)
    batches = [tokenize(tf.constant(texts[start : start + AT_ONCE])) for start in starts]
    return [row for batch in batches for row in batch.to_list()]


def equal_share(expected: Sequence[Sequence[int]], made: Sequence[Sequence[int]]) -> float:
    """Returns the share of the expected tokens that are made, in their order.

    >>> equal_share([[1, 2, 3], [4]], [[1, 3], [4, 5]])
    0.75
    """
    pairs = list(zip(expected, made, strict=True))
    equal = sum(_common(left, right) for left, right in pairs)
    return equal / max(sum(len(left) for left, _ in pairs), 1)


def _common(left: Sequence[int], right: Sequence[int]) -> int:
    if left == right:
        return len(left)
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks())


def read_reviews(is_quick: bool) -> list[str]:
    """Returns IMDB's first test reviews, or sample reviews."""
    if is_quick:
        return [str(r["text"]) for r in transformed_reviews.sample_reviews(QUICK_REVIEWS, "test")]
    import tensorflow_datasets as tfds

    examples = tfds.load(IMDB, split=f"test[:{REVIEWS}]")
    return [example["text"].decode() for example in tfds.as_numpy(examples)]


def trained(
    source: str, lengths: Sequence[int], options: Sequence[str], is_quick: bool
) -> list[Figure]:
    """Returns what a whole run reaches and costs at each length; see `whole_run.figures_of`."""
    data = ["--dataset=sample_reviews", *QUICK_RUN] if is_quick else [f"--dataset={IMDB}"]
    figures = []
    for length in lengths:
        with tempfile.TemporaryDirectory() as folder:
            chosen = [*data, f"--encoder={source}", f"--sequence-length={length}", *options]
            measured = run(Path(folder, "output"), chosen)
        found = whole_run.figures_of(measured, is_sample=False)
        figures += [
            dataclasses.replace(each, name=f"{length} tokens, {each.name}") for each in found
        ]
    return figures


def main() -> None:
    """Measures and publishes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", metavar="FOLDER", help="model folder (default: MiniLM)")
    parser.add_argument("--quick", action="store_true", help="few sample reviews")
    parser.add_argument(
        "--train", type=int, nargs="+", default=[], metavar="N", help="tokens of whole runs"
    )
    parser.add_argument("options", nargs="*", help="options of local_runner.py, after --")
    peer.add_peer_option(parser)
    add_results_option(parser)
    arguments = parser.parse_args()
    reviews = read_reviews(arguments.quick)
    with peer.start(arguments.peer_python) as theirs, tempfile.TemporaryDirectory() as scratch:
        model = arguments.source or theirs.ask("minilm", folder=scratch)
        folder, figures = converted(model, Path(scratch, "converted"))
        figures += compare_outputs(theirs, model, folder, reviews[:COMPARED], Path(scratch))
        figures += compare_tokens(theirs, model, folder, {**SENTENCES, REVIEW_TEXTS: reviews})
        if arguments.train:
            figures += trained(model, arguments.train, arguments.options, arguments.quick)
    publish(figures, _command(arguments), arguments.results)


def _command(arguments: argparse.Namespace) -> str:
    source = ["--source", "FOLDER"] if arguments.source else []
    quick = ["--quick"] if arguments.quick else []
    train = ["--train", *map(str, arguments.train)] if arguments.train else []
    options = ["--", *arguments.options] if arguments.options else []
    return shlex.join(["python", "benchmarks/real_encoder.py", *source, *quick, *train, *options])


if __name__ == "__main__":
    main()
