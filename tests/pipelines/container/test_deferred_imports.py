import os
import subprocess
import sys

import pytest

_FILES = {
    "large/__init__.py": "print('large runs'); from large import part; answer = 42",
    "large/part.py": "value = 7",
    "large/own.py": "import large; answer = large.answer",
    "large/inner/__init__.py": "print('inner runs'); depth = 2",
    "large/single.py": "print('single runs'); depth = 3",
    "broken/__init__.py": "print('broken runs'); import nothing_of_that_name",
}


@pytest.fixture
def run(tmp_path):
    """Returns a function that runs code where `large` and `large.inner` wait: code → lines."""
    for name, text in _FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    start = (
        "from pipelines.container import deferred_imports as d\n"
        "d.defer(['large', 'large.inner', 'large.single', 'broken', 'not_installed'])\n"
    )

    def run(code):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
        command = [sys.executable, "-c", start + code]
        return subprocess.check_output(command, env=environment, text=True).splitlines()

    return run


@pytest.mark.parametrize(
    "code",
    [
        "import large",
        "import large as l",
        "import large.part; print(large.part.value)",
        "from large import part; print(part.value)",
        "from large.part import value; print(value)",
        "import large; print(large.part.value)",
    ],
)
def test_a_package_s_modules_are_imported_without_its_own_code(run, code):
    assert run(code) in ([], ["7"])


@pytest.mark.parametrize(
    "code",
    [
        "import large; print(large.answer)",
        "from large import answer; print(answer)",
        "import large.part; print(large.answer)",
        "from large import own; print(own.answer)",
    ],
)
def test_its_own_code_runs_when_more_is_asked_for(run, code):
    assert run(code) == ["large runs", "42"]


def test_it_runs_once_and_is_an_ordinary_package_then(run):
    lines = run(
        "import large, types\nlarge.answer\nlarge.answer\n"
        "print(type(large) is types.ModuleType, hasattr(large, 'nothing'), large.part.value)"
    )

    assert lines == ["large runs", "True False 7"]


def test_a_package_in_a_package_waits_for_itself(run):
    assert run("from large import inner; print(inner.depth)") == ["inner runs", "2"]


def test_it_is_pickled_by_its_name(run):
    lines = run(
        "import large, cloudpickle\n"
        "print(cloudpickle.loads(cloudpickle.dumps(lambda: large.part.value))())\n"
    )

    assert lines == ["7"]


def test_threads_wait_for_the_one_that_runs_it(run):
    lines = run(
        "import concurrent.futures, threading, large\n"
        "gate = threading.Barrier(8)\n"
        "def ask(_): gate.wait(); return large.answer\n"
        "with concurrent.futures.ThreadPoolExecutor(8) as pool: print(set(pool.map(ask, range(8))))"
    )

    assert lines == ["large runs", "{42}"]


def test_what_fails_fails_each_time_with_its_own_error(run):
    lines = run(
        "import broken\n"
        "for _ in range(2):\n"
        "    try: broken.anything\n"
        "    except ModuleNotFoundError as error: print(error.name)\n"
    )

    assert lines == ["broken runs", "nothing_of_that_name"] * 2


def test_what_is_not_there_stays_so(run):
    lines = run(
        "try: import not_installed\nexcept ModuleNotFoundError: print('none')\n"
        "import large\nprint(hasattr(large, '__version__'))"
    )

    assert lines == ["none", "False"]


def test_a_module_that_is_no_package_waits_as_well(run):
    assert run("from large import single") == []
    assert run("from large import single; print(single.depth, hasattr(single, 'more'))") == [
        "single runs",
        "3 False",
    ]


def test_a_package_that_is_left_out_passes_for_one_that_is_not_installed(run):
    assert run(
        "d.leave_out('large')\n"
        "try: import large\n"
        "except ImportError: print('without')\n"
        "d.leave_out('sys'); import sys; print(sys.byteorder != '')"
    ) == ["without", "True"]
