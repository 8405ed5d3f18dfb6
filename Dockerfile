# The image in which the tasks of the compiled pipeline run, on Vertex AI and on Kubeflow.
#
#   docker build --tag REGISTRY/albert-tfx .                                      for CPUs
#   docker build --tag REGISTRY/albert-tfx:gpu --build-arg ACCELERATOR=gpu .      for NVIDIA GPUs
#   docker build --tag REGISTRY/albert-tfx:dataflow --target dataflow .           for Dataflow's workers
#
# The packages are a layer of their own, below the code's: a change of code sends a few megabytes.

ARG BASE=python:3.11-slim-bookworm
ARG BEAM_BASE=apache/beam_python3.11_sdk:2.77.0

FROM ${BASE} AS packages

LABEL org.opencontainers.image.title=albert-tfx

ARG ACCELERATOR=cpu
ARG PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

WORKDIR /usr/local/share/albert-tfx
COPY requirements.txt requirements-build.txt requirements-cpu.txt requirements-gpu.txt ./
# NVIDIA's libraries come as Python packages, so that both variants have one base. pip's bytecode
# stays: without it `import tfx` takes three times as long, in each task. What nothing here reads,
# goes in the same layer: headers, and the packages' own tests (NumPy imports some of its own).
# Four packages are built, in pure Python, by the setuptools that is pinned.
RUN if [ ! -e "requirements-$ACCELERATOR.txt" ]; then echo "ACCELERATOR is cpu or gpu"; exit 1; fi \
    && pip install --no-cache-dir --no-deps --require-hashes --requirement requirements-build.txt \
    && pip install --no-cache-dir --no-deps --require-hashes --no-build-isolation \
        --requirement requirements.txt --requirement "requirements-$ACCELERATOR.txt" \
    && packages=/usr/local/lib/python3.11/site-packages \
    && rm -r "$packages/tensorflow/include" "$packages/pyarrow/include" \
    && find "$packages" -name tests -type d -not -path '*/numpy/*' -prune -exec rm -r {} +

FROM packages AS code

WORKDIR /build
COPY pyproject.toml README.md LICENSE *.py ./
COPY assets assets
COPY albert_tfx albert_tfx
COPY components components
COPY pipelines pipelines
RUN pip install --no-cache-dir --no-deps --no-build-isolation --prefix /code .

FROM packages AS project

COPY --from=code /code /usr/local

# A task writes to its outputs and to /tmp, whoever it runs as: what keeps something in a home folder
# keeps it there, and a user id that has no name in the image gets one from USER. PYTHONSAFEPATH
# keeps Python from importing what lies in the working directory.
ENV HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    TF_CPP_MIN_LOG_LEVEL=1 \
    TF_ENABLE_ONEDNN_OPTS=1 \
    TF_USE_LEGACY_KERAS=1 \
    TFHUB_CACHE_DIR=/tmp/tfhub_modules \
    USER=runner

WORKDIR /tmp
# By number, since Kubernetes cannot see that a name is not root's; group 0 is OpenShift's.
USER 1000:0

# Dataflow starts its workers by Beam's own program.
FROM ${BEAM_BASE} AS beam

FROM project AS dataflow
COPY --from=beam /opt/apache/beam /opt/apache/beam
ENTRYPOINT ["/opt/apache/beam/boot"]

# No ENTRYPOINT: the spec has each task's whole command. No HEALTHCHECK: a task is healthy as long
# as it runs.
FROM project AS tasks
