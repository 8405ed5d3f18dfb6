"""What the page says, that everybody can read it, and that nothing crashes it."""

import dataclasses
import math
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from albert_tfx.calibration.temperature import Calibration
from albert_tfx.evaluation.measurements import (
    AnswerMetrics,
    Comparison,
    Disagreement,
    Interval,
    Mistake,
    ModelMetrics,
    SeedAccuracy,
    TestComparison,
)
from albert_tfx.options import AnswerOptions
from albert_tfx.report import figures
from albert_tfx.report import page as report_page
from albert_tfx.report.page import SourceArtifact, trace
from albert_tfx.report.summary import (
    AnswersSummary,
    ModelSummary,
    ProductionSummary,
    Removed,
    Settings,
)
from tests.support import browser, pages, reports, summaries

YARDSTICK = dataclasses.replace(
    summaries.YARDSTICK,
    eval=summaries.metrics(Interval(0.66, 0.61, 0.7), 0.71, 0.6, 400),
    gain={
        "frozen": {"accuracy": Interval(0.112, 0.05, 0.17)},
        "fine_tuned": {"accuracy": Interval(0.2, 0.144, 0.256)},
    },
)
DUPLICATES = dataclasses.replace(
    summaries.DUPLICATES,
    exact={"train": {"test": 123, "train": 14}},
    removed={"test": Removed(exact=0, near=0), "train": Removed(exact=137, near=34)},
)
PRODUCTION = ProductionSummary(
    passed=False,
    rule="worse",
    reason="The new model is refused.",
    pushed_model=None,
    metrics=summaries.metrics(Interval(0.913, 0.9, 0.93), 0.9, 0.4, 1_200),
    difference={"accuracy": Interval(-0.021, -0.03, -0.01)},
)
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
SECTIONS = [
    *("models", "training", "curves", "mistakes", "slices", "cost"),
    *("disagreements", "data", "lineage", "limits"),
]


@pytest.fixture(scope="module")
def findings():
    return reports.make()


@pytest.fixture(scope="module")
def pictures(findings):
    return figures.draw(findings.comparison, reports.HISTORIES, findings.curves)


@pytest.fixture(scope="module")
def render(findings, pictures):
    """Renders without drawing again."""

    def rendered(summary=None, disagreements=reports.DISAGREEMENTS, **changes) -> str:
        whole = dataclasses.replace(summary or findings.summary, **changes)
        return report_page.render(whole, pictures, findings.curves, disagreements, reports.SOURCES)

    return rendered


@pytest.fixture(scope="module")
def page(render) -> str:
    return render(yardstick=YARDSTICK, duplicates=DUPLICATES, production=PRODUCTION)


@pytest.fixture(scope="module")
def text(page) -> str:
    return pages.text_of(pages.parse(page))


def test_sections_are_all_there_in_order(page):
    assert [each.get("id") for each in pages.parse(page).iter("h2")] == SECTIONS


def test_everybody_can_read_it(page):
    assert pages.faults(page) == []


def test_faults_would_be_found():
    broken = (
        "<style>:root { --ink: #999999; --paper: #ffffff; --card: #ffffff } "
        "@media (dark) { :root { } }</style>"
        "<h1>a</h1><h3>b</h3><img src='data:'><table><tr><th>c</table><a href='#nowhere'>d</a>"
    )
    found = pages.faults(broken)
    for fault in ("no language", "no alt", "h3 after h1", "caption", "scope", "contrast of 2.8"):
        assert any(fault in each for each in found), fault
    assert any("nowhere" in each for each in found)


def test_needs_nothing_but_itself(page):
    root = pages.parse(page)
    addresses = root.xpath("//@src | //@srcset | //@href | //@poster | //@action")
    assert {each.split(":")[0] for each in addresses if not each.startswith("#")} == {"data"}
    assert not root.xpath("//script | //link | //iframe | //object")
    assert not re.search(r"url\(|@import|https?:", page)


def test_is_of_a_size_to_be_mailed(page):
    assert len(page.encode()) < 3_000_000


