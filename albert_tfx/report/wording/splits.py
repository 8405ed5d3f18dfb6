"""The texts: what they are, which repeat others, and what the selected model reaches on test."""

from albert_tfx.contract import ALL_NAMES, NAMES
from albert_tfx.evaluation.metrics import ACCURACY
from albert_tfx.release import notation
from albert_tfx.release.notation import is_known
from albert_tfx.report.summary import Summary
from albert_tfx.report.wording import deciding, encoder

# A share of a split's texts up to which it is by chance that some lie within others.
_FEW_CONTAINED = 0.01
_MOST_NAMED = 12  # classes


def subject(summary: Summary) -> str:
    """Returns what the run is about: the data set, its texts and classes, the encoder, the date."""
    dataset = summary.settings.dataset if summary.settings else ""
    counts = ", ".join(f"{count:,} {split}" for split, count in summary.examples.items())
    texts = f"{dataset}: {counts} texts" if dataset else f"{counts} texts"
    names = list(next(iter(summary.labels.values()), ()))
    classes = f"{len(names)} classes" if len(names) > _MOST_NAMED else ", ".join(names)
    parts = (texts, classes and f"sorted into {classes}", encoder.described(summary), summary.date)
    return "; ".join(filter(None, parts))


def duplicates(summary: Summary) -> str:
    """Returns what became of duplicates; empty where none were looked for."""
    found = summary.duplicates
    if found is None:
        return ""
    labels = contradictions(summary)
    if found.keep:
        return f"counted, and kept{labels}"
    removed = {split: each.exact + each.near for split, each in found.removed.items()}
    parts = [f"{count:,} of {split}" for split, count in removed.items() if count]
    return f"taken out: {', '.join(parts) or 'none'}{labels}"


def contradictions(summary: Summary) -> str:
    """Returns how many texts have another label elsewhere; empty where there is none."""
    found = summary.duplicates.contradicting if summary.duplicates else {}
    parts = [f"{max(others.values()):,} of {split}" for split, others in found.items() if others]
    return (
        f"; with another label than the same text has before: {', '.join(parts)}" if parts else ""
    )


def contained(summary: Summary) -> str:
    """Returns which texts lie within one of another split; empty where hardly any does."""
    found = summary.duplicates
    if found is None:
        return ""
    parts = []
    for split, others in found.contained.items():
        fates = found.reviews.get(split, {}).values()
        texts = sum(each.kept + each.exact + each.near for each in fates)
        for other, count in others.items():
            if count > _FEW_CONTAINED * texts:
                parts.append(f"{count:,} of {split} lie within one of {other}")
    if not parts:
        return ""
    advice = "What belongs together is best kept in one split, such as by --group-column."
    return f"{', '.join(parts)}, which may flatter both models. {advice}"


def on_test(summary: Summary) -> str:
    """Returns what the selected model reaches on the texts that chose nothing."""
    metric, test = deciding.metric_of(summary), summary.test
    value = metric.test
    if not is_known(value.value):
        return ""
    reached = notation.bounded_value(metric, value)
    accuracy = (
        "" if metric.name == ACCURACY.name else f", and {test.metrics.accuracy.value:.1%} accuracy"
    )
    article = "an" if metric.title[0].lower() in "aeiou" else "a"
    return (
        f"On the {test.metrics.examples:,} texts of the test split, which chose nothing, "
        f"{ALL_NAMES.get(test.model, 'the winner')} reaches {article} {metric.title} of "
        f"{reached}{accuracy}.{_on_test_by_both(summary)}"
    )


def _on_test_by_both(summary: Summary) -> str:
    """Returns the paired difference of both models there, where it was measured."""
    found, name = summary.test_comparison, deciding.metric_of(summary).name
    if found is None:
        return ""
    differences = {ACCURACY.name: found.difference, **found.differences}
    difference = differences.get(name, deciding.UNKNOWN)
    if not is_known(difference.value):
        return ""
    change, mean = deciding.changes(summary, difference), deciding.mean_of_trainings(summary)
    said = f" Fine-tuning {change} there{mean}."
    against = _over_yardstick_on_test(summary)
    return f"{said} {against[0].upper()}{against[1:]}." if against else said


def reached_on_test(summary: Summary) -> str:
    """Returns what the selected model reaches there, and how it compares, in few words."""
    test, decides = summary.test, deciding.beside_accuracy(summary)
    reached = f"accuracy {deciding.with_bounds(ACCURACY, test.metrics.accuracy)}"
    if decides is not None:
        reached += f", {decides.title} {deciding.with_bounds(decides, decides.test)}"
    said = f"{reached} of {ALL_NAMES[test.model]} on {test.metrics.examples:,} texts"
    return "; ".join(filter(None, [said, _over_yardstick_on_test(summary)]))


def _over_yardstick_on_test(summary: Summary) -> str:
    """Returns one clause on how the selected model compares with the yardstick there, or nothing.

    Where the yardstick itself is the selected model, it is about the encoder that gains most.
    """
    metric, differences = deciding.metric_of(summary), deciding.less_yardstick_on_test(summary)
    models = [
        each for each in (summary.test.model, *deciding.ranked(summary)) if each in differences
    ]
    if summary.yardstick is None or not models:
        return ""
    reached = summary.yardstick.test.intervals.get(metric.name, deciding.UNKNOWN).value
    which = f", which reaches {notation.value(metric, reached)} there," if is_known(reached) else ""
    change = deciding.changes(summary, differences[models[0]])
    return f"against TF-IDF{which} {NAMES[models[0]]} {change}{deciding.mean_of_trainings(summary)}"
