"""Which model a pipeline has in production, as its artifacts record it.

Pusher leaves a `PushedModel` after every run, also where it pushed nothing. Each therefore records
which model is in production from then on, whether it was pushed by this run or by an earlier one.
"""

import dataclasses
import json
from collections.abc import Sequence

from tfx import types

# A `Model`'s: the hash of its files.
FINGERPRINT = "fingerprint"
# A `PushedModel`'s: the name of the pipeline that made it.
PIPELINE = "pipeline"
_PRODUCTION = "production"


@dataclasses.dataclass(frozen=True)
class Production:
    """A model that was pushed.

    Attributes:
      model: Uri of the `Model` artifact that was pushed.
      fingerprint: Hash of its files; whatever run they come from, the same files are one model.
      version: Folder that it is served from.
    """

    model: str
    fingerprint: str
    version: str


def record(artifact: types.Artifact, production: Production | None) -> None:
    """Writes down on `artifact` which model is in production, if one is."""
    if production is not None:
        content = json.dumps(dataclasses.asdict(production))
        artifact.set_string_custom_property(_PRODUCTION, content)


def recorded(artifacts: Sequence[types.Artifact]) -> Production | None:
    """Returns what `record` wrote down on the only one of `artifacts`, if there is one."""
    content = artifacts[0].get_string_custom_property(_PRODUCTION) if artifacts else ""
    return Production(**json.loads(content)) if content else None
