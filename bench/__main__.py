"""Run one benchmark, or a group of them, print the tables, and write them to docs/benchmarks.md."""

import importlib
import sys
from pathlib import Path

from bench.harness import ROOT, BenchmarkError, closing_line, section, with_section
from garner.files import write_text

DOCUMENT = ROOT / "docs" / "benchmarks.md"
GROUPS = {"crawl": ["crawl_stackexchange", "crawl_github", "crawl_scale", "crawl_faults"]}
NAMES = ["demo", "shards", "encoders", *GROUPS, *GROUPS["crawl"]]


def main(arguments: list[str], document: Path = DOCUMENT) -> int:
    """0 where all goals are met, 1 where one is not, 2 where nothing could be measured."""
    if len(arguments) != 1 or arguments[0] not in NAMES:
        print(f"usage: make bench BENCH=NAME, where NAME is one of: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    return max(run(name, document) for name in GROUPS.get(arguments[0], arguments))


def run(name: str, document: Path) -> int:
    """Measure one benchmark and write it down; the exit code, as of `main`."""
    benchmark = importlib.import_module(f"bench.{name}")
    try:
        measures = benchmark.measure()
    except BenchmarkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    text = section(name, benchmark.TITLE, benchmark.__doc__, measures)
    print(text)
    before = document.read_text(encoding="utf-8") if document.exists() else "# Benchmarks\n"
    write_text(document, with_section(before, name, text))
    print(f"\nwritten to {document}\n{closing_line(measures)}")
    return 1 if any(measure.met is False for measure in measures) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
