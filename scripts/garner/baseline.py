"""The stage baseline: TF-IDF and a linear model on the same parts, which the encoder has to beat."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from garner import binary_metrics, multilabel_metrics
from garner.decisions import EVEN, choose_many, decide
from garner.errors import InputError, Interrupted
from garner.files import read_parquet, write_json
from garner.jobs import stop_requested
from garner.logs import track
from garner.serialization import class_numbers, label_names, samples_of

# On the validation parts of two sites' questions and of users this was as good as, or better than, 0.3 and 3
# and logistic regression with 3 to 100.
COST = 1.0
SURE = 2.0  # score of a label that every text of the training part has; minus it where none has


class Samples(NamedTuple):
    texts: list[str]
    targets: np.ndarray  # bool (texts, labels)


def train_baseline(
    inputs: dict[str, Path],
    output: Path,
    settings: dict,
    seed: int,
    posts: int | None = None,
    samples_per_user: int = 1,
) -> None:
    """Seal the JSON `output`: scores on "validation" and "test", as the encoder's are, and "features".

    `inputs`: the Parquets of Documents "train", "validation" and "test", and the JSON "labels". A text is a
    document and has any number of the labels, or, if `posts` is given, the first so many documents of a group
    together, and one of two labels; the training part has up to `samples_per_user` of a group, as the encoder
    learns them. Each label is told from words and pairs of words by a linear support vector machine
    (Joachims, "Text categorization with support vector machines", 1998). Its scores become probabilities
    after Platt ("Probabilistic outputs for support vector machines", 1999), and these become answers by
    thresholds, both fitted on the validation part; of two classes the more probable one is the answer.
    Raises InputError where a part is missing, damaged or too small.
    """
    names = label_names(inputs["labels"])
    train, *held_out = (
        _read(inputs[part], inputs["labels"], names, posts, samples)
        for part, samples in (("train", samples_per_user), ("validation", 1), ("test", 1))
    )
    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), min_df=2, sublinear_tf=True, max_features=settings["maximum_features"]
    )
    try:
        features = vectorizer.fit_transform(train.texts)
    except ValueError as error:  # of an empty vocabulary
        raise InputError(
            f"{inputs['train']}: no word is in two of its texts ({error}). Collect more of them."
        ) from None
    targets = [part.targets for part in held_out]
    if targets[0].all() or not targets[0].any():
        raise InputError(f"{inputs['validation']} has one class alone. Collect more texts.")
    with threadpool_limits(1):  # how many there are would show in the last digits
        held_out_features = [vectorizer.transform(part.texts) for part in held_out]
        scores = _scores(features, train.targets, held_out_features, seed)
        probabilities = _probabilities(scores, targets[0])
    found = _judged(probabilities, targets, names, None if posts else settings["decision"])
    write_json(output, found | {"features": features.shape[1]})


def _read(path: Path, labels: Path, names: list[str], posts: int | None, samples_per_user: int) -> Samples:
    number_of = {name: number for number, name in enumerate(names)}
    texts, classes = [], []
    rows = read_parquet(path, columns=["id", "text", "labels", "group"])
    for read in samples_of(rows, posts, samples_per_user):
        texts.append("\n".join(row["text"] for row in read))
        classes.append(class_numbers(read[0], number_of, path, labels))
    if not texts:
        raise InputError(f"{path} holds no document. Collect more of them.")
    targets = np.zeros((len(texts), len(names)), dtype=bool)
    for row, numbers in zip(targets, classes, strict=True):
        row[numbers] = True
    return Samples(texts, targets[:, 1:] if posts else targets)


def _scores(
    features: csr_matrix, targets: np.ndarray, held_out: list[csr_matrix], seed: int
) -> list[np.ndarray]:
    """For each of `held_out` float (texts, labels): how far on a label's side of the plane a text is.

    One label at a time, since the weights of all are large.
    """
    scores = [np.empty((part.shape[0], targets.shape[1])) for part in held_out]
    for label in track(range(targets.shape[1]), "baseline", "labels"):
        if stop_requested():
            raise Interrupted("stopped on request; the same command begins the baseline anew.")
        wanted = targets[:, label]
        constant = wanted.all() or not wanted.any()
        model = None if constant else LinearSVC(C=COST, random_state=seed).fit(features, wanted)
        for part, found in zip(held_out, scores, strict=True):
            found[:, label] = model.decision_function(part) if model else SURE if wanted[0] else -SURE
    return scores


def _probabilities(scores: list[np.ndarray], targets: np.ndarray) -> list[np.ndarray]:
    """Of each array of `scores`; the first belongs to `targets`."""
    platt = LogisticRegression().fit(scores[0].reshape(-1, 1), targets.ravel())
    return [platt.predict_proba(part.reshape(-1, 1))[:, 1].reshape(part.shape) for part in scores]


def _judged(
    probabilities: list[np.ndarray], targets: list[np.ndarray], names: list[str], kind: str | None
) -> dict[str, dict]:
    """Scores on both parts, with the decision of this kind for several labels, or None for two classes."""
    if kind is None:
        probabilities, targets = ([part[:, 0] for part in each] for each in (probabilities, targets))
        decision, summary = EVEN, binary_metrics.summary
    else:
        decision, summary = choose_many(probabilities[0], targets[0], kind), multilabel_metrics.summary
    return {
        part: summary(found, decide(found, decision), wanted, names)
        for part, found, wanted in zip(("validation", "test"), probabilities, targets, strict=True)
    }
