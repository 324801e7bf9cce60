#!/usr/bin/env bash
# Usage: test_versions.sh newest|lowest [TESTS...]; without TESTS the whole suite.
# newest: the newest Python here, and the newest release of each library that it gets.
# lowest: Python 3.11 and the lowest versions that pyproject.toml declares.
# A Python that is not on this machine is named as not run.
set -euo pipefail
cd "$(dirname "$0")/.."
which=$1
shift

find_python() {
    local version=$1 found
    for found in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version".*/bin/python; do
        if "$found" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$version')" 2>/dev/null; then
            echo "$found"
            return
        fi
    done
}

versions=3.11
constraints=(-c tests/requirements-lowest.txt)
if [ "$which" = newest ]; then
    versions="3.13 3.12"
    constraints=()
fi
for version in $versions; do
    python=$(find_python "$version")
    if [ -n "$python" ]; then
        break
    fi
    echo "test-versions: Python $version is not on this machine: not run"
done
if [ -z "$python" ]; then
    exit 0
fi
venv=.venv-$which
if [ ! -e "$venv/.dev" ] || [ pyproject.toml -nt "$venv/.dev" ] || [ tests/requirements-lowest.txt -nt "$venv/.dev" ]; then
    "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[dev]' "${constraints[@]}"
    touch "$venv/.dev"
fi
echo "test-versions: $which, Python $version"
"$venv/bin/python" -m pytest -n auto -m 'not slow and not gpu and not backends' "$@"
