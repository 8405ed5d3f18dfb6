"""What faster arithmetic changes in the answers of a trained model.

    python benchmarks/engine_answers.py    # a run on the sample reviews is made first
    python benchmarks/engine_answers.py --output output --split test    # a run that there is
    python benchmarks/engine_answers.py --quick    # a short run, few texts

The encoder of a run's fine-tuned model goes to transformers, and from there to ONNX Runtime and
OpenVINO, as `latency.py --engines` times them. They read the very token ids that the run made, and
the model's own head makes answers of the vectors. Each is compared with PyTorch in float32, text
by text: how many texts get another label, and what that changes of the accuracy, each with the
bounds of its 95 % interval. The exported model, at the precision of the run, stands beside them.
Wants a run with mean pooling, and benchmarks/requirements-inference.txt in the peer's environment.
"""

import argparse
import dataclasses
import json
import os
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import encoder_shapes
import measured_run
import numpy as np
import peer
import recompute_page
import safetensors.numpy
from figures import Figure, add_results_option, publish
from latency import ENGINES

from albert_tfx.encoders import checkpoint, configuration, resolution
from albert_tfx.encoders.configuration import ALBERT, EncoderConfiguration
from albert_tfx.seeds.precision import PrecisionChange

EXACT, EXPORTED = "PyTorch, float32", "the exported model"
EQUAL_ACCURACY = 0.3  # points
QUICK_TEXTS = 100
SAMPLE_RUN = ("--dataset=sample_reviews",)
QUICK_RUN = (*SAMPLE_RUN, "--max-examples=100", "--frozen-epochs=1", "--fine-tuned-epochs=1")


@dataclasses.dataclass(frozen=True)
class Texts:
    """Texts of one split.

    Attributes:
      texts: UTF-8.
      ids: Their tokens, as Transform cut them.
      labels: int64 `[texts]`.
    """

    texts: list[bytes]
    ids: list[list[int]]
    labels: np.ndarray

    @classmethod
    def of(cls, transformed: str, split: str, count: int) -> "Texts":
        """Reads the first `count` texts of a split of `transformed_examples`."""
        from albert_tfx.data.records import files_of
        from albert_tfx.modeling import batches

        files = files_of(transformed, split)
        texts, labels = batches.read_texts(files)
        rows = batches.read_token_ids(files).take(count).as_numpy_iterator()
        return cls(texts[:count], [ids[ids > 0].tolist() for ids, _ in rows], labels[:count])


def measure(
    output: Path, split: str, count: int, engines: Sequence[str], theirs: peer.Peer
) -> tuple[int, dict[str, PrecisionChange]]:
    """Returns how many texts there were, and what each engine changes of their answers.

    Args:
      output: The output folder of a finished run.
      split: `eval` or `test`.
      count: Of the first texts.
      engines: Of `latency.ENGINES`.
      theirs: The peer.
    """
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  registers the operations of tokenization

    from albert_tfx.options import AnswerOptions
    from pipelines.runs import list_runs

    run = list_runs(str(output))[-1]
    given = Texts.of(run.uri("Transform", "transformed_examples"), split, count)
    model = tf.saved_model.load(f"{run.uri('Trainer.fine_tuned', 'model')}/Format-Serving")
    known = run.summary().encoder
    assert known
    with tempfile.TemporaryDirectory() as folder:
        save(model.encoder_variables, _configuration(known.handle), Path(folder))
        vectors = np.load(
            theirs.ask(
                "vectors",
                folder=folder,
                texts=given.ids,
                outputs=f"{folder}/vectors.npz",
                engines=[EXACT, *engines],
            )
        )
    answers = {name: answer(model.head_variables, vectors[name]) for name in (EXACT, *engines)}
    answers[EXPORTED] = recompute_page.ask(model, given.texts)
    return len(given.texts), {
        name: PrecisionChange.between(given.labels, each, answers[EXACT], AnswerOptions())
        for name, each in answers.items()
        if name != EXACT
    }


def save(variables: Sequence[Any], sizes: EncoderConfiguration, folder: Path) -> None:
    """Writes an encoder as a model folder of Hugging Face.

    Args:
      variables: Those of the encoder in TensorFlow.
      sizes: Its configuration.
      folder: Where `config.json` and `model.safetensors` go.
    """
    from albert_tfx.engine.weights import EncoderVariables

    by_name = EncoderVariables.of(variables).by_name
    weights = checkpoint.encoder_weights(sizes)
    if "pooler/kernel" in by_name:
        weights += checkpoint.pooler_weights(sizes)
    tensors = {}
    for weight in weights:
        value = by_name[weight.name].numpy()
        if weight.is_transposed:
            value = value.reshape(weight.shape[::-1]).T
        tensors[weight.source] = np.ascontiguousarray(value.reshape(weight.shape))
    safetensors.numpy.save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(_hugging_face(sizes)))


