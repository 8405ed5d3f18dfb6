"""What every process finds: its own checkout's code, and a module for Beam's workers."""

import importlib
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import albert_tfx_startup
from albert_tfx import sources
from pipelines.cloud import spec as spec_file
from tests.support import specs

PROJECT = Path(__file__).parent.parent
_CODE = "import components; print(components.WHOSE)"
_BEAM = """
import os, sys
import apache_beam as beam

def whose(runner, file):
    import components
    assert os.getpid() != runner
    with open(file, "w") as answer:
        print(components.WHOSE, file=answer)

def ask(*_):
    options = ["--runner=FnApiRunner", "--direct_running_mode=multi_processing"]
    with beam.Pipeline(argv=options) as pipeline:
        pipeline | beam.Create([os.getpid()]) | beam.Map(whose, sys.argv[1])

if __name__ == "__main__":
"""
_ALONE = "    ask()"
_IN_A_RUN = """
    import local_runner
    from pipelines.local import run
    run._compare = ask
    sys.exit(local_runner.main(["--output", sys.argv[2]]))
"""


def python(
    *arguments: str | Path,
    cwd: Path | str,
    executable: str | Path = sys.executable,
    silent: bool = True,
) -> str:
    """Returns what a fresh interpreter prints; unless told, it has nothing to say beside that."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not silent or done.stderr == ""
    return done.stdout.strip()


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """Another checkout, whose `components` differs from this one's."""
    checkout = tmp_path / "second"
    unwanted = shutil.ignore_patterns("__pycache__")
    for name in sources.PACKAGES:
        shutil.copytree(PROJECT / name, checkout / name, ignore=unwanted)
    (checkout / "assets").symlink_to(PROJECT / "assets")
    for file in (*PROJECT.glob("*.py"), PROJECT / "pyproject.toml"):
        shutil.copy(file, checkout)
    with (checkout / "components" / "__init__.py").open("a") as module:
        module.write('WHOSE = "the second one\'s"\n')
    return checkout


@pytest.mark.parametrize("folder", [".", "notebooks", "output/replay/task"])
def test_environment_runs_the_checkout_that_one_works_in(folder: str, second: Path):
    (second / folder).mkdir(parents=True, exist_ok=True)

    assert python("-c", _CODE, cwd=second / folder) == "the second one's"


@pytest.mark.parametrize("folder", [".", "benchmarks"])
def test_script_runs_the_code_of_its_own_checkout(folder: str, second: Path):
    script = second / folder / "script.py"
    script.parent.mkdir(exist_ok=True)
    script.write_text(_CODE)

    assert python(script, cwd=PROJECT) == "the second one's"
    assert python(script, cwd="/") == "the second one's"


def test_folder_beside_a_script_does_not_pass_for_a_package(second: Path):
    script = second / "tests" / "script.py"
    (script.parent / "components").mkdir(parents=True)
    script.write_text(_CODE)

    assert python(script, cwd="/") == "the second one's"


def test_path_comes_before_the_checkout(second: Path, tmp_path: Path):
    package = tmp_path / "installed" / "components"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("WHOSE = 'the installed one\\'s'")
    code = f"import sys; sys.path.append({str(package.parent)!r}); {_CODE}"

    assert python("-c", code, cwd=second / "components") == "the installed one's"


@pytest.mark.slow
def test_worker_process_of_beam_runs_the_code_of_its_runner(second: Path, tmp_path: Path):
    script, answer = second / "benchmarks" / "script.py", tmp_path / "answer"
    script.parent.mkdir()
    script.write_text(_BEAM + _ALONE)

    python(script, answer, cwd=script.parent, silent=False)

    assert answer.read_text() == "the second one's\n"


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["/", PROJECT])
def test_local_run_hands_its_code_on_to_the_workers_of_beam(second: Path, folder, tmp_path: Path):
    script, answer = second / "script.py", tmp_path / "answer"
    script.write_text(_BEAM + _IN_A_RUN)

    python(script, answer, tmp_path / "output", cwd=folder, silent=False)

    assert answer.read_text() == "the second one's\n"