def test_verdict_is_said_with_its_uncertainty_and_its_rule(findings, text):
    difference = findings.summary.difference["accuracy"]
    verdict = f"Fine-tune: it changes accuracy by +{100 * difference.value:.1f} points (+"
    assert text.count(verdict) == 2  # title and heading
    assert text.index(verdict) < text.index("the 95% interval is")
    assert "the chance of training is not in the interval" in text
    assert f"changes accuracy by +{100 * difference.value:.1f} points" in text
    assert f"+{100 * difference.lower:.1f} to +{100 * difference.upper:.1f} points" in text
    assert not re.search(r"\b(un)?sure(ly)?\b", text)
    assert findings.summary.reason in text
    assert "Pushed: the fine-tuned encoder, to serving/7." in text
    assert "The gate to production: The new model is refused." in text


def test_numbers_are_those_of_the_summary(findings, page, text):
    for model in findings.summary.models.values():
        for name in ("accuracy", "precision", "recall", "f1", "calibration_error"):
            each = model.metrics[name]
            assert f"{each.value:.1%} {each.lower:.1%} to {each.upper:.1%}" in text
        for name in ("auc", "log_loss"):
            assert f"{model.metrics[name].value:.3f} {model.metrics[name].lower:.3f} to" in text
        assert f"{model.trainable_parameters:,}" in text
    for each in findings.summary.slices:
        assert f"{each.name} {each.examples:,} {each.frozen.value:.1%}" in text
    for words in ("66.0% 61.0% to 70.0%", "25,001", "123 of train also occur in test", "137 34"):
        assert words in text
    assert "91.3% (90.0% to 93.0%)" in text
    assert "\N{MINUS SIGN}2.1 points (\N{MINUS SIGN}3.0 to \N{MINUS SIGN}1.0)" in text
    assert "is +20.0 points (+14.4 to +25.6) for the fine-tuned encoder and +11" in text
    assert "worth its cost" not in text
    assert "python local_runner.py --seed 1" in text
    assert "Evaluator.comparison" in text


def test_the_pictures_say_their_finding_to_who_cannot_see_them(page, pictures):
    alternatives = [each.get("alt") for each in pages.parse(page).iter("img")]
    assert sorted(alternatives) == sorted(f"{each.finding}." for each in pictures.values())
    assert any("Fine-tuning gains" in each for each in alternatives)


def test_the_yardstick_is_in_every_table():
    page = reports.make_with_yardstick().page()
    assert pages.faults(page) == []
    tables = pages.parse(page).xpath("//table[.//th[normalize-space()='TF-IDF']]/caption/@id")
    assert tables == ["caption-models", "caption-slices", "caption-cost"]
    assert pages.parse(page).xpath("//caption[@id='caption-confusion-yardstick']")
    cost = pages.parse(page).xpath("//table[caption[@id='caption-cost']]")[0]
    assert "524,290" in pages.text_of(cost)
    assert "4.2 MB" in pages.text_of(cost)
    alternatives = " ".join(pages.parse(page).xpath("//img/@alt"))
    assert alternatives.count("TF-IDF") >= 4


def test_says_where_word_counts_would_do(render):
    gain = {"accuracy": Interval(0.01, -0.02, 0.04)}
    gains = dict.fromkeys(("frozen", "fine_tuned"), gain)
    page = render(yardstick=dataclasses.replace(YARDSTICK, gain=gains))
    assert "On this text, BERT is not shown to be worth its cost." in page


def test_the_encoder_is_called_by_its_kind_and_only_our_own_albert_needs_a_word(render):
    known = summaries.ENCODER
    page = render(encoder=known)
    assert "ALBERT" not in page
    page = render(encoder=dataclasses.replace(known, handle="asset://small", model_type=None))
    assert "This encoder is not ALBERT as published." in page
    assert "ALBERT" not in render(encoder=None)


def test_the_end_of_the_page_names_the_encoder_and_that_it_is_our_own(render):
    """Whoever asks for ALBERT-base without a network gets the small one, by the same command."""
    page = render(encoder=dataclasses.replace(summaries.ENCODER, handle="asset://small"))
    end = page[page.index("To run this again") :]
    assert "<dt>encoder</dt><dd>asset://small" in end
    assert "not Google" in end
    assert end.index("How the intervals") < end.index("This encoder is not ALBERT as published")
    assert "<dt>encoder</dt>" not in render(encoder=None)


def test_says_which_model_clearly_beats_word_counts_though_the_other_gains_more(render):
    sure = {"accuracy": Interval(0.02, 0.007, 0.033)}
    unsure = {"accuracy": Interval(0.029, -0.001, 0.059)}
    gains = {"frozen": sure, "fine_tuned": unsure}
    page = render(yardstick=dataclasses.replace(YARDSTICK, gain=gains))
    assert "is +2.0 points (+0.7 to +3.3) for the frozen encoder and +2.9 points" in page
    assert "for the fine-tuned encoder, without training&#39;s chance." in page
    assert "worth its cost" not in page


