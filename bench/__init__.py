"""Benchmarks against named peers: `make bench BENCH=name`, or `python -m bench name`.

A benchmark is a module of this package with a `TITLE` and a function `measure() -> list[Measure]`, named in
`__main__.py`; its docstring says what is measured and how, and stands above its table in docs/benchmarks.md.
Peers live in an environment of their own, bench/.venv, made from bench/requirements.txt when first needed.
"""
