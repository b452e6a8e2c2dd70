#!/bin/bash
# mutants.sh - breaks the code on purpose, one line at a time, in a copy, and requires that the named unit test fails.
#
# Usage: mutants.sh [NAME...]     (all of tests/mutants/mutants.tsv, or these; some minutes)
# MUTANTS_DIR: the folder for the copy and its build; kept if given, else a new one under /tmp.
# Last line: "N passed, N failed".  Exit status: 0 all were found.
set -u
export LC_ALL=C.UTF-8
top=$(cd "$(dirname "$0")/.." && pwd -P)
dir=${MUTANTS_DIR:-$(mktemp -d /tmp/otprefund-mutants.XXXXXX)}
[ -n "${MUTANTS_DIR:-}" ] || trap 'rm -rf "$dir"' EXIT
tree=$dir/tree build=$dir/build
passed=0 failed=0

rm -rf "$tree" "$build" # dates of another time would hide changes
mkdir -p "$tree" "$build" || exit 1
(cd "$top" && tar -cf - --exclude=./.git --exclude=./.check --exclude=./.bench --exclude=./.chaos --exclude=./.fuzz --exclude='./.demo*' --exclude=./build .) | tar -C "$tree" -xf - || exit 1
cd "$build" || exit 1
{ [ -x "$tree/configure" ] || (cd "$tree" && ./autogen.sh); } >"$dir/log" 2>&1 &&
    "$tree/configure" CFLAGS='-O1' >>"$dir/log" 2>&1 && make -j2 >>"$dir/log" 2>&1 ||
    { tail -n 5 "$dir/log"; echo "0 passed, 1 failed"; exit 1; }

export srcdir=$tree
# run TEST: its exit status; 99 if it does not build.
run() {
    make "tests/unit/$1" >"$dir/log" 2>&1 || return 99
    case $1 in
    *.pg) timeout 300 sh "$tree/tests/pg.sh" "./tests/unit/$1" ;;
    *) timeout 300 "./tests/unit/$1" ;;
    esac >"$dir/log" 2>&1
}

declare -A sound=()
while IFS=$'\t' read -r promise name file expression test; do
    [ $# = 0 ] || [[ " $* " == *" $name "* ]] || continue
    if [ -z "${sound[$test]:-}" ]; then
        run "$test" </dev/null
        sound[$test]=$?
    fi
    if [ "${sound[$test]}" = 77 ]; then
        echo "skipped $name: $test does not run here"
        continue
    fi
    cp "$tree/$file" "$dir/kept"
    sed -i -e "$expression" "$tree/$file"
    status=0
    run "$test" </dev/null || status=$?
    if [ "${sound[$test]}" != 0 ]; then
        result="$test fails without it too"
    elif cmp -s "$tree/$file" "$dir/kept"; then
        result="it changes nothing in $file"
    elif [ $status = 99 ]; then
        result="it does not build: $(grep -m 1 error: "$dir/log")"
    elif [ $status = 0 ]; then
        result="$test does not find it"
    else
        result=
    fi
    cp "$dir/kept" "$tree/$file"
    if [ -z "$result" ]; then
        passed=$((passed + 1))
        echo "ok      promise $promise, $name: found by $test"
    else
        failed=$((failed + 1))
        echo "FAILED: promise $promise, $name: $result"
    fi
done < <(grep -v '^#' "$top/tests/mutants/mutants.tsv")
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
