"""What a kind of model offers to the one training loop and the one export, and the table of kinds.

A kind is loaded by name, so that a study needs only its own model's packages, and a change to one kind makes
only the studies that use it stale.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from garner.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

    from garner.labelling import OneClass
    from garner.shards import ShardReader

KINDS = {"bag": ("garner.models.bag", "Bag")}


class Embedded(NamedTuple):
    """Texts between embedding and classification: where the objective puts its perturbations."""

    values: "Tensor"  # float, (texts, …)
    reach: "Tensor"  # float, (texts,): how far `values` move for a perturbation of norm 1 of the tokens


class Model(Protocol):
    """A torch.nn.Module with these besides. `items` are whatever `read` made of the samples."""

    input_names: tuple[str, ...]  # of the network's inputs, each (texts, tokens)
    labelling: type["OneClass"]  # what its logits mean

    def __init__(self, settings: dict[str, Any], vocabulary: int, classes: int) -> None:
        """`settings` are the study's `train`; `vocabulary` is the number of token ids."""

    def read(self, reader: "ShardReader") -> Sequence:
        """The samples as items, in their order, made ready once for all epochs."""

    def observe(self, items: Sequence) -> None:
        """Take from the training part what the weights start from; called once, before the first step."""

    def collate(self, items: Sequence) -> tuple[tuple["Tensor", ...], "Tensor"]:
        """The network's inputs for these items, and their targets, as `labelling` has them."""

    def embed(self, *inputs: "Tensor") -> Embedded: ...

    def classify(self, values: "Tensor") -> "Tensor":
        """Logits, (texts, classes), for `Embedded.values`."""

    def deployed(self) -> Any:
        """A module from the network's inputs to probabilities, as it is exported."""


def model_class(kind: str) -> type[Model]:
    if kind not in KINDS:
        raise ConfigError(f"model: there is no kind '{kind}'. Known: {', '.join(KINDS)}.")
    module, name = KINDS[kind]
    return getattr(import_module(module), name)
