"""What the figures do not show."""

from albert_tfx.contract import NAMES
from albert_tfx.options import DatasetOptions
from albert_tfx.report.summary import Summary
from albert_tfx.report.wording import comparison, encoder


def statements(summary: Summary, *, has_encoder: bool = True) -> dict[str, str]:
    """Returns what the figures do not show: a reason for each statement.

    Args:
      summary: The run's.
      has_encoder: Whether it is also about an encoder's figures, not about the yardstick's alone.
    """
    own = {
        "This encoder is not ALBERT as published.": "The small ALBERT that comes with this project "
        "was pretrained by it, on English film reviews alone; it is not Google's, and its figures "
        "tell nothing about Google's."
    }
    sample = {
        "The sample reviews are no real ones.": "Those that come with this project were composed "
        "by a program, for trying the pipeline out.",
    }
    unfinished = [
        f"{said} to see how far it gets."
        for model in summary.models
        if not summary.caution and (said := encoder.unfinished(summary, model))
    ]
    longer = {"A longer training may give another result.": " ".join(unfinished)}
    rounded = " and ".join(NAMES[model] for model in _worse_by_precision(summary))
    precision = {
        "bfloat16 costs accuracy.": f"For {rounded}, the whole interval of what it changes on the "
        "eval texts is a loss. Leave --inference-precision out to serve float32."
    }
    return {
        **(longer if has_encoder and unfinished else {}),
        **(precision if has_encoder and rounded else {}),
        "Another seed or another split may give another result.": f"{comparison.seeds(summary)} "
        "Between seeds, fine-tuning on little data can differ by points.",
        "How the intervals are computed.": "Accuracy: Wilson (1927). Its paired difference: Bonett "
        "and Price (2012). All other metrics: the infinitesimal jackknife (Efron 1982), which for "
        "the AUC is DeLong's method; a calibration error that chance alone could produce has a "
        "lower bound of 0. All assume independent texts; several by one author, or of one subject, "
        "are not.",
        "There are several slices.": "Their intervals are not widened for that.",
        "Other text may give another result.": "Nothing here was measured on texts of another kind "
        "or time.",
        "Durations are those of one machine.": "They were measured once, and include the effect of "
        "other work on it.",
        **(sample if _is_of_sample(summary) else {}),
        **(own if has_encoder and encoder.is_own(summary) else {}),
    }


def _worse_by_precision(summary: Summary) -> list[str]:
    changes = {model: each.precision_change for model, each in summary.models.items()}
    return [model for model, each in changes.items() if each and each.loses_accuracy]


def _is_of_sample(summary: Summary) -> bool:
    return summary.settings is not None and summary.settings.dataset == DatasetOptions().name
