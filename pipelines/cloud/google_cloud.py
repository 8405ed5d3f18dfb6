"""Where the Trainers train: in their own container, or as custom jobs on Vertex AI."""

from typing import Any

from tfx import v1 as tfx

from pipelines.config import CustomJob


def trainer_class(job: CustomJob | None) -> type[tfx.components.Trainer]:
    """Returns TFX's Trainer, or the one of its Google Cloud extension."""
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
    pool = {
        "machine_spec": machine,
        "replica_count": 1,
        "container_spec": {"image_uri": job.image},
    }
    account = {"service_account": job.service_account} if job.service_account else {}
    return {"worker_pool_specs": [pool], **account}
