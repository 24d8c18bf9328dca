#!/usr/bin/env bash
# Everything that CI runs, with the network cut: style, layers, then one pytest run over tests, notebooks and browser.
# `make test` calls it with the environment's Python. Nothing is installed here but, in CI, Debian's Chromium and tools.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1

if [ -z "${MMATL_LAB_NETWORK_CUT:-}" ]; then
    if [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        missing=()
        command -v chromium >/dev/null || missing+=(chromium)
        command -v ip >/dev/null || missing+=(iproute2)
        command -v unshare >/dev/null || missing+=(util-linux)
        if [ ${#missing[@]} -gt 0 ]; then
            apt-get update -q
            DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"
        fi
    fi
    # A network namespace of its own has a loopback and nothing else; without root it takes a user namespace too.
    cut=(unshare --net)
    [ "$(id -u)" = 0 ] || cut=(unshare --map-root-user --net)
    if "${cut[@]}" ip link set lo up 2>/dev/null; then
        export MMATL_LAB_NETWORK_CUT=1
        exec "${cut[@]}" bash -c 'ip link set lo up && exec bash scripts/test.sh "$1"' _ "$python"
    elif [ "${CI:-}" = true ]; then
        echo "The network cannot be cut, so nothing would show that no test needs it: let CI make network namespaces." >&2
        exit 1
    fi
    echo "This system does not let the network be cut; the tests run with it."
fi

"$python" -m ruff check .
"$python" -m ruff format --check .
"$(dirname "$python")/lint-imports"
# Two workers with two threads each on two cores wait for each other at every sum: a cell of seconds then takes minutes.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
exec "$python" -m pytest -n 2 --dist loadscope --nbval-lax --nbval-current-env --nbval-cell-timeout=600 tests notebooks
