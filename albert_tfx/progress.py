"""How a long step says how far it is: as log records that a runner may draw as a bar."""

import dataclasses
import logging

_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a component has come.

    Attributes:
      component: The component's id, e.g. `Trainer.frozen`.
      completed: Units of work done so far.
      total: Units of work in all, or None where nobody knows.
      unit: What is counted, in the plural: `steps`, `reviews`.
      detail: What else is worth showing, e.g. `epoch 2/3, loss 0.31, accuracy 0.871`.
    """

    component: str
    completed: int
    total: int | None
    unit: str
    detail: str = ""

    def __str__(self) -> str:
        detail = f", {self.detail}" if self.detail else ""
        return f"{self.component}: {self.count}{detail}"

    @property
    def count(self) -> str:
        """What is done, of how much, in words."""
        total = f"/{self.total:,}" if self.total is not None else ""
        return f"{self.completed:,}{total} {self.unit}"

    def continues(self, before: "Progress | None") -> bool:
        """Returns whether it counts on from an earlier report of the same work."""
        return (
            before is not None
            and (before.unit, before.total) == (self.unit, self.total)
            and before.completed <= self.completed
        )


def report(progress: Progress) -> None:
    """Logs `progress`; the record's only argument is the `Progress` itself."""
    _LOGGER.info("%s", progress)


def of_record(record: logging.LogRecord) -> Progress | None:
    """Returns the `Progress` that `record` carries, or None for any other record."""
    if record.name != __name__ or not isinstance(record.args, tuple) or not record.args:
        return None
    return record.args[0] if isinstance(record.args[0], Progress) else None
