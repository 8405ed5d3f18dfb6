"""What the figures show and say."""

import dataclasses
import itertools
import math
import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib import font_manager
from matplotlib._pylab_helpers import Gcf
from matplotlib.lines import Line2D
from matplotlib.text import Text
from sklearn.metrics import auc

from albert_tfx.evaluation.measurements import (
    Comparison,
    Interval,
    ModelMetrics,
    SliceComparison,
    paired_difference,
    proportion,
)
from albert_tfx.evaluation.metrics import deciding
from albert_tfx.report import accuracy_plots, curve_plots, plot_style
from tests.support import reports

HISTORIES = {
    "frozen": reports.history("frozen", [0.62, 0.71, 0.70], best_epoch=1),
    "fine_tuned": reports.history("fine_tuned", [0.74, 0.79], best_epoch=1),
}


@pytest.fixture
def comparison() -> Comparison:
    return Comparison(
        ModelMetrics(500, {"accuracy": proportion(0.76, 500)}),
        ModelMetrics(500, {"accuracy": proportion(0.81, 500)}),
        paired_difference(60, 35, 500),
        0.52,
    )


@pytest.mark.parametrize(
    ("interval", "finding"),
    [
        (Interval(0.048, 0.033, 0.063), "gains 4.8 points of accuracy (95% interval: 3.3 to 6.3)"),
        (Interval(-0.05, -0.07, -0.03), "costs 5.0 points of accuracy (95% interval: 3.0 to 7.0)"),
        (
            Interval(0.01, -0.005, 0.02),
            "No clear difference: fine-tuning changes accuracy by \N{MINUS SIGN}0.5 to",
        ),
        (Interval(0.01), "gains 1.0 points of accuracy; the interval is not known"),
        (Interval(math.nan), "undefined"),
    ],
)
def test_title_states_the_finding(interval, finding, comparison):
    figure = accuracy_plots.comparison_figure(dataclasses.replace(comparison, difference=interval))
    assert finding in figure.get_suptitle().replace("\n", " ")


def test_history_panels_share_one_scale_and_mark_the_best_epoch():
    figure = accuracy_plots.training_history_figure(HISTORIES)
    frozen, fine_tuned = figure.axes
    assert frozen.get_ylim() == fine_tuned.get_ylim()
    assert not frozen.texts  # which could hide a line
    (ring,) = (line for line in frozen.lines if str(line.get_label()).startswith("kept"))
    assert ring.get_label() == "kept, 71.0%"
    assert np.asarray([ring.get_xdata(), ring.get_ydata()]).tolist() == [[2], [0.71]]
    assert (
        "Validation accuracy of the epochs kept: fine-tuned encoder 79.0%, frozen"
        in figure.get_suptitle()
    )


def test_one_epoch_is_one_tick():
    epochs = HISTORIES["frozen"].epochs[:1]
    history = dataclasses.replace(HISTORIES["frozen"], epochs=epochs, best_epoch=0)
    axes = accuracy_plots.training_history_figure({**HISTORIES, "frozen": history}).axes[0]
    low, high = axes.get_xlim()
    assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [1]


def test_curves_are_the_history():
    frozen = accuracy_plots.training_history_figure(HISTORIES).axes[0]
    curves = {line.get_label(): np.asarray(line.get_ydata()).tolist() for line in frozen.lines}
    assert curves["validation"] == [0.62, 0.71, 0.70]
    assert curves["training"] == pytest.approx([0.64, 0.73, 0.72])


def test_comparison_draws_the_intervals(comparison):
    accuracies, difference = accuracy_plots.comparison_figure(comparison).axes
    drawn = [tuple(np.asarray(line.get_xdata())) for line in accuracies.lines]
    for metrics in (comparison.frozen, comparison.fine_tuned):
        assert (metrics.accuracy.lower, metrics.accuracy.upper) in drawn
    bounds = (comparison.difference.lower, comparison.difference.upper)
    assert bounds in [tuple(np.asarray(line.get_xdata())) for line in difference.lines]


