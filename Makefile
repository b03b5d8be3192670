# Every target makes the environment first if there is none. `make help` lists them.
SHELL := /bin/bash
PYTHON ?=
LANE ?=
SAY_LANE = @read -r lane _ <.venv/.complete && echo "Lane: TFX $$lane"
PY := .venv/bin/python
# Two processes: each grows to some 4 GB.
TWO := -n 2

.DEFAULT_GOAL := help
.PHONY: help env demo test test-fast lint bench bench-step bench-memory bench-data bench-coarse bench-live bench-serving bench-peers bench-walks bench-ranking bench-daily flink flink-data kubeflow-proof kubeflow-pods kubernetes-proof tables site notebooks mutate targets lock nightly soak clean

help:            ## list the targets
	@grep -E '^[a-z-]+: .*##|^[a-z-]+:  *##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

env:             ## make .venv: TFX 1.21 where the machine holds it (Python 3.13, glibc 2.39), else TFX 1.16 (Python 3.10); LANE=1.16
	@PYTHON="$(PYTHON)" LANE="$(LANE)" bash scripts/environment.sh

demo: env        ## the whole way once: simulate, train, gate, serve, rank (some 7 minutes; a second run is much shorter)
	$(SAY_LANE)
	@.venv/bin/zoo demo

test: env lint   ## all tests that need no special hardware or service (14 to 23 minutes on 2 cores, by what else they do)
	$(SAY_LANE)
	$(PY) -m pytest tests $(TWO)

test-fast: env   ## the tests that take no longer than some two seconds each (under 3 minutes)
	$(PY) -m pytest tests $(TWO) -m "not slow" -q --durations 10 --durations-min 5

mutate: env      ## break the code in one place at a time; every change must be noticed by a test (some 12 minutes)
	$(PY) -m tests.mutation

targets: env     ## say which measured results miss their targets
	$(PY) -m benchmarks.targets

nightly: env     ## what takes long, or a network: all notebooks, the built package in fresh environments, and as Kubeflow's steps
	$(PY) -m pytest tests/nightly -q

soak: env        ## half an hour under load with a new version every two seconds (SOAK_MINUTES for less)
	$(PY) -m pytest tests/soak -q -s

lint: env        ## style, import contracts and types
	.venv/bin/ruff check .
	.venv/bin/lint-imports
	.venv/bin/basedpyright

bench: bench-step bench-memory  ## cost of a training step and memory of the data stages

bench-step: env  ## cost of a training step by rows of the item table, candidates and history
	$(PY) -m benchmarks.step_cost

bench-memory: env ## memory of simulator and import by length of the log
	$(PY) -m benchmarks.memory_data

bench-data: env  ## speed from raw data to training batches: import, simulator, data stages, training input
	$(PY) -m benchmarks.data

bench-coarse: env ## coarse rankers: quality of each, with ablations (an hour; finished runs are kept), and cost of a candidate (10 minutes)
	@test -d runs/cascade/log || .venv/bin/zoo data simulate --config benchmarks/cascade_simulator.yaml --out runs/cascade/log
	$(PY) -m benchmarks.coarse --logs cascade=runs/cascade/log $(if $(wildcard runs/rees46/log),rees46=runs/rees46/log)
	$(PY) -m benchmarks.coarse_latency

bench-live: env  ## live rooms: what can be known of them, and each generation of models with ablations (hours; finished runs are kept)
	@for log in live live_many_visits; do \
		test -d runs/$$log/log || .venv/bin/zoo data simulate --config benchmarks/$${log}_simulator.yaml --out runs/$$log/log || exit 1; done
	$(PY) -m benchmarks.live_ceiling live live_many_visits
	$(PY) -m benchmarks.live --log runs/live/log
	$(PY) -m benchmarks.live --log runs/live_many_visits/log --dataset live_many_visits --models gbdt double_sequence hin \
		hin-no-paths hin-random-start hin-shared hin-dedicated hin-mean hin-expanded
	$(PY) -m benchmarks.live_differences --dataset live_many_visits --pairs "hin over double_sequence" "hin over gbdt" \
		"double_sequence over gbdt" "hin over hin-no-paths" "hin over hin-random-start" "hin over hin-shared" \
		"hin over hin-dedicated" "hin over hin-mean" "hin over hin-expanded"

bench-serving: env ## 600 candidates: rank beside point-wise tf.Examples and DeepCTR's DIN on one server; products' own time (5 minutes)
	$(PY) -m benchmarks.serving

bench-peers: env ## side by side with DeepCTR and FuxiCTR, each in an environment of its own
	$(PY) -m benchmarks.peers

bench-walks: env  ## speed of random walks by size of the graph, beside a public package
	$(PY) -m benchmarks.walks

bench-ranking: env ## quality of all ranking models: models x datasets x seeds
	$(PY) -m benchmarks.ranking --logs rees46=runs/rees46/log

bench-daily: env ## a simulated fortnight: GAUC on the next day of trained once, from scratch each day, and day by day
	$(PY) -m benchmarks.daily

flink: env       ## Apache Flink on loopback for Beam's work, until Ctrl-C (needs Java and Maven; SLOTS=2)
	$(PY) -m benchmarks.flink.start --slots $(or $(SLOTS),2)

flink-data: env  ## the import on Apache Flink and by processes: the same log, and the times (needs Java and Maven)
	$(PY) -m benchmarks.flink

kubeflow-proof: env ## every step of the pipeline as Kubeflow's launcher runs it, over an S3-compatible store, to a served model
	@$(PY) -m tests.kubeflow.proof

kubeflow-pods: env ## the same steps as pods of a real Kubernetes of two nodes (root on Debian with Go; docs/kubeflow.md)
	@$(PY) -m tests.kubeflow.proof --pods

kubernetes-proof: env ## the rendered fleet on a real Kubernetes of two nodes, under load (root on Debian with Go; docs/fleet.md)
	@$(PY) -m tests.kubernetes.proof --out docs/results/kubernetes.json

tables: env      ## write the Markdown tables of the docs from docs/results/*.json
	$(PY) -m benchmarks.tables

notebooks: env   ## execute the notebooks from top to bottom and keep their outputs (runs/notebooks has what they make)
	$(PY) -m website.execute_notebooks

site: env        ## the documentation as a site in build/site; fails where a link leads nowhere
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict

lock:            ## resolve requirements.in and requirements-1.21.in into locks, with hashes
	uv pip compile --python-version 3.13 --python-platform x86_64-manylinux_2_40 --generate-hashes requirements-1.21.in \
		-o requirements-1.21.lock --no-annotate --custom-compile-command "make lock"
	uv pip compile --python-version 3.10 --generate-hashes requirements.in -o requirements.lock --no-annotate \
		--custom-compile-command "make lock"
	@# What the images hold: the same versions, without what only development needs.
	uv pip compile --python-version 3.10 --generate-hashes setup.py --extra pipeline --extra trees --extra s3 --extra observability \
		--constraint requirements.lock -o docker/cpu.lock --no-annotate --custom-compile-command "make lock"
	uv pip compile --python-version 3.10 --generate-hashes setup.py --extra pipeline --extra trees --extra s3 --extra observability --extra cuda \
		--constraint requirements.lock -o docker/cuda.lock --no-annotate --custom-compile-command "make lock"

clean:           ## remove runs and caches, keep the environment
	rm -rf runs build .pytest_cache .ruff_cache .hypothesis .import_linter_cache
