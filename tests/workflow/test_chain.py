"""The whole chain on a miniature study: from users on an API to predictions."""

import csv
import json


def test_the_chain_runs_from_the_api_to_predictions_and_report(finished):
    results = finished.folder / "results" / "languages"
    metrics = json.loads((results / "predict/test/metrics.json").read_text())
    assert set(metrics["classes"]) == {"C++", "Python"}
    assert metrics["balanced_accuracy"] > 0.8
    assert (results / "report/confusion.svg").stat().st_size > 1000


def test_a_second_run_finds_nothing_stale(finished):
    assert "Nothing to be done" in finished.make()


def test_results_do_not_depend_on_the_number_of_cores(finished, new_workspace):
    other = new_workspace()
    other.make("all", "serialize", "--cores", "2")
    assert other.digests() == finished.digests()


def test_every_kept_file_can_be_traced_to_repository_commit_path_and_licence(finished):
    from garner.document import read_documents

    for document in read_documents(finished.folder / "results/languages/sort/train.parquet"):
        assert set(document.origin) >= {"repository", "commit", "path"}
        assert document.origin["repository"] == document.group


def test_no_repository_stands_in_two_parts(finished):
    from garner.document import read_documents

    sort = finished.folder / "results/languages/sort"
    groups = [
        {d.group for d in read_documents(sort / f"{part}.parquet")}
        for part in ("train", "validation", "test")
    ]
    assert sum(map(len, groups)) == len(set.union(*groups))


def test_predictions_on_own_files_stand_beside_those_on_the_test_part(copy_of_finished):
    workspace = copy_of_finished
    folder = workspace.folder / "own files"
    folder.mkdir()
    (folder / "a.py").write_text("import os\n\n\ndef main():\n    return os.getcwd()\n" * 5)
    (folder / "noise.bin").write_bytes(bytes(range(256)) * 10)
    (folder / "empty.txt").touch()
    config = ("predict", "--config", "studies=languages", f"input={folder}")
    workspace.make(*config)
    (found,) = workspace.folder.glob("results/languages/predict/own-files-*/predictions.csv")
    rows = {row["path"].rsplit("/", 1)[-1]: row for row in csv.DictReader(found.open())}
    assert rows["a.py"]["language"] == "Python"
    assert rows["noise.bin"]["language"] == rows["empty.txt"]["language"] == "unknown"
    assert workspace.stale(*config) == set()
    (folder / "a.py").write_text("#include <vector>\n" * 10)
    assert workspace.stale(*config) == {"predict_input"}


def test_the_classifier_needs_onnxruntime_alone(finished):
    import subprocess
    import sys

    code = (
        "import sys\nfrom garner import Classifier\n"
        f"model = Classifier({str(finished.folder / 'results/languages/export')!r})\n"
        "print(model.predict(['import os\\nprint(os.getcwd())\\n' * 20])[0].label)\n"
        "print({name.split('.')[0] for name in sys.modules} & {'torch', 'pandas', 'pyarrow', 'snakemake'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["Python", "set()"], done.stderr


def test_the_jobs_run_the_library_of_their_own_checkout(copy_of_finished):
    module = copy_of_finished.folder / "scripts/garner/prediction.py"
    module.write_text(
        module.read_text().replace("predict: the answers are in", "predict: this checkout answers in")
    )
    copy_of_finished.make("predict")
    log = copy_of_finished.folder / "logs/languages/predict/test.log"
    assert "this checkout answers in" in log.read_text()
