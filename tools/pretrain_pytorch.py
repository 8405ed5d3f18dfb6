r"""Pretrains our small ALBERT in PyTorch, on processors or a GPU: one command, resumable.

    python tools/pretrain_pytorch.py --start-from assets/albert_en_mini

All that needs TensorFlow is done by --prepare-only; then on a GPU, which needs the folder alone:

    python tools/pretrain_pytorch.py --start-from assets/albert_en_mini --prepare-only
    python tools/pretrain_pytorch.py --start-from assets/albert_en_mini --device cuda \
        --precision bfloat16 --tokens-per-step 65536 --tokens 1000000000 --minutes 8

Interrupt it whenever you like, or kill it; the same command goes on from the last checkpoint, with
the same batches to the same weights.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import signal
import sys
import time
from collections.abc import Callable

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

DEFAULT_FOLDER = pathlib.Path(".cache/pretraining_pytorch")
SHAPE_OPTIONS = (
    "vocabulary_size",
    "embedding_width",
    "hidden_size",
    "layers",
    "attention_heads",
    "intermediate_size",
)


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parses the command line."""
    from albert_pretraining.shape import EncoderShape

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--tokens", type=int, default=300_000_000, help="the whole budget, all runs together")
    add("--minutes", type=float, default=float("inf"), help="stop then, with a checkpoint")
    add("--folder", type=pathlib.Path, default=DEFAULT_FOLDER, help="corpus, checkpoints, curve")
    add("--start-from", type=pathlib.Path, help="an exported encoder: its weights and vocabulary")
    add("--prepare-only", action="store_true", help="make the corpus and the first weights only")
    add("--objective", choices=("replaced", "masked"), default="replaced", help="see README.md")
    add("--teacher-weight", type=float, default=0.0, help="of the teacher's vectors: teach.py")
    add("--document-weight", type=float, default=1.0, help="of pieces of the whole review")
    add("--device", default="cpu", help="cpu or cuda")
    add("--precision", choices=("float32", "bfloat16"), default="float32", help="of the products")
    add("--tokens-per-step", type=int, default=4096, help="tokens in a batch")
    add("--workers", type=int, default=os.cpu_count(), help="threads, each with a part of a batch")
    add("--peak-rate", type=float, default=1e-3, help="learning rate before it falls")
    add("--evaluate-every", type=int, default=500, help="steps between held-out figures")
    add("--save-every", type=int, default=250, help="steps between checkpoints")
    add("--seed", type=int, default=1, help="of everything random")
    for name in SHAPE_OPTIONS:
        default = getattr(EncoderShape, name)
        add(f"--{name.replace('_', '-')}", type=int, default=default, help="of the encoder")
    for action in parser._actions:
        if action.default not in (None, False, argparse.SUPPRESS):
            action.help = f"{action.help} (default: %(default)s)"
    return parser.parse_args(arguments)


def stop_condition(minutes: float) -> Callable[[], bool]:
    """Returns whether to stop: the time is over, or the process is asked to end."""
    end = time.monotonic() + 60 * minutes
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: asked.append(received))
    return lambda: bool(asked) or time.monotonic() > end


def main() -> None:
    """Prepares the corpus, trains, and says where the checkpoint is."""
    arguments = parse_arguments()
    import torch
    from albert_pretraining.preparation import prepare
    from albert_pretraining.pytorch import training
    from albert_pretraining.pytorch.pretrainer import REPLACED, Weights
    from albert_pretraining.pytorch.start import prepare_start
    from albert_pretraining.pytorch.teacher_vectors import TeacherVectors
    from albert_pretraining.shape import EncoderShape

    if arguments.objective == REPLACED and not arguments.start_from:
        raise ValueError(
            "--objective replaced needs a trained encoder, which fills the masked places: give it "
            "by --start-from, or take --objective masked"
        )
    torch.set_num_threads(1)
    chosen = {name: getattr(arguments, name) for name in SHAPE_OPTIONS}
    shape = dataclasses.replace(EncoderShape(), **chosen)
    folder, exported = arguments.folder, arguments.start_from
    corpus = prepare(
        folder / "corpus",
        vocabulary_size=shape.vocabulary_size,
        width=shape.word_width,
        held_out=500,
        seed=1,
        known_vocabulary=exported and exported / "assets" / "vocabulary.model",
    )
    start = prepare_start(folder / "start.npz", corpus, shape, exported, arguments.seed)
    if arguments.prepare_only:
        return
    options = training.TrainingOptions(
        tokens=arguments.tokens,
        tokens_per_step=arguments.tokens_per_step,
        objective=arguments.objective,
        weights=Weights(document=arguments.document_weight, teacher=arguments.teacher_weight),
        peak_rate=arguments.peak_rate,
        workers=1 if arguments.device == "cuda" else arguments.workers,
        precision=arguments.precision,
        evaluate_every=arguments.evaluate_every,
        save_every=arguments.save_every,
        seed=arguments.seed,
        shape=shape,
        start=exported.name if exported else "",
    )
    teacher = None
    if arguments.teacher_weight:
        teacher = TeacherVectors(folder / "teacher", arguments.device)
    model = training.build_pretrainer(corpus, options, teacher.width if teacher else 0)
    model.start(start)
    trainer = training.Trainer(corpus, folder, options, arguments.device, teacher)
    done = trainer.run(model, stop_condition(arguments.minutes))
    print(f"step {done} of {options.schedule.total_steps}; the state is in {folder}")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, FloatingPointError) as error:
        sys.exit(f"pretrain_pytorch: {error}")
