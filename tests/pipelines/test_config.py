import re

import pytest
from tfx import v1 as tfx

from albert_tfx.errors import InputError
from albert_tfx.options import DatasetOptions
from pipelines import presets
from pipelines.command_line import Parser, add_options, read_request
from pipelines.config import build_config
from tests.support import hugging_face


def _build(*options):
    parser = Parser()
    add_options(parser)
    request = read_request(parser.parse_args(options))
    return build_config(request, dataset=request.of(DatasetOptions), schema="any")


def test_without_options_it_is_the_sample_with_the_small_albert():
    built = _build()

    assert built.name == "albert-sample-reviews"
    assert built.dataset == DatasetOptions()
    assert built.preprocessing.preprocessor == presets.MINI_PREPROCESSOR
    encoders = {built.embedding.encoder, built.frozen.encoder, built.fine_tuned.encoder}
    assert encoders == {presets.MINI_ENCODER}


@pytest.mark.parametrize(
    ("option", "value", "read"),
    [
        ("--data-dir", "/d", lambda built: built.dataset.data_dir),
        ("--text-feature", "t", lambda built: built.dataset.text_feature),
        ("--label-feature", "l", lambda built: built.dataset.label_feature),
        ("--train-split", "a", lambda built: built.dataset.train_split),
        ("--eval-split", "b", lambda built: built.dataset.eval_split),
        ("--test-split", "c", lambda built: built.dataset.test_split),
        ("--max-examples", 7, lambda built: built.dataset.max_examples),
        ("--keep-duplicates", None, lambda built: built.duplicates.keep),
        ("--truncation", "tail", lambda built: built.preprocessing.truncation),
        ("--xla", "off", lambda built: built.embedding.xla),
        ("--xla", "off", lambda built: built.fine_tuned.xla),
        ("--precision", "bfloat16", lambda built: built.fine_tuned.precision),
        *(
            ("--inference-precision", "bfloat16", each)
            for each in (
                lambda built: built.embedding.inference_precision,
                lambda built: built.frozen.inference_precision,
                lambda built: built.fine_tuned.inference_precision,
            )
        ),
        ("--frozen-epochs", 7, lambda built: built.frozen.epochs),
        ("--fine-tuned-epochs", 7, lambda built: built.fine_tuned.epochs),
        ("--frozen-learning-rate", 0.25, lambda built: built.frozen.head_learning_rate),
        ("--fine-tuned-learning-rate", 0.25, lambda built: built.fine_tuned.encoder_learning_rate),
        ("--min-gain", 0.25, lambda built: built.policy.min_gain),
        ("--max-slice-loss", 0.25, lambda built: built.policy.max_slice_loss),
        ("--min-slice-examples", 7, lambda built: built.policy.min_slice_examples),
        ("--min-accuracy", 0.25, lambda built: built.policy.min_accuracy),
        ("--min-auc", 0.25, lambda built: built.policy.min_auc),
        ("--min-gain-over-majority", 0.25, lambda built: built.policy.min_gain_over_majority),
        ("--min-gain-over-yardstick", 0.25, lambda built: built.policy.min_gain_over_yardstick),
        ("--class-order", "b,a", lambda built: built.report_options.class_order),
        ("--candidates", "all", lambda built: built.policy.candidates),
        ("--worst-metric", 0.25, lambda built: built.policy.worst_metric),
        ("--metric", "macro_f1", lambda built: built.policy.metric),
        ("--metric", "recall:a class", lambda built: built.production_policy.metric),
        ("--class-weights", "balanced", lambda built: built.yardstick.class_weights),
        ("--calibration", "off", lambda built: built.answers.calibration),
        ("--threshold", 0.25, lambda built: built.answers.threshold),
        ("--abstain-below", 0.25, lambda built: built.answers.abstain_below),
        ("--price-per-hour", 2.5, lambda built: built.report_options.price_per_hour),
        (
            *("--max-production-loss", 0.25),
            lambda built: built.production_policy.max_production_loss,
        ),
        ("--beam-arg=--flag", None, lambda built: built.beam_args[-1:] == ("--flag",) or None),
    ],
)
def test_each_option_arrives_where_it_belongs(option, value, read):
    given = [option] if value is None else [option, str(value)]
    expected = True if value is None else value

    assert read(_build(*given)) == expected
    assert read(_build()) != expected


def test_what_abstains_may_have_a_name_of_its_own():
    built = _build("--abstain-below", "0.8", "--abstain-label", "ask")
    assert built.answers.abstain_label == "ask"
    with pytest.raises(InputError, match="--abstain-label needs --abstain-below"):
        _build("--abstain-label", "ask")


