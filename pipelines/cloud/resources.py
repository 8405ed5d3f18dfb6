"""What a task may use of a machine: processors, memory and GPUs."""

import dataclasses
import difflib
import fnmatch
from collections.abc import Collection, Iterable
from typing import Any

from albert_tfx.contract import EMBEDDING_GEN, trainer_id
from albert_tfx.errors import InputError

_EXAMPLE = "Write it as 'Trainer.*:cpu=8,memory=32,gpu=NVIDIA_L4,gpus=1'"


@dataclasses.dataclass(frozen=True)
class Resources:
    """The most that a task may use; Vertex AI picks a machine that has it.

    Attributes:
      cpu: Virtual processors.
      memory: In 10^9 bytes.
      gpu: `NVIDIA_L4` and the like on Vertex AI, `nvidia.com/gpu` on Kubernetes, or empty.
      gpus: How many.
    """

    cpu: int
    memory: int
    gpu: str = ""
    gpus: int = 1

    def to_spec(self) -> dict[str, Any]:
        """Returns the JSON form of a container's `ResourceSpec`, by its old and new names."""
        spec: dict[str, Any] = {
            "cpuLimit": float(self.cpu),
            "memoryLimit": float(self.memory),
            "resourceCpuLimit": str(self.cpu),
            "resourceMemoryLimit": f"{self.memory}G",
        }
        if self.gpu:
            spec["accelerator"] = {
                "type": self.gpu,
                "count": str(self.gpus),
                "resourceType": self.gpu,
                "resourceCount": str(self.gpus),
            }
        return spec


TRAINERS = trainer_id("*")
# Patterns of TFX node ids; of several that match, the last counts.
DEFAULTS = (
    ("*", Resources(cpu=2, memory=8)),
    ("Transform", Resources(cpu=4, memory=16)),
    ("Evaluator.*", Resources(cpu=8, memory=32)),
    (EMBEDDING_GEN, Resources(cpu=8, memory=32)),
    (TRAINERS, Resources(cpu=8, memory=32)),
)


def parse(text: str) -> tuple[str, Resources]:
    """Reads `PATTERN:cpu=N,memory=N,gpu=TYPE,gpus=N`; the last two may be left out.

    Raises:
      InputError: It is not of that form.
    """
    pattern, _, listed = text.partition(":")
    if not pattern:
        raise InputError(f"{text!r} does not say which tasks need it", _EXAMPLE)
    given: dict[str, Any] = {}
    for part in listed.split(","):
        name, _, value = part.partition("=")
        given[name] = value
    try:
        given.update(
            {name: int(given[name]) for name in ("cpu", "memory", "gpus") if name in given}
        )
        resources = Resources(**given)
    except (TypeError, ValueError) as error:
        raise InputError(f"{text!r} does not say what a task needs", _EXAMPLE) from error
    if min(resources.cpu, resources.memory, resources.gpus) < 1:
        raise InputError(f"{text!r} asks for less than 1", _EXAMPLE)
    if given.keys() & {"gpu", "gpus"} and not resources.gpu:
        raise InputError(f"{text!r} does not say which GPU", _EXAMPLE)
    return pattern, resources


def require_nodes(patterns: Iterable[str], nodes: Collection[str]) -> None:
    """Refuses patterns that would change nothing.

    Args:
      patterns: Of TFX node ids.
      nodes: The ids of the tasks that run in a container.

    Raises:
      InputError: None of `nodes` matches one of `patterns`.
    """
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(node, pattern) for node in nodes):
            close = difflib.get_close_matches(pattern, sorted(nodes), n=3, cutoff=0)
            raise InputError(
                f"--resources names {pattern!r}, which matches no task that needs a machine",
                f"Close to it are {', '.join(close)}; * matches anything, as in {TRAINERS!r}",
            )
