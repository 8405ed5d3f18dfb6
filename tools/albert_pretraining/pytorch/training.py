"""The training loop in PyTorch: steps, averaged weights, checkpoints, held-out figures, curve."""

from __future__ import annotations

import concurrent.futures
import copy
import dataclasses
import json
import math
import pathlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from albert_pretraining.batches import BatchOptions, subsampling_weights
from albert_pretraining.curve import CURVE_FILE, Curve
from albert_pretraining.preparation import PreparedCorpus
from albert_pretraining.pytorch.batches import Batch, BatchSource
from albert_pretraining.pytorch.checkpoints import Checkpoints
from albert_pretraining.pytorch.pretrainer import REPLACED, Pretrainer, Weights
from albert_pretraining.pytorch.teacher_vectors import TeacherVectors
from albert_pretraining.schedule import Schedule
from albert_pretraining.shape import EncoderShape

OPTIONS_FILE = "pytorch_options.json"
DRAW_SEED = 7_919  # what a step draws on top of its batch comes from another stream
TABLE = "encoder.embedder.word.weight"


@dataclasses.dataclass(frozen=True)
class TrainingOptions:
    """How to train, for how long, and how often to look.

    Attributes:
      tokens: the whole budget, counted from the first step of the first run.
      tokens_per_step: tokens in a batch.
      objective: `replaced` or `masked`.
      weights: of the losses.
      peak_rate: the learning rate between warm-up and decay.
      embedding_rate: the embedding table's rate relative to the others'.
      weight_decay: decoupled, on matrices only.
      clip_norm: of the whole gradient.
      averaging: how much of the averaged weights a step leaves.
      workers: parts of a batch whose gradients are computed side by side, a thread each.
      precision: `float32` or `bfloat16`, of the products.
      log_every, evaluate_every, save_every: steps between rows, held-out figures, checkpoints.
      held_out_batches: in one held-out measurement.
      seed: of the weights, the order of the windows and everything drawn.
      shape: the encoder's sizes.
      start: the exported encoder whose weights it started from; empty where there was none.
    """

    tokens: int
    tokens_per_step: int = 4096
    objective: str = REPLACED
    weights: Weights = dataclasses.field(default_factory=Weights)
    peak_rate: float = 1e-3
    embedding_rate: float = 0.3
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    averaging: float = 0.999
    workers: int = 1
    precision: str = "float32"
    log_every: int = 50
    evaluate_every: int = 500
    save_every: int = 250
    held_out_batches: int = 16
    seed: int = 1
    shape: EncoderShape = dataclasses.field(default_factory=EncoderShape)
    start: str = ""

    @property
    def schedule(self) -> Schedule:
        """The learning rate over the whole budget."""
        return Schedule(self.tokens // self.tokens_per_step, self.peak_rate)

    @property
    def batches(self) -> BatchOptions:
        """The batches' shapes."""
        return BatchOptions(tokens_per_batch=self.tokens_per_step)


def build_pretrainer(
    corpus: PreparedCorpus, options: TrainingOptions, teacher_width: int = 0
) -> Pretrainer:
    """Builds the model with all weights drawn anew."""
    vocabulary_size = options.shape.vocabulary_size
    counts = np.bincount(corpus.tokens, minlength=vocabulary_size).astype(np.float64)
    return Pretrainer(
        options.shape,
        options.weights,
        options.objective,
        log_frequency(counts),
        log_frequency(counts * subsampling_weights(counts)),
        teacher_width,
        options.seed,
    )


def log_frequency(counts: np.ndarray) -> torch.Tensor:
    """Returns the log of add-one smoothed frequencies, float32, less their mean."""
    logs = np.log((counts + 1.0) / (counts + 1.0).sum())
    return torch.from_numpy(logs - logs.mean()).float()


class Learner:
    """The model, its optimizer and its averaged weights: everything that a checkpoint holds.

    Args:
      model: to train; stays on its device.
      options: the update's.
    """

    def __init__(self, model: Pretrainer, options: TrainingOptions):
        self.model = model
        self.averaged = copy.deepcopy(model)
        self._options = options
        self._parameters = [each for each in model.parameters() if each.requires_grad]
        self._averaged = [each for each in self.averaged.parameters() if each.requires_grad]
        self.averaged.requires_grad_(False)
        self._optimizer = build_optimizer(model, options)
        self._executor = concurrent.futures.ThreadPoolExecutor(options.workers)

    def state(self) -> dict[str, Any]:
        """Returns everything that training goes on from."""
        return {
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Takes over a state; the next step does what it would have done without the break."""
        self.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["averaged"])
        self._optimizer.load_state_dict(state["optimizer"])

    def update(
        self, step: int, parts: list[tuple[Batch, torch.Tensor | None]], rate: float
    ) -> dict[str, torch.Tensor]:
        """Updates the weights with one batch, given in parts.

        Args:
          step: its number.
          parts: the rows, with the teacher's vectors of their words where there are any.
          rate: the learning rate.

        Returns:
          The batch's metrics before the update.
        """
        jobs = [
            self._executor.submit(self._gradients, part, taught, step, number)
            for number, (part, taught) in enumerate(parts)
        ]
        metrics, gradients = zip(*(job.result() for job in jobs), strict=True)
        self._apply(gradients, rate)
        self._average(step)
        return {key: torch.stack([m[key] for m in metrics]).mean() for key in metrics[0]}

    def _gradients(
        self, batch: Batch, taught: torch.Tensor | None, step: int, number: int
    ) -> tuple[dict[str, torch.Tensor], tuple[torch.Tensor, ...]]:
        draws = self._draws(batch, step, number)
        with precision_of(batch, self._options.precision):
            metrics = self.model(batch, draws, taught)
        gradients = torch.autograd.grad(metrics["loss"], self._parameters, allow_unused=True)
        return {key: value.detach() for key, value in metrics.items()}, gradients

    def _draws(self, batch: Batch, step: int, number: int) -> torch.Generator:
        generator = torch.Generator(batch.ids.device)
        seed = (self._options.seed * DRAW_SEED + step) * self._options.workers + number
        return generator.manual_seed(seed)

    def _apply(self, gradients: tuple[tuple[torch.Tensor, ...], ...], rate: float) -> None:
        for parameter, *pieces in zip(self._parameters, *gradients, strict=True):
            present = [piece for piece in pieces if piece is not None]
            parameter.grad = sum(present[1:], present[0]) / len(pieces) if present else None
        nn.utils.clip_grad_norm_(self._parameters, self._options.clip_norm)
        for group in self._optimizer.param_groups:
            group["lr"] = rate * group["relative_rate"]
        self._optimizer.step()

    @torch.no_grad()
    def _average(self, step: int) -> None:
        share = 1.0 - min(self._options.averaging, (1 + step) / (10 + step))
        for averaged, parameter in zip(self._averaged, self._parameters, strict=True):
            averaged.lerp_(parameter, share)


def build_optimizer(model: nn.Module, options: TrainingOptions) -> torch.optim.Optimizer:
    """Returns AdamW over the model's weights: decay on matrices only, the table slower."""
    named = [(name, each) for name, each in model.named_parameters() if each.requires_grad]
    plain = {name for name, value in named if value.ndim < 2 or "embedder" in name}
    rate, decay = options.embedding_rate, options.weight_decay
    groups = [
        {"params": [v for n, v in named if n == TABLE], "weight_decay": 0.0, "relative_rate": rate},
        {
            "params": [v for n, v in named if n not in plain],
            "weight_decay": decay,
            "relative_rate": 1.0,
        },
        {
            "params": [v for n, v in named if n in plain - {TABLE}],
            "weight_decay": 0.0,
            "relative_rate": 1.0,
        },
    ]
    return torch.optim.AdamW(groups, lr=options.peak_rate, betas=(0.9, 0.98), eps=1e-6, fused=True)


def precision_of(batch: Batch, precision: str) -> torch.autocast:
    """Returns the context in which products have this precision."""
    return torch.autocast(batch.ids.device.type, torch.bfloat16, enabled=precision == "bfloat16")


class Trainer:
    """Runs the steps of a training.

    Args:
      corpus: the prepared corpus.
      folder: of the checkpoints and the curve.
      options: the budget, the update and the intervals.
      device: where it trains.
      teacher: the teacher's vectors of the corpus, where its loss weighs anything.
    """

    def __init__(
        self,
        corpus: PreparedCorpus,
        folder: pathlib.Path,
        options: TrainingOptions,
        device: str = "cpu",
        teacher: TeacherVectors | None = None,
    ):
        self._folder = folder
        self._options = options
        self._device = device
        self._teacher = teacher
        self._schedule = options.schedule
        parts = (
            (corpus.tokens, corpus.offsets),
            (corpus.held_out_tokens, corpus.held_out_offsets),
        )
        self._source, self._held_out = (
            BatchSource(*part, corpus.vocabulary, options.batches, options.seed, device)
            for part in parts
        )

    def run(self, model: Pretrainer, until: Callable[[], bool] = lambda: False) -> int:
        """Goes on from the last checkpoint to the end of the budget.

        Args:
          model: where training starts, if there is no checkpoint.
          until: whether to stop after a step, with a checkpoint.

        Returns:
          The steps done, earlier runs' included.
        """
        checkpoints = Checkpoints(self._folder / "checkpoints")
        learner = Learner(model.to(self._device), self._options)
        first = self._restore(learner, checkpoints)
        write_options(self._folder, self._options)
        curve = Curve(self._folder / CURVE_FILE, first)
        last, begun = self._schedule.total_steps, time.monotonic()
        recent: list[dict[str, torch.Tensor]] = []
        print(f"step {first} of {last}: going on", flush=True)
        for step in range(first, last):
            recent.append(self._step(learner, step))
            done, is_over = step + 1, step + 1 == last or until()
            if done % self._options.log_every == 0 or is_over:
                row = self._row(done, recent, time.monotonic() - begun)
                if done % self._options.evaluate_every == 0 or is_over:
                    row |= self._evaluate(learner)
                curve.add(row)
                print(describe(row), flush=True)
                recent, begun = [], time.monotonic()
            if done % self._options.save_every == 0 or is_over:
                checkpoints.save(done, learner.state())
            if is_over:
                return done
        return first

    def _restore(self, learner: Learner, checkpoints: Checkpoints) -> int:
        steps = checkpoints.steps()
        if not steps:
            return 0
        if steps[-1] > self._schedule.total_steps:
            raise ValueError(
                f"The training has already seen {steps[-1]} steps, and --tokens allows only "
                f"{self._schedule.total_steps}. Give more tokens, or another --folder."
            )
        learner.restore(checkpoints.load(steps[-1]))
        return steps[-1]

    def _step(self, learner: Learner, step: int) -> dict[str, torch.Tensor]:
        batch = self._source.batch(step)
        parts = [(part, self._taught(part)) for part in batch.split(self._options.workers)]
        return learner.update(step, parts, self._schedule.rate(step))

    def _taught(self, batch: Batch) -> torch.Tensor | None:
        if self._teacher is None:
            return None
        return self._teacher.of(batch.places[batch.places >= 0])

    def _row(
        self, done: int, recent: list[dict[str, torch.Tensor]], seconds: float
    ) -> dict[str, float]:
        means = means_of(recent)
        if not math.isfinite(means["loss"]):
            raise FloatingPointError(
                f"The loss before step {done} is {means['loss']}. Lower --peak-rate (now "
                f"{self._options.peak_rate}) and run again: it goes on from the last checkpoint."
            )
        return {
            "step": done,
            "tokens": done * self._options.tokens_per_step,
            "rate": self._schedule.rate(done - 1),
            "tokens_per_second": len(recent) * self._options.tokens_per_step / seconds,
            **means,
        }

    @torch.no_grad()
    def _evaluate(self, learner: Learner) -> dict[str, float]:
        """Returns the averaged weights' metrics on held-out batches, always the same ones."""
        measured = []
        for step in range(self._options.held_out_batches):
            batch = self._held_out.batch(step)
            draws = self._held_out.generator(step)
            with precision_of(batch, self._options.precision):
                measured.append(learner.averaged(batch, draws))
        return {f"held_out_{key}": value for key, value in means_of(measured).items()}


def means_of(measured: list[dict[str, torch.Tensor]]) -> dict[str, float]:
    """Returns the mean of each metric."""
    return {
        key: float(torch.stack([metrics[key].float() for metrics in measured]).mean())
        for key in measured[0]
    }


def write_options(folder: pathlib.Path, options: TrainingOptions) -> None:
    """Notes the options, so that the card and a later run know how the weights came about."""
    partial = (folder / OPTIONS_FILE).with_suffix(".partial")
    partial.write_text(json.dumps(dataclasses.asdict(options), indent=2) + "\n")
    partial.replace(folder / OPTIONS_FILE)


def read_options(folder: pathlib.Path) -> TrainingOptions:
    """Reads the options of the last run in `folder`."""
    values = json.loads((folder / OPTIONS_FILE).read_text())
    values |= {"weights": Weights(**values["weights"]), "shape": EncoderShape(**values["shape"])}
    return TrainingOptions(**values)


def describe(row: dict[str, float]) -> str:
    """Returns a row of the curve as one line."""
    shown = [f"step {row['step']:6.0f}  {row['tokens'] / 1e6:7.2f}M tokens"]
    shown += [
        f"{key.removesuffix('_loss')} {value:.3f}"
        for key, value in row.items()
        if key.endswith(("_loss", "_accuracy", "found")) and not key.startswith("held_out")
    ]
    held_out = [
        f"{key.removeprefix('held_out_')} {value:.3f}"
        for key, value in row.items()
        if key.startswith("held_out") and key.endswith(("judgement_loss", "_accuracy"))
    ]
    if held_out:
        shown.append("held out: " + " ".join(held_out))
    return "  ".join([*shown, f"{row['tokens_per_second']:.0f} tokens/s"])
