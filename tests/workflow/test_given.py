"""Studies that read what they are given in the place of a crawl: from `scrape` to `sort`, with no network."""

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet

from tests.workflow.conftest import Workspace, checkout


def write_questions(path: Path, count: int) -> None:
    rows = [
        {
            "question_id": number,
            "title": f"About {number}",
            "body": f"<p>{' '.join(f'word{number}of{step}' for step in range(20))}</p>",
            "tags": [f"tag-{number % 2}", f"tag-{number % 3}"],
        }
        for number in range(1, count + 1)
    ]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)


def parts(workspace: Workspace, study: str) -> dict[str, pyarrow.Table]:
    return {
        part: pyarrow.parquet.read_table(workspace.folder / f"results/{study}/sort/{part}.parquet")
        for part in ("train", "validation", "test")
    }


def test_questions_come_from_a_table_in_a_folder_and_a_changed_one_is_read_anew(tmp_path):
    given = tmp_path / "given"
    given.mkdir()
    write_questions(given / "questions_crypto.parquet", 60)
    settings = {"study": {"tags": {"scrape": {"dump": str(given), "site": "crypto"}}}}
    workspace = checkout(tmp_path / "garner", settings)
    wanted = ["sort", "--config", "studies=tags"]
    workspace.make(*wanted)
    assert sum(part.num_rows for part in parts(workspace, "tags").values()) == 60
    assert workspace.stale(*wanted) == set()

    write_questions(given / "questions_crypto.parquet", 50)
    assert workspace.stale(*wanted) == {"scrape_documents", "sort_questions"}

    workspace.settings["study"]["tags"]["scrape"]["site"] = "scifi"
    workspace.configure()
    done = workspace.run("--dry-run", *wanted)
    assert done.returncode
    assert "holds no questions of scifi" in done.stdout + done.stderr


def test_users_come_from_a_folder_with_a_csv_each_and_snakemake_keeps_no_name_of_them(tmp_path):
    given = tmp_path / "given"
    given.mkdir()
    for number in range(30):
        (given / f"@somebody.{number}.csv").write_text(f"text\nhello {number}\nhi @somebody.{number + 1}\n")
    labels = tmp_path / "ages.csv"
    rows = [f"@Somebody.{number},{17 if number % 2 else 30}" for number in range(30)]
    settings = {
        "study": {
            "ages": {
                "scrape": {"folder": str(given), "users_file": None},
                "sort": {"labels_file": str(labels)},
            }
        }
    }
    workspace = checkout(tmp_path / "garner", settings)
    wanted = ["sort", "--config", "studies=ages"]
    done = workspace.run("--cores", "1", *wanted)
    assert "study.ages.sort.labels_file: there is no file" in done.stdout + done.stderr

    labels.write_text("\n".join(["user.name,labeled age", *rows]))
    said = workspace.make(*wanted)
    assert sum(part.num_rows for part in parts(workspace, "ages").values()) == 60
    assert json.loads((workspace.folder / "results/ages/sort/drops.json").read_text())["kept"] == 30
    kept = [said.encode(), *(path.read_bytes() for path in workspace.folder.rglob("*") if path.is_file())]
    assert not any(b"somebody." in data.lower() for data in kept)
    assert not [*workspace.folder.rglob("*somebody*")]

    (given / "@somebody.3.csv").touch()
    assert workspace.stale(*wanted) == set()
    (given / "@somebody.3.csv").write_text("text\nanother\n")
    assert workspace.stale(*wanted) == {"scrape_documents", "sort_users"}
    labels.write_text("\n".join(["user.name,labeled age", *rows, "@nobody,40"]))
    (given / "@somebody.3.csv").write_text("text\nhello 3\nhi @somebody.4\n")
    assert workspace.stale(*wanted) == {"sort_users"}
