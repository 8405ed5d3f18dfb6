"""Runs a compiled pipeline on this machine: the spec itself, with the commands of its containers.

What a backend does with a spec is done here with local folders: each task's inputs are bound, the
`ExecutorInput` is written, the task's own command is started, in a process or a container of its
own, and the `ExecutorOutput` that it leaves is read. The pipeline's Python code has no part in it:
a spec that replays needs nothing of the machine that compiled it.
"""

import concurrent.futures
import dataclasses
import graphlib
import json
import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from albert_tfx.printable import printable, redacted
from pipelines.cloud import parameters
from pipelines.cloud.spec import Task, tasks
from pipelines.cloud.starters import Processes, Starter
from pipelines.container.usage import Usage, read_end, read_usage

_EXECUTOR_INPUT = "{{$}}"
_LEDGER = "artifacts.json"
_LOG = "log.txt"
# What an error shows of a log's end.
_LAST_LINES = 12
_LAST_BYTES = 4096
# Seconds that a task has to end by itself, as Docker gives a container.
_GRACE = 10.0
_RUN = re.compile(r"run-(\d+)")
_CONDITION = re.compile(r"""([\w.]+)=("[^"]*"|\S+)""")
_METADATA = re.compile(r"\{\{\$\.inputs\.artifacts\['(\w+)'\]\.metadata\['(\w+)'\]\}\}")

# Of a process that signal 9 ended, and of a container that it did.
_OF_KILLED = (-9, 137)
_KILLED = (
    "It was killed, by the kernel where memory was short: give the task more, or the pipeline less "
    "to do, by --batch-size, --sequence-length or --gradient-accumulation. "
)

Artifact = dict[str, Any]
Report = Callable[[str, "Done | None"], None]


@dataclasses.dataclass(frozen=True)
class Done:
    """What became of a task.

    Attributes:
      seconds: From its start to its end, with the container's or the process's own start.
      usage: What it said to have used; None of a task that starts nothing.
    """

    seconds: float
    usage: Usage | None

    def __str__(self) -> str:
        state = f"done {self.seconds:8.1f} s"
        if self.usage is None:
            return state
        return f"{state}{self.usage.processor_seconds:9.1f} s{self.usage.memory:9,.0f} MiB"


class TaskError(Exception):
    """A task's command failed, or was stopped."""

    def __init__(self, task: str, status: int, log: Path) -> None:
        remedy = _KILLED if status in _OF_KILLED else ""
        super().__init__(f"{task} ended with status {status}. {remedy}See {log}.{_last_lines(log)}")


def _last_lines(log: Path) -> str:
    lines = read_end(log, _LAST_BYTES).splitlines()[-_LAST_LINES:]
    return "".join(f"\n  {printable(line)}" for line in redacted(lines))