def test_undefined_numbers_are_left_out(comparison, tmp_path):
    undefined = Comparison(
        comparison.frozen,
        ModelMetrics(500, {}),
        Interval(math.nan),
        0.52,
    )
    plot_style.save(accuracy_plots.comparison_figure(undefined), str(tmp_path / "figure.png"))
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_a_label_says_what_its_tick_is(comparison):
    for axes in accuracy_plots.comparison_figure(comparison).axes:
        written = [each.get_text().rstrip("%") for each in axes.get_xticklabels()]
        shown = [float(each.replace("\N{MINUS SIGN}", "-")) for each in written]
        assert shown == pytest.approx([100 * each for each in axes.get_xticks()])


@pytest.mark.parametrize("name", ["$", "$$", "$$$", "under $50 and over $20"])
def test_dollars_in_names_are_dollars(name, tmp_path):
    interval = Interval(0.5, 0.4, 0.6)
    slices = [SliceComparison(f"label {name}", 9, interval, interval, interval)]
    figure = accuracy_plots.slices_figure(slices)
    plot_style.save(figure, str(tmp_path / "slices.png"))
    assert figure.axes[0].get_yticklabels()[0].get_text() == f"label {name}\n9 texts"
    assert not figure.axes[0].get_yticklabels()[0].get_parse_math()
    names = [name, f"{name}$"]
    counts = pd.DataFrame([[1, 2], [3, 4]], index=names, columns=names)
    curves = dataclasses.replace(reports.make().curves["frozen"], confusion=counts)
    figure = curve_plots.confusion_figure({"frozen": curves})
    plot_style.save(figure, str(tmp_path / "confusion.png"))
    assert "$" in figure.axes[0].get_xticklabels()[0].get_text()


def test_long_names_leave_room_for_the_axes():
    interval = Interval(0.5, 0.4, 0.6)
    slices = [SliceComparison("x" * 80, 9, interval, interval, interval)]
    figure = accuracy_plots.slices_figure(slices, plot_style.NARROW)
    assert (
        figure.axes[0].get_yticklabels()[0].get_text()
        == "x" * 29 + "\N{HORIZONTAL ELLIPSIS}\n9 texts"
    )


def test_no_global_figure_is_made(comparison):
    accuracy_plots.comparison_figure(comparison)
    assert not Gcf.get_all_fig_managers()


@pytest.mark.parametrize("name", ["$5 to $10", r"$\frac{$", "$a$", "a_$^b$^", "<b>", "\x1b[31m"])
def test_no_class_name_is_read_as_mathematics(name: str):
    interval = Interval(0.5, 0.4, 0.6)
    slices = [SliceComparison(f"label {name}", 300, interval, interval, interval)]
    counts = pd.DataFrame(np.eye(2, dtype=int), [name, "other"], [name, "other"])
    drawn = reports.make().curves
    curves = {model: dataclasses.replace(each, confusion=counts) for model, each in drawn.items()}
    for figure in (accuracy_plots.slices_figure(slices), curve_plots.confusion_figure(curves)):
        plot_style.title(figure, f"Most frequent mistake: {name}")
        assert plot_style.to_png(figure).startswith(b"\x89PNG")
        assert not any(text.get_parse_math() for text in figure.findobj(Text))


