"""The vision-transformer CLIP against Hugging Face's CLIPModel of the same size, on the same batches."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mmatl_lab.models.clip import CLIP, CLIPConfig, clip_loss
from mmatl_lab.nn.encoders import Part
from mmatl_lab.seeding import seeded

from .comparison import Comparison, Unavailable, seconds

DIM, HEADS, IMAGE_LAYERS, TEXT_LAYERS = 128, 4, 4, 2
SIZE, PATCH, WORDS, VOCAB = 32, 4, 16, 120

Loss = Callable[[Tensor, Tensor], Tensor]


def against_hugging_face(precision: str = "float32", batch_size: int = 64, rounds: int = 9) -> Comparison:
    """Seconds of a training step of Hugging Face's model over those of ours: forward, backward and AdamW.

    Args:
        precision: "float32" or "bfloat16" (autocast).

    Raises:
        Unavailable: transformers is not installed.
    """
    images = torch.rand(batch_size, 3, SIZE, SIZE, generator=seeded(1))
    tokens = torch.randint(1, VOCAB - 1, (batch_size, WORDS), generator=seeded(2))
    tokens[:, -1] = VOCAB - 1  # where theirs reads a text's vector
    ways = [_stepping(*make(), images, tokens, precision) for make in (make_theirs, make_ours)]
    slow, fast = (1000 * found for found in seconds(*ways, rounds=rounds))
    numbers = {"ms/step": fast, "theirs ms/step": slow, "threads": torch.get_num_threads()}
    what = f"a step of a vision-transformer CLIP against Hugging Face's, {precision}, batch {batch_size}"
    return Comparison(what, slow / fast, numbers, at_least=1.2)


def make_ours() -> tuple[nn.Module, Loss]:
    sizes = {"num_heads": HEADS, "hidden_dim": DIM}
    image = Part("ImageViT", {"size": SIZE, "patch": PATCH, "num_layers": IMAGE_LAYERS, **sizes})
    text = Part("TextTransformer", {"vocab_size": VOCAB, "max_len": WORDS, "num_layers": TEXT_LAYERS, **sizes})
    model = CLIP.from_config(CLIPConfig(image, text, DIM))
    return model, lambda images, tokens: clip_loss(*model(images, tokens))


def make_theirs() -> tuple[nn.Module, Loss]:
    try:
        from transformers import CLIPConfig as Config
        from transformers import CLIPModel
    except ImportError:
        raise Unavailable("transformers is not installed: python -m pip install transformers") from None
    sizes = {"hidden_size": DIM, "intermediate_size": 4 * DIM, "num_attention_heads": HEADS, "projection_dim": DIM}
    vision = {**sizes, "num_hidden_layers": IMAGE_LAYERS, "image_size": SIZE, "patch_size": PATCH}
    special = {"pad_token_id": 0, "bos_token_id": 0, "eos_token_id": VOCAB - 1}
    text = {**sizes, "num_hidden_layers": TEXT_LAYERS, "vocab_size": VOCAB, "max_position_embeddings": WORDS, **special}
    model = CLIPModel(Config(text_config=text, vision_config=vision, projection_dim=DIM))
    return model, lambda images, tokens: model(input_ids=tokens, pixel_values=images, return_loss=True).loss


def _stepping(model: nn.Module, loss: Loss, images: Tensor, tokens: Tensor, precision: str) -> Callable[[], None]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            found = loss(images, tokens)
        optimizer.zero_grad()
        found.backward()
        optimizer.step()

    return step
