import dataclasses

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs PyTorch: tools/README.md")

import pretrain_pytorch
import torch
from albert_pretraining.batches import BatchOptions
from albert_pretraining.curve import CURVE_FILE, read_curve
from albert_pretraining.preparation import PreparedCorpus
from albert_pretraining.pytorch import batches, checkpoints, conversion, pretrainer, training
from albert_pretraining.pytorch.teacher_vectors import (
    PROGRESS_FILE,
    SCALE,
    VECTORS_FILE,
    WORDS_FILE,
    TeacherVectors,
)
from albert_pretraining.vocabulary import FIRST_WORD_ID, MASK_ID

from tests.support.pretraining import SHAPE, ToyVocabulary

SIZE = SHAPE.vocabulary_size


@dataclasses.dataclass(frozen=True)
class ToyOptions(training.TrainingOptions):
    @property
    def batches(self) -> BatchOptions:
        return BatchOptions(
            short_length=16,
            long_length=32,
            tokens_per_batch=self.tokens_per_step,
            long_every=4,
            minimum_long_tokens=20,
        )


def toy_corpus() -> PreparedCorpus:
    generator = np.random.default_rng(0)
    tokens = generator.integers(FIRST_WORD_ID, SIZE, 900).astype(np.uint16)
    offsets = np.arange(0, 901, 30)
    return PreparedCorpus(
        vocabulary=ToyVocabulary(SIZE),
        tokens=tokens,
        offsets=offsets,
        held_out_tokens=tokens[:300],
        held_out_offsets=offsets[:11],
        embeddings=np.zeros((SIZE, SHAPE.word_width), np.float32),
        counts={},
    )


def options(steps: int, **values) -> ToyOptions:
    defaults = {
        "log_every": 2,
        "evaluate_every": 4,
        "save_every": 2,
        "held_out_batches": 1,
        "shape": SHAPE,
    }
    return ToyOptions(tokens=128 * steps, tokens_per_step=128, **{**defaults, **values})


def train(folder, chosen: ToyOptions, teacher=None, stop_after: int | None = None) -> dict:
    """Trains in a folder, interrupted after so many steps, and returns the last state."""
    folder.mkdir(exist_ok=True)
    corpus = toy_corpus()
    model = training.build_pretrainer(corpus, chosen, teacher.width if teacher else 0)
    calls = iter(range(1, 1000))
    trainer = training.Trainer(corpus, folder, chosen, teacher=teacher)
    done = trainer.run(model, lambda: next(calls) == stop_after)
    return checkpoints.Checkpoints(folder / "checkpoints").load(done)


def assert_equal_states(left: dict, right: dict) -> None:
    for part in ("model", "averaged"):
        for name, value in left[part].items():
            assert torch.equal(value, right[part][name]), name


@pytest.mark.parametrize("objective", pretrainer.OBJECTIVES)
def test_a_stopped_training_ends_as_one_that_ran_through(tmp_path, objective):
    chosen = options(8, objective=objective, workers=2)
    whole = train(tmp_path / "whole", chosen)
    train(tmp_path / "parts", chosen, stop_after=3)
    assert_equal_states(whole, train(tmp_path / "parts", chosen))
    steps = [row["step"] for row in read_curve(tmp_path / "parts" / CURVE_FILE)]
    assert steps == ["2", "3", "4", "6", "8"]


def test_a_killed_training_goes_on_from_its_last_checkpoint(tmp_path, monkeypatch):
    chosen = options(6)
    whole = train(tmp_path / "whole", chosen)
    update = training.Learner.update

    def killed(self, step, *rest):
        if step == 3:
            raise KeyboardInterrupt
        return update(self, step, *rest)

    monkeypatch.setattr(training.Learner, "update", killed)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "parts", chosen)
    monkeypatch.setattr(training.Learner, "update", update)
    assert checkpoints.Checkpoints(tmp_path / "parts" / "checkpoints").steps() == [2]
    assert_equal_states(whole, train(tmp_path / "parts", chosen))


def test_a_checkpoint_half_written_is_no_checkpoint(tmp_path, monkeypatch):
    saved = checkpoints.Checkpoints(tmp_path)
    saved.save(1, {"weight": torch.ones(2)})

    def fail(state, file):
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="No space"):
        saved.save(2, {})
    assert saved.steps() == [1]
    assert torch.equal(saved.load(1)["weight"], torch.ones(2))


def test_the_last_two_checkpoints_stay(tmp_path):
    saved = checkpoints.Checkpoints(tmp_path)
    for step in (8, 9, 10, 11):
        saved.save(step, {})
    assert saved.steps() == [10, 11]


def test_a_smaller_budget_than_spent_is_refused(tmp_path):
    train(tmp_path, options(4))
    with pytest.raises(ValueError, match="--tokens allows only 2"):
        train(tmp_path, options(2))


@pytest.mark.parametrize("objective", pretrainer.OBJECTIVES)
def test_the_loss_falls(tmp_path, objective):
    train(tmp_path, options(60, objective=objective, peak_rate=1e-2, log_every=10))
    losses = [float(row["loss"]) for row in read_curve(tmp_path / CURVE_FILE)]
    assert losses[-1] < losses[0]


