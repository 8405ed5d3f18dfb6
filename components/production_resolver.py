"""Finds the model that the winner would replace, for `tfx.dsl.Resolver`."""

import itertools

import ml_metadata as mlmd
from tfx import types
from tfx.dsl.components.common import resolver

from albert_tfx.contract import PUSHED
from albert_tfx.release.production import FINGERPRINT, recorded

MODEL_KEY = "model"
PUSHED_MODEL_KEY = "pushed_model"


class LatestOtherPush(resolver.ResolverStrategy):
    """Resolves the latest push of a model that is not the winner itself.

    Without that exception a run would find in production what the run before it has pushed, and
    would compare the winner with itself. So a winner that is in production already gets what it
    got when it was pushed: a run with nothing changed resolves to the same, and is cached whole.

    Kubeflow knows TFX's own strategies only. `LatestArtifactStrategy` does there, as every
    `PushedModel` records what is in production; ProductionGate then sees that the two are one.
    """

    def resolve_artifacts(
        self,
        store: mlmd.MetadataStore,  # noqa: ARG002  TFX's interface
        input_dict: dict[str, list[types.Artifact]],
    ) -> dict[str, list[types.Artifact]]:
        """Leaves of the pushes under `pushed_model` one, or none.

        Args:
          store: Not used.
          input_dict: The winner under `model`, every `PushedModel` of this pipeline under
            `pushed_model`.
        """
        pushes = [
            each
            for each in input_dict[PUSHED_MODEL_KEY]
            if each.get_int_custom_property(PUSHED) == 1
        ]
        fingerprints = {
            each.get_string_custom_property(FINGERPRINT) for each in input_dict[MODEL_KEY]
        }
        latest_first = sorted(pushes, key=lambda each: each.id, reverse=True)
        others = itertools.dropwhile(lambda each: _fingerprint(each) in fingerprints, latest_first)
        return {**input_dict, PUSHED_MODEL_KEY: list(itertools.islice(others, 1))}


def _fingerprint(push: types.Artifact) -> str | None:
    production = recorded(push)
    return None if production is None else production.fingerprint
