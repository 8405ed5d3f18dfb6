"""The image, where docker or podman has it: `make image` builds it, `make test-image` runs this."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import kubeflow_runner
from albert_tfx import sources
from pipelines.cloud import spec as spec_file
from pipelines.cloud import starters
from tests.support import specs
from tests.support.servers import Fifo

pytestmark = pytest.mark.slow

_PROJECT = pathlib.Path(__file__).parent.parent
_IMAGE = os.environ.get("IMAGE", "albert-tfx")
_MODULES = ["pipelines.container_entry_point", "pipelines.pipeline", "components.trainer"]
_HOME = """
import getpass, json, os, pathlib, sys, tempfile
import matplotlib, tensorflow_hub.resolver as hub
from tensorflow_datasets.core import constants
import components, assets, albert_tfx
from albert_tfx import storage
home = pathlib.Path.home()
(home / "written").write_text("there")
print(json.dumps({
    "user": getpass.getuser(),
    "id": [os.getuid(), os.getgid()],
    "folders": [str(home), tempfile.gettempdir(), matplotlib.get_configdir(),
        matplotlib.get_cachedir(), hub.tfhub_cache_dir(), os.path.expanduser(constants.DATA_DIR)],
    "code": [module.__file__ for module in (components, assets, albert_tfx)],
    "unsafe": [path for path in sys.path if not path.startswith("/usr/local/lib/python3.11")],
    "length": storage.length_and_time(home / "written")[0],
    "writable": [path for path in ("/", "/usr/local", "/root", "/home", "/opt", "/var/tmp")
        if os.access(path, os.W_OK)],
}))
"""


@pytest.fixture(scope="module")
def engine():
    """An engine that has the image."""
    engines = [name for name in starters.ENGINES if shutil.which(name)]
    if not engines:
        pytest.skip("there is no docker and no podman on this machine")
    for name in engines:
        looked = subprocess.run(
            [name, "image", "inspect", _IMAGE], capture_output=True, check=False
        )
        if looked.returncode == 0:
            return _with_this_code(name)
    pytest.skip(f"{' and '.join(engines)} have no image {_IMAGE}: `make image` builds it")


def _with_this_code(name: str) -> str:
    """Returns the engine's name, or skips where its image was built from other sources."""
    ask = f"from albert_tfx import sources; print(sources.fingerprint({_MODULES}))"
    command = [name, "run", "--rm", "--pull=never", "--network=none", _IMAGE, "python", "-c", ask]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.stdout.strip() != sources.fingerprint(_MODULES):
        pytest.skip(f"the image {_IMAGE} holds other code than this: `make image` builds it anew")
    return name


@pytest.fixture
def ask(engine):
    """Returns a function that runs Python code in a container: code, options → what it prints."""

    def ask(code, *options):
        command = [engine, "run", "--rm", "--pull=never", "--network=none", *options, _IMAGE]
        output = subprocess.run([*command, "python", "-c", code], capture_output=True, check=True)
        return json.loads(output.stdout.splitlines()[-1])

    return ask


@pytest.fixture
def schema_spec(tmp_path):
    """The compiled sample pipeline, of which one task is left, that imports the schema."""
    path = tmp_path / "pipeline.yaml"
    assert kubeflow_runner.main(["compile", "--image", _IMAGE, "--spec", str(path)]) == 0
    spec = spec_file.read(path)
    tasks = spec["root"]["dag"]["tasks"]
    spec["root"]["dag"]["tasks"] = {"importschemagen": tasks["importschemagen"]}
    spec_file.write(spec, path)
    return path


def test_it_starts_what_the_spec_says_and_watches_nothing(engine):
    [image] = json.loads(subprocess.check_output([engine, "image", "inspect", _IMAGE]))

    config = image["Config"]
    assert not config.get("Entrypoint")
    assert not config.get("Healthcheck")
    assert config["User"] == "1000:0"


@pytest.mark.parametrize("user", [1000, 12345])
def test_whoever_runs_it_writes_below_tmp_and_has_a_name(engine, ask, user):
    confined = ["--read-only", "--tmpfs=/tmp", "--cap-drop=all"]
    if engine == "podman":
        confined.append("--read-only-tmpfs=false")  # else it adds folders to write to
    said = ask(_HOME, f"--user={user}:0", *confined)

    assert said["user"] == "runner"
    assert said["id"] == [user, 0]
    assert said["length"] == 5  # whose file it is has no name either
    assert all(pathlib.Path(folder).is_relative_to("/tmp") for folder in said["folders"])
    assert said["writable"] == []


def test_it_runs_the_code_that_is_installed_in_it(ask):
    said = ask(_HOME)

    installed = "/usr/local/lib/python3.11/site-packages"
    assert all(file.startswith(installed) for file in said["code"])
    assert said["unsafe"] == ["/usr/local/lib/python311.zip"]


def test_a_task_runs_as_the_spec_says(engine, schema_spec, tmp_path, capfd):
    output = tmp_path / "output"

    status = kubeflow_runner.main(
        ["replay", str(schema_spec), "--output", str(output), "--engine", engine]
    )

    lines = capfd.readouterr().out.splitlines()
    [schema] = output.glob("replay/*/*/importschemagen/schema/schema.pbtxt")
    assert status == 0
    assert schema.stat().st_uid == os.getuid()
    assert any(line.startswith("ImportSchemaGen  ") and line.endswith(" MiB") for line in lines)


def test_a_replay_that_is_stopped_ends_its_container(engine, tmp_path):
    output, path = tmp_path / "output", tmp_path / "pipeline.yaml"
    output.mkdir()
    executor = specs.waits(output / "fifo")
    executor["container"]["image"] = _IMAGE
    spec_file.write(specs.of_executors({"Pusher": executor}), path)
    fifo = Fifo(output / "fifo")
    process = subprocess.Popen(
        [
            *(sys.executable, _PROJECT / "kubeflow_runner.py", "replay", path),
            *("--output", output, "--engine", engine),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert fifo.read() == b"waiting"
        process.terminate()
        printed, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        fifo.close()

    name = f"--filter=name=albert-tfx-{process.pid}-"
    left = subprocess.check_output([engine, "ps", "--all", "--quiet", name], text=True)
    assert process.returncode == 128 + 15
    assert printed.splitlines()[-1] == "stopped. The same command starts from the beginning."
    assert left == ""
