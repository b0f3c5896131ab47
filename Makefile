# SPDX-License-Identifier: Apache-2.0
# Only calls what is below: CMake builds, ci/ tests, the program does the work.
JOBS ?= $(shell nproc)
OUT ?= out/bench
GENERATOR := $(shell command -v ninja >/dev/null && echo -G Ninja)

build: build/CMakeCache.txt
	@cmake --build build -j $(JOBS) -- $(if $(GENERATOR),,--no-print-directory)

build/CMakeCache.txt:
	@cmake -S . -B build $(GENERATOR) -DCMAKE_BUILD_TYPE=Release

# The main job: three arms over 320 prompts of people-512 at 10 steps, scores, speed, the report.
bench: build
	@env -u OPENBLAS_CORETYPE build/cosmicman bench --suite quick --out $(OUT)
	@echo "open $(OUT)/report.html"

full: build
	@env -u OPENBLAS_CORETYPE build/cosmicman bench --suite full --out out/full

# The same as an experiments section: out/full/paper.pdf, by LaTeX or by what ./setup --pdf installs.
paper: full
	@build/cosmicman report out/full --template paper --format html,latex,pdf

# Seconds, operations and rate of Stable Diffusion 1.5's architecture at 256 to 1024 on a side.
growth: build
	@env -u OPENBLAS_CORETYPE build/cosmicman bench --suite growth --out out/growth

test: build
	@ci/test.sh build

# The same tests under AddressSanitizer and UBSan.
test-asan:
	@cmake -S . -B build-asan $(GENERATOR) -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="-O1 -g" -DCM_SANITIZE=ON >/dev/null
	@cmake --build build-asan -j $(JOBS)
	@ci/test.sh build-asan

# The same tree with the other compiler, warnings being errors.
clang:
	@cmake -S . -B build-clang $(GENERATOR) -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Release >/dev/null
	@cmake --build build-clang -j $(JOBS)

# Inference beside PyTorch, OpenVINO and ONNX Runtime: needs Python, downloads gigabytes once. PEERS="--help" says more.
peers: build
	@harness/peers/peers.sh $(PEERS)

# Into PREFIX, below DESTDIR where a package is made: the program, the library, models, man pages, completion.
PREFIX ?= /usr/local
install: build
	@DESTDIR="$(DESTDIR)" cmake --install build --prefix "$(PREFIX)"

# A Debian package, build-deb/cosmicman_VERSION_ARCHITECTURE.deb. ci/deb.sh tries it in a fresh root folder.
deb:
	@cmake -S . -B build-deb $(GENERATOR) -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr >/dev/null
	@cmake --build build-deb -j $(JOBS) --target cosmicman cosmicman_shared pages
	@cd build-deb && cpack

# Trains the shipped models again: an hour or more. Stopped, it goes on where it was.
nano: build
	@core/models/nano/make.sh

# clang's libFuzzer on every parser, SECONDS each, under the sanitizers.
SECONDS ?= 60
fuzz:
	@cmake -S . -B build-fuzz $(GENERATOR) -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="-O1 -g" \
	    -DCM_SANITIZE=ON -DCM_FUZZ=ON >/dev/null
	@cmake --build build-fuzz -j $(JOBS) --target libfuzzer
	@ci/fuzz.sh build-fuzz $(SECONDS)

clean:
	rm -rf build build-asan build-clang build-fuzz build-deb build-aarch64

.PHONY: build bench full paper growth test test-asan clang peers install deb nano fuzz clean
