"""README and docs: short where people begin, true in every link, and in every command.

What needs a model is run in tests/test_serve.py and tests/examples/, what needs a cluster in
tests/test_kubeflow_runner.py; here each command is read as the command itself reads it.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import local_runner
import predict
import serve
from pipelines import command_line
from pipelines.cloud import commands
from tests.support import documents
from tests.support.documents import PROJECT, README

PAGES = documents.pages()
_SHORT = 1500  # words
_FOR_USERS = [
    README,
    *(PROJECT / "docs" / f"{name}.md" for name in ("running", "data", "questions")),
]
_NAMES = [str(page.relative_to(PROJECT)) for page in _FOR_USERS]
_PROGRAMS = {
    ("python", "local_runner.py"),
    ("python", "predict.py"),
    ("python", "serve.py"),
    ("python", "kubeflow_runner.py"),
    ("make",),
    ("docker",),
    ("curl",),
}


def test_the_readme_is_short():
    assert len(README.read_text(encoding="utf-8").split()) < _SHORT


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_within_the_project_leads_somewhere(page: Path):
    for path, anchor in documents.links(page):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        if anchor:
            assert anchor in documents.anchors(target), f"{path}#{anchor}"


def test_the_readme_leads_to_every_page():
    linked = {path for path, _ in documents.links(README)}
    pages = {f"docs/{page.name}" for page in (PROJECT / "docs").glob("*.md")}
    assert pages - linked == {"docs/api.md"}  # which only the site fills


@pytest.mark.parametrize("page", _FOR_USERS, ids=_NAMES)
def test_every_command_is_one_of_those_that_are_tested(page: Path):
    for command in documents.commands(page):
        assert any(tuple(command[: len(each)]) == each for each in _PROGRAMS), command


@pytest.mark.parametrize("page", _FOR_USERS, ids=_NAMES)
def test_every_run_is_a_request_that_can_be_made(page: Path):
    runs = documents.calls(page, "python", "local_runner.py")
    assert runs
    for arguments in runs:
        request = command_line.read_request(local_runner._parser().parse_args(arguments))
        assert ("--check" in arguments) == request.only_check


def test_every_other_command_of_the_readme_has_the_options_that_it_names():
    for program, parser in (
        ("predict.py", predict._parser()),
        ("serve.py", serve._parser()),
        ("kubeflow_runner.py", commands.parser()),
    ):
        found = documents.calls(README, "python", program)
        assert found
        for arguments in found:
            parser.parse_args(arguments)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_target_of_make_exists(page: Path):
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    for target, *_ in documents.calls(page, "make"):
        assert target in targets


@pytest.mark.slow
def test_the_readme_s_check_says_what_a_run_on_one_s_own_file_would_learn_from(tmp_path: Path):
    rows = [f'"a {word} film, number {n}",{n % 2}' for n, word in enumerate(["good", "bad"] * 40)]
    (tmp_path / "reviews.csv").write_text("\n".join(["review,stars", *rows]))
    (arguments,) = (
        each for each in documents.calls(README, "python", "local_runner.py") if "--check" in each
    )
    command = [sys.executable, str(PROJECT / "local_runner.py"), *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "classes: 0, 1" in done.stdout
    assert done.stdout.endswith("nothing was trained: leave --check out to start the run\n")


def test_the_readme_and_serving_md_name_the_same_image_and_ask_it_alike():
    serving = PROJECT / "docs" / "serving.md"
    for program in ("docker", "curl"):
        here, there = documents.calls(README, program), documents.calls(serving, program)
        assert here
        for call in here:
            if "build" not in call and "push" not in call:
                assert _body(call) in [_body(each) for each in there]


def _body(call: list[str]) -> list[object]:
    """Returns the arguments of a call; of a request its body as what it says, and no more."""
    if "-d" not in call:
        return list(call)
    body = json.loads(call[call.index("-d") + 1])
    return [call[-1], {**body, "instances": body.get("instances", [])[-1:]}]