@pytest.mark.parametrize(("classes", "panels"), [(2, 1), (3, 3), (10, 10), (50, 12)])
def test_each_class_has_a_panel_with_its_name_and_of_many_the_worst_have(classes, panels):
    made = reports.make_with_yardstick(classes, reviews=400)
    names = list(made.curves["frozen"].confusion.index)
    for figure in (
        curve_plots.roc_figure(made.curves, made.comparison, plot_style.WIDE),
        curve_plots.precision_recall_figure(made.curves, plot_style.NARROW),
    ):
        shown = [axes for axes in figure.axes if axes.get_visible()]
        assert len(shown) == panels
        titles = [axes.get_title(loc="left") for axes in shown]
        assert titles == ([""] if classes == 2 else [name for name in names if name in titles])
        assert len(set(titles)) == panels
        suptitle = figure.get_suptitle().replace("\n", " ")
        assert ("worst of 50" in suptitle) is (classes == 50)
        (legend,) = figure.legends
        lines = [each.get_text().partition(",") for each in legend.get_texts()]
        assert [name for name, _, _ in lines] == ["Frozen encoder", "Fine-tuned encoder", "TF-IDF"]
        assert all(float(figure.strip(" %")) > 0 for _, _, figure in lines)


@pytest.mark.parametrize("width", [plot_style.WIDE, plot_style.NARROW])
def test_no_name_or_value_lies_on_a_line_or_a_mark(comparison, width):
    made = reports.make_with_yardstick()
    for figure in (
        curve_plots.roc_figure(made.curves, made.comparison, plot_style.NARROW),
        curve_plots.precision_recall_figure(made.curves, plot_style.NARROW),
        curve_plots.reliability_figure(made.curves, made.comparison),
        accuracy_plots.training_history_figure(HISTORIES, width),
        accuracy_plots.comparison_figure(made.comparison, width),
    ):
        plot_style.to_png(figure)
        for axes in figure.axes:
            boxes = [text.get_window_extent() for text in axes.texts]
            boxes += [
                each.get_window_extent() for each in (axes.get_legend(), *figure.legends) if each
            ]
            for line in axes.lines:
                path = line.get_path().interpolated(40)
                points = path.transformed(line.get_transform()).vertices
                covered = [box for box in boxes if box.count_contains(points)]
                assert not covered, (line.get_label(), figure.get_suptitle())


def test_bins_of_few_texts_are_pale_and_no_line_joins_them():
    made = reports.make()
    reliability = made.curves["frozen"].reliability
    bins = reliability.assign(examples=[5, *[100] * (len(reliability) - 1)])
    curves = {"frozen": dataclasses.replace(made.curves["frozen"], reliability=bins)}
    axes = curve_plots.reliability_figure(curves, made.comparison).axes[0]
    drawn = [(np.asarray(each.get_xdata()).tolist(), each.get_alpha() or 1) for each in axes.lines]
    first, second, *others = bins["confidence"].tolist()
    assert ([second, *others], 1) in drawn
    pale, strong = ([alpha for x, alpha in drawn if x == [place]] for place in (first, second))
    assert pale < strong


@pytest.mark.parametrize(
    ("text", "fonts"),
    [
        ("abc", ["DejaVu Sans"]),
        ("naïve Ω д", ["DejaVu Sans"]),
        ("日本 ok", ["DejaVu Sans", "A Font of Han"]),
        ("日本 \u0e01", ["DejaVu Sans", "A Font of Han", "Thai"]),
        ("\U0001f3ac", ["DejaVu Sans"]),
    ],
)
def test_a_script_that_matplotlib_lacks_is_drawn_by_a_font_of_the_machine(monkeypatch, text, fonts):
    own = next(characters for name, characters in plot_style._fonts() if name == "DejaVu Sans")
    found = (
        ("DejaVu Sans", own),
        ("A Font of Han", frozenset(map(ord, "日本"))),
        ("Thai", frozenset([0xE01])),
    )
    monkeypatch.setattr(plot_style, "_fonts", lambda: found)
    assert plot_style.families(text) == fonts


def test_a_box_for_every_character_is_no_font():
    assert not [name for name, _ in plot_style._fonts() if name.startswith("Last Resort")]


def test_the_worst_classes_are_those_of_the_least_area():
    made = reports.make(50, reviews=2000)
    figure = curve_plots.roc_figure(made.curves, made.comparison, plot_style.WIDE)
    shown = {axes.get_title(loc="left") for axes in figure.axes}
    areas = {
        name: np.mean(
            [
                auc(part["false_positive_rate"], part["true_positive_rate"])
                for each in made.curves.values()
                for part in [each.roc[each.roc["class_name"] == name]]
            ]
        )
        for name in made.curves["frozen"].confusion.index
    }
    assert shown == set(sorted(areas, key=lambda name: areas[name])[:12])