@pytest.mark.parametrize(
    ("option", "field", "value"),
    [
        ("--sequence-length", "sequence_length", 77),
        ("--pooling", "pooling", "pooled_output"),
        ("--batch-size", "batch_size", 7),
        ("--seed", "seed", 7),
        ("--metric", "metric", "log_loss"),
        ("--class-weights", "class_weights", "balanced"),
    ],
)
def test_both_trainers_share_what_is_not_theirs_alone(option, field, value):
    built = _build(option, str(value))

    assert getattr(built.frozen, field) == value
    assert getattr(built.fine_tuned, field) == value


def test_a_sequence_length_holds_for_every_component():
    built = _build("--sequence-length", "77")

    lengths = (built.preprocessing, built.embedding, built.frozen, built.fine_tuned)
    assert {options.sequence_length for options in lengths} == {77}


@pytest.mark.parametrize(
    "encoder",
    [
        "https://tfhub.dev/tensorflow/albert_en_large/3",
        "https://www.kaggle.com/models/tensorflow/albert/TensorFlow2/en-base/3",
        "hf://albert/albert-base-v2",
        "hf://albert/albert-base-v2@8e2f239c5f8a2c0f253781ca60135db913e5c80c",
        "/models/albert_en_base",
    ],
)
def test_albert_has_the_rate_that_its_authors_used(encoder):
    recipe = presets.recipe_of(encoder, "imdb_reviews")
    assert recipe.fine_tuned["encoder_learning_rate"] == 3e-5


@pytest.mark.parametrize(
    "encoder",
    ["hf://microsoft/MiniLM-L12-H384-uncased", "/home/albert-einstein/minilm", "gs://bucket/bert"],
)
def test_the_rate_of_an_encoder_that_is_not_known_is_to_be_found(encoder):
    recipe = presets.recipe_of(encoder, "imdb_reviews")
    assert recipe.fine_tuned["encoder_learning_rate"] == "auto"


@pytest.mark.parametrize(
    ("name", "stated", "rate"),
    [("mine", "albert", 3e-5), ("albert-like", "bert", "auto"), ("albert_en_base", None, 3e-5)],
)
def test_what_a_model_folder_says_it_is_counts_for_more_than_its_name(tmp_path, name, stated, rate):
    folder = tmp_path / name
    if stated:
        hugging_face.save(folder, stated)
    recipe = presets.recipe_of(str(folder), "imdb_reviews")
    assert recipe.fine_tuned["encoder_learning_rate"] == rate


def test_a_rate_that_was_given_takes_the_place_of_the_recipes():
    encoder = ("--encoder", "https://tfhub.dev/tensorflow/albert_en_large/3")
    rate = presets.BASE_RECIPE.fine_tuned["encoder_learning_rate"]

    assert _build(*encoder).fine_tuned.encoder_learning_rate == rate
    told = _build(*encoder, "--fine-tuned-learning-rate", "0.5")
    assert told.fine_tuned.encoder_learning_rate == 0.5
    found = _build(*encoder, "--fine-tuned-learning-rate", "auto")
    assert found.fine_tuned.encoder_learning_rate == "auto"
    mini = _build(
        "--preset", "imdb", "--encoder", presets.MINI_ENCODER, "--preprocessor", "asset://any"
    )
    assert mini.fine_tuned.encoder_learning_rate != rate


def test_epochs_that_were_given_are_kept_whatever_the_steps():
    assert _build().fine_tuned.least_steps == 400
    told = _build("--fine-tuned-epochs", "1").fine_tuned
    assert (told.epochs, told.least_steps) == (1, 1)
    assert _build("--frozen-epochs", "1").fine_tuned == _build().fine_tuned


def test_the_small_encoder_has_a_recipe_for_the_sample_reviews_and_one_for_all_others():
    recipes = (presets.SAMPLE_RECIPE, presets.MINI_RECIPE)
    sample, others = (recipe.fine_tuned["encoder_learning_rate"] for recipe in recipes)
    assert float(sample) > float(others)

    for options, rate in [
        ((), sample),
        (("--dataset", "imdb_reviews"), others),
        (("--csv", "reviews.csv", "--text-column", "t", "--label-column", "l"), others),
    ]:
        assert _build(*options).fine_tuned.encoder_learning_rate == rate


def test_the_imdb_preset_is_albert_base_on_imdb():
    built = _build("--preset", "imdb")

    assert built.dataset.name == "imdb_reviews"
    assert built.embedding.encoder == presets.BASE_ENCODER
    assert built.preprocessing.preprocessor == presets.BASE_PREPROCESSOR
    assert built.fine_tuned.encoder_learning_rate == 3e-5


