import argparse
import contextlib
import dataclasses

import pytest

import kubeflow_runner
import local_runner
import predict
import serve
from albert_tfx.errors import InputError
from albert_tfx.flags import Flag, option
from albert_tfx.options import TrainerOptions
from pipelines import command_line, presets


@dataclasses.dataclass(frozen=True)
class Asked:
    path: str = option(flag=Flag("path", "", "the file", "PATH"))
    count: int = option(3, Flag("--count", "how much", "how many", "N", default="3"))
    names: tuple[str, ...] = option((), Flag("--name", "how much", "which", default="none"))
    whole: bool = option(False, Flag("--all", "how much", "everything", default="not all"))


@pytest.fixture
def parser():
    parser = command_line.Parser(prog="toy.py")
    command_line.add_flags(parser, Asked)
    return parser


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], Asked("file")),
        (["--count", "5", "--all"], Asked("file", count=5, whole=True)),
        (["--name", "a", "--name=b"], Asked("file", names=("a", "b"))),
    ],
)
def test_a_dataclass_is_read_from_the_flags_of_its_fields(parser, given, expected):
    assert command_line.read(Asked, parser.parse_args(["file", *given])) == expected


def test_the_help_has_a_flag_s_group_use_and_default(parser):
    text = parser.format_help()

    assert "how much:\n  --count N" in text
    assert "how many (default: 3)" in text
    assert "the file\n" in text


@pytest.mark.parametrize(
    ("misspelt", "remedy"),
    [("--cuont=1", "Did you mean --count?"), ("--", "toy.py --help lists every option.")],
)
def test_a_misspelt_flag_is_guessed(parser, misspelt, remedy):
    with pytest.raises(InputError, match=remedy):
        parser.parse_args(["file", misspelt, "more"])


def test_another_command_s_option_is_named_as_that_before_what_is_missing():
    parser = command_line.Parser(elsewhere=lambda: {"--csv": "other.py"})
    parser.add_argument("--image", required=True)
    with pytest.raises(InputError, match=r"no option '--csv' here\. It is one of other\.py"):
        parser.parse_args(["--csv=a"])
    assert parser.parse_args(["--image=--csv"]).image == "--csv"


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (local_runner, ["--help"]),
        (local_runner, ["--help-all"]),
        (predict, ["--help"]),
        (serve, ["--help"]),
        *((kubeflow_runner, [name, "--help"]) for name in ("compile", "submit", "replay")),
        (kubeflow_runner, ["--help"]),
    ],
)
def test_the_help_fits_a_terminal_of_80_columns(command, arguments, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    with contextlib.suppress(SystemExit):
        command.main(arguments)
    shown = capsys.readouterr().out
    assert "usage: python" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_the_batch_size_s_default_is_worded_as_the_recipes_have_it():
    def sizes(model: str, *recipes: presets.Recipe) -> set[int]:
        return {presets.trainer_options(model, r, encoder="any").batch_size for r in recipes}

    [others] = sizes("frozen", *presets.RECIPES.values())
    [small] = sizes("fine_tuned", presets.MINI_RECIPE, presets.SAMPLE_RECIPE)
    [base] = sizes("fine_tuned", presets.RECIPES["ALBERT"])
    [other] = sizes("fine_tuned", presets.RECIPES["any other encoder"])
    parser = argparse.ArgumentParser()
    command_line.add_options(parser)

    assert TrainerOptions("any", "any").batch_size == others
    fine_tuned = f"small ALBERT: {small}; ALBERT: {base}; any other encoder: {other}"
    shown = " ".join(parser.format_help().split()).replace("- ", "-")  # a line may end at a hyphen
    assert f"(default: {others}; fine-tuned, {fine_tuned})" in shown
