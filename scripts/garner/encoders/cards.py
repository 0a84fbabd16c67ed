"""The README.md beside an exported model with an encoder: what it is for, what not, and how good it is."""

import json
from typing import Any

_TAGS = """# {study}: tags of a question

Tells which of {count} tags a question carries; it may be several, or none.

A text (the title, an empty line, the body as plain text) is cut into pieces by the encoder's own tokenizer.
Of the first {tokens:,}, a pretrained encoder that was fine-tuned on questions and their tags reads as many as
`encoder_tokens` says, and, unless `ngrams.size` is 0, a linear model all words and pairs of words that it
knows. Their scores together give each tag a probability. A tag is answered where this reaches its threshold
({thresholds}); thresholds were chosen on the validation part.

## Use

```python
from garner import Classifier

classifier = Classifier("path/to/this/folder")
(answer,) = classifier.predict(["How do I salt a hash?\\n\\nI store passwords as ..."])
print(answer.tags, dict(zip(classifier.config.labels, answer.probabilities)))
```

{files}

## Intended use and limits

- It suggests tags for questions of the site that it was trained on, to a person who then decides. On texts
  from elsewhere, or in another language, it answers all the same, and badly.
- It knows the {count} tags that were frequent when its questions were collected, and no newer or rarer one.
  Rare tags are found less often than frequent ones: see the table.
- It has learned what people tagged, with their habits and mistakes.
- It reads no images and no links, and of a long question the beginning alone.

## Data and licence

Trained on the study's training part, chosen and cleaned as the study's configuration says. Near-duplicate
questions stand in one part. The questions remain under their own licences, which the workflow's results
name for each. The examples in `classifier.json` are questions of the test part, word for word, with their
address and licence, which ask for attribution where they are shown.

## Metrics on the validation part

Weights and thresholds were chosen by this part, so expect somewhat less on new data: the score on the test
part stands in the workflow's `predict/test/metrics.json`.

| model | micro-F1 | macro-F1 | precision of the first tag | bytes | other answers than the trained model |
|---|---|---|---|---|---|
{models}

| tag | precision | recall | F1 | questions |
|---|---|---|---|---|
{classes}

## Training settings

```json
{settings}
```
"""

_USERS = """# {study}: {yes} or not, by a user's posts

Gives a probability that a user is {cutoff} or older, from the texts of up to {posts} posts, the newest first.

Of each post the first {tokens:,} pieces are read by a pretrained encoder; the posts of a user are pooled to
one vector, and two layers make a score of it. Unless `ngrams.size` is 0, that of a linear model of words and
pairs of words is added before it becomes a probability, calibrated on the validation part. The answer is
"{yes}" from a probability of {threshold:g} on.

## What it may not be used for

- **No decision about a person.** Not for access, age checks, credit, insurance, work, school, housing,
  policing, border control, moderation of an account, or advertising to minors, and not as one reason among
  others.
- **Not to find out about a person** what they have not said, nor to single out people as minors.
- **It is wrong for {wrong} of the users it was measured on**, and more often for people who write unlike
  them: in another language, on another site, in other years, with few posts. Its probability is about
  groups of users alike; of one person it tells nothing certain.
- Where the law protects what it guesses (in the European Union as personal data, and as profiling under
  Article 22 of the GDPR), there may be no lawful use of it without the person's consent.

It is meant for research on groups and on the method: aggregates over many users, with the errors above
stated.

## Use

```python
from garner import Classifier

classifier = Classifier("path/to/this/folder")
(answer,) = classifier.predict([["a post", "an older post"]])  # a list of posts for each user
print(answer.label, answer.probability, answer.posts)
```

{files}

A user without a post gets no answer.

## Data and licence

Trained on users whose ages were given by a file of labels, and their public posts. The study stores
pseudonyms in the place of names unless its configuration says otherwise; texts stay texts, and a person can
still be known by what they write. So publish neither the posts nor answers about single users. Users never
straddle the parts.

## Metrics on the validation part

Weights were chosen by this part, so expect somewhat less on new users: the score on the test
part stands in the workflow's `predict/test/metrics.json`.

| model | accuracy | balanced accuracy | area under ROC | bytes | other answers than the trained model |
|---|---|---|---|---|---|
{models}

| class | precision | recall | F1 | users |
|---|---|---|---|---|
{classes}

## Training settings

```json
{settings}
```
"""

_FILES = """It needs numpy, onnxruntime and tokenizers. `classifier.json` lists the labels and the hashes of
`model.int8.onnx` ({size:,} bytes), which is to be given one text or user a call, and of `tokenizer.json`.
`model.onnx` is the same model in float32, for several at a time; `parity.json` tells how far both are off
the trained one, and `latency.json` how long an answer took where they were made."""


def tags_card(classifier: dict[str, Any], parity: dict[str, Any], settings: dict[str, Any]) -> str:
    """Markdown, of what classifier.json and parity.json hold, and the settings of the study's `train`."""
    thresholds = sorted(set(classifier["decision"]["thresholds"]))
    span = f"{thresholds[0]:g}" + (f" to {thresholds[-1]:g}" if len(thresholds) > 1 else "")
    return _TAGS.format(
        count=len(classifier["labels"]),
        thresholds=span,
        models=_models(
            parity, lambda scores: (scores["micro_f1"], scores["macro_f1"], scores["precision_at"]["1"])
        ),
        classes=_classes(classifier["metrics"]["labels"]),
        **_common(classifier, settings),
    )


def users_card(classifier: dict[str, Any], parity: dict[str, Any], settings: dict[str, Any]) -> str:
    """As tags_card."""
    wrong = 1 - classifier["metrics"]["accuracy"]
    return _USERS.format(
        yes=classifier["labels"][1],
        cutoff=classifier["cutoff"],
        posts=classifier["posts"],
        threshold=classifier["decision"]["thresholds"][0],
        wrong=f"{wrong:.0%}" if wrong >= 0.01 else "fewer than 1%",
        models=_models(
            parity, lambda scores: (scores["accuracy"], scores["balanced_accuracy"], scores["roc_auc"])
        ),
        classes=_classes(classifier["metrics"]["classes"]),
        **_common(classifier, settings),
    )


def _common(classifier: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    return {
        "study": classifier["study"],
        "tokens": classifier["tokens"],
        "files": _FILES.format(size=classifier["model"]["bytes"]),
        "settings": json.dumps(settings, indent=1, sort_keys=True),
    }


def _models(parity: dict[str, Any], chosen) -> str:
    """A row of the table for each model, with the scores that are chosen."""
    rows = []
    for name in ("torch", "onnx", "int8"):
        measured = parity[name]
        size = f"{measured['bytes']:,}" if "bytes" in measured else ""
        cells = (
            name,
            *map(_share, chosen(measured["validation"])),
            size,
            str(measured.get("disagreements", "")),
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _classes(scores: dict[str, dict[str, Any]]) -> str:
    return "\n".join(
        f"| {label} | {' | '.join(_share(found[name]) for name in ('precision', 'recall', 'f1'))} "
        f"| {found['support']:,} |"
        for label, found in scores.items()
    )


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
