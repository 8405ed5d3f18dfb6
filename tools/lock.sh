#!/usr/bin/env bash
# Pins every package of pyproject.toml, with hashes (`make lock`; needs uv):
#
#   requirements.txt      what runs, but for TensorFlow
#   requirements-cpu.txt  TensorFlow where there is no GPU
#   requirements-gpu.txt  TensorFlow where there is an NVIDIA GPU, and NVIDIA's libraries
#   requirements-serve.txt
#                         what serve.py needs beside these, and no task of a pipeline does
#   requirements-dev.txt  what tests, checks and executes the notebook needs beside these
#   requirements-build.txt, requirements-uv.txt
#                         what installs them: setuptools, by which pip builds the four packages
#                         below, and uv, where it is not on the machine
#   tools/site/requirements.txt
#                         what builds the documents' site, in an environment of its own
#
# All are wheels, so that nothing is compiled where they are installed, but for four packages that
# have no wheel and are pure Python. Each file says so itself, and uv and pip obey.
set -euo pipefail
export TMPDIR=$(mktemp -d) # uv leaves files there
trap 'rm -rf "$TMPDIR"' EXIT

sources=(google-apitools kfp-server-api promise rouge-score)
tensorflow=$(sed -n 's/^ *"tensorflow==\([0-9.]*\)".*/\1/p' pyproject.toml)

# pip takes these in their order.
rule=(--only-binary :all:)
for name in "${sources[@]}"; do
  rule+=(--no-binary "$name")
done

# What a file pins already stays, unless pyproject.toml asks for another.
pin() {
  local file=$1
  shift
  uv pip compile --python-version 3.11 --generate-hashes --quiet --no-emit-index-url \
    --custom-compile-command "make lock" "${rule[@]}" --output-file "$file" "$@"
  printf '%s %s\n' "${rule[@]}" | sed -i '2r /dev/stdin' "$file"
}

pin requirements.txt pyproject.toml --no-emit-package tensorflow

# Leaves out of the files to come what a file pins.
beside=()
leave_out() {
  beside+=(--constraint "$1")
  for name in $(grep -o '^[a-z0-9][^=]*' "$1"); do
    beside+=(--no-emit-package "$name")
  done
}
leave_out requirements.txt
pin requirements-serve.txt pyproject.toml --extra serve "${beside[@]}" --no-emit-package tensorflow
leave_out requirements-serve.txt
pin requirements-dev.txt pyproject.toml --extra dev "${beside[@]}" --no-emit-package tensorflow

# The overrides of pyproject.toml would drop the extra.
beside+=(--no-config --no-annotate --no-emit-package libclang)
echo "tensorflow-cpu==$tensorflow" | pin requirements-cpu.txt - "${beside[@]}"
echo "tensorflow[and-cuda]==$tensorflow" | pin requirements-gpu.txt - "${beside[@]}"

echo "uv" | pin requirements-uv.txt - --no-config --no-annotate
grep '^setuptools==' requirements.txt | cut -d' ' -f1 \
  | pin requirements-build.txt - --no-config --no-annotate

pin tools/site/requirements.txt tools/site/requirements.in --no-config --no-annotate
