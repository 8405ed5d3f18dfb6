"""A PyTorch checkpoint for the exporter: its averaged weights in tf-models-official's encoder."""

from __future__ import annotations

import copy
import pathlib

import numpy as np
import torch

from albert_pretraining.model_card import Training, state_of
from albert_pretraining.pytorch import conversion, training
from albert_pretraining.pytorch.checkpoints import Checkpoints
from albert_pretraining.pytorch.encoder import Encoder
from albert_pretraining.pytorch.pretrainer import MASKED, REPLACED, build_encoder

RECIPE = """{start} {objective} Beside it sentence order, as in ALBERT, and pieces drawn from the
whole review, predicted from the mean of `sequence_output`.{teacher} No dropout, as in ALBERT's
version 2. AdamW; the learning rate warms up, stays, and falls to nothing over the last quarter of
the budget. The weights are a running average of the training's, of which a step leaves {averaging}.
Rows of 128 tokens, every eighth batch of 512, so that every position is trained. Trained in
PyTorch and converted; the outputs were compared."""
FROM_EXPORT = """Training began with the weights of an earlier export, `{start}`; the tokens below
come on top of those that it had read."""
FROM_WORD_VECTORS = """The word embeddings start from factorised counts of the same text, two heads
by looking at the neighbours (`tools/README.md`)."""
OBJECTIVES = {
    REPLACED: """Half of the layers that training began with, kept as they were, fill masked n-grams
(15 %, n up to 3), and the encoder tells of every token whether it is the text's own (ELECTRA, Clark
et al. 2020; Fast-ELECTRA, Dong et al. 2023).""",
    MASKED: """Masked n-grams of whole words (15 %, n up to 3) are predicted, as in ALBERT.""",
}
TEACHER = """ The encoder also
learned, with a weight of {weight:g}, to give the words' vectors of a teacher: all-MiniLM-L6-v2
(sentence-transformers, Apache 2.0), which read the same unlabelled text. What the teacher itself
has read is not known to us; it may have seen texts of the `test` split."""


def restore_averaged(folder: pathlib.Path) -> tuple[Encoder, int]:
    """Returns the encoder with the averaged weights of the last checkpoint, and its step.

    Raises:
      FileNotFoundError: the folder holds no checkpoint.
    """
    checkpoints = Checkpoints(folder / "checkpoints")
    if not checkpoints.steps():
        raise FileNotFoundError(f"No checkpoint in {folder}. Run pretrain_pytorch.py first.")
    step = checkpoints.steps()[-1]
    encoder = build_encoder(training.read_options(folder).shape)
    averaged = checkpoints.load(step)["averaged"]
    prefix = "encoder."
    encoder.load_state_dict(
        {
            name.removeprefix(prefix): value
            for name, value in averaged.items()
            if name.startswith(prefix)
        }
    )
    return encoder.eval(), step


class Expected:
    """The PyTorch encoder, called as the TensorFlow one is, to compare the export with.

    It computes in double precision, so that only the export's own rounding is left.

    Args:
      encoder: holds the weights.
    """

    def __init__(self, encoder: Encoder):
        self._encoder = copy.deepcopy(encoder).double()

    def __call__(self, inputs: list) -> dict:
        """Returns what TF Hub's interface names, of ids, mask and segments."""
        tensors = (torch.from_numpy(np.array(part)).long() for part in inputs)
        with torch.no_grad():
            layers, pooled = self._encoder(*tensors)
        outputs = [layer.float().numpy() for layer in layers]
        return {
            "pooled_output": pooled.float().numpy(),
            "sequence_output": outputs[-1],
            "encoder_outputs": outputs,
        }


def to_tensorflow(encoder: Encoder, folder: pathlib.Path):
    """Returns tf-models-official's encoder with the same weights."""
    shape = training.read_options(folder).shape
    arrays = conversion.to_arrays(encoder, shape.attention_heads)
    return conversion.build_tensorflow_encoder(shape, arrays)


def describe_training(folder: pathlib.Path, step: int) -> Training:
    """Returns the card's description of the training in `folder`."""
    options = training.read_options(folder)
    weight = options.weights.teacher
    recipe = RECIPE.format(
        start=FROM_EXPORT.format(start=options.start) if options.start else FROM_WORD_VECTORS,
        objective=OBJECTIVES[options.objective],
        teacher=TEACHER.format(weight=weight) if weight else "",
        averaging=options.averaging,
    )
    beginning = f" --start-from {options.start}" if options.start else ""
    commands = f"python tools/pretrain_pytorch.py --tokens {options.tokens}{beginning}"
    return Training(
        recipe=recipe,
        rebuild=f"```\n{commands}\npython tools/export_albert.py --folder FOLDER\n```",
        seen=step * options.tokens_per_step,
        budget=options.tokens,
        state=state_of(step, options.schedule),
    )
