"""Questions with any number of tags: encoder → a vector of the text → a linear layer with a row a tag."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from garner import calibration, losses
from garner.decisions import choose_many
from garner.encoders.tokenizer import EncoderTokenizer
from garner.many_labels import ManyLabels
from garner.models.dropout import ByteDropout
from garner.models.encoder_model import Deployed, EncoderModel
from garner.models.text_rows import pad_texts
from garner.shards import ShardReader

TITLE = (16, 3.0)  # so many tokens from the beginning are n-grams of their own, too, and count so much
NAME_TOKENS = 16  # of a tag's name that are read, at most
Item = tuple[np.ndarray, np.ndarray]  # token ids as they are stored, numbers of the labels


class Multilabel(EncoderModel):
    """Each tag's row starts as the encoder's own vector of its name, and its bias as its share."""

    beginning = TITLE
    input_names = ("input_ids", "attention_mask")
    labelling = ManyLabels

    def __init__(self, config: dict[str, Any]):
        pooling = config["settings"]["pooling"]
        attention = pooling == "label_attention"
        super().__init__(config, len(config["labels"]), "mean" if attention else pooling)
        self.register_buffer("center", torch.zeros(self.encoder.size))  # of the training part's texts
        self.dropout = ByteDropout(self.settings["dropout"])
        self.output = nn.Linear(self.encoder.size, len(self.labels))
        self.attention = nn.Parameter(torch.zeros_like(self.output.weight)) if attention else None
        # What a tag's own logit counts, then the highest of the question, and a bias: chosen with the blend.
        self.register_buffer("beside", torch.tensor([1.0, 0.0, 0.0]))
        self._loss = _loss_of(self.settings["loss"])

    def begin_with(self, encoder: Path, tokenizer: Path) -> None:
        super().begin_with(encoder, tokenizer)
        words = EncoderTokenizer.load(tokenizer)
        names = [words.sample(label.replace("-", " "), NAME_TOKENS) for label in self.labels]
        ids, mask = (torch.from_numpy(array) for array in pad_texts(names, self.special))
        self.eval()
        with torch.no_grad():
            self.names = normalize(self.encoder(ids, mask))
        self.train()

    def begin_head(self, vectors: Tensor) -> None:
        """A tag's row is its name's vector, so long that its scores of texts deviate by `name_scale`."""
        texts = normalize(vectors)
        self.center.copy_(texts.mean(dim=0))
        if scale := self.settings["name_scale"]:
            names = self.names.to(texts.device)
            deviations = (texts @ names.T).std(dim=0, keepdim=True).T
            with torch.no_grad():
                self.output.weight.copy_(scale * names / deviations.clamp_min(1e-6))

    def read(self, reader: ShardReader) -> list[Item]:
        samples = reader.load()
        texts = np.split(samples.tokens, samples.offsets[1:-1])
        labels = np.split(samples.labels, samples.label_offsets[1:-1])
        return list(zip(texts, labels, strict=True))

    def observe(self, items: Sequence[Item]) -> None:
        """Set the tags' biases to the log-odds of their shares in `items`, none of which is taken for 0."""
        counts = np.bincount(np.concatenate([labels for _, labels in items]), minlength=len(self.labels))
        shares = torch.from_numpy((counts + 1) / (len(items) + 2)).float()
        with torch.no_grad():
            self.output.bias.copy_(torch.logit(shares))

    @staticmethod
    def texts(item: Item) -> list[np.ndarray]:
        return [item[0]]

    def collate(self, items: Sequence[Item]) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """Input ids and mask, both int64 (texts, tokens), and targets float32 (texts, labels)."""
        ids, mask = pad_texts([ids for ids, _ in items], self.special)
        targets = np.zeros((len(items), len(self.labels)), dtype=np.float32)
        for row, (_, labels) in enumerate(items):
            targets[row, labels] = 1
        return (torch.from_numpy(ids), torch.from_numpy(mask)), torch.from_numpy(targets)

    def head(self, vectors: Tensor, *inputs: Tensor) -> Tensor:
        return self.output(self.dropout(normalize(vectors) - self.center))

    def learned(self, *inputs: Tensor) -> Tensor:
        """With label attention each tag weighs the tokens by itself: at first, and in the head, all alike.

        Mullenbach et al., "Explainable prediction of medical codes from clinical text", NAACL 2018.
        """
        if self.attention is None:
            return super().learned(*inputs)
        (states,), mask = self.encoder.states(*inputs)
        there = mask.unsqueeze(2)
        lengths = (states * there).sum(dim=1).norm(dim=1, keepdim=True) / there.sum(dim=1)
        hidden = (states @ self.attention.T).masked_fill(there == 0, float("-inf"))
        weights = hidden.softmax(dim=1)  # (texts, tokens, tags)
        scores = (weights * (self.dropout(states) @ self.output.weight.T)).sum(dim=1) / lengths
        return scores + (self.output.bias - self.output.weight @ self.center)

    def joined(self, scores: Tensor) -> Tensor:
        """A tag is less likely beside one that is surer, and more where none is: few questions have many."""
        return _beside_highest(super().joined(scores)) @ self.beside[:-1] + self.beside[-1]

    def learn_to_join(self, scores: Tensor, targets: Tensor) -> None:
        super().learn_to_join(scores, targets)
        logits = super().joined(scores.to(self.blend.device)).cpu()
        self.beside.copy_(calibration.fit(_beside_highest(logits), targets, self.beside.cpu()))

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        ranking = self.settings["loss"]["ranking"]
        found = self._loss(logits, targets)
        return (found + ranking * losses.ranking(logits, targets) if ranking else found).sum(dim=1)

    def decision(self, probabilities: np.ndarray, targets: np.ndarray) -> dict:
        return choose_many(probabilities, targets > 0, self.settings["decision"])

    def deployed(self) -> Deployed:
        return Deployed(self)


def _beside_highest(logits: Tensor) -> Tensor:
    """Each of (texts, labels) with the highest of its text behind it: (texts, labels, 2)."""
    return torch.stack([logits, logits.amax(dim=1, keepdim=True).expand_as(logits)], dim=2)


def _loss_of(settings: dict[str, Any]):
    """The loss that `settings["kind"]` names, with its parameters."""
    match settings["kind"]:
        case "focal":
            return partial(losses.focal, gamma=settings["gamma_negative"])
        case "asymmetric":
            return partial(
                losses.asymmetric,
                gamma_positive=settings["gamma_positive"],
                gamma_negative=settings["gamma_negative"],
                clip=settings["clip"],
            )
        case _:
            return losses.binary_cross_entropy
