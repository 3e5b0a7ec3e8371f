#!/usr/bin/env bash
# clang-format, clang-tidy over what the compilation database has, shellcheck-free shell syntax.
set -eu
cd "$(dirname "$0")/.."
tools/install-deps.sh lint
git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror
[ -f build/build.ninja ] || meson setup build
ninja -C build
git ls-files 'src/*.c' | xargs tools/tidy.py build
for script in $(git ls-files '*.sh' '*.bash'); do
    bash -n "$script"
done
