#!/usr/bin/env bash
# Makes a virtual environment hold what requirements files pin, and nothing else, by uv where it is
# on the machine or pip can fetch it, else by pip.
#
#   tools/install.sh FOLDER FILE...    PYTHON and UV_FOLDER come from the Makefile
set -euo pipefail
export TMPDIR=$(mktemp -d) # uv leaves files there
trap 'rm -rf "$TMPDIR"' EXIT
venv=$1
shift
python=${PYTHON:-none}
packages=$(cat "$@" | grep -c '^[a-z]')

fail() {
  echo "error: $*" >&2
  exit 1
}

remedy="Install it, with pyenv or conda where the distribution has none,\
 or name it: make PYTHON=PATH_OF_PYTHON_3.11 ..."

is_311() {
  "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null
}

# Runs a command that installs. One line replaces ten of uv's packages or forty of pip's, and there
# is one for each that takes long: hundreds of lines would hide what comes before and after.
watched() {
  local line large=0 any=0
  "$@" 2>&1 | while IFS= read -r line; do
    case $line in
      *Downloading*\([3-9][0-9].*M*B\) | *Downloading*\([0-9][0-9][0-9]*M*B\) | *Downloading*G*B\))
        echo "  downloading ${line##*Downloading }" ;;
      *Downloaded*)
        large=$((large + 1))
        [ $((large % 10)) -ne 0 ] || echo "  $large large packages downloaded" ;;
      Collecting*)
        any=$((any + 1))
        [ $((any % 40)) -ne 0 ] || echo "  $any/$packages packages downloaded" ;;
      "Installing collected"*) echo "  installing them" ;;
      [A-Z]*\ [0-9]*\ in\ *) echo "  $line" ;; # uv's sum of a step
      " "[-+~]" "* | *Downloading* | *Building* | *Built\ * | *Using\ * | Looking* | Success*) ;;
      *"Attempting uninstall"* | *"Found existing"* | *" Uninstalling"* | *ully\ uninstalled*) ;;
      *Preparing* | *Getting* | *"Installing build"* | *Created* | *Stored* | *━*) ;;
      *) echo "  ${line:0:200}" ;;
    esac
  done >&2
}

# A folder without the mark that the Makefile sets at the end may be half of an environment.
compgen -G "$venv/.installed-*" >/dev/null || rm -rf "$venv"

uv=$(command -v uv || true)
if [ -z "$uv" ]; then
  [ -x "$UV_FOLDER/bin/uv" ] || echo "fetching uv, which installs packages, into $UV_FOLDER"
  "$python" -m pip install --quiet --disable-pip-version-check --target "$UV_FOLDER" --upgrade \
    --no-deps --require-hashes --requirement requirements-uv.txt >/dev/null 2>&1 || true
  if [ -x "$UV_FOLDER/bin/uv" ]; then
    uv=$UV_FOLDER/bin/uv
  else
    echo "  it could not be fetched: pip takes its place"
  fi
fi

step() {
  echo "$1/4 $2"
}

step 1 "Python 3.11 in $venv"
if [ ! -x "$venv/bin/python" ]; then
  rm -rf "$venv"
  if [ -n "$uv" ]; then
    is_311 "$python" || python=3.11
    create=("$uv" venv --quiet --relocatable --python "$python" "$venv")
    if [ "$python" != 3.11 ] || "$uv" python find 3.11 --no-python-downloads >/dev/null 2>&1; then
      "${create[@]}"
    else
      echo "  there is none here, so uv downloads one"
      # One more attempt instead of three, so that it is soon known where there is no network.
      UV_HTTP_RETRIES=${UV_HTTP_RETRIES:-1} "${create[@]}" 2>/dev/null \
        || fail "uv could not download Python 3.11. $remedy"
    fi
  else
    is_311 "$python" || fail "Python 3.11 is needed, '$python' is not it, and pip could not" \
      "fetch uv, which would bring one. $remedy"
    "$python" -m venv "$venv"
  fi
fi

step 2 "$packages packages, each by its hash"
if [ -n "$uv" ]; then
  sync() {
    VIRTUAL_ENV=$venv watched "$uv" pip sync --require-hashes --build-constraints requirements.txt "$@"
  }
  sync "$@"
else
  by_pip() {
    watched "$venv/bin/python" -m pip --disable-pip-version-check install --no-compile --no-deps \
      --require-hashes "$@"
  }
  by_pip --requirement=requirements-build.txt
  by_pip --no-build-isolation "${@/#/--requirement=}"
fi

# Without bytecode on disk `import tfx` takes three times as long.
packages_folder=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
files=$(find "$packages_folder" -name '*.py' | wc -l)
step 3 "bytecode of $files files, for quick starts: about $((files / 500 + 1)) s on two cores"
if [ -n "$uv" ]; then
  sync --compile-bytecode --quiet "$@"
else
  # Some packages bring files for other versions of Python, which cannot be compiled.
  "$venv/bin/python" -m compileall -qq -j 0 "$packages_folder" || true
fi

step 4 "the line by which Python starts here"
"$venv/bin/python" albert_tfx_startup.py "$packages_folder"
echo "$venv is ready: $(du -sh "$venv" | cut -f 1), $SECONDS s"
