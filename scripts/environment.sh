#!/usr/bin/env bash
# Makes .venv from a lock, with a Python from PATH, pyenv or uv; no root; safe to run again.
# Of two lanes it takes the newest one that this machine holds, or the one that LANE names:
#   1.21   TFX 1.21, TensorFlow 2.21: Python 3.13 with its headers, a C compiler, glibc 2.39 or newer
#   1.16   TFX 1.16, TensorFlow 2.16: Python 3.10
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv

python_of() { case $1 in 1.21) echo 3.13 ;; 1.16) echo 3.10 ;; esac; }
lock_of() { case $1 in 1.21) echo requirements-1.21.lock ;; 1.16) echo requirements.lock ;; esac; }

works() {  # whether $1 is the Python of version $2
    "$1" -c 'import sys, venv, ensurepip; sys.exit("%d.%d" % sys.version_info[:2] != sys.argv[1])' "$2" >/dev/null 2>&1
}

find_python() {  # of version $1
    local candidate
    if [ -n "${PYTHON:-}" ]; then  # one that is named decides
        works "$PYTHON" "$1" && command -v "$PYTHON"
        return
    fi
    for candidate in "python$1" python3 python "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
        works "$candidate" "$1" && { command -v "$candidate"; return; }
    done
    command -v uv >/dev/null 2>&1 && uv python find "$1" 2>/dev/null
}

lacking() {  # what lane $1 lacks here; nothing where it can be made
    local glibc
    if [ "$1" = 1.21 ]; then
        glibc=$(ldd --version 2>/dev/null | awk 'NR == 1 {print $NF}')
        [ "$(printf '2.39\n%s\n' "$glibc" | sort -V | head -1)" = 2.39 ] || { echo "glibc 2.39 (here: ${glibc:-none})"; return; }
        command -v cc >/dev/null 2>&1 || { echo "a C compiler, which one of its packages is built with"; return; }
    fi
    python=$(find_python "$(python_of "$1")") || { echo "Python $(python_of "$1")"; return; }
    # uv's own Python brings its headers.
    [ "$1" != 1.21 ] || "$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' ||
        echo "the headers of Python 3.13 (python3-dev)"
}

choose() {
    local lane lacks
    for lane in ${LANE:-1.21 1.16}; do
        [ -n "$(lock_of "$lane")" ] || { echo "There is no lane $lane; lanes are 1.21 and 1.16." >&2; exit 1; }
        lacks=$(lacking "$lane")
        [ -z "$lacks" ] && { echo "$lane"; return; }
        [ -z "${LANE:-}" ] || { echo "Lane $lane needs $lacks." >&2; exit 1; }
    done
    if [ -z "${PYTHON:-}" ] && command -v uv >/dev/null 2>&1 && uv python install 3.10 >&2; then
        echo 1.16
        return
    fi
    cat >&2 <<'MESSAGE'
Cascade Zoo needs Python 3.10 (or 3.13, with glibc 2.39 or newer), and none was found on PATH, among pyenv's versions or through uv.
Any one of these brings it, without root:
    pyenv install 3.10
    uv python install 3.10
or name one yourself:  make PYTHON=/path/to/python3.10 <target>
MESSAGE
    exit 1
}

digest_of() { cat "$(lock_of "$1")" setup.py scripts/environment.sh | sha256sum | cut -d' ' -f1; }  # what lane $1 is made of

# Which lane this is costs some Pythons' starts to find out; an environment that is made already says it.
stamp="$venv/.complete"
if [ -f "$stamp" ]; then
    read -r kept made <"$stamp" || true
    [ "${LANE:-$kept}" = "$kept" ] && [ -n "$(lock_of "$kept")" ] && [ -x "$venv/bin/python" ] &&
        [ "$made" = "$(digest_of "$kept")" ] && exit 0
fi

lane=$(choose)
lock=$(lock_of "$lane") version=$(python_of "$lane")
want=$(digest_of "$lane")
python=$(find_python "$version")
echo "Creating $venv of TFX $lane with $python (about 270 packages, 3 GB; a few minutes the first time)"
[ -x "$venv/bin/python" ] && works "$venv/bin/python" "$version" || { rm -rf "$venv"; "$python" -m venv "$venv"; }
rm -f "$stamp"

if command -v uv >/dev/null 2>&1; then
    uv=uv
else
    # uv installs the rest several times faster than pip; it comes from the same hashed lock.
    awk '/^[a-zA-Z0-9]/ {take = ($0 ~ /^uv==/)} take' "$lock" >"$venv/uv.lock"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r "$venv/uv.lock"
    uv="$venv/bin/uv"
fi
VIRTUAL_ENV="$PWD/$venv" "$uv" pip sync --require-hashes --quiet "$lock"
VIRTUAL_ENV="$PWD/$venv" "$uv" pip install --quiet --no-deps --no-build-isolation --editable .
echo "$lane $want" >"$stamp"
echo "Environment ready."
