"""Sends a compiled pipeline to Vertex AI or to a Kubeflow endpoint, or shows what would be sent."""

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albert_tfx.errors import InputError, did_you_mean, first_line
from albert_tfx.options import plain_path
from pipelines.cloud import parameters

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

# The clients take seconds to import, so each is imported where it is used.


@dataclasses.dataclass(frozen=True)
class Request:
    """What is submitted, to whichever backend.

    Attributes:
      path: The compiled pipeline's file.
      spec: What is in it.
      values: Every parameter's value.
      cache: Whether a task may take over what an earlier one made of the same inputs.
      schedule: A cron expression of five fields for a repeated run, or None for one now.
      service_account: Account that the tasks act as, or None for the backend's own.
    """

    path: Path
    spec: dict[str, Any]
    values: dict[str, Any]
    cache: bool = True
    schedule: str | None = None
    service_account: str | None = None

    @property
    def name(self) -> str:
        """The pipeline's name."""
        return str(self.spec["pipelineInfo"]["name"])

    @property
    def pipeline_root(self) -> str:
        """Where the backend keeps the tasks' artifacts."""
        return f"{self.values[parameters.OUTPUT_ROOT]}/pipeline"

    def __str__(self) -> str:
        lines = [
            f"pipeline         {self.name}, of {self.path}",
            f"artifacts        {self.pipeline_root}",
            f"when             {self.schedule or 'once, now'}",
            f"cache            {'on' if self.cache else 'off'}",
            f"service account  {self.service_account or 'the default one'}",
            "parameters",
            *(f"  {name:<26}{value}" for name, value in sorted(self.values.items())),
            "tasks",
        ]
        tasks = self.spec["root"]["dag"]["tasks"].values()
        return "\n".join([*lines, *sorted(map(self._describe, tasks))])

    def _describe(self, task: dict[str, Any]) -> str:
        label = self.spec["components"][task["componentRef"]["name"]]["executorLabel"]
        executor = self.spec["deploymentSpec"]["executors"][label]
        container = executor.get("container")
        what = _describe_container(container) if container else "done by the backend"
        return f"  {task['taskInfo']['name']:<26}{what}"


def _describe_container(container: dict[str, Any]) -> str:
    needed = container["resources"]
    gpu = needed.get("accelerator")
    machine = f"{needed['resourceCpuLimit']} CPUs, {needed['resourceMemoryLimit']}"
    gpus = f", {gpu['resourceCount']} x {gpu['resourceType']}" if gpu else ""
    return f"{machine}{gpus}  {container['image']}"


def require_bucket_path(path: str | None, option: str) -> str:
    """Returns a folder in a bucket, without a slash at its end.

    Args:
      path: What was given.
      option: By which option.

    Raises:
      InputError: None was given, it is not in a bucket, or would be taken for a pattern of paths.
    """
    remedy = f"Give a folder in a bucket of yours, such as {option} gs://my-bucket/albert"
    if path is None:
        raise InputError(f"{option} names no bucket", remedy)
    if not re.fullmatch(r"gs://[a-z0-9][-_.a-z0-9]+[a-z0-9](/.*)?", path):
        raise InputError(f"{option} {path!r} is not in a bucket", remedy)
    return plain_path(path.rstrip("/"), option)


def require_project(project: str | None, alternative: str = "") -> str:
    """Returns the Google Cloud project.

    Args:
      project: What was given.
      alternative: What else would do.

    Raises:
      InputError: None was given, or the documents' placeholder.
    """
    if not project:
        raise InputError(
            "There is no Google Cloud project to run in",
            f"Name it with --project or in GOOGLE_CLOUD_PROJECT{alternative}",
        )
    if project.isupper():
        raise InputError(
            f"{project} is a placeholder for the id of your Google Cloud project",
            "Put it there; `gcloud projects list` shows those that you have",
        )
    return project


def require_region(region: str) -> None:
    """Refuses a region that Vertex AI is not in, as its client does, and without a network.

    Raises:
      InputError: It is none of those that the client knows.
    """
    from google.cloud.aiplatform import utils
    from google.cloud.aiplatform.constants.base import SUPPORTED_REGIONS

    try:
        utils.validate_region(region)
    except ValueError as error:
        otherwise = "Give one such as europe-west4 with --region"
        raise InputError(
            f"Vertex AI knows no region {region!r}",
            did_you_mean(region, sorted(SUPPORTED_REGIONS), otherwise),
        ) from error


def require_cron(schedule: str | None) -> str | None:
    """Returns a schedule, or None where none was given.

    Raises:
      InputError: It is no cron expression of minute, hour, day, month and day of the week.
    """
    field = r"[\d*][\d*,/-]*|[A-Z]{3}(-[A-Z]{3})?"
    if schedule is None or re.fullmatch(rf"({field})( ({field})){{4}}", schedule, re.IGNORECASE):
        return schedule
    raise InputError(
        f"--schedule {schedule!r} is no cron expression",
        "Give minute, hour, day, month and day of the week, such as '0 3 * * 1'",
    )