def test_models_that_diverged_are_not_said_to_agree(render):
    assert "The two models gave the same answer to every text." in render(disagreements=[])
    page = render(disagreements=[], flip_rates=None)
    assert "The answers of the two models cannot be compared." in page
    assert "gave the same answer" not in page


@pytest.mark.parametrize("white_space", ["", " " * 600])
def test_an_excerpt_begins_with_the_text(white_space):
    assert report_page.excerpt(white_space + "good film") == "good film"


def test_does_without_what_was_not_measured(render):
    page = render(production=None)
    assert pages.faults(page) == []
    for word in ("TF-IDF", "Duplicates", "to production"):
        assert word not in page


def test_what_bfloat16_changes_has_a_table_where_it_was_asked_for(render, findings, page):
    assert not pages.parse(page).xpath("//caption[@id='caption-precision']")
    rounded = summaries.rounded(Interval(-0.025, -0.04, -0.01)).models
    models = {
        name: dataclasses.replace(
            each,
            inference_precision=rounded[name].inference_precision,
            precision_change=rounded[name].precision_change,
        )
        for name, each in findings.summary.models.items()
    }
    page = render(models=models)
    assert pages.faults(page) == []
    root = pages.parse(page)
    [table] = root.xpath("//table[caption[@id='caption-precision']]")
    cells = pages.text_of(table)
    assert "What bfloat16 changes" in cells
    assert "Fine-tuned 3.0% 2.0% to 5.0% \N{MINUS SIGN}2.5 \N{MINUS SIGN}4.0 to" in cells
    assert "+0.004 +0.001 to +0.007" in cells
    [cost] = root.xpath("//table[caption[@id='caption-cost']]")
    assert "Matrix products of its answers bfloat16 bfloat16" in pages.text_of(cost)
    assert "bfloat16 costs accuracy." in pages.text_of(root)


