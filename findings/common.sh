# Sourced by the findings: makes a temporary folder with a virtual environment of its own, removed at the end.
#
# usage: install PACKAGE==VERSION ...    then: "$python" SCRIPT;  seen FILE holds what was seen when the finding was written
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

install() {
    "${PYTHON:-python3}" -m venv "$folder/venv"
    "$python" -m pip install --quiet --disable-pip-version-check "$@" 2>&1 | grep -v WARNING || true
}

expect() { # the output to compare on standard input, what was seen then as the argument
    local now
    now=$(cat)
    echo "$now"
    if [ "$now" != "$1" ]; then
        printf '\nno longer so; it was:\n%s\n' "$1"
        exit 1
    fi
    printf '\nas it was when this was written\n'
}
