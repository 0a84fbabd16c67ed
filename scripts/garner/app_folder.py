"""The folder of the app made whole: a model, and the modules of Garner that use it, put beside the app.

What is there then can be pushed as it is to a hosting space.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

from garner.errors import InputError
from garner.files import atomic, read_json
from garner.fingerprint import imported_trees, module_file

KIND = "multilabel"  # of the models that the app is for
_WHOLE = "model.onnx"  # the app uses the int8 one
_CURE = "`make demo STUDY=tags` makes a model, or `snakemake export --cores all --config studies={}`."


def fill(app: Path, results: Path, study: str | None = None) -> Path:
    """Put the model of `study`, or the one exported last, into app/model and what uses it into app/garner.

    Returns the folder of the export. Raises InputError where there is none, or its kind is not for the app.
    """
    export = _export_of(results, study) if study else _newest_export(results)
    with atomic(app / "model") as part:
        part.mkdir()
        for path in sorted(export.iterdir()):
            if path.name != _WHOLE and not path.name.startswith("."):  # Snakemake's own marks
                shutil.copyfile(path, part / path.name)
    root = Path(__file__).resolve().parent.parent
    with atomic(app / "garner") as part:
        for path in _modules(["garner", "garner.classifier", "garner.csv_rows"], root):
            target = part / path.relative_to(root / "garner")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    return export


def _export_of(results: Path, study: str) -> Path:
    export = results / study / "export"
    if not (export / "classifier.json").is_file():
        raise InputError(f"{export} holds no model. {_CURE.format(study)}")
    kind = _kind(export)
    if kind != KIND:
        raise InputError(
            f"{export} holds a model of kind '{kind}', and the app is for '{KIND}', such as of tags."
        )
    return export


def _newest_export(results: Path) -> Path:
    sealed = [path for path in results.glob("*/export/classifier.json") if _kind(path.parent) == KIND]
    if not sealed:
        raise InputError(
            f"no study in {results}/ has an exported model of kind '{KIND}'. {_CURE.format('tags')}"
        )
    return max(sealed, key=lambda path: path.stat().st_mtime).parent


def _kind(export: Path) -> str | None:
    values = read_json(export / "classifier.json")
    return values.get("kind") if isinstance(values, dict) else None


def _modules(names: Iterable[str], root: Path) -> list[Path]:
    """The files of modules, of all that they import, and of the packages which hold these."""
    files = {module_file(name, root) for name in imported_trees(names, root)}
    packages = {folder / "__init__.py" for file in files for folder in file.parents if root in folder.parents}
    return sorted(files | packages)