@pytest.mark.parametrize("word", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_hostile_text_stays_text(render, findings, word):
    first, *others = findings.summary.slices
    summary = dataclasses.replace(
        findings.summary,
        slices=(dataclasses.replace(first, name=word), *others),
        **dict.fromkeys(("reason", "command", "pushed_model", "rule"), word),
    )
    review = Disagreement(word, word, word, 0.9, word, 0.8)
    page = render(summary, [review])
    root = pages.parse(page)
    assert not root.xpath("//script | //@onerror")
    assert text_count(root, word) >= 6
    assert pages.faults(page) == []


def test_no_text_turns_the_page_round_or_hides_in_it(render, findings):
    first, *others = findings.summary.slices
    word = "label \u202eevitisop\x1b[2J"
    review = Disagreement(word, word, word, 0.9, word, 0.8)
    summary = dataclasses.replace(
        findings.summary, slices=(dataclasses.replace(first, name=word), *others)
    )
    page = render(summary, [review])
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert len(pages.parse(page).xpath("//bdi[contains(text(), 'evitisop')]")) == 4


def test_nothing_from_elsewhere_may_be_loaded_or_run(page):
    (policy,) = pages.parse(page).xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def text_count(root, word: str) -> int:
    return root.text_content().count(word)


def test_long_reviews_are_cut_and_many_are_left_out(render):
    page = render(
        disagreements=[Disagreement("word " * 2000, "b", "a", 0.9, "b", 0.8) for _ in range(50)]
    )
    shown = pages.parse(page).xpath("//blockquote")
    assert len(shown) == report_page.MAX_REVIEWS
    assert all(len(each.text_content()) <= report_page.MAX_CHARACTERS + 1 for each in shown)
    assert shown[0].text_content().endswith("word…")


def test_what_the_winner_gets_wrong_is_shown(findings, pictures):
    mistakes = [Mistake(f"text {n} <b>", "late", "early", 0.991 - n / 100) for n in range(30)]
    page = report_page.render(
        findings.summary, pictures, findings.curves, [], reports.SOURCES, mistakes
    )
    assert pages.faults(page) == []
    text = pages.text_of(pages.parse(page))
    assert "What the fine-tuned encoder gets wrong" in text
    assert text.index("Label late ; it answers early with 99.1%. text 0 <b>") > 0
    assert len(pages.parse(page).xpath("//blockquote")) == report_page.MAX_REVIEWS


def test_agreement_is_said(render):
    assert "the same answer to every text" in render(disagreements=[])


def test_an_undefined_run_has_a_page_too(findings):
    undefined = ModelMetrics(400, {})
    nothing = Interval(math.nan, math.nan, math.nan)
    slices = tuple(
        dataclasses.replace(each, frozen=nothing, fine_tuned=nothing, difference=Interval(math.nan))
        for each in findings.comparison.slices
    )
    comparison = Comparison(undefined, undefined, Interval(math.nan), math.nan, slices)
    curves = {
        name: dataclasses.replace(
            each,
            roc=each.roc.iloc[:0],
            precision_recall=each.precision_recall.iloc[:0],
            reliability=each.reliability.iloc[:0],
            confusion=each.confusion * 0,
        )
        for name, each in findings.curves.items()
    }
    summary = dataclasses.replace(
        reports.summarize(comparison),
        winner=None,
        pushed=False,
        pushed_model=None,
        rule="undefined",
    )
    broken = reports.Findings(comparison, curves, summary)
    page = broken.page([])
    assert pages.faults(page) == []
    text = pages.text_of(pages.parse(page))
    assert "Serve neither model: the metrics are undefined" in text
    assert "The difference between the two models is undefined." in text
    assert "nan" not in text.replace("finance", "").lower()
    assert not [each for each in pages.parse(page).iter("img") if "nan" in each.get("alt")]


def test_a_summary_of_nulls_has_a_page_too(render, findings):
    nothing, undefined = Interval(math.nan), ModelMetrics(0, {})
    models = {name: _without_numbers(each) for name, each in findings.summary.models.items()}
    page = render(
        models=models,
        test=dataclasses.replace(findings.summary.test, metrics=undefined),
        difference={"accuracy": nothing},
        flip_rates=None,
        slices=(),
        words={},
        majority_share=math.nan,
        yardstick=dataclasses.replace(YARDSTICK, eval=undefined, gain={}),
        duplicates=dataclasses.replace(DUPLICATES, keep=True, exact={}, removed={}),
        production=None,
    )
    assert pages.faults(page) == []
    assert "No slices were measured" in page


def _without_numbers(model: ModelSummary) -> ModelSummary:
    numbers = [key for key, value in vars(model).items() if isinstance(value, float)]
    changes: dict[str, Any] = dict.fromkeys(numbers, math.nan)
    return dataclasses.replace(
        model,
        **changes,
        metrics=ModelMetrics(0, {}),
        epochs=tuple(dict.fromkeys(epoch, math.nan) for epoch in model.epochs),
    )


def test_the_first_lines_say_what_it_is_about(render):
    settings = Settings(
        dataset="tickets",
        sequence_length=96,
        truncation="head_tail",
        class_weights="balanced",
        batch_size={"frozen": 32, "fine_tuned": 16},
        price_per_hour=7.2,
    )
    labels = {split: {"usual": 95, "urgent": 5} for split in ("train", "eval", "test")}
    page = render(settings=settings, labels=labels, date="2026-11-29")
    assert pages.faults(page) == []
    text = pages.text_of(pages.parse(page))
    about = text.index(
        "tickets: 3,600 train, 400 eval, 1,200 test texts; sorted into usual, urgent"
    )
    assert about < text.index("2026-11-29.") < text.index("On the 400 texts of the eval split")
    assert text.index("texts of the test split, which chose nothing") < text.index(
        "Training history"
    )
    assert "most tokens of a text 96 kept of a longer one head and tail" in text
    assert "epochs frozen 4, fine-tuned 2" in text
    assert "texts in a batch frozen 32, fine-tuned 16 class weights balanced" in text
    assert "usual 95 95 95 urgent 5 5 5" in text
    assert "Training, as a factor 1 times 24.8 times" in text
    assert "Training, at 7.2 an hour 0.025 0.62" in text


def test_each_training_is_shown_where_there_are_several(render):
    trainings = tuple(SeedAccuracy("fine_tuned", seed, 0.8 + seed / 100, 0.7) for seed in (1, 2))
    assert "Accuracy of each training" not in render()
    page = render(seeds=2, by_seed=trainings)
    assert pages.faults(page) == []
    text = pages.text_of(pages.parse(page))
    assert "Fine-tuned 1 81.0% 70.0% Fine-tuned 2 82.0% 70.0%" in text
    assert "Each model was trained 2 times: the chance of training is in the interval." in text
    assert "without training's chance" not in text
    assert "narrower" not in text
    assert text.count("the differences are means over the 2 trainings of each model.") == 2
    assert "the differences are means" not in render()


def test_both_models_on_test_stand_beside_the_deciding_difference(render, findings):
    comparison = findings.comparison
    tested = TestComparison(comparison.frozen, comparison.fine_tuned, Interval(0.04, 0.01, 0.07))
    text = pages.text_of(pages.parse(render(test_comparison=tested)))
    said = "Fine-tuning changes accuracy by +4.0 points (+1.0 to +7.0, without training's chance)"
    assert f"{said} there." in text


def test_each_class_is_shown_with_its_counts():
    made = reports.make_with_yardstick(classes=3)
    page = made.page()
    assert pages.faults(page) == []
    for model, classes in made.summary.classes.items():
        table = pages.parse(page).xpath(f"//table[caption[@id='caption-classes-{model}']]")[0]
        rows = [pages.text_of(row) for row in table.xpath("./tbody/tr")]
        for row, each in zip(rows, classes, strict=True):
            assert row.startswith(f"{each.name} {each.examples} {each.answers} ")
            assert f"{each.recall.value:.1%}" in row
            assert f"{each.precision.value:.1%}" in row
    shown = pages.parse(page).xpath("//details[@open]/summary/text()")
    assert shown == ["Fine-tuned: precision, recall and F1 of each class"]


def test_a_confusion_has_counts_and_shares(render, findings):
    text = pages.text_of(pages.parse(render()))
    counts = findings.curves["frozen"].confusion.to_numpy()
    assert f"{counts[0, 0]} {counts[0, 0] / counts[0].sum():.1%}" in text


def test_many_classes_fit():
    page = reports.make(classes=4).page()
    assert pages.faults(page) == []
    table = pages.parse(page).xpath("//table[caption[@id='caption-confusion-frozen']]")[0]
    assert len(table.xpath("./tbody/tr")) == 4


def test_artifacts_come_in_the_order_in_which_they_were_made_below_the_pipelines_root():
    root = "gs://bucket/runs"
    artifacts = [
        SourceArtifact("test_evaluation", "", "", 12, f"{root}/Evaluator.test/evaluation/9"),
        SourceArtifact("examples", "", "", 4, f"{root}/DuplicateFinder/examples/3"),
    ]
    traced = trace(artifacts, f"{root}/ComparisonReport/report/14")
    assert [(each.role, each.id, each.uri) for each in traced] == [
        ("examples", 4, "DuplicateFinder/examples/3"),
        ("test evaluation", 12, "Evaluator.test/evaluation/9"),
    ]


def test_artifacts_without_an_id_come_by_name():
    artifacts = [
        SourceArtifact(name, "", "", 0, f"root/{name}/key/0") for name in ("frozen", "evaluation")
    ]
    traced = trace(artifacts, "root/report/key/0")
    assert [each.role for each in traced] == ["evaluation", "frozen"]


def test_an_unfinished_training_is_said_first(render):
    text = pages.text_of(pages.parse(render(caution="The training has not converged: so and so.")))
    assert text.index("No verdict yet") < text.index("so and so") < text.index("What decided")


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({"answer": "neither"}, "yardstick"),
        ({"answer": "fine_tuned"}, "encoders"),
        ({"answer": "neither", "caution": "The training has not converged."}, "encoders"),
        ({"answer": "neither", "winner": None}, "encoders"),
    ],
)
def test_the_reason_of_the_headline_is_the_first_below_it(render, changes, first):
    box = pages.text_of(pages.parse(render(yardstick=YARDSTICK, **changes)))
    beginnings = {
        "yardstick": "The yardstick, TF-IDF with logistic regression, reaches",
        "encoders": "texts of the eval split, which decide, fine-tuning changes",
    }
    assert min(beginnings, key=lambda each: box.index(beginnings[each])) == first


