"""What the kinds with a pretrained encoder share: the transformer, a text as a vector, the calibration.

Any encoder of the `transformers` library will do. What makes it is data (JSON and safetensors): no code comes
with it.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from garner.errors import InputError
from garner.models.dropout import quicken

DROPOUTS = ("hidden_dropout_prob", "dropout")  # the names that encoders have for it in their configs
ATTENTION_DROPOUTS = ("attention_probs_dropout_prob", "attention_dropout")
LAST = 4  # layers whose [CLS] stand side by side
# Encoders in which every token attends to every other: these take a ready mask, which makes a smaller graph.
PLAIN = {"bert", "camembert", "distilbert", "electra", "mpnet", "roberta", "xlm-roberta"}


class Encoder(nn.Module):
    """A pretrained transformer that makes a text a vector of `size` numbers.

    `config` is its own config.json. `pooling` says which vector: "mean" over the tokens in the last layer,
    "mean_all" those of the embeddings and of every layer side by side, "cls" the first token's in the last
    layer, or "last_cls" those of the last four layers side by side. `limit` is how many tokens it reads.
    """

    def __init__(
        self,
        config: dict[str, Any],
        pooling: str,
        limit: int,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
    ):
        super().__init__()
        self.pooling, self.limit = pooling, limit
        self.transformer = build_transformer(
            config
            | {name: dropout for name in DROPOUTS if name in config}
            | {name: attention_dropout for name in ATTENTION_DROPOUTS if name in config}
        )
        known = self.transformer.config
        self.depth = known.num_hidden_layers
        layers = {"last_cls": min(LAST, self.depth + 1), "mean_all": self.depth + 1}
        self.size = known.hidden_size * layers.get(pooling, 1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Both (texts, tokens) to (texts, size)."""
        layers, mask = self.states(input_ids, attention_mask)
        if self.pooling in ("cls", "last_cls"):
            return torch.cat([hidden[:, 0] for hidden in layers[-LAST:]], dim=1)
        weights = mask.unsqueeze(2).to(layers[0].dtype)
        return torch.cat([(hidden * weights).sum(dim=1) for hidden in layers], dim=1) / weights.sum(dim=1)

    def states(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Sequence[Tensor], Tensor]:
        """Hidden states of the layers that are needed, the last one last, each (texts, tokens read, width).

        And the attention mask of the tokens that are read.
        """
        ids, mask = input_ids[:, : self.limit], attention_mask[:, : self.limit]
        several = self.pooling in ("last_cls", "mean_all")
        found = self.transformer(ids, self._mask(mask), output_hidden_states=several)
        return found.hidden_states if several else [found.last_hidden_state], mask

    def _mask(self, attention_mask: Tensor) -> Tensor:
        if self.transformer.config.model_type not in PLAIN:
            return attention_mask
        hidden = (1 - attention_mask).to(self.transformer.dtype) * torch.finfo(torch.float16).min
        return hidden[:, None, None, :]  # added to the scores (texts, heads, tokens, tokens)

    def load(self, folder: Path) -> None:
        """Take the pretrained weights; InputError where they are not those of this encoder."""
        path = folder / "model.safetensors"
        try:
            self.transformer.load_state_dict(load_file(path))
        except (OSError, SafetensorError, RuntimeError) as error:
            raise InputError(f"{path} cannot be used ({error}). Delete {folder} and run again.") from None

    def by_depth(self) -> list[list[tuple[str, nn.Parameter]]]:
        """The parameters with their names, by depth: 0 is what lies below the layers, then each layer."""
        groups: list[list] = [[] for _ in range(self.depth + 1)]
        for name, parameter in self.transformer.named_parameters():
            layer = re.search(r"(?:^|\.)layers?\.(\d+)\.", name)
            groups[int(layer[1]) + 1 if layer else 0].append((name, parameter))
        return groups


def build_transformer(config: dict[str, Any]) -> nn.Module:
    """One with fresh weights; InputError for a config that makes none."""
    try:
        known = transformers.AutoConfig.for_model(**config)
        model = transformers.AutoModel.from_config(known)
    except (ValueError, KeyError, TypeError, ImportError) as error:
        raise InputError(f"the encoder's config.json makes no encoder ({error}). Name another.") from None
    model.pooler = None  # a pretrained one is for another task
    quicken(model)
    return model
