# A thin front for Meson and Ninja. `make run` and `make test` install missing Debian packages.
BUILD ?= build
ARGS  ?=

.PHONY: all run test soak unit e2e bench fuzz lint format install clean

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	tools/install-deps.sh build
	meson setup $(BUILD)

run:
	tools/run.sh $(BUILD) $(ARGS)

test:
	tools/test.sh

soak:
	tools/test.sh soak

bench:
	tools/bench.sh

fuzz:
	tools/fuzz.sh $(ARGS)

lint:
	tools/lint.sh

format:
	git ls-files '*.c' '*.h' | xargs clang-format -i

install: all
	meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf build build-*