_RAN = "document.title='it ran'"
_HOSTILE = (
    f"<script>{_RAN}</script>",
    f'"><img src=x onerror="{_RAN}">',
    f"<svg onload={_RAN}>",
    f'</blockquote></li></ol><iframe srcdoc="<script>parent.{_RAN}</script>">',
    f'<a href="javascript:{_RAN}" autofocus onfocus="{_RAN}">link</a>',
    "{{7*7}}{% raw %}<!-- ]]> \x1b[31m\u202egnp.exe",
)


@pytest.fixture(scope="module")
def hostile(render) -> str:
    """The page of a run whose texts, names and command are what an attacker would write."""
    text = " ".join(_HOSTILE)
    first = dataclasses.replace(reports.DISAGREEMENTS[0], text=text, label=text)
    return render(disagreements=[first], reason=text, command=text, duplicates=DUPLICATES)


def test_no_text_becomes_an_element(hostile):
    root = pages.parse(hostile)
    assert not root.xpath("//script | //iframe | //svg | //a[starts-with(@href, 'javascript:')]")
    assert not root.xpath("//*[@onerror or @onload or @onfocus]")
    assert "49" not in pages.text_of(root.xpath("//ol")[-1])
    assert "\x1b" not in hostile
    assert "\u202e" not in hostile


