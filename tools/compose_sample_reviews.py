"""Composes the sample reviews, the data set that a run uses when it is given none.

    python tools/compose_sample_reviews.py                   # writes assets/sample_reviews/
    python tools/compose_sample_reviews.py --show 20         # prints reviews, writes nothing

The same seed gives the same bytes on every machine. benchmarks/sample_reviews_difficulty.py says
how hard they are.
"""

import argparse
import dataclasses
import json
import random
from collections.abc import Iterable
from pathlib import Path

from sample_reviews.composer import CompositionOptions, Review, ReviewComposer, SeenReviews

DEFAULT_FOLDER = Path(__file__).resolve().parents[1] / "assets" / "sample_reviews"


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--train", type=int, default=4000, help="training reviews (default: %(default)s)")
    add("--test", type=int, default=1200, help="test reviews (default: %(default)s)")
    add("--seed", type=int, default=CompositionOptions.seed, help="(default: %(default)s)")
    add("--folder", type=Path, default=DEFAULT_FOLDER, help="where to write (default: %(default)s)")
    add("--show", type=int, metavar="N", help="print N test reviews instead of writing any")
    return parser.parse_args(arguments)


def compose_splits(options: CompositionOptions, counts: dict[str, int]) -> dict[str, list[Review]]:
    """Composes all splits, in random order within each, without near-copies across them."""
    seen = SeenReviews(options.maximum_overlap)
    splits = {}
    for split, count in counts.items():
        reviews = list(ReviewComposer(options, split, seen).compose(count))
        splits[split] = random.Random(options.seed).sample(reviews, count)
    return splits


def write_reviews(path: Path, reviews: Iterable[Review]) -> None:
    """Writes one JSON object a line; the file appears only when it is whole."""
    partial = path.with_suffix(".partial")
    lines = (json.dumps(dataclasses.asdict(review)) + "\n" for review in reviews)
    partial.write_text("".join(lines), encoding="utf-8")
    partial.replace(path)


def main(arguments: list[str] | None = None) -> None:
    """Composes, then writes or shows."""
    options = parse_arguments(arguments)
    composition = CompositionOptions(seed=options.seed)
    splits = compose_splits(composition, {"train": options.train, "test": options.test})
    if options.show:
        for review in splits["test"][: options.show]:
            print(f"[{review.label}] {review.text}\n")
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    for split, reviews in splits.items():
        write_reviews(options.folder / f"{split}.jsonl", reviews)
        print(f"{options.folder / split}.jsonl: {len(reviews)} reviews")


if __name__ == "__main__":
    main()
