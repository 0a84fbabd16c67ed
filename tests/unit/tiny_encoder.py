"""A pretrained encoder in miniature: a BERT with seeded random weights, and a WordPiece tokenizer."""

import random
from pathlib import Path

from garner.files import write_json

MAXIMUM_TOKENS = 128  # positions that it has
TOPICS = ("algae", "bread", "cloud", "drums", "eagle")  # the made-up texts' labels are about these
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ENDINGS = [first + second + "s" for first in "bdfgklmnprt" for second in "aeiou"]


def make(folder: Path) -> Path:
    """`folder` with config.json, model.safetensors and tokenizer.json, as a hub has them; 5 layers, width 32.

    Equal bytes at each call.
    """
    folder.mkdir(parents=True)
    tokenizer = _tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    _save_model(folder, tokenizer.get_vocab_size())
    return folder


def words_of(topic: str) -> list[str]:
    """The 12 words that only texts about `topic` have."""
    return [topic + ending for ending in ENDINGS[:12]]


def text(choose: random.Random, topics: tuple[str, ...], common: int = 10, own: int = 4) -> str:
    """`common` words of every text, and `own` of each topic, in any order."""
    words = [f"word{choose.choice(ENDINGS)}" for _ in range(common)]
    words += [choose.choice(words_of(topic)) for topic in topics for _ in range(own)]
    choose.shuffle(words)
    return " ".join(words)


def _tokenizer():
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    characters = [chr(number) for number in range(33, 127) if not chr(number).isupper()]
    pieces = [*SPECIAL, "word", *TOPICS, *characters]
    pieces += [f"##{ending}" for ending in [*ENDINGS, *characters]]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(name, SPECIAL.index(name)) for name in ("[CLS]", "[SEP]")]
    )
    return tokenizer


def _save_model(folder: Path, vocabulary_size: int) -> None:
    import torch
    from safetensors.torch import save_file
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.for_model(
        "bert",
        vocab_size=vocabulary_size,
        hidden_size=32,
        num_hidden_layers=5,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=MAXIMUM_TOKENS,
        initializer_range=0.15,  # far from zero, so that what stands in a text shows in its embedding
    )
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = AutoModel.from_config(config, add_pooling_layer=False)
    write_json(folder / "config.json", {**config.to_diff_dict(), "architectures": ["BertModel"]})
    save_file(model.state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
