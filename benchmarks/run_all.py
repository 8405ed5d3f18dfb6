"""Runs every benchmark that the README quotes, one after the other.

    python benchmarks/run_all.py --quick    # minutes: that each works, on few reviews

Those that measure against PyTorch are left out where its environment has not been made.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import peer

BENCHMARKS = (
    "sample_reviews_difficulty",
    "duplicates_and_yardstick",
    "interval_coverage",
    "choice_of_epoch",
    "calibration",
    "whole_run",
    "evaluator",
    "predictions",
    "recipes",
    "training_choices",
    "skewed_classes",
    "three_verdicts",
    "pretraining_worth",
    "engine_step",
    "compiled_embedding",
    "inference_precision",
    "reading",
    "training_throughput",
    "latency",
    "serving_load",
    "recompute_page",
    "real_encoder",
    "cost",
    "cached_rerun",
    "frozen_arm",
    "memory",
)
WITH_PEER = {"training_throughput", "latency", "real_encoder"}


def main() -> None:
    """Stops at the first benchmark that fails, with its status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="the quick size of each")
    arguments = parser.parse_args()
    for name in BENCHMARKS:
        print(f"\n== {name}", flush=True)
        if name in WITH_PEER and not peer.PYTHON.exists():
            print(f"left out: {peer.missing(peer.PYTHON)}")
            continue
        quick = ["--quick"] if arguments.quick else []
        script = Path(__file__).with_name(f"{name}.py")
        status = subprocess.run([sys.executable, script, *quick], check=False).returncode
        if status:
            sys.exit(status)


if __name__ == "__main__":
    main()