def test_what_only_fine_tuning_heeds_leaves_the_frozen_training_cached():
    precision = ("--xla", "off", "--precision", "bfloat16")
    told = _build(*precision, "--gradient-accumulation", "2", "--unfreeze", "3")

    assert told.fine_tuned.unfreeze == 3
    assert told.frozen == _build().frozen


@pytest.mark.parametrize("size", ["base/3", "large/3", "xxlarge/1"])
def test_google_s_alberts_share_one_known_preprocessor(size):
    handle = f"https://tfhub.dev/tensorflow/albert_en_{size}"

    assert _build("--encoder", handle).preprocessing.preprocessor == presets.BASE_PREPROCESSOR


@pytest.mark.parametrize("sibling", ["mine_preprocess", "albert_en_preprocess"])
def test_a_folder_s_preprocessor_is_found_beside_it(tmp_path, monkeypatch, sibling):
    for name in ("mine", sibling):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)

    built = _build("--encoder", "mine")

    assert built.embedding.encoder == str(tmp_path / "mine")
    assert built.preprocessing.preprocessor == str(tmp_path / sibling)


def test_an_asset_is_named_by_the_package_that_it_is_in(monkeypatch):
    monkeypatch.chdir(presets.PROJECT)

    built = _build("--encoder", "assets/albert_en_mini")

    assert built.embedding.encoder == presets.MINI_ENCODER
    assert built.preprocessing.preprocessor == presets.MINI_PREPROCESSOR


def test_an_encoder_of_unknown_kin_needs_its_preprocessor():
    with pytest.raises(InputError, match="--preprocessor HANDLE"):
        _build("--encoder", "https://example.org/encoder/1")


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["--dataset", "glue/sst2"], "albert-glue-sst2"),
        (["--csv", "some/where/My Reviews.csv"], "albert-my-reviews"),
        (["--preset", "imdb", "--max-examples", "9"], "albert-imdb-reviews"),
        (["--dataset", "imdb_reviews/plain_text:1.*.*"], "albert-imdb-reviews-plain-text-1"),
        (["--csv", "reviews.2024.csv.gz"], "albert-reviews-2024-csv"),
        (["--csv", f"{'a' * 56}.csv"], f"albert-{'a' * 56}"),
    ],
)
def test_a_plain_name_of_reviews_names_the_pipeline(options, name):
    assert _build(*options).name == name


def test_what_a_pipeline_name_cannot_hold_still_tells_reviews_apart():
    """In twos, these have the same letters and digits, or the same at their ends."""
    files = [
        *("评论.csv", "другие.csv"),
        *("films-评论.csv", "films-другие.csv"),
        *("C#.csv", "C++.csv"),
        *("-.csv", "--.csv"),
        *(f"{first}{'-abc' * 20}.csv" for first in "xy"),
        *(f"{first}{'a' * 56}.csv" for first in "xy"),
    ]

    names = [_build(f"--csv={file}").name for file in files]

    assert len(set(names)) == len(files)
    assert names == [_build(f"--csv=elsewhere/{file}").name for file in files]
    assert all(re.fullmatch(r"albert(-[a-z0-9]+)+", name) for name in names)
    assert all(tfx.dsl.Pipeline(pipeline_name=name, pipeline_root="any") for name in names)
    assert names[2].startswith("albert-films-")


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """A prepared data set's folder, within the current one, which is the user's home as well."""
    folder = tmp_path / "prepared"
    folder.mkdir()
    (folder / "dataset_info.json").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder


@pytest.mark.parametrize("here", ["", "./", "~/"])
def test_paths_are_the_same_from_any_folder(prepared, here):
    options = (f"--{option}={here}prepared" for option in ("output", "data-dir", "dataset"))
    built = _build(*options, f"--encoder={here}prepared", "--preprocessor=asset://any")

    absolute = str(prepared)
    assert built.output == absolute
    assert built.dataset.data_dir == absolute
    assert built.dataset.name == absolute
    assert built.embedding.encoder == absolute
    assert built.name == _build("--dataset", absolute).name


def test_the_home_of_an_unknown_user_is_a_folder_s_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert _build("--output", "~no-such-user/o").output == str(tmp_path / "~no-such-user" / "o")


def test_a_bucket_is_left_as_it_is_written():
    assert _build("--data-dir", "gs://bucket/data").dataset.data_dir == "gs://bucket/data"


def test_a_run_on_this_machine_does_not_write_to_a_bucket():
    with pytest.raises(InputError, match=r"gs://bucket/out .*kubeflow_runner\.py"):
        _build("--output", "gs://bucket/out")


def test_every_option_explains_its_default():
    parser = Parser()
    add_options(parser)

    text = parser.format_help()

    assert text.count("(default:") == len(vars(parser.parse_args([])))
    assert "sample: sample_reviews; imdb: imdb_reviews" in " ".join(text.split())
