"""The README.md beside an exported model: what it is for, what it was trained on, how good it is."""

import json
from typing import Any

_CARD = """# {study}: text classifier

Tells {count} classes apart: {labels}.

A text is cut into tokens by a regular expression, its first {tokens:,} tokens are counted, and the counts go
through a model of kind `{kind}` ({size:,} bytes in int8, without the vocabulary).

## Use

```python
from garner import Classifier

classifier = Classifier("path/to/this/folder")
print(classifier.predict(["a text", b"the bytes of a file"]))
```

It needs numpy and onnxruntime. `classifier.json` lists the labels and the hashes of `model.int8.onnx` and
`vocabulary.json`; `model.onnx` is the same model in float32; `parity.json` tells how far both are off the
trained one.

## Intended use and limits

- It sorts whole documents of the kind that it was trained on, by their text alone. It has no class for
  anything else: a text of another kind gets one of the {count} labels, often with a high probability.
- A text of few tokens tells little. An empty, binary or undecodable input is answered `unknown`.
- The probabilities are not calibrated: they rank answers, they do not measure risk.
- It has learned from a sample of public sources, with their habits and errors. Decide nothing about people
  by it.

## Data and licence

Trained on the study's training part, chosen and cleaned as the study's configuration says; the parts share no
group (a repository, a user), and near-duplicates were removed across them. The training texts remain under
their own licences, which the workflow's results name for each; the weights hold token statistics, no text.

## Metrics on the validation part

Early stopping chose these weights by this part, so expect somewhat less on new data: the score on the test
part stands in the workflow's `predict/test/metrics.json`.

| model | balanced accuracy | accuracy | bytes | other answers than the trained model |
|---|---|---|---|---|
{models}

| class | precision | recall | F1 | texts |
|---|---|---|---|---|
{classes}

## Training settings

```json
{settings}
```
"""


def model_card(classifier: dict[str, Any], parity: dict[str, Any], settings: dict[str, Any]) -> str:
    """Markdown, of what classifier.json and parity.json hold, and the settings of the study's `train`."""
    scores = classifier["metrics"]["classes"]
    return _CARD.format(
        study=classifier["study"],
        kind=classifier["kind"],
        count=len(classifier["labels"]),
        labels=", ".join(classifier["labels"]),
        tokens=classifier["tokens"],
        size=classifier["model"]["bytes"],
        models="\n".join(_model_row(name, parity[name]) for name in ("torch", "onnx", "int8")),
        classes="\n".join(_class_row(label, scores[label]) for label in classifier["labels"]),
        settings=json.dumps(settings, indent=1, sort_keys=True),
    )


def _model_row(name: str, measured: dict[str, Any]) -> str:
    scores = measured["validation"]
    size = f"{measured['bytes']:,}" if "bytes" in measured else ""
    cells = (name, _share(scores["balanced_accuracy"]), _share(scores["accuracy"]), size)
    return f"| {' | '.join(cells)} | {measured.get('disagreements', '')} |"


def _class_row(label: str, scores: dict[str, Any]) -> str:
    cells = (
        label,
        *(_share(scores[name]) for name in ("precision", "recall", "f1")),
        f"{scores['support']:,}",
    )
    return f"| {' | '.join(cells)} |"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
