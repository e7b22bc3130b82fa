# Sourced by the other scripts: makes a virtual environment and installs this project into it, once.
#
# usage: ensure_environment EXTRAS [FOLDER [CONSTRAINTS [PACKAGES...]]]
#        EXTRAS such as "all" or "dev"; FOLDER is .venv if not given, and its bin is first on the PATH afterwards.

# A script that sources this shows the comment at its top if its first argument is -h or --help, and does nothing else.
case "${1:-}" in
-h | --help)
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "scripts/$(basename "$0")"
    exit
    ;;
esac

say() { printf '\n== %s\n' "$*" >&2; }

ensure_environment() {
    local extras=$1 folder=${2:-.venv} constraints=${3:-constraints.txt} python=${PYTHON:-python3}
    local packages=("${@:4}")
    if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "error: Python 3.11 or newer is needed ($python is $("$python" --version 2>&1)); name another with PYTHON=..." >&2
        exit 2
    fi
    if [ ! -x "$folder/bin/python" ]; then
        if ! "$python" -c 'import ensurepip' 2>/dev/null; then # Debian packs it apart
            if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
                say "installing python3-venv"
                apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null
            else
                echo "error: $python has no venv module; install it with: sudo apt-get install python3-venv" >&2
                exit 2
            fi
        fi
        say "making the virtual environment $folder"
        "$python" -m venv "$folder"
    fi
    local wanted stamp=$folder/.embrec-$extras
    wanted=$(cat pyproject.toml "$constraints" | cksum)
    if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
        say "installing embrec[$extras] with the versions of $constraints (a few minutes)"
        "$folder/bin/python" -m pip install --quiet --disable-pip-version-check -c "$constraints" \
            -e ".[$extras]" "${packages[@]}"
        echo "$wanted" >"$stamp"
    fi
    PATH=$PWD/$folder/bin:$PATH
}