def xs_of(line: Line2D) -> tuple[float, ...]:
    return tuple(np.round(np.asarray(line.get_xdata()), 9).tolist())


def measured_by(value: float, metric: str) -> SliceComparison:
    """Returns a slice whose accuracy is 0.5, and whose metric is another."""
    accuracy, own = Interval(0.5, 0.4, 0.6), Interval(value, value - 0.1, value + 0.1)
    loss = Interval(-0.2, -0.3, -0.1)
    return SliceComparison(
        f"label {metric}", 9, accuracy, accuracy, Interval(0.1, 0.05, 0.15), metric=metric,
        change=loss, values={"frozen": own, "fine_tuned": own},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "heading", "finding"),
    [
        ("macro_f1", "Macro F1", "fine-tuning loses on"),
        ("log_loss", "Log loss", "fine-tuning gains on"),
    ],
)
def test_slices_are_drawn_by_the_metric_that_decides(choice, heading, finding):
    metric = deciding(choice, ["a", "b"])
    figure = accuracy_plots.slices_figure([measured_by(0.7, metric.name)], metric=metric)
    values, differences = figure.axes
    assert values.get_xlabel() == heading
    assert (0.6, 0.8) in [xs_of(line) for line in values.lines]
    assert metric.title in differences.get_xlabel()
    assert (-0.3, -0.1) in [xs_of(line) for line in differences.lines]
    assert finding in figure.get_suptitle()


def test_where_the_accuracy_decides_on_some_slices_it_is_said():
    metric = deciding("macro_f1", ["a", "b"])
    mixed = [measured_by(0.7, metric.name), measured_by(0.7, "accuracy")]
    figure = accuracy_plots.slices_figure(mixed, metric=metric)
    assert figure.axes[0].get_xlabel() == "Macro F1; on the texts of one class, accuracy"


@pytest.mark.parametrize(
    ("choice", "drawn", "finding"),
    [
        (
            "macro_f1",
            {"validation": [0.4, 0.6]},
            "Validation macro F1 of the epochs kept: frozen encoder 60.0%",
        ),
        (
            "log_loss",
            {"training": [0.9, 0.8], "validation": [0.7, 0.5]},
            "Validation log loss of the epochs kept: frozen encoder 0.500",
        ),
        (
            "accuracy",
            {"training": [0.1, 0.2], "validation": [0.3, 0.4]},
            "Validation accuracy of the epochs kept: frozen encoder 40.0%",
        ),
    ],
)
def test_the_history_is_drawn_by_the_metric_that_decides(choice, drawn, finding):
    metric = deciding(choice, ["a", "b"])
    epochs = (
        {"accuracy": 0.1, "val_accuracy": 0.3, "loss": 0.9, "val_loss": 0.7, "val_metric": 0.4},
        {"accuracy": 0.2, "val_accuracy": 0.4, "loss": 0.8, "val_loss": 0.5, "val_metric": 0.6},
    )
    history = dataclasses.replace(HISTORIES["frozen"], epochs=epochs, best_epoch=1)
    figure = accuracy_plots.training_history_figure({"frozen": history}, metric=metric)
    (axes,) = figure.axes
    lines = {
        line.get_label(): np.asarray(line.get_ydata()).tolist()
        for line in axes.lines
        if len(xs_of(line)) > 1
    }
    assert lines == drawn
    assert finding in figure.get_suptitle()
    assert axes.get_ylabel().lower() == metric.title.lower()


def test_a_font_that_is_gone_or_damaged_ends_no_report(tmp_path):
    (tmp_path / "damaged.ttf").write_bytes(b"no font")
    assert plot_style._characters(str(tmp_path / "damaged.ttf")) == frozenset()
    assert plot_style._characters(str(tmp_path / "gone.ttf")) == frozenset()


