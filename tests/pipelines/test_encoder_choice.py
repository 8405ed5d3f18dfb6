"""Which encoder and preprocessor a run takes, here and in a cluster."""

from pathlib import Path
from typing import Any

import pytest

from albert_tfx.errors import InputError, UnreachableError
from pipelines import encoder_choice, presets
from pipelines.encoder_choice import Choice, choose
from pipelines.local import preflight
from pipelines.request import Request, make
from tests.support import hugging_face, hugging_face_hub
from tests.support.hugging_face_hub import COMMIT, NAME

FITTING = {"encoder": f"hf://{NAME}", "sequence_length": hugging_face.POSITIONS}
PRESET = presets.PRESETS["sample"].options
MODEL, PINNED = f"hf://{NAME}", f"hf://{NAME}@{COMMIT}"
TF_HUB = "https://tfhub.dev/tensorflow/bert/3"
MINI = str(presets.ASSETS / "albert_en_mini")
SMALL = {"encoder": presets.MINI_ENCODER, "preprocessor": presets.MINI_PREPROCESSOR}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of Hugging Face, and no network."""
    hugging_face_hub.unreachable(monkeypatch)
    monkeypatch.chdir(tmp_path)
    return hugging_face_hub.use_cache(monkeypatch, tmp_path / "hub")


@pytest.fixture
def filled(cache: Path, tmp_path: Path) -> Path:
    return hugging_face_hub.fill_cache(cache, hugging_face.save(tmp_path / "source"))


def models(request: Request) -> tuple[Any, Any]:
    return request.options["encoder"], request.options["preprocessor"]


def test_an_encoder_of_hugging_face_brings_its_preprocessor(tmp_path: Path):
    assert choose({"encoder": MODEL}, PRESET) == Choice(MODEL, MODEL)
    folder = str(hugging_face.save(tmp_path / "mine"))
    assert choose({"encoder": "mine"}, PRESET) == Choice(folder, folder)
    assert choose({"encoder": "gs://b/a"}, PRESET) == Choice("gs://b/a", "gs://b/a")


def test_a_folder_that_is_no_encoder_is_named_before_its_preprocessor_is_asked_for(tmp_path: Path):
    (tmp_path / "7" / "assets.extra").mkdir(parents=True)
    with pytest.raises(InputError, match=r"7 holds no saved_model\.pb"):
        choose({"encoder": "7"}, PRESET)
    (tmp_path / "7" / "saved_model.pb").touch()
    with pytest.raises(InputError, match="nothing is known of the preprocessor"):
        choose({"encoder": "7"}, PRESET)
    (tmp_path / "7" / "assets.extra" / "origin.json").touch()
    with pytest.raises(InputError, match="a classifier that this pipeline has pushed"):
        choose({"encoder": "7"}, PRESET)


def test_another_preprocessor_may_be_named():
    asked = {"encoder": MODEL, "preprocessor": TF_HUB}
    assert choose(asked, PRESET) == Choice(MODEL, TF_HUB)


def test_a_bare_name_is_understood_and_said_once():
    chosen = choose({"encoder": NAME, "preprocessor": NAME}, PRESET)
    assert (chosen.encoder, chosen.preprocessor) == (MODEL, MODEL)
    (remark,) = chosen.remarks
    assert f"taken for {MODEL} of Hugging Face" in remark


def test_a_run_here_pins_what_the_cache_has(filled):
    assert models(encoder_choice.settle(make(FITTING))) == (PINNED, PINNED)


def test_a_run_here_pins_what_hugging_face_says(tmp_path: Path, monkeypatch):
    source = hugging_face.save(tmp_path / "source")
    with hugging_face_hub.hub(monkeypatch, source):
        assert models(encoder_choice.settle(make(FITTING))) == (PINNED, PINNED)


def test_a_run_here_needs_what_was_asked_for():
    with pytest.raises(UnreachableError, match=f"{MODEL} is not in, or not whole"):
        encoder_choice.settle(make({"encoder": MODEL}))
    with pytest.raises(UnreachableError, match=presets.HUGGING_FACE_BASE):
        encoder_choice.settle(make({"preset": "base", "encoder": presets.HUGGING_FACE_BASE}))


def test_other_models_stay_as_they_are():
    request = make({"encoder": TF_HUB, "preprocessor": TF_HUB})
    assert encoder_choice.settle(request) == encoder_choice.settle_for_tasks(request) == request


def test_the_base_preset_is_albert_base_on_whatever_data_is_given():
    request = make({"preset": "base", "csv": "mine.csv"})
    assert models(request) == (presets.HUGGING_FACE_BASE, presets.HUGGING_FACE_BASE)
    assert request.file.csv == "mine.csv"


def test_without_network_and_cache_the_base_preset_takes_the_small_albert_and_says_so():
    settled = encoder_choice.settle(make({"preset": "base"}))
    assert models(settled) == (presets.MINI_ENCODER, presets.MINI_PREPROCESSOR)
    (remark,) = settled.remarks
    assert remark.startswith(f"NOT {presets.HUGGING_FACE_BASE}: this run takes the small ALBERT")
    assert "cannot be reached" in remark


def test_the_base_preset_does_not_hide_another_error(cache: Path, tmp_path: Path, monkeypatch):
    refusals = {"/api/models/albert": (403, "GatedRepo")}
    with (
        hugging_face_hub.hub(monkeypatch, tmp_path, refusals),
        pytest.raises(InputError, match="is gated"),
    ):
        encoder_choice.settle(make({"preset": "base"}))


def test_a_compiled_pipeline_is_pinned_where_that_is_possible(filled):
    settled = encoder_choice.settle_for_tasks(make({"encoder": MODEL}))
    assert (models(settled), settled.remarks) == ((PINNED, PINNED), ())


def test_a_compiled_pipeline_that_cannot_be_pinned_says_so_once():
    settled = encoder_choice.settle_for_tasks(make({"preset": "base"}))
    assert models(settled) == (presets.HUGGING_FACE_BASE, presets.HUGGING_FACE_BASE)
    (remark,) = settled.remarks
    assert "could not be resolved to a commit" in remark


@pytest.mark.parametrize(
    ("given", "default", "completed"),
    [
        (["encoder=" + MODEL], TF_HUB, {"encoder": PINNED, "preprocessor": PINNED}),
        (["encoder=" + NAME], TF_HUB, {"encoder": PINNED, "preprocessor": PINNED}),
        (["encoder=" + TF_HUB], TF_HUB, {"encoder": TF_HUB, "preprocessor": TF_HUB}),
        (["encoder=" + MINI], presets.MINI_PREPROCESSOR, SMALL),
        (["encoder=gs://b/e"], TF_HUB, {"encoder": "gs://b/e", "preprocessor": TF_HUB}),
        (["encoder=gs://b/e"], presets.MINI_PREPROCESSOR, dict.fromkeys(SMALL, "gs://b/e")),
        (["seed=1"], MODEL, {"seed": "1"}),
        (
            [f"encoder={presets.BASE_ENCODER}"],
            MODEL,
            {"encoder": presets.BASE_ENCODER, "preprocessor": presets.BASE_PREPROCESSOR},
        ),
    ],
)
def test_a_submission_gives_both_models(filled, given, default, completed):
    compiled = {"encoder": completed.get("encoder"), "dataset": "any", "preprocessor": default}
    found, remarks = encoder_choice.complete(given, compiled)
    assert bool(remarks) == (given == [f"encoder={NAME}"])
    assert dict(each.split("=", 1) for each in found) == completed


@pytest.mark.parametrize("default", [MODEL, presets.MINI_PREPROCESSOR])
def test_a_submission_whose_preprocessor_is_not_known_is_refused(filled, default):
    with pytest.raises(InputError, match="Name it with --preprocessor"):
        encoder_choice.complete([f"encoder={TF_HUB}"], {"preprocessor": default})


@pytest.mark.parametrize(
    ("encoder", "compiled", "is_said"),
    [
        (MODEL, presets.MINI_ENCODER, True),
        (presets.BASE_ENCODER, presets.MINI_ENCODER, True),
        (MODEL, presets.BASE_ENCODER, True),
        (MODEL, "hf://other/model", False),
    ],
)
def test_a_submission_says_that_it_trains_as_it_was_compiled(filled, encoder, compiled, is_said):
    defaults = {"encoder": compiled, "preprocessor": MODEL, "dataset": "sample_reviews"}
    _, remarks = encoder_choice.complete([f"encoder={encoder}"], defaults)
    said = f"stay those that were compiled for {compiled}: compile with"
    assert [said in each for each in remarks] == [True] * is_said


PIN = "0123456789abcdef" * 4


def test_what_would_have_to_be_fetched_is_not_looked_at_here():
    assert not encoder_choice.is_here(MODEL)
    assert not encoder_choice.is_here(TF_HUB)
    assert encoder_choice.is_here(SMALL["encoder"])
    preflight.require_positions_here(MODEL, 10**6)
    preflight.check_models_here(make({"encoder": MODEL, "sequence_length": 512}))


def test_what_the_cache_has_is_looked_at_before_a_cluster_is(filled):
    positions = hugging_face.CONFIGS["bert"]["max_position_embeddings"]
    preflight.check_models_here(make({"encoder": PINNED, "sequence_length": positions}))
    with pytest.raises(InputError, match=r"exceeds the \d+ positions of the encoder hf://"):
        preflight.check_models_here(make({"encoder": PINNED, "sequence_length": positions + 1}))
    preflight.require_positions_here(PINNED, positions)
    with pytest.raises(InputError, match=r"exceeds the \d+ positions of the encoder hf://"):
        preflight.require_positions_here(PINNED, positions + 1)


@pytest.mark.parametrize(
    ("given", "handle"),
    [
        ("https://tfhub.dev/tensorflow/albert_en_base/3", None),
        ("hf://albert/albert-base-v2@main", "hf://albert/albert-base-v2"),
    ],
)
def test_a_pin_is_kept_beside_the_handle(given, handle):
    preset = presets.PRESETS["sample"].options
    chosen = encoder_choice.choose({"encoder": f"{given}@sha256:{PIN}"}, preset)
    assert chosen.encoder == (handle or given)
    assert chosen.pins == {"encoder": PIN}


@pytest.mark.parametrize("pin", ["", "abc", PIN.upper(), PIN + "0"])
def test_a_pin_without_a_digest_is_refused(pin):
    with pytest.raises(InputError, match="is no SHA-256"):
        encoder_choice.choose({"encoder": f"https://x.example/m@sha256:{pin}"}, {})


def test_a_password_in_a_handle_is_refused_and_not_repeated():
    with pytest.raises(InputError, match="holds a password") as caught:
        encoder_choice.choose({"encoder": "https://me:hunter2@x.example/m"}, {})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("bert", {"sequence_length": 17}, "length of 17 exceeds the 16 positions of the encoder"),
        ("distilbert", {"pooling": "pooled_output"}, "has no pooler"),
    ],
)
def test_what_an_encoder_does_not_fit_is_refused_before_it_is_converted(
    kind: str, options: dict, message: str, tmp_path: Path
):
    folder = str(hugging_face.save(tmp_path / "mine", kind))
    fitting = {"encoder": folder, "sequence_length": 16}
    assert models(encoder_choice.settle(make(fitting))) == (folder, folder)
    with pytest.raises(InputError, match=message):
        encoder_choice.settle(make(fitting | options))


def test_a_pooling_that_is_not_supported_has_to_be_chosen(tmp_path: Path):
    folder = hugging_face.save(tmp_path / "mine")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode": "max"}')
    asked = {"encoder": str(folder), "sequence_length": 16}
    with pytest.raises(InputError, match="trained with max pooling"):
        encoder_choice.settle(make(asked))
    encoder_choice.settle(make(asked | {"pooling": "mean"}))


def test_an_encoder_in_a_folder_within_is_named(tmp_path: Path):
    folder = hugging_face.save(tmp_path / "mine" / "0_BERT")
    with pytest.raises(InputError, match=rf"no config\.json\. Give {folder}, which holds"):
        make({"encoder": "mine"})
