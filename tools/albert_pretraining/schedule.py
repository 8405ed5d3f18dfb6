"""The learning rate: warm-up, constant, linear decay. Training goes on from before the decay."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Warm-up, constant rate, then a linear fall to nothing (Hu et al. 2024, MiniCPM, section 4).

    With a constant middle a longer training begins exactly as the shorter one did, so a larger
    budget goes on from the checkpoint taken before the decay.

    Attributes:
      total_steps: of the whole training.
      peak_rate: the constant learning rate.
      warmup_steps: over which the rate rises to the peak.
      decay_fraction: of `total_steps`, over which it falls.
    """

    total_steps: int
    peak_rate: float = 1.5e-3
    warmup_steps: int = 100
    decay_fraction: float = 0.25

    @property
    def decay_start(self) -> int:
        """The first step at less than the peak rate after the warm-up."""
        return round(self.total_steps * (1.0 - self.decay_fraction))

    def rate(self, step: int) -> float:
        """Returns the learning rate of `step`, which counts from 0."""
        rise = min(1.0, (step + 1) / self.warmup_steps)
        remaining = (self.total_steps - step) / max(1, self.total_steps - self.decay_start)
        return self.peak_rate * rise * min(1.0, max(0.0, remaining))