@pytest.mark.parametrize("classes", [2, 6, 7, 12, 13, 30])
@pytest.mark.parametrize("width", [plot_style.WIDE, plot_style.NARROW])
def test_names_and_counts_of_a_confusion_matrix_never_overlap(classes, width):
    names = [f"class of a long name {number}" for number in range(classes)]
    counts = pd.DataFrame(np.full((classes, classes), 1234), names, names)
    drawn = reports.make_with_yardstick().curves
    curves = {model: dataclasses.replace(each, confusion=counts) for model, each in drawn.items()}
    figure = curve_plots.confusion_figure(curves, width)
    plot_style.to_png(figure)  # sets the fonts
    figure.draw_without_rendering()
    named = 0
    for axes in figure.axes:
        for texts in (axes.texts, axes.get_xticklabels(), axes.get_yticklabels()):
            shown = [each for each in texts if each.get_visible() and each.get_text()]
            boxes = [each.get_window_extent().padded(-1) for each in shown]
            named += bool(boxes)
            assert not [
                pair for pair in itertools.combinations(boxes, 2) if pair[0].overlaps(pair[1])
            ]
            assert all(figure.bbox.fully_contains(box.x0, box.y0) for box in boxes)
    assert named >= 4


def test_of_very_many_classes_the_matrix_has_no_names():
    names = [f"class {number}" for number in range(300)]
    counts = pd.DataFrame(np.eye(300, dtype=int), names, names)
    curves = {"frozen": dataclasses.replace(reports.make().curves["frozen"], confusion=counts)}
    figure = curve_plots.confusion_figure(curves)
    assert figure.get_figheight() < 20
    assert {each.get_text() for each in figure.axes[0].get_xticklabels()} == {""}


def test_no_line_of_a_title_ends_within_tf_idf():
    figure = plot_style.new_figure(plot_style.NARROW, 2)
    for length in range(60):
        plot_style.title(figure, f"{'x' * length} TF-IDF is better")
        assert "TF-IDF" in figure.get_suptitle()


def test_a_font_that_was_installed_since_matplotlib_listed_all_is_found(monkeypatch):
    manager = font_manager.fontManager
    [file] = {
        each.fname
        for each in manager.ttflist
        if each.name == "STIXGeneral" and each.weight == 400 and each.style == "normal"
    }
    others = [each for each in manager.ttflist if not each.name.startswith("STIX")]
    monkeypatch.setattr(manager, "ttflist", others)
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [file, "/nowhere/gone.ttf"])
    plot_style._fonts.cache_clear()
    assert "STIXGeneral" in dict(plot_style._fonts())
    plot_style._fonts.cache_clear()


def test_every_name_is_drawn_by_a_font_that_has_it(monkeypatch):
    names = ["\N{CJK UNIFIED IDEOGRAPH-65E5}", "\N{CJK UNIFIED IDEOGRAPH-672C}"]
    counts = pd.DataFrame(np.eye(2, dtype=int), names, names)
    drawn = reports.make_with_yardstick().curves
    curves = {model: dataclasses.replace(each, confusion=counts) for model, each in drawn.items()}
    interval = Interval(0.5, 0.4, 0.6)
    slices = [SliceComparison(f"label {each}", 9, interval, interval, interval) for each in names]
    monkeypatch.setattr(
        plot_style, "families", lambda text: ["STIXGeneral" if set(text) & set(names) else "cmr10"]
    )
    for figure in (curve_plots.confusion_figure(curves), accuracy_plots.slices_figure(slices)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of letters that neither has
            plot_style.to_png(figure)
        named = [each for each in figure.findobj(Text) if set(each.get_text()) & set(names)]
        assert len(named) >= 2
        assert {tuple(each.get_fontfamily()) for each in named} == {("STIXGeneral",)}
