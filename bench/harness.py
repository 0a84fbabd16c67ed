"""What the benchmarks share: measures with goals, their table, and the peers' environment."""

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from textwrap import dedent

ROOT = Path(__file__).resolve().parent.parent
PEERS = Path(__file__).resolve().parent / ".venv"
REQUIREMENTS = Path(__file__).resolve().parent / "requirements.txt"

Values = dict[str, float]


class BenchmarkError(Exception):
    """Nothing can be measured; the message says why, and what to do."""


@dataclass(frozen=True)
class Goal:
    """A bound, `relation` "≤" or "≥", on our value, or on the ratio of ours to the peer's."""

    relation: str
    bound: float
    of_ratio: bool = False


@dataclass(frozen=True)
class Measure:
    name: str
    unit: str
    ours: float
    peer: float | None = None
    peer_name: str = ""
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        """Ours to the peer's."""
        return self.ours / self.peer if self.peer else None

    @property
    def met(self) -> bool | None:
        """None where there is no goal; a goal on a ratio that could not be measured is not met."""
        if self.goal is None:
            return None
        value = self.ratio if self.goal.of_ratio else self.ours
        if value is None:
            return False
        return value <= self.goal.bound if self.goal.relation == "≤" else value >= self.goal.bound

    def row(self) -> list[str]:
        peer = f"{number(self.peer)} {self.unit} ({self.peer_name})" if self.peer is not None else "–"
        ratio = f"{self.ratio:.2f}" if self.ratio is not None else "–"
        return [self.name, f"{number(self.ours)} {self.unit}", peer, ratio, self._goal_text()]

    def _goal_text(self) -> str:
        if self.goal is None:
            return "–"
        of = "× peer" if self.goal.of_ratio else self.unit
        return f"{self.goal.relation} {self.goal.bound:g} {of}: {'met' if self.met else 'NOT met'}"


def number(value: float) -> str:
    """Three significant digits, and no digit before the point lost."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(measures: Iterable[Measure]) -> str:
    """A table that reads well both as Markdown and on a terminal."""
    rows = [["measure", "ours", "peer", "ratio", "goal"], *(measure.row() for measure in measures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def closing_line(measures: Iterable[Measure]) -> str:
    """`N of M goals met`."""
    goals = [measure.met for measure in measures if measure.goal]
    return f"{sum(goals)} of {len(goals)} goals met"


def section(name: str, title: str, description: str, measures: list[Measure]) -> str:
    """A benchmark's section of docs/benchmarks.md, from its heading to the line that closes it."""
    return "\n\n".join(
        [
            f"## {name}: {title}",
            dedent(description).strip(),
            f"`make bench BENCH={name}` on {machine()}:",
            table(measures),
            f"{closing_line(measures)}.",
        ]
    )


def with_section(document: str, name: str, text: str) -> str:
    """`document` with the section of benchmark `name` replaced by `text`, or `text` added at its end."""
    pieces = re.split(r"^(?=## )", document, flags=re.MULTILINE)
    found = [place for place, piece in enumerate(pieces) if piece.startswith(f"## {name}:")]
    if found:
        pieces[found[0]] = text
    else:
        pieces.append(text)
    return "\n\n".join(piece.strip() for piece in pieces) + "\n"


def machine() -> str:
    models = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), flags=re.MULTILINE)
    model = models[0] if models else platform.machine()
    return f"{os.cpu_count()} cores of {model}, Python {platform.python_version()}"


def alternate(sides: dict[str, Callable[[], Values]], rounds: int = 5) -> dict[str, Values]:
    """The median of each value when all sides run in turn, `rounds` times over: a busy moment hits all."""
    runs: dict[str, list[Values]] = {name: [] for name in sides}
    for turn in range(rounds):
        for name, run in sides.items():
            print(f"round {turn + 1} of {rounds}: {name}", file=sys.stderr)
            runs[name].append(run())
    return {
        name: {key: median(values[key] for values in done) for key in done[0]} for name, done in runs.items()
    }


def run_script(python: Path | str, script: str, *arguments: str) -> Values:
    """Run `bench/script` with an interpreter, ours or the peers'; it prints its values as a line of JSON."""
    command = [python, Path(__file__).parent / script, *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise BenchmarkError(f"{script} {' '.join(arguments)} failed with exit code {done.returncode}.")
    return json.loads(done.stdout.splitlines()[-1])


def peer_python() -> Path:
    """The interpreter of bench/.venv, which is made first if it is not there or its pins have changed."""
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    stamp = PEERS / "requirements.sha256"
    python = PEERS / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"preparing the peers' environment {PEERS}", file=sys.stderr)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS]
        for command in ([sys.executable, "-m", "venv", "--clear", PEERS], pip):
            if subprocess.run(command).returncode:
                raise BenchmarkError(f"the peers' environment {PEERS} could not be made; see above.")
        stamp.write_text(wanted)
    return python