class Replay:
    """One run of a compiled pipeline."""

    def __init__(
        self,
        spec: dict[str, Any],
        values: dict[str, Any],
        root: str | os.PathLike[str],
        starter: Starter | None = None,
    ) -> None:
        """Prepares a run.

        Args:
          spec: The spec.
          values: Every parameter's value.
          root: Folder that receives the tasks' folders and logs. What earlier replays left there is
            what the spec's resolvers find.
          starter: Starts the tasks' commands; None for processes of this machine.
        """
        self._tasks = tasks(spec)
        self._values = values
        self._runs = Path(root).resolve() / spec["pipelineInfo"]["name"]
        self._folder = self._runs / f"run-{_last_number(self._runs) + 1:04}"
        self._starter = starter or Processes()
        self._outputs: dict[str, dict[str, list[Artifact]]] = {}

    def run(self, at_once: int, report: Report) -> None:
        """Runs every task after those that it depends on.

        Args:
          at_once: How many tasks run at the same time.
          report: Called with each task's title when it starts, and again with what became of it
            when it is done.

        Raises:
          TaskError: A task's command failed, or was stopped. Those that had started are waited for.
        """
        self._folder.mkdir(parents=True)
        order = graphlib.TopologicalSorter({t.name: t.upstream() for t in self._tasks.values()})
        order.prepare()
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            try:
                self._run_in_order(order, pool, report)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        self._publish()

    def _run_in_order(
        self,
        order: graphlib.TopologicalSorter[str],
        pool: concurrent.futures.Executor,
        report: Report,
    ) -> None:
        running = {}
        while order.is_active():
            for name in order.get_ready():
                running[pool.submit(self._run_task, self._tasks[name], report)] = name
            done, _ = concurrent.futures.wait(
                running, return_when=concurrent.futures.FIRST_COMPLETED
            )
            for future in done:
                future.result()
                order.done(running.pop(future))

    def stop(self, grace: float = _GRACE) -> None:
        """Ends the tasks that run, and lets none start; from any thread.

        Args:
          grace: Seconds that they have to end by themselves before they are killed.
        """
        self._starter.end(grace)

    def uri(self, title: str, output: str) -> str | None:
        """Returns where an output of the task with that title lies, None without such a task."""
        return self._artifact(title, output).get("uri")

    def metadata(self, title: str, output: str) -> dict[str, Any]:
        """Returns what the task with that title said of an output, {} without such a task."""
        metadata: dict[str, Any] = self._artifact(title, output).get("metadata", {})
        return metadata

    def _artifact(self, title: str, output: str) -> Artifact:
        names = [task.name for task in self._tasks.values() if task.title == title]
        return self._outputs[names[0]][output][0] if names else {}

    def _run_task(self, task: Task, report: Report) -> None:
        report(task.title, None)
        started = time.monotonic()
        if "resolver" in task.executor:
            self._outputs[task.name] = self._resolve(task)
        elif "importer" in task.executor:
            self._outputs[task.name] = self._import(task)
        else:
            self._outputs[task.name] = self._run_container(task)
        report(task.title, Done(time.monotonic() - started, self._usage(task)))

    def _usage(self, task: Task) -> Usage | None:
        log = self._folder / task.name / _LOG
        return read_usage(log) if log.exists() else None

    def _run_container(self, task: Task) -> dict[str, list[Artifact]]:
        folder = self._folder / task.name
        folder.mkdir(parents=True)
        container = task.executor["container"]
        executor_input = self._executor_input(task, folder)
        before = container.get("lifecycle", {}).get("preCacheCheck")
        for command in filter(None, (before, container)):
            self._start(task, command, executor_input, folder)
        return _merge(executor_input["outputs"], folder)

    def _start(
        self, task: Task, command: Mapping[str, Any], executor_input: dict[str, Any], folder: Path
    ) -> None:
        line = [*command["command"], *command.get("args", [])]
        line = [argument.replace(_EXECUTOR_INPUT, json.dumps(executor_input)) for argument in line]
        image = task.executor["container"]["image"]
        log = folder / _LOG
        with log.open("ab") as file:
            status = self._starter.run(line, image, folder, file)
        if status:
            raise TaskError(task.title, status, log)

    def _executor_input(self, task: Task, folder: Path) -> dict[str, Any]:
        """Returns the `ExecutorInput` of a task, in its JSON form."""
        return {
            "inputs": {
                "parameterValues": self._parameters(task),
                "artifacts": {
                    key: {"artifacts": self._input(source["taskOutputArtifact"])}
                    for key, source in task.spec.get("inputs", {}).get("artifacts", {}).items()
                },
            },
            "outputs": {
                "artifacts": {
                    key: {"artifacts": [_new_artifact(key, output, folder)]}
                    for key, output in _outputs(task).items()
                },
                "outputFile": str(folder / "executor_output.json"),
            },
        }

    def _input(self, source: Mapping[str, str]) -> list[Artifact]:
        return self._outputs[source["producerTask"]][source["outputArtifactKey"]]

    def _parameters(self, task: Task) -> dict[str, Any]:
        given = task.spec.get("inputs", {}).get("parameters", {})
        inputs = {
            name: self._values[source["componentInputParameter"]]
            if "componentInputParameter" in source
            else source["runtimeValue"]["constant"]
            for name, source in given.items()
        }
        return {
            name: parameters.resolve(value, inputs) if isinstance(value, str) else value
            for name, value in inputs.items()
        }

    def _import(self, task: Task) -> dict[str, list[Artifact]]:
        importer = task.executor["importer"]
        [(key, output)] = _outputs(task).items()
        uri = importer["artifactUri"].get("constant") or self._parameters(task)["artifact_uri"]
        artifact = {
            "name": f"{task.name}/{key}",
            "uri": uri,
            "type": output["artifactType"],
            "metadata": importer.get("metadata", {}),
        }
        return {key: [artifact]}

    def _resolve(self, task: Task) -> dict[str, list[Artifact]]:
        """Finds the newest artifact that each query asks for, among those of earlier replays."""
        queries = task.executor["resolver"]["outputArtifactQueries"]
        return {key: self._query(task, query["filter"]) for key, query in queries.items()}

    def _query(self, task: Task, query: str) -> list[Artifact]:
        inputs = task.spec.get("inputs", {}).get("artifacts", {})

        def metadata(match: re.Match[str]) -> str:
            found = self._input(inputs[match[1]]["taskOutputArtifact"])
            return str(found[0]["metadata"][match[2]]) if found else ""

        wanted = dict(_CONDITION.findall(_METADATA.sub(metadata, query)))
        return [artifact for artifact in self._earlier() if _matches(artifact, wanted)][-1:]

    def _earlier(self) -> list[Artifact]:
        """Returns what earlier replays of this pipeline published, oldest first."""
        ledgers = sorted(self._runs.glob(f"*/{_LEDGER}"))
        return [each for path in ledgers for each in json.loads(path.read_text(encoding="utf-8"))]

    def _publish(self) -> None:
        made = [name for name, task in self._tasks.items() if "resolver" not in task.executor]
        artifacts = [a for name in made for listed in self._outputs[name].values() for a in listed]
        (self._folder / _LEDGER).write_text(json.dumps(artifacts), encoding="utf-8")


