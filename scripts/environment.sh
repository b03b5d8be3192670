#!/usr/bin/env bash
# Makes .venv from requirements.lock: Python 3.10 from PATH, pyenv or uv; no root; safe to run again.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv
stamp="$venv/.complete"
want=$(cat requirements.lock setup.py scripts/environment.sh | sha256sum | cut -d' ' -f1)
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && exit 0

works() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 10))' >/dev/null 2>&1; }

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.10 python3 python \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.10.*/bin/python; do
        [ -n "$candidate" ] && works "$candidate" && { command -v "$candidate"; return; }
    done
    if command -v uv >/dev/null 2>&1; then
        uv python find 3.10 2>/dev/null && return
        uv python install 3.10 >&2 && uv python find 3.10 && return
    fi
    return 1
}

if ! python=$(find_python); then
    cat >&2 <<'MESSAGE'
Cascade Zoo needs Python 3.10, and none was found on PATH, among pyenv's versions or through uv.
Any one of these brings it, without root:
    pyenv install 3.10
    uv python install 3.10
or name one yourself:  make PYTHON=/path/to/python3.10 <target>
MESSAGE
    exit 1
fi

echo "Creating $venv with $python (about 270 packages, 3 GB; a few minutes the first time)"
[ -x "$venv/bin/python" ] && works "$venv/bin/python" || { rm -rf "$venv"; "$python" -m venv "$venv"; }
rm -f "$stamp"

if command -v uv >/dev/null 2>&1; then
    uv=uv
else
    # uv installs the rest several times faster than pip; it comes from the same hashed lock.
    awk '/^[a-zA-Z0-9]/ {take = ($0 ~ /^uv==/)} take' requirements.lock >"$venv/uv.lock"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r "$venv/uv.lock"
    uv="$venv/bin/uv"
fi
VIRTUAL_ENV="$PWD/$venv" "$uv" pip sync --require-hashes --quiet requirements.lock
VIRTUAL_ENV="$PWD/$venv" "$uv" pip install --quiet --no-deps --no-build-isolation --editable .
echo "$want" >"$stamp"
echo "Environment ready."
