"""What a kind of model offers to the one training loop and the one export, and the table of kinds.

A kind is loaded by name, so that a study needs only its own model's packages, and a change to one kind makes
only the studies that use it stale.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from garner.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from garner.recipe import Recipe
    from garner.shards import ShardReader

KINDS = {
    "bag": ("garner.models.bag", "Bag"),
    "multilabel": ("garner.models.multilabel", "Multilabel"),
    "users": ("garner.models.users", "Users"),
}


class Labelling(Protocol):
    """How the labels of an item relate, and so what logits mean."""

    score: str  # the name of what `judge` gives

    @staticmethod
    def probabilities(logits: "Tensor") -> "Tensor": ...

    @staticmethod
    def judge(probabilities: "np.ndarray", targets: "np.ndarray") -> float:
        """How good these are; early stopping goes by it. More is better."""

    @staticmethod
    def scores(
        probabilities: "np.ndarray", targets: "np.ndarray", labels: list[str], decision: dict | None = None
    ) -> dict:
        """As JSON; `decision` is that of the model's config, None for a kind that has none."""


class Model(Protocol):
    """A torch.nn.Module with these besides. `items` are whatever `read` made of the samples."""

    input_names: tuple[str, ...]  # of the network's inputs
    labelling: type[Labelling]
    recipe: type["Recipe"]  # how it is trained

    @classmethod
    def build(cls, config: dict[str, Any]) -> "Model":
        """With fresh weights, drawn from torch's random state; `config` is that of a saved model."""

    def read(self, reader: "ShardReader") -> Sequence:
        """The samples as items, in their order, made ready once for all epochs."""

    def observe(self, items: Sequence) -> None:
        """Take from the training part what the weights start from; called once, before the first step."""

    def batches(self, items: Sequence) -> list["np.ndarray"]:
        """The numbers of the items, in groups that are quick to answer together."""

    def collate(self, items: Sequence) -> tuple[tuple["Tensor", ...], "Tensor"]:
        """The network's inputs for these items, and their targets, as `labelling` has them."""

    def __call__(self, *inputs: "Tensor") -> "Tensor":
        """Logits, (items, classes)."""

    def conclude(self, train: Sequence, validation: Sequence) -> dict:
        """Settle what is left once the weights are final, by items of both parts; more for the config."""

    def deployed(self) -> Any:
        """A module from the network's inputs to probabilities, as it is exported."""


def model_class(kind: str) -> type[Model]:
    if kind not in KINDS:
        raise ConfigError(f"model: there is no kind '{kind}'. Known: {', '.join(KINDS)}.")
    module, name = KINDS[kind]
    return getattr(import_module(module), name)
