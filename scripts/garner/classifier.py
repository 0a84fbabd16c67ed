"""The exported classifier in use: texts in, labels out.

Needs the standard library, numpy, onnxruntime, for a model with an encoder tokenizers, and of Garner only
what needs no more.
"""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import onnxruntime

from garner.bag_classifier import BagClassifier, Prediction
from garner.classifier_config import load_config, read_beside
from garner.encoders.classifiers import Answer, MultilabelClassifier, UserAnswer, UsersClassifier
from garner.text_input import Given

KINDS = {"bag": BagClassifier, "multilabel": MultilabelClassifier, "users": UsersClassifier}


class Classifier:
    """`Classifier("results/languages/export").predict(["print(1)", b"...", Path("a.rb")])`.

    `config` is what export says of the model (garner.classifier_config). `threads` is how many onnxruntime
    may use. Raises ClassifierError where a file of the folder is missing or is not the one that was
    exported with the others.
    """

    def __init__(self, folder: Path | str, threads: int = 1):
        folder = Path(folder)
        self.config = load_config(folder)
        session = open_session(read_beside(folder, self.config.model), threads)
        self._model = KINDS[self.config.kind](folder, self.config, session)

    def predict(
        self, inputs: Iterable[Given] | Iterable[Iterable[Given]]
    ) -> list[Prediction] | list[Answer] | list[UserAnswer]:
        """One answer an input, in order. A str is a text, bytes are a file's content, a Path is a file.

        A model of kind `bag` gives Predictions, one of `multilabel` Answers. One of `users` takes a list of
        posts for each user, and gives UserAnswers. What is no text (binary, empty, not readable) is
        answered with a note that says so.
        """
        if isinstance(inputs, Given):
            raise TypeError("predict takes a list of texts or files: put it into [brackets].")
        inputs = iter(inputs)
        answers = []
        while batch := list(islice(inputs, self._model.batch)):
            answers += self._model.predict(batch)
        return answers


def open_session(model: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