def _configuration(encoder: str) -> EncoderConfiguration:
    folder = resolution.resolve(encoder).encoder
    converted = configuration.load(folder)
    if converted is not None:
        return converted
    sizes = encoder_shapes.read(Path(folder)).albert_config()
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, "config.json").write_text(json.dumps({"model_type": ALBERT, **sizes}))
        return configuration.read(scratch)


def _hugging_face(sizes: EncoderConfiguration) -> dict[str, Any]:
    """Returns what `config.json` of an ALBERT or BERT has of these sizes."""
    of_albert = {
        "embedding_size": sizes.embedding_size,
        "num_hidden_groups": sizes.groups,
        "inner_group_num": sizes.inner_layers,
    }
    return {
        "model_type": sizes.model_type,
        "vocab_size": sizes.vocabulary_size,
        "hidden_size": sizes.hidden_size,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "intermediate_size": sizes.intermediate_size,
        "max_position_embeddings": sizes.positions,
        "type_vocab_size": sizes.segments,
        "hidden_act": {"gelu_tanh": "gelu_new"}.get(sizes.activation, sizes.activation),
        "layer_norm_eps": sizes.layer_norm_epsilon,
        **(of_albert if sizes.model_type == ALBERT else {}),
    }


def answer(head_variables: Sequence[Any], vectors: np.ndarray) -> np.ndarray:
    """Returns a head's probabilities, float32 `[texts, classes]`.

    Args:
      head_variables: Of an exported model.
      vectors: float32 `[texts, hidden_size]`.
    """
    import tensorflow as tf

    from albert_tfx.contract import FINE_TUNED
    from albert_tfx.modeling.classifier import build_head
    from albert_tfx.options import TrainerOptions

    hidden, last = (each.shape[1] for each in head_variables if each.shape.rank == 2)
    head = build_head(TrainerOptions(FINE_TUNED, "", hidden_units=hidden), vectors.shape[1], last)
    head.set_weights([each.numpy() for each in head_variables])
    return tf.nn.softmax(head(vectors, training=False)).numpy()


def figures_of(texts: int, found: Mapping[str, PrecisionChange]) -> list[Figure]:
    """Returns what is worth quoting."""
    figures = [Figure("texts", texts, "")]
    for name, change in found.items():
        bar = f">= -{EQUAL_ACCURACY}" if name != EXPORTED else None
        for what, value, unit, its_bar in (
            ("other labels", change.flipped, "%", None),
            ("change of accuracy", change.accuracy, "points", bar),
        ):
            bounds = (("", value.value), (", from", value.lower), (", to", value.upper))
            figures += [
                Figure(f"{name}, {what}{of}", 100 * each, unit, None if of else its_bar)
                for of, each in bounds
                if each is not None
            ]
    return figures


def main() -> None:
    """Measures and publishes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="of a finished run")
    parser.add_argument("--split", choices=("eval", "test"), default="eval")
    parser.add_argument("--texts", type=int, default=5000, help="at most (default: %(default)s)")
    parser.add_argument(
        "--engines", nargs="+", default=ENGINES, choices=ENGINES, metavar="NAME", help="only these"
    )
    parser.add_argument("--quick", action="store_true", help="a short run of its own, few texts")
    peer.add_peer_option(parser)
    add_results_option(parser)
    chosen = parser.parse_args()
    count = QUICK_TEXTS if chosen.quick else chosen.texts
    with peer.start(chosen.peer_python) as theirs, tempfile.TemporaryDirectory() as folder:
        if chosen.output is None:
            measured_run.run(Path(folder, "output"), QUICK_RUN if chosen.quick else SAMPLE_RUN)
        output = chosen.output or Path(folder, "output")
        found = measure(output, chosen.split, count, chosen.engines, theirs)
    publish(figures_of(*found), _command(chosen), chosen.results)


def _command(chosen: argparse.Namespace) -> str:
    command = ["python", "benchmarks/engine_answers.py"]
    if chosen.quick:
        return shlex.join([*command, "--quick"])
    sizes = ["--split", chosen.split, "--texts", str(chosen.texts)]
    engines = [] if chosen.engines == ENGINES else ["--engines", *chosen.engines]
    output = ["--output", "DIR"] if chosen.output else []
    return shlex.join([*command, *output, *sizes, *engines])


if __name__ == "__main__":
    main()