def _last_number(runs: Path) -> int:
    """Returns the highest number of a run's folder, 0 where there is none."""
    found = (_RUN.fullmatch(path.name) for path in runs.glob("run-*"))
    return max((int(match[1]) for match in found if match), default=0)


def _outputs(task: Task) -> dict[str, Any]:
    outputs: dict[str, Any] = task.component.get("outputDefinitions", {}).get("artifacts", {})
    return outputs


def _new_artifact(key: str, output: Mapping[str, Any], folder: Path) -> Artifact:
    uri = folder / key
    uri.mkdir()  # in a bucket, a file needs no folder made for it
    return {
        "name": str(uri),
        "uri": str(uri),
        "type": output["artifactType"],
        "metadata": output.get("metadata", {}),
    }


def _merge(outputs: Mapping[str, Any], folder: Path) -> dict[str, list[Artifact]]:
    """Returns the outputs as the executor left them: by what it wrote, and by their types."""
    written = json.loads((folder / "executor_output.json").read_text(encoding="utf-8"))
    merged = {}
    for key, listed in outputs["artifacts"].items():
        changed = written.get("artifacts", {}).get(key, {}).get("artifacts", [{}])
        merged[key] = [
            {**old, **new, "type": old["type"]}
            for old, new in zip(listed["artifacts"], changed, strict=True)
        ]
    return merged


def _matches(artifact: Artifact, wanted: Mapping[str, str]) -> bool:
    """Returns whether an artifact meets the conditions of a resolver's query."""
    return all(str(_attribute(artifact, key)) == value.strip('"') for key, value in wanted.items())


def _attribute(artifact: Artifact, key: str) -> Any:
    """Returns what the query language calls `key`: `schema_title`, `state`, `metadata.KEY.…`."""
    if key == "schema_title":
        return yaml.safe_load(artifact["type"]["instanceSchema"])["title"]
    if key == "state":
        return "LIVE"
    if not key.startswith("metadata."):
        return artifact[key]
    value = artifact["metadata"].get(key.split(".")[1])
    return int(value) if isinstance(value, float) and value.is_integer() else value
