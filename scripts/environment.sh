# Sourced by the other scripts: makes the virtual environment .venv and installs this project into it, once.
#
# usage: ensure_environment EXTRAS     (such as "all" or "dev"); afterwards .venv/bin is first on the PATH.

say() { printf '\n== %s\n' "$*" >&2; }

ensure_environment() {
    local extras=$1 python=${PYTHON:-python3}
    if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "error: Python 3.11 or newer is needed ($python is $("$python" --version 2>&1)); name another with PYTHON=..." >&2
        exit 2
    fi
    if [ ! -x .venv/bin/python ]; then
        if ! "$python" -c 'import ensurepip' 2>/dev/null; then # Debian packs it apart
            if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
                say "installing python3-venv"
                apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null
            else
                echo "error: $python has no venv module; install it with: sudo apt-get install python3-venv" >&2
                exit 2
            fi
        fi
        say "making the virtual environment .venv"
        "$python" -m venv .venv
    fi
    local wanted stamp=.venv/.embrec-$extras
    wanted=$(cat pyproject.toml constraints.txt | cksum)
    if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
        say "installing embrec[$extras] with the versions of constraints.txt (a few minutes)"
        .venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[$extras]"
        echo "$wanted" >"$stamp"
    fi
    PATH=$PWD/.venv/bin:$PATH
}
