#!/bin/bash
# What can be checked of the shell scripts without a bare machine: they parse, they say how they are used,
# and the list of packages is what install_packages makes of it.
set -uo pipefail
cd "$(dirname "$(dirname "$(readlink -f "$0")")")" || exit 1
failed=0

check() { # what, then a command that must succeed
    local what=$1
    shift
    if ! "$@" >/dev/null 2>&1; then
        echo "failed: $what"
        failed=1
    fi
}
exits() { # wanted code, then a command
    local wanted=$1 got=0
    shift
    "$@" </dev/null || got=$?
    [ "$got" -eq "$wanted" ]
}

for script in tests/run .ci/run conf/demo conf/install_packages; do
    check "$script parses" bash -n "$script"
    check "$script is executable" test -x "$script"
done
check "install_packages refuses an unknown word" exits 2 conf/install_packages --nonsense
check "tests/run refuses an unknown option" exits 2 tests/run --nonsense
check "tests/run --help" exits 0 tests/run --help
check "conf/demo refuses an unknown option" exits 2 conf/demo --nonsense
check "conf/demo --help" exits 0 conf/demo --help

# Every line of conf/packages has a use, a name and a reason, and no name stands twice.
bad=$(awk 'NF && !/^#/ && ($1 !~ /^(build|demo|test)$/ || NF < 3) { print NR }
           NF && !/^#/ && seen[$2]++ { print NR }' conf/packages)
check "lines of conf/packages (faulty: $bad)" test -z "$bad"
check "the list holds libmilter-dev" grep -qx libmilter-dev <(conf/install_packages --list build)
check "tests' packages are not the build's" exits 1 grep -qx postfix <(conf/install_packages --list build)
exit "$failed"