@pytest.mark.parametrize("folder", ["/", PROJECT])
def test_replay_hands_its_code_on_to_the_tasks(second: Path, folder, tmp_path: Path):
    spec, answer = tmp_path / "spec.yaml", tmp_path / "answer"
    ask = f"import components; open({str(answer)!r}, 'w').write(components.WHOSE)"
    executor = specs.writes()
    executor["container"]["lifecycle"] = {"preCacheCheck": {"command": ["python", "-c", ask]}}
    spec_file.write(specs.of_executors({"only": executor}), spec)

    python(
        second / "kubeflow_runner.py", "replay", spec, "--output", tmp_path / "output", cwd=folder
    )

    assert answer.read_text() == "the second one's"


def test_no_checkout_lends_a_package_to_another(second: Path):
    shutil.rmtree(second / "components")
    code = "import importlib.util; print(importlib.util.find_spec('components'))"

    assert python("-c", code, cwd=second) == "None"


def test_process_outside_any_checkout_finds_the_code_of_the_environments_own():
    code = "import components; print(components.__file__)"

    assert Path(python("-c", code, cwd="/")) == PROJECT / "components" / "__init__.py"


def test_modules_of_a_process_come_from_one_checkout(second: Path):
    folder = second / "notebooks"
    folder.mkdir()
    docs = str(PROJECT / "docs")
    code = f"import components, os; os.chdir({docs!r}); import pipelines; print(pipelines.__file__)"

    assert Path(python("-c", code, cwd=folder)) == second / "pipelines" / "__init__.py"


def test_folder_of_a_project_that_is_no_package_is_not_one():
    code = "import importlib.util; print(importlib.util.find_spec('notebooks'))"

    assert python("-c", code, cwd=PROJECT / "docs") == "None"


def test_renamed_checkout_runs_its_code_and_prints_no_traceback(second: Path):
    environment = second / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    site_packages = environment / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    for file in Path(sysconfig.get_path("purelib")).glob("*.pth"):
        if "albert" in file.read_text() or "components" in file.read_text():
            shutil.copy(file, site_packages)
    for file in Path(sysconfig.get_path("purelib")).glob("*albert_tfx*.py"):
        shutil.copy(file, site_packages)
    renamed = second.rename(second.with_name("renamed"))

    printed = python("-c", _CODE, cwd="/", executable=renamed / ".venv" / "bin" / "python")

    assert printed == "the second one's"


def test_environment_holds_this_checkouts_startup():
    installed = Path(sysconfig.get_path("purelib"), "albert_tfx_startup.py")

    assert installed.with_suffix(".pth").exists(), "run `make setup`"
    assert installed.read_text() == (PROJECT / installed.name).read_text(), "run `make setup`"


def test_built_package_has_both_files_where_python_looks(tmp_path: Path):
    for name in ("setup.py", "albert_tfx_startup.py"):
        shutil.copy(PROJECT / name, tmp_path)
    (tmp_path / "pyproject.toml").write_text(
        "[project]\nname = 'small'\nversion = '1'\n"
        "[tool.setuptools]\npy-modules = ['albert_tfx_startup']\n"
    )
    build = "import setuptools.build_meta as build; build.build_wheel('.')"
    subprocess.run([sys.executable, "-c", build], cwd=tmp_path, check=True, capture_output=True)

    with zipfile.ZipFile(tmp_path / "small-1-py3-none-any.whl") as wheel:
        for name in ("albert_tfx_startup.py", "albert_tfx_startup.pth"):
            installed = Path(sysconfig.get_path("purelib"), name)
            assert wheel.read(name) == installed.read_bytes()


def test_fresh_interpreter_has_the_missing_module():
    code = "from tfx_bsl.arrow import sql_util; print(sql_util.RecordBatchSQLSliceQuery.__module__)"

    assert python("-c", code, cwd="/") == "albert_tfx_startup"


def test_only_the_missing_module_is_found():
    albert_tfx_startup.start()

    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("tfx_bsl.arrow.sql_utils")


def test_starts_once():
    albert_tfx_startup.start()
    before = list(sys.meta_path)
    albert_tfx_startup.start()

    assert sys.meta_path == before


def test_stand_in_says_that_it_cannot_slice():
    with pytest.raises(NotImplementedError, match="SQL"):
        albert_tfx_startup.RecordBatchSQLSliceQuery("SELECT 1", None)
