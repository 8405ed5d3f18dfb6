"""The heavy parts, by other services of Google Cloud: custom jobs that train, Dataflow for Beam."""

import dataclasses
import os
import re
from typing import TYPE_CHECKING, Any

from albert_tfx.errors import InputError
from albert_tfx.flags import Bounds, Flag, check, option, optional
from pipelines.cloud import submission
from pipelines.config import CustomJob

if TYPE_CHECKING:
    from tfx import v1 as tfx

_GROUP = "the heavy parts, by other services of Google Cloud"
# https://pkg.go.dev/github.com/distribution/reference: host, path, tag and digest.
_IMAGE = re.compile(
    r"(?:[a-zA-Z0-9][a-zA-Z0-9.-]*(?::\d+)?/)?"
    r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)*"
    r"(?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?",
    re.ASCII,
)
IMAGE = Bounds(
    lambda image: bool(_IMAGE.fullmatch(image)),
    "Give the image as it is tagged, such as albert-tfx or registry.example/albert-tfx:1",
)
_GPU = re.compile(r"([^:]+)(?::([1-9][0-9]*))?")


def project_option(group: str, use: str) -> Any:
    """Returns a field for `--project`, which the environment may give as well."""
    flag = Flag("--project", group, f"Google Cloud project {use}", default="GOOGLE_CLOUD_PROJECT")
    return option(factory=lambda: os.environ.get("GOOGLE_CLOUD_PROJECT"), flag=flag)


def region_option(group: str) -> Any:
    """Returns a field for `--region`."""
    flag = Flag("--region", group, "Google Cloud region of it", default="us-central1")
    return option("us-central1", flag)


@dataclasses.dataclass(frozen=True)
class Services:
    """Which parts of a compiled pipeline run elsewhere than in their containers."""

    project: str | None = project_option(_GROUP, "that they run in")
    region: str = region_option(_GROUP)
    train_on: str | None = optional(
        "--train-on", _GROUP, "machine type, to run the Trainers as Vertex AI custom jobs", "TYPE"
    )
    train_gpu: str | None = optional(
        "--train-gpu", _GROUP, "GPU of that machine, as TYPE or TYPE:COUNT", "GPU"
    )
    dataflow: str | None = optional(
        "--dataflow",
        _GROUP,
        "gs:// folder for temporary files, to run the Beam stages on Dataflow",
        "FOLDER",
    )
    dataflow_image: str | None = option(
        None,
        Flag(
            "--dataflow-image",
            _GROUP,
            "image of Dataflow's workers; see the Dockerfile",
            "IMAGE",
            "none",
        ),
        bounds=IMAGE,
        called="--dataflow-image",
    )
    service_account: str | None = optional(
        "--service-account",
        _GROUP,
        "account that the custom jobs and Dataflow's workers act as",
        "MAIL",
        "the project's default",
    )

    def __post_init__(self) -> None:
        check(self)
        if self.train_gpu is not None and self.train_on is None:
            raise InputError("--train-gpu needs --train-on", "Name the machine that the GPU is in")
        if self.dataflow_image is not None and self.dataflow is None:
            raise InputError(
                "--dataflow-image needs --dataflow",
                "Name a folder for temporary files with --dataflow gs://my-bucket/temporary",
            )
        if self.service_account and not (self.train_on or self.dataflow):
            raise InputError(
                "--service-account needs --train-on or --dataflow",
                "Give the account that the tasks act as to submit",
            )

    def dataflow_args(self) -> tuple[str, ...]:
        """Returns the flags with which Beam runs on Dataflow, none where it does not.

        Raises:
          InputError: The workers' image, the project or the bucket is missing.
        """
        if self.dataflow is None:
            return ()
        if self.dataflow_image is None:
            raise InputError(
                "--dataflow needs --dataflow-image",
                "Name the image that was built with --target dataflow",
            )
        account = self.service_account
        return (
            "--runner=DataflowRunner",
            f"--project={submission.require_project(self.project)}",
            f"--region={self.region}",
            f"--temp_location={submission.require_bucket_path(self.dataflow, '--dataflow')}",
            f"--sdk_container_image={self.dataflow_image}",
            "--experiments=use_runner_v2",
            *([f"--service_account_email={account}"] if account else []),
        )

    def custom_job(self, image: str) -> CustomJob | None:
        """Returns the machine that the Trainers rent, None where they train in their containers.

        Raises:
          InputError: The project is missing, or the GPU is not of the form TYPE:COUNT.
        """
        if self.train_on is None:
            return None
        gpu, count = _gpu(self.train_gpu)
        return CustomJob(
            project=submission.require_project(self.project),
            region=self.region,
            image=image,
            machine_type=self.train_on,
            accelerator_type=gpu,
            accelerator_count=count,
            service_account=self.service_account or "",
        )


def _gpu(given: str | None) -> tuple[str, int]:
    """Reads TYPE or TYPE:COUNT."""
    if given is None:
        return "", 0
    match = _GPU.fullmatch(given)
    if match is None:
        raise InputError(
            f"--train-gpu {given!r} is not TYPE:COUNT",
            "Give the GPU's type and, of more than one, their number: NVIDIA_TESLA_T4:2",
        )
    return match[1], int(match[2] or 1)


def trainer_class(job: CustomJob | None) -> "type[tfx.components.Trainer]":
    """Returns TFX's Trainer, or the one of its Google Cloud extension."""
    from tfx import v1 as tfx

    if job is None:
        return tfx.components.Trainer
    return tfx.extensions.google_cloud_ai_platform.Trainer


def custom_config(job: CustomJob | None) -> dict[str, Any]:
    """Returns what the extension's Trainer reads beside the model's own options.

    The job's fields are those of Vertex AI's `CustomJob`:
    https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.customJobs.
    """
    if job is None:
        return {}
    from tfx import v1 as tfx

    platform = tfx.extensions.google_cloud_ai_platform
    return {
        platform.ENABLE_VERTEX_KEY: True,
        platform.VERTEX_REGION_KEY: job.region,
        platform.TRAINING_ARGS_KEY: {"project": job.project, "job_spec": _job_spec(job)},
    }


def _job_spec(job: CustomJob) -> dict[str, Any]:
    machine: dict[str, Any] = {"machine_type": job.machine_type}
    if job.accelerator_type:
        machine["accelerator_type"] = job.accelerator_type
        machine["accelerator_count"] = job.accelerator_count
    pool = {"machine_spec": machine, "replica_count": 1, "container_spec": {"image_uri": job.image}}
    account = {"service_account": job.service_account} if job.service_account else {}
    return {"worker_pool_specs": [pool], **account}