def refuse_resolvers(spec: dict[str, Any]) -> None:
    """Refuses what Kubeflow's own backend would.

    Raises:
      InputError: The pipeline looks up what earlier runs made.
    """
    if any("resolver" in executor for executor in spec["deploymentSpec"]["executors"].values()):
        raise InputError(
            "The pipeline looks up the model in production, which Kubeflow's own backend cannot",
            "Compile it with --no-resolver",
        )


def find_credentials() -> "Credentials":
    """Returns Google's application default credentials.

    Raises:
      InputError: There are none.
    """
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    try:
        credentials, _ = google.auth.default(
            scopes=["https://www.googleapis.com/auth/cloud-platform"]
        )
    except DefaultCredentialsError as error:
        raise InputError(
            "There are no Google Cloud credentials on this machine",
            "Run `gcloud auth application-default login`, or name a key file in "
            "GOOGLE_APPLICATION_CREDENTIALS",
        ) from error
    return credentials


def require_bucket(output_root: str, project: str, credentials: "Credentials") -> None:
    """Looks the bucket of `output_root` up.

    Raises:
      InputError: It is not there, or may not be seen.
    """
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud import storage  # type: ignore[attr-defined]

    bucket = output_root.removeprefix("gs://").partition("/")[0]
    remedy = f"Make it with `gcloud storage buckets create gs://{bucket}`, or name another one"
    try:
        found = storage.Client(project, credentials).lookup_bucket(bucket)
    except (GoogleAPIError, GoogleAuthError, OSError) as error:
        raise InputError(
            f"The bucket {bucket!r} cannot be seen ({first_line(error)})", remedy
        ) from error
    if found is None:
        raise InputError(f"There is no bucket {bucket!r}", remedy)


def submit_to_vertex(
    request: Request, project: str, region: str, credentials: "Credentials"
) -> str:
    """Starts the run, or its schedule, on Vertex AI Pipelines.

    Args:
      request: What to run.
      project: Google Cloud project that pays.
      region: Where the tasks run, e.g. `europe-west4`.
      credentials: Whose right it is.

    Returns:
      The resource name of the job or the schedule.

    Raises:
      InputError: Vertex AI refuses.
    """
    from google.api_core.exceptions import GoogleAPIError
    from google.cloud import aiplatform

    job = aiplatform.PipelineJob(
        display_name=request.name,
        template_path=str(request.path),
        pipeline_root=request.pipeline_root,
        parameter_values=request.values,
        enable_caching=request.cache,
        project=project,
        location=region,
        credentials=credentials,
    )
    try:
        if request.schedule is None:
            job.submit(service_account=request.service_account)
            return job.resource_name
        schedule = job.create_schedule(
            cron=request.schedule,
            display_name=request.name,
            max_concurrent_run_count=1,
            service_account=request.service_account,
        )
    except GoogleAPIError as error:
        raise InputError(
            f"Vertex AI refuses the pipeline ({first_line(error)})",
            "Check the project, the region and the permissions; docs/deployment.md lists them",
        ) from error
    return schedule.resource_name


def submit_to_kubeflow(
    request: Request, endpoint: str, namespace: str | None, token: str | None
) -> str:
    """Starts the run, or its schedule, on a Kubeflow Pipelines endpoint.

    Args:
      request: What to run.
      endpoint: URL of the Kubeflow Pipelines API.
      namespace: Of a Kubeflow shared by several users, or None.
      token: Bearer token of the endpoint, or None.

    Returns:
      The id of the run or the recurring run.

    Raises:
      InputError: The endpoint cannot be reached, or refuses.
    """
    import kfp
    import kfp_server_api
    import urllib3

    try:
        client = kfp.Client(host=endpoint, existing_token=token)
        experiment = client.create_experiment(request.name, namespace=namespace)
        common = {
            "experiment_id": experiment.experiment_id,
            "job_name": request.name,
            "pipeline_package_path": str(request.path),
            "params": request.values,
            "pipeline_root": request.pipeline_root,
            "enable_caching": request.cache,
            "service_account": request.service_account,
        }
        if request.schedule is None:
            return str(client.run_pipeline(**common).run_id)
        # Kubeflow's cron expressions begin with the second.
        cron = f"0 {request.schedule}"
        return str(client.create_recurring_run(cron_expression=cron, **common).recurring_run_id)
    except (kfp_server_api.ApiException, urllib3.exceptions.HTTPError, OSError) as error:
        raise InputError(
            f"Kubeflow Pipelines at {endpoint} cannot take the pipeline ({first_line(error)})",
            "Check the address, that it is forwarded, and the token in KFP_TOKEN",
        ) from error
