"""Measures `predict.py`: how long it takes to start, how many lines it does, what memory it needs.

    python benchmarks/predictions.py            # 100,000 lines; a quarter of an hour on two cores
    python benchmarks/predictions.py --quick    # 2,000 lines
    python benchmarks/predictions.py --model output/serving/1795569553
    python benchmarks/predictions.py --lines 1000000 --sentences 1   # a million short lines

Without --model, a model of the sample preset is made first, on few reviews: it answers as fast as
one that has learned, though it is hardly one that would be pushed. The lines are sentences of the
sample reviews, put together anew, of one sentence to as many as the longest review has.
"""

import argparse
import json
import os
import random
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import measured_run
from figures import Figure, add_results_option, publish

PROJECT = Path(__file__).resolve().parents[1]
SENTENCES, SEED = 12, 1
_IMPORT = ["-c", "import tensorflow"]


def lines(count: int, fewest: int = 1, most: int = SENTENCES) -> Iterator[str]:
    """Yields texts of `fewest` to `most` sentences; the more, the fewer of them are alike."""
    reviews = (PROJECT / "assets" / "sample_reviews" / "train.jsonl").read_text(encoding="utf-8")
    texts = [json.loads(review)["text"] for review in reviews.splitlines()]
    sentences = [s for text in texts for s in text.replace("! ", ". ").split(". ") if s]
    draw = random.Random(SEED)
    for _ in range(count):
        yield ". ".join(draw.choices(sentences, k=draw.randint(fewest, most)))


def run(model: Path, options: list[str]) -> tuple[float, float, float]:
    """Returns wall-clock and processor seconds, and the peak MiB, of one call of the command."""
    return run_python(["predict.py", "--model", str(model), *options])


def run_python(arguments: list[str]) -> tuple[float, float, float]:
    """Returns what `run` does of Python with these arguments."""
    started = time.monotonic()
    command = [sys.executable, *arguments]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(os.waitstatus_to_exitcode(status))
    processor = usage.ru_utime + usage.ru_stime
    return time.monotonic() - started, processor, usage.ru_maxrss / 1024


def measure(model: Path, folder: Path, count: int, most: int = SENTENCES) -> list[Figure]:
    """Returns the figures of `count` lines with `model`; `folder` receives them."""
    in_turn = [(run(model, ["What a film!"]), run_python(_IMPORT)) for _ in range(3)]
    start, importing = map(_quickest, zip(*in_turn, strict=True))
    few = count // 10
    seconds, processor, memory = {}, {}, {}
    for number in (few, count):
        file = folder / f"{number}.txt"
        file.write_text("\n".join(lines(number, most=most)) + "\n", encoding="utf-8")
        seconds[number], processor[number], memory[number] = run(model, ["--input", str(file)])
    per_line = (seconds[count] - seconds[few]) / (count - few)
    growth = (processor[count] - processor[few]) / (processor[few] or 1)
    return [
        Figure("start-up: one text", start[0], "s"),
        Figure("start-up: one text, processor time", start[1], "s"),
        Figure("import tensorflow", importing[0], "s"),
        Figure("import tensorflow, processor time", importing[1], "s"),
        Figure("start-up over import tensorflow", start[1] - importing[1], "s", "<= 0.5"),
        Figure("each line more", per_line * 1000, "ms"),
        Figure(f"rate, {count:,} lines, start-up included", count / seconds[count], "lines/s"),
        Figure(f"processor time, {few:,} lines", processor[few], "s"),
        Figure(f"processor time, {count:,} lines", processor[count], "s"),
        Figure("processor time of nine times as many more, over it", growth, "", "<= 9"),
        Figure(f"peak memory, {few:,} lines", memory[few], "MiB"),
        Figure(f"peak memory, {count:,} lines", memory[count], "MiB", "as of few lines"),
    ]


def _quickest(calls: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    """Returns the least of the seconds, and of the processor seconds, of several calls."""
    seconds, processor, _ = zip(*calls, strict=True)
    return min(seconds), min(processor)


def main() -> None:
    """Runs, prints, records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, default=100_000, help="(default: %(default)s)")
    parser.add_argument(
        "--sentences", type=int, default=SENTENCES, help="most of a line (default: %(default)s)"
    )
    parser.add_argument("--model", type=Path, metavar="FOLDER", help="a pushed model")
    parser.add_argument("--quick", action="store_true", help="2,000 lines")
    add_results_option(parser)
    arguments = parser.parse_args()
    count = 2000 if arguments.quick else arguments.lines
    with tempfile.TemporaryDirectory() as folder:
        model = arguments.model.resolve() if arguments.model else made(Path(folder, "output"))
        figures = measure(model, Path(folder), count, arguments.sentences)
    options = [f"--lines={count}", f"--sentences={arguments.sentences}"]
    command = shlex.join(["python", "benchmarks/predictions.py", *options])
    publish(figures, command, arguments.results)


def made(output: Path) -> Path:
    """Trains a model for a few steps; returns its folder."""
    measured_run.run(output, ["--max-examples=200", "--frozen-epochs=2", "--fine-tuned-epochs=1"])
    [model] = output.glob("pipeline/Trainer.fine_tuned/model/*/Format-Serving")
    return model


if __name__ == "__main__":
    main()