def shown_by_a_browser(file: Path) -> str:
    """Returns the elements that a page has become, its scripts run."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={file.parent}/user"]
    command = [str(CHROMIUM), *options, "--virtual-time-budget=5000", "--dump-dom", file.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_browser_runs_nothing_of_a_text(hostile, tmp_path):
    file = tmp_path / "index.html"
    # The page's own policy forbids scripts; here escaping alone has to do.
    file.write_text(re.sub(r"<meta http-equiv=[^>]*>", "", hostile, flags=re.IGNORECASE))
    root = pages.parse(shown_by_a_browser(file))
    assert root.findtext(".//title") == pages.parse(hostile).findtext(".//title")
    assert not root.xpath("//script | //iframe | //svg")


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_that_browser_would_run_it(tmp_path):
    file = tmp_path / "index.html"
    file.write_text(f"<title>before</title>{_HOSTILE[0]}")
    assert "<title>it ran</title>" in shown_by_a_browser(file)


def test_the_temperatures_are_a_table_with_what_they_change():
    findings = reports.make()
    page = findings.page()
    assert not pages.parse(page).xpath("//caption[@id='caption-calibration']")
    found = Calibration(
        temperature=2.0,
        log_loss_before=0.7,
        log_loss=0.5,
        calibration_error_before=0.12,
        calibration_error=0.03,
    )
    models = {
        "frozen": findings.summary.models["frozen"],
        "fine_tuned": dataclasses.replace(findings.summary.models["fine_tuned"], calibration=found),
    }
    page = findings.page(models=models)
    assert pages.faults(page) == []
    (table,) = pages.parse(page).xpath("//table[caption[@id='caption-calibration']]/tbody")
    assert pages.text_of(table) == "Fine-tuned 2.000 0.700 0.500 12.0% 3.0%"


def test_what_an_abstention_costs_is_beside_its_curve():
    share = Interval(0.9, 0.87, 0.92)
    answers = AnswersSummary(
        options=AnswerOptions(abstain_below=0.8), test=AnswerMetrics(1_200, share, share)
    )
    page = reports.make().page(answers=answers)
    assert "90.0% (87.0% to 92.0%) of the 1,200 test texts are given a class" in pages.text_of(
        pages.parse(page)
    )
    alternatives = pages.parse(page).xpath("//img/@alt")
    assert any(each.startswith("Right of the surest 80%") for each in alternatives)


def test_no_line_of_a_caption_ends_within_an_option(page):
    options = [each.text for each in pages.parse(page).find_class("option")]
    assert {"--threshold", "--abstain-below"} <= {*options}
    assert report_page.unbroken("<b> --group-column.") == (
        '&lt;b&gt; <span class="option">--group-column</span>.'
    )


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_a_long_name_makes_no_page_wider_than_its_screen(monkeypatch, tmp_path, width):
    names = ["short", f"a class {'whose name goes on ' * 3}", "one_word_of_very_many_letters" * 3]
    monkeypatch.setattr(reports, "_names", lambda _: names)
    disagreements = [
        dataclasses.replace(each, label=names[2]) for each in reports.DISAGREEMENTS[:2]
    ]
    file = tmp_path / "page.html"
    file.write_text(reports.make_with_yardstick(3).page(disagreements), encoding="utf-8")
    with browser.tab(tmp_path / "browser") as tab:
        tab.size(width, 900)
        tab.open(file.as_uri())
        assert tab.value("document.documentElement.scrollWidth") <= width
        assert tab.value(
            "[...document.querySelectorAll('th[scope=row]')].every("
            f"each => each.offsetWidth <= Math.max(130, {width} / 2))"
        )
