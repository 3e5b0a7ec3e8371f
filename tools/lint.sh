#!/usr/bin/env bash
# clang-format, clang-tidy over what the compilation database has, shellcheck, the manual pages' form.
set -eu
cd "$(dirname "$0")/.."
tools/install-deps.sh lint
git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror
[ -f build/build.ninja ] || meson setup build
ninja -C build
git ls-files 'src/*.c' | xargs tools/tidy.py build
git ls-files '*.sh' '*.bash' .ci/run | xargs shellcheck -x -S warning
# Errors only: each test runs in a shell of its own, which shellcheck warns of at every variable.
git ls-files '*.bats' | xargs shellcheck -x -S error
git ls-files 'docs/*.[18]' | xargs mandoc -T lint -W warning
