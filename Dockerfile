# The image in which the tasks of the compiled pipeline run, on Vertex AI and on Kubeflow.
#
#   docker build --tag REGISTRY/albert-tfx .                                      for CPUs
#   docker build --tag REGISTRY/albert-tfx:gpu --build-arg ACCELERATOR=gpu .      for NVIDIA GPUs
#   docker build --tag REGISTRY/albert-tfx:dataflow --target dataflow .           for Dataflow's workers

FROM python:3.11-slim-bookworm AS project

ARG ACCELERATOR=cpu

ENV PYTHONUNBUFFERED=1 \
    TF_CPP_MIN_LOG_LEVEL=1 \
    TF_ENABLE_ONEDNN_OPTS=1 \
    TF_USE_LEGACY_KERAS=1

WORKDIR /opt/albert-tfx
COPY requirements.txt requirements-cpu.txt requirements-gpu.txt ./
# NVIDIA's libraries come as Python packages, so that both variants have one base.
RUN case "$ACCELERATOR" in cpu | gpu) ;; *) echo "ACCELERATOR is cpu or gpu" && exit 1 ;; esac \
    && pip install --no-cache-dir --no-deps --require-hashes \
         --requirement requirements.txt --requirement "requirements-$ACCELERATOR.txt"

COPY pyproject.toml README.md LICENSE *.py ./
COPY assets assets
COPY albert_tfx albert_tfx
COPY components components
COPY pipelines pipelines
RUN pip install --no-cache-dir --no-deps --no-build-isolation . \
    && useradd --uid 1000 --create-home runner

# By number, since Kubernetes cannot see that a name is not root's.
USER 1000:1000
WORKDIR /home/runner

# Dataflow starts its workers by Beam's own program.
FROM apache/beam_python3.11_sdk:2.77.0 AS beam

FROM project AS dataflow
COPY --from=beam /opt/apache/beam /opt/apache/beam
ENTRYPOINT ["/opt/apache/beam/boot"]

FROM project AS tasks
HEALTHCHECK --interval=5m --timeout=2m --retries=1 \
    CMD ["python", "-m", "pipelines.container_entry_point", "--help"]
ENTRYPOINT ["python", "-m", "pipelines.container_entry_point"]
