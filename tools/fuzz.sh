#!/usr/bin/env bash
# Fuzzes every decoder for a while. Usage: fuzz.sh [SECONDS [TARGET...]]
# SECONDS is per target (default 60); TARGET is a name such as hgfs (default: all). Builds with clang
# and libFuzzer in build-fuzz. New inputs stay in build-fuzz/corpus, the ones in the tree are not
# changed; what breaks a target is left in build-fuzz/crashes. Exit status 1 when one broke.
set -eu
cd "$(dirname "$0")/.."

seconds=${1:-60}
[ $# -eq 0 ] || shift
case "$seconds" in
'' | *[!0-9]*)
    echo "usage: $0 [SECONDS [TARGET...]]" >&2
    exit 2
    ;;
esac

tools/install-deps.sh fuzz
build="build-fuzz"
if [ ! -f $build/build.ninja ]; then
    # Only the code under test: the fuzzer's own driver has main().
    CC=clang meson setup $build -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false \
        -Dc_args=-fsanitize=fuzzer-no-link
fi

wanted=" $* "
targets=
for source in tests/fuzz/*/fuzz_*.c; do
    name=$(basename "$source" .c)
    name=${name#fuzz_}
    if [ $# -eq 0 ] || [[ $wanted == *" $name "* ]]; then
        targets="$targets $(dirname "$source")/fuzz_$name"
        wanted=${wanted/ $name / }
    fi
done
if [ -n "${wanted// /}" ]; then
    echo "no such target:$wanted" >&2
    exit 2
fi
# shellcheck disable=SC2086 # a list of targets
ninja -C $build $targets

mkdir -p $build/crashes
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
failed=
for target in $targets; do
    name=${target##*/fuzz_}
    mkdir -p "$build/corpus/$name"
    echo "== $name: $seconds s"
    if ! "$build/$target" -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=1024 \
        -print_final_stats=1 -artifact_prefix="$build/crashes/$name-" \
        "$build/corpus/$name" "$(dirname "$target")/corpus/$name" >"$build/crashes/$name.log" 2>&1; then
        failed="$failed $name"
        tail -40 "$build/crashes/$name.log"
    else
        grep -E 'stat::(number_of_executed_units|average_exec_per_sec)|DONE' "$build/crashes/$name.log"
        rm -f "$build/crashes/$name.log"
    fi
done
if [ -n "$failed" ]; then
    echo "broke:$failed (inputs and logs in $build/crashes)" >&2
    exit 1
fi
