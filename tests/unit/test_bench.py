"""The benchmarks' harness: goals are judged honestly, and a run rewrites its own section alone."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.__main__ import main
from bench.demo import STAGES, measure
from bench.harness import (
    BenchmarkError,
    Goal,
    Measure,
    alternate,
    closing_line,
    run_script,
    table,
    with_section,
)

COLUMNS = "s\th:m:s\tmax_rss\tmax_vms\n"


@pytest.mark.parametrize(
    ("goal", "ours", "peer", "met"),
    [
        (Goal("≤", 600), 600, None, True),
        (Goal("≤", 600), 600.1, None, False),
        (Goal("≥", 1, of_ratio=True), 20, 10, True),
        (Goal("≥", 1, of_ratio=True), 9, 10, False),
        (Goal("≤", 1, of_ratio=True), 9, 10, True),
        (Goal("≤", 1, of_ratio=True), 9, None, False),  # a peer that was not measured
        (None, 1, 2, None),
    ],
)
def test_goal_is_met_only_by_what_was_measured(goal, ours, peer, met):
    assert Measure("time", "s", ours, peer, "peer", goal).met is met


def test_table_names_peer_ratio_and_goal():
    lines = table(
        [
            Measure("bytes on disk", "MB", 12.345, 24.69, "arrow", Goal("≤", 1.0, of_ratio=True)),
            Measure("total time", "s", 1234.5, goal=Goal("≤", 600)),
        ]
    ).splitlines()
    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == [
        "bytes on disk", "12.3 MB", "24.7 MB (arrow)", "0.50", "≤ 1 × peer: met",
    ]  # fmt: skip
    assert [cell.strip() for cell in lines[3].split("|")[1:-1]] == [
        "total time", "1,234 s", "–", "–", "≤ 600 s: NOT met",
    ]  # fmt: skip
    assert len({len(line) for line in lines}) == 1


def test_closing_line_counts_goals_and_not_measures():
    measures = [
        Measure("a", "s", 1),
        Measure("b", "s", 1, goal=Goal("≤", 2)),
        Measure("c", "s", 3, goal=Goal("≤", 2)),
    ]
    assert closing_line(measures) == "1 of 2 goals met"


def test_sides_take_turns_and_the_median_counts():
    turns = []

    def side(name, values):
        def run():
            turns.append(name)
            return {"seconds": values.pop(0)}

        return run

    found = alternate({"ours": side("ours", [9, 1, 2]), "peer": side("peer", [5, 5, 50])}, rounds=3)
    assert turns == ["ours", "peer"] * 3
    assert found == {"ours": {"seconds": 2}, "peer": {"seconds": 5}}


def test_failing_side_is_named():
    with pytest.raises(BenchmarkError, match=r"shards_sides\.py ours /absent /absent failed with exit code"):
        run_script(sys.executable, "shards_sides.py", "ours", "/absent", "/absent")


def test_only_the_own_section_is_rewritten():
    document = "# Benchmarks\n\nby hand\n\n## demo: old\n\n1\n\n## demolition: other\n\n2\n"
    once = with_section(document, "demo", "## demo: new\n\n3")
    assert once == "# Benchmarks\n\nby hand\n\n## demo: new\n\n3\n\n## demolition: other\n\n2\n"
    assert with_section(once, "demo", "## demo: new\n\n3") == once
    assert with_section(once, "shards", "## shards: x") == once + "\n## shards: x\n"


def finished_demo(folder: Path, seconds: float) -> Path:
    for stage in STAGES:
        (folder / "languages" / stage).mkdir(parents=True)
        (folder / "languages" / stage / "a.tsv").write_text(f"{COLUMNS}{seconds}\t0:00:01\t100.5\t-\n")
    (folder / "languages" / "clone" / "b.tsv").write_text(f"{COLUMNS}2.5\t0:00:02\t-\t-\n")
    return folder


def test_demo_adds_up_the_jobs_of_each_stage(tmp_path):
    values = {measure.name: measure for measure in measure(finished_demo(tmp_path, 10))}
    assert values["languages, clone: time"].ours == 12.5
    assert values["languages, clone: memory"].ours == 100.5
    assert values["languages: total time"].ours == 92.5
    assert values["languages: total time"].met


@pytest.mark.parametrize("unfinished", [True, False])
def test_demo_that_has_not_run_is_no_measurement(tmp_path, unfinished):
    if unfinished:
        finished_demo(tmp_path, 1)
        (tmp_path / "languages" / "report" / "a.tsv").unlink()
    with pytest.raises(BenchmarkError, match="Run `make demo"):
        measure(tmp_path)


@pytest.mark.parametrize(
    ("seconds", "status", "line"), [(1, 0, "1 of 1 goals met"), (999, 1, "0 of 1 goals met")]
)
def test_exit_status_is_zero_only_if_all_goals_are_met(tmp_path, monkeypatch, capsys, seconds, status, line):
    folder = finished_demo(tmp_path / "benchmarks", seconds)
    fake = SimpleNamespace(TITLE="title", __doc__="How.", measure=lambda: measure(folder))
    monkeypatch.setitem(sys.modules, "bench.demo", fake)
    document = tmp_path / "benchmarks.md"
    assert main(["demo"], document) == status
    assert capsys.readouterr().out.splitlines()[-1] == line
    assert "## demo: title\n\nHow.\n" in document.read_text(encoding="utf-8")


def test_nothing_measured_is_an_error_and_leaves_the_document(tmp_path, monkeypatch, capsys):
    fake = SimpleNamespace(TITLE="title", __doc__="How.", measure=lambda: measure(tmp_path))
    monkeypatch.setitem(sys.modules, "bench.demo", fake)
    assert main(["demo"], tmp_path / "benchmarks.md") == 2
    assert main(["absent"], tmp_path / "benchmarks.md") == 2
    assert "demo, shards" in capsys.readouterr().err
    assert not (tmp_path / "benchmarks.md").exists()


def test_group_runs_each_of_its_benchmarks_and_fails_with_the_worst(tmp_path, monkeypatch):
    for name, seconds in (("one", 1), ("two", 3)):
        found = Measure("time", "s", seconds, goal=Goal("≤", 2))
        module = SimpleNamespace(TITLE=name, __doc__=name, measure=lambda found=found: [found])
        monkeypatch.setitem(sys.modules, f"bench.{name}", module)
    monkeypatch.setattr("bench.__main__.GROUPS", {"both": ["one", "two"]})
    monkeypatch.setattr("bench.__main__.NAMES", ["both"])
    assert main(["both"], tmp_path / "benchmarks.md") == 1
    written = (tmp_path / "benchmarks.md").read_text()
    assert "## one: one" in written
    assert "## two: two" in written
