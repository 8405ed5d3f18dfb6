"""The encoder that both models have, and how they were trained: rates, convergence, cost."""

import re
from collections.abc import Mapping

from albert_tfx.contract import FINE_TUNED, FROZEN, NAMES
from albert_tfx.encoders.fetching.handles import ASSET_SCHEME, is_url
from albert_tfx.release.notation import is_known
from albert_tfx.report.convergence import Convergence
from albert_tfx.report.summary import Summary

# Names of architectures by `model_type`, one that is within another behind it.
_KINDS: Mapping[str, str] = {
    "albert": "ALBERT",
    "distilbert": "DistilBERT",
    "xlm-roberta": "XLM-RoBERTa",
    "roberta": "RoBERTa",
    "bert": "BERT",
}
_ANY_KIND = "the encoder"
_OWN = " (this project's own small ALBERT, for trying out, and not Google's)"
_UNFINISHED: Mapping[str, str] = {
    Convergence.NEAR_CHANCE: "its accuracy on the texts that it trained on is still near chance",
    Convergence.STILL_FALLING: "its loss still falls steeply at the end",
}
_REMEDIES: Mapping[str, str] = {
    FROZEN: "Give more --frozen-epochs or a higher --frozen-learning-rate",
    FINE_TUNED: "Give more --fine-tuned-epochs or another --fine-tuned-learning-rate",
}
MEMORY = (
    "Memory is the most that training took beyond what the process held before it: Python with "
    "TensorFlow, some 0.7 GB, comes on top."
)


def kind(summary: Summary) -> str:
    """Returns the name of the encoder's architecture; `the encoder` where that is not known."""
    if summary.encoder is None:
        return _ANY_KIND
    known = summary.encoder.model_type or _named(summary.encoder.handle)
    return _KINDS.get(known, _ANY_KIND)


def _named(handle: str) -> str:
    """Returns the `model_type` in a public name; what a user calls a folder tells nothing."""
    if handle.startswith(ASSET_SCHEME):
        return "albert"
    name = handle.lower().replace("_", "-") if is_url(handle) else ""
    words = (model_type for model_type in _KINDS if re.search(rf"\b{model_type}\b", name))
    return next(words, "")


def is_own(summary: Summary) -> bool:
    """Returns whether the encoder is the one that comes with this project."""
    return summary.encoder is not None and summary.encoder.handle.startswith(ASSET_SCHEME)


def described(summary: Summary) -> str:
    """Returns which encoder both models have, with its size; empty where that is not known."""
    if summary.encoder is None:
        return ""
    return f"{summary.encoder}{_OWN if is_own(summary) else ''}"


def licence(summary: Summary) -> str:
    """Returns the encoder's licence, as far as it is known here."""
    if is_own(summary):
        return "MIT, as this project's"
    handle = f" {summary.encoder.handle}" if summary.encoder else " it"
    return f"not known here; it is stated where{handle} comes from"


def rates(summary: Summary) -> str:
    """Returns how the encoder's rate was chosen; empty where none was tried."""
    model = summary.models[FINE_TUNED]
    tried = [
        f"{each['rate']:g} after {each['steps']:g} steps: {_loss(each)}" for each in model.rates
    ]
    if not tried:
        return ""
    return (
        f"The peak rate of {NAMES[FINE_TUNED]}, {model.learning_rate:g}, was chosen on a part of "
        f"the training texts. The losses on the rest of them were: {'; '.join(tried)}."
    )


def _loss(trial: Mapping[str, float]) -> str:
    loss = trial["loss"]
    return f"{loss:.3f}" if is_known(loss) else "undefined"


def unfinished(summary: Summary, model: str) -> str:
    """Returns how a model's training shows that it has not converged, and what to give it.

    Empty where it has converged; else a purpose may follow, as there is no full stop.
    """
    sign = _UNFINISHED.get(summary.models[model].convergence)
    if sign is None:
        return ""
    return f"The training of {NAMES[model]} has not converged: {sign}. {_REMEDIES[model]}"


def cost(summary: Summary) -> str:
    """Returns how much longer fine-tuning trains; empty where that is not known."""
    frozen, fine_tuned = (summary.models[name].train_seconds for name in (FROZEN, FINE_TUNED))
    if not is_known(frozen) or not is_known(fine_tuned) or not frozen:
        return ""
    return f"Fine-tuning trained {fine_tuned / frozen:,.1f} times as long as the head alone."
