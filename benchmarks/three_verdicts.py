"""Runs the pipeline on three files that each deserve another of the three answers.

    python benchmarks/three_verdicts.py --output DIR    # keeps runs and pages below DIR
    python benchmarks/three_verdicts.py --quick         # 240 rows of each: shows that it works

The texts are remarks on films, composed here, so that what decides is known beforehand:

fine_tuned  Each remark praises and blames in one sentence; its label is what comes last. The same
            words, alone and in pairs, are in both classes: only their order over a distance tells.
frozen      A remark asks or states the same thing, and only the mark at its end tells. TF-IDF reads
            words, not marks; the frozen encoder has tokens for them.
neither     A remark is about sound, acting or the plot, and names it: words are all there is.
"""

import argparse
import csv
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from figures import Figure, add_results_option, publish
from measured_run import MeasuredRun, run

ROWS: dict[str, int] = {"fine_tuned": 4_000, "frozen": 1_000, "neither": 1_000}
QUICK, QUICK_OPTIONS = 240, ("--frozen-epochs=2", "--fine-tuned-epochs=1")

_PRAISE = (
    *("wonderful", "great", "moving", "brilliant", "charming", "clever", "superb", "delightful"),
    *("gripping", "beautiful", "excellent", "touching", "lovely", "funny"),
)
_BLAME = (
    *("terrible", "dull", "boring", "awful", "clumsy", "silly", "poor", "dreadful"),
    *("tedious", "ugly", "weak", "lifeless", "stupid", "annoying"),
)
_DEGREES = (
    "rather",
    "quite",
    "really",
    "truly",
    "so",
    "very",
    "just",
    "simply",
    "oddly",
    "plainly",
)
_WHAT = (
    *("the film", "the movie", "this picture", "the whole story", "the director's idea"),
    *("the second half", "the ending", "the dialogue", "the first scene", "the sequel"),
)
_WHO = ("my sister", "my friend", "an old critic", "the man beside me", "everybody", "my father")
_WHEN = (
    *("last night", "on Sunday", "at the festival", "years ago", "on a long flight"),
    *("in a small cinema", "on television", "with the children", "in the rain", "after work"),
)
_BEFORE = (
    *("We saw it {0}.", "It was shown {0}.", "{1} took me there {0}.", "I rented it {0}."),
    *("{1} told me about it {0}.", "Somebody praised it {0}.", "It came out {0}, I think."),
)
_AFTER = (
    *("{1} thought the same.", "That is all I remember.", "I would not argue with {1}."),
    *("{1} saw it {0}.", "You may see it {0}.", "The music is another matter.", "Ask {1}."),
)
_SPANS = ("for an hour", "for a while", "in places", "at times", "for some minutes", "as a whole")
_ASPECTS = {
    "sound": ("the music", "the sound", "the score", "the songs", "the voices"),
    "acting": ("the acting", "the lead", "the cast", "the actors", "the performances"),
    "plot": ("the plot", "the story", "the script", "the ending", "the twist"),
}


def _turning(random: np.random.Generator, label: str) -> str:
    words = [random.choice(_BLAME), random.choice(_PRAISE)]
    first, last = words if label == "praise" else reversed(words)
    parts = [f"{random.choice(_DEGREES)} {each} {random.choice(_SPANS)}" for each in (first, last)]
    return f"I found {random.choice(_WHAT)} {', but then '.join(parts)}."


def _asking(random: np.random.Generator, label: str) -> str:
    word = random.choice(_PRAISE + _BLAME)
    said = f"{random.choice(_WHO)} found {random.choice(_WHAT)} {random.choice(_DEGREES)} {word}"
    return f"So {said}{'?' if label == 'asks' else '.'}"


def _naming(random: np.random.Generator, label: str) -> str:
    word = random.choice(_PRAISE + _BLAME)
    what = random.choice(_ASPECTS[label])
    return f"As for {what}, {random.choice(_WHO)} found it {random.choice(_DEGREES)} {word}."


Sentence = Callable[[np.random.Generator, str], str]
SENTENCES: dict[str, tuple[Sentence, tuple[str, ...]]] = {
    "fine_tuned": (_turning, ("praise", "blame")),
    "frozen": (_asking, ("asks", "states")),
    "neither": (_naming, tuple(_ASPECTS)),
}


def compose(answer: str, count: int, seed: int) -> list[tuple[str, str]]:
    """Composes texts that deserve an answer, with their labels, in turn one of each."""
    random = np.random.default_rng(seed)
    sentence, labels = SENTENCES[answer]
    return [
        (_remark(random, sentence(random, label)), label)
        for label in (labels[number % len(labels)] for number in range(count))
    ]


def _remark(random: np.random.Generator, sentence: str) -> str:
    """Puts a sentence between others, which tell nothing of the label."""
    before, after = (
        random.choice(each).format(random.choice(_WHEN), random.choice(_WHO))
        for each in (_BEFORE, _AFTER)
    )
    parts = (before, sentence, after)
    return " ".join(f"{each[0].upper()}{each[1:]}" for each in parts)


def write(file: Path, answer: str, count: int, seed: int = 1) -> None:
    """Writes a CSV file with the columns `text` and `label`."""
    with file.open("w", newline="", encoding="utf-8") as opened:
        rows = csv.writer(opened)
        rows.writerow(["text", "label"])
        rows.writerows(compose(answer, count, seed))


def figures_of(answer: str, measured: MeasuredRun) -> list[Figure]:
    """Returns whether a run gave the answer that its texts deserve, and by which accuracies."""
    found, metrics = measured.summary, {}
    if found.yardstick is not None:
        metrics["yardstick"] = found.yardstick.eval
    metrics |= {model: each.metrics for model, each in found.models.items()}
    return [
        Figure(f"answered as deserved, {answer}", float(found.answer == answer), "", "1"),
        *(
            Figure(f"{model} accuracy, eval, {answer}", each.accuracy.value, "")
            for model, each in metrics.items()
        ),
        Figure(f"whole run, {answer}", measured.seconds, "s"),
    ]


def run_all(folder: Path, rows: dict[str, int], options: tuple[str, ...] = ()) -> list[Figure]:
    """Runs the pipeline on each file, one after the other, below a folder."""
    found = []
    for answer, count in rows.items():
        file = folder / f"{answer}.csv"
        write(file, answer, count)
        measured = run(folder / answer, ["--csv", str(file), *options])
        print(f"{answer}: {measured.summary.headline}", flush=True)
        found += figures_of(answer, measured)
    return found


def main() -> None:
    """Runs, prints, keeps."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} rows of each, fewer epochs")
    parser.add_argument("--output", type=Path, metavar="DIR", help="keeps files, runs and pages")
    add_results_option(parser)
    arguments = parser.parse_args()
    rows = dict.fromkeys(ROWS, QUICK) if arguments.quick else ROWS
    options = QUICK_OPTIONS if arguments.quick else ()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.output or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        found = run_all(folder, rows, options)
    command = f"python benchmarks/{Path(__file__).name}{' --quick' if arguments.quick else ''}"
    publish(found, command, arguments.results)


if __name__ == "__main__":
    main()