def test_the_generator_is_the_encoder_that_training_starts_from_and_stays_it(tmp_path):
    chosen = options(4, objective=pretrainer.REPLACED)
    start = conversion.to_arrays(pretrainer.build_encoder(SHAPE), SHAPE.attention_heads)
    model = training.build_pretrainer(toy_corpus(), chosen)
    model.start(start)
    head = model.generator.head.transform.weight.detach().clone()
    learner = training.Learner(model, chosen)
    for step in range(4):
        learner.update(step, [(toy_batch(), None)], 1e-2)
    kept, learned = (
        conversion.to_arrays(each, SHAPE.attention_heads)
        for each in (model.generator.encoder, model.encoder)
    )
    assert all(np.array_equal(one, other) for one, other in zip(kept, start, strict=True))
    assert not any(np.array_equal(learned[index], start[index]) for index in (0, 5))
    assert not torch.equal(model.generator.head.transform.weight, head)


def test_replaced_tokens_need_a_trained_encoder_to_replace_them(monkeypatch):
    monkeypatch.setattr("sys.argv", ["pretrain_pytorch.py", "--objective", "replaced"])
    with pytest.raises(ValueError, match=r"needs a trained encoder.*--start-from"):
        pretrain_pytorch.main()


def test_options_are_read_as_they_were_written(tmp_path):
    chosen = training.TrainingOptions(tokens=5, weights=pretrainer.Weights(teacher=2.0))
    training.write_options(tmp_path, chosen)
    assert training.read_options(tmp_path) == chosen


def toy_teacher(folder) -> TeacherVectors:
    """Every token is a word; its vector is a function of the token."""
    folder.mkdir()
    table = np.random.default_rng(1).normal(size=(SIZE, 4)) * SCALE
    vectors = table[toy_corpus().tokens]
    np.save(folder / WORDS_FILE, np.arange(900, dtype=np.int32))
    (folder / PROGRESS_FILE).write_text('{"reviews": 30, "all": 30}')
    np.save(folder / VECTORS_FILE, np.clip(vectors, -127, 127).astype(np.int8))
    return TeacherVectors(folder)


def test_a_teacher_s_vectors_are_learned_and_exactly_resumed(tmp_path):
    teacher = toy_teacher(tmp_path / "teacher")
    weights = pretrainer.Weights(teacher=50.0)
    chosen = options(40, weights=weights, peak_rate=1e-2, log_every=10, save_every=10)
    whole = train(tmp_path / "whole", chosen, teacher)
    train(tmp_path / "parts", chosen, teacher, stop_after=13)
    assert_equal_states(whole, train(tmp_path / "parts", chosen, teacher))
    losses = [float(row["teacher_loss"]) for row in read_curve(tmp_path / "whole" / CURVE_FILE)]
    assert losses[-1] < losses[0]


def test_a_token_has_its_word_s_vector(tmp_path):
    first, second = toy_teacher(tmp_path / "teacher").of(torch.tensor([0, 1]))
    np.save(tmp_path / "teacher" / WORDS_FILE, np.array([0, 0, 1], np.int32))
    taught = TeacherVectors(tmp_path / "teacher").of(torch.tensor([0, 1, 2]))
    torch.testing.assert_close(taught, torch.stack([first, first, second]))


def test_a_teacher_that_is_not_done_is_refused(tmp_path):
    toy_teacher(tmp_path / "teacher")
    (tmp_path / "teacher" / PROGRESS_FILE).write_text('{"reviews": 3, "all": 30}')
    with pytest.raises(ValueError, match="3 of 30 reviews"):
        TeacherVectors(tmp_path / "teacher")


def toy_batch() -> batches.Batch:
    corpus = toy_corpus()
    source = batches.BatchSource(
        corpus.tokens, corpus.offsets, corpus.vocabulary, options(1).batches, seed=1
    )
    return source.batch(0)


def test_only_chosen_places_are_corrupted_mostly_by_mask():
    batch = toy_batch()
    batch = dataclasses.replace(batch, chosen=batch.places >= 0)
    ids = pretrainer.corrupt(batch, SIZE, torch.Generator().manual_seed(0))
    assert torch.equal(ids[~batch.chosen], batch.ids[~batch.chosen])
    assert float((ids[batch.chosen] == MASK_ID).float().mean()) == pytest.approx(0.8, abs=0.1)


def test_samples_follow_the_logits_and_are_words():
    logits = torch.full((20_000, SIZE), -20.0)
    logits[:, 0] = 30.0  # padding, never drawn
    logits[:, 10], logits[:, 20] = 0.0, float(np.log(3.0))
    drawn = pretrainer.sample(logits, torch.Generator().manual_seed(0))
    assert set(drawn.tolist()) == {10, 20}
    assert float((drawn == 20).float().mean()) == pytest.approx(0.75, abs=0.02)


def test_every_word_of_the_text_is_judged_and_only_changed_ones_count_as_replaced():
    batch = toy_batch()
    ids = batch.ids.clone()
    row, column = (batch.places >= 0).nonzero()[3]
    ids[row, column] = (ids[row, column] - FIRST_WORD_ID + 1) % 35 + FIRST_WORD_ID
    right = torch.where(ids != batch.ids, 9.0, -9.0)
    metrics = pretrainer.judgement_metrics(right, ids, batch)
    assert float(metrics["found"]) == float(metrics["precision"]) == 1.0
    assert float(metrics["judgement_loss"]) < 1e-3
    assert float(pretrainer.judgement_metrics(-right, ids, batch)["judgement_loss"]) > 8
