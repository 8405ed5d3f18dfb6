#!/usr/bin/env bash
# Installs the pinned packages into a virtual environment, by uv where it is on
# the machine or pip can fetch it, else by pip.
#
#   tools/install.sh FOLDER        PYTHON and UV_FOLDER come from the Makefile
set -euo pipefail
venv=$1

if ! "${PYTHON:-none}" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
  echo "error: Python 3.11 is needed, and '${PYTHON:-none}' is not it." \
    "Install it, or name it: make PYTHON=PATH_OF_PYTHON_3.11 ..." >&2
  exit 1
fi

echo "setting up $venv (once: 4 GB, about two minutes)"
uv=$(command -v uv || true)
if [ -z "$uv" ]; then
  "$PYTHON" -m pip install --quiet --disable-pip-version-check --target "$UV_FOLDER" --upgrade uv \
    >/dev/null 2>&1 || true
  [ ! -x "$UV_FOLDER/bin/uv" ] || uv=$UV_FOLDER/bin/uv
fi

# A folder without the mark that the Makefile sets at the end may be half of an environment.
[ -e "$venv/.installed" ] || rm -rf "$venv"

# Without bytecode on disk `import tfx` takes three times as long.
if [ -n "$uv" ]; then
  [ -x "$venv/bin/python" ] || "$uv" venv --quiet --python "$PYTHON" "$venv"
  export VIRTUAL_ENV=$venv
  "$uv" pip sync --quiet --compile-bytecode --require-hashes requirements.txt
else
  [ -x "$venv/bin/python" ] || "$PYTHON" -m venv "$venv"
  pip=("$venv/bin/python" -m pip --quiet --disable-pip-version-check)
  env -u PYTHONDONTWRITEBYTECODE "${pip[@]}" install --no-deps --require-hashes -r requirements.txt
fi

"$venv/bin/python" albert_tfx_startup.py \
  "$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
