"""The heads for retrieval and generation."""

import pytest
import torch
import torch.nn.functional as F

from mmatl_lab.models.mmatl import MMATL, GenerationHead, MMATLConfig, RetrievalHead, represent
from mmatl_lab.nn.encoders import Part
from mmatl_lab.seeding import drawn_from, seeded


def test_retrieval_compares_unit_vectors():
    t = torch.randn(5, 6, generator=seeded(0))
    assert torch.allclose(RetrievalHead(6)(t), F.normalize(t, dim=1))
    assert torch.allclose(RetrievalHead(6, 3)(t).norm(dim=1), torch.ones(5))


def test_generation_draws_the_mean_of_the_pictures_that_t_allows():
    """Two pictures, black and white, belong to one t: the best answer is grey."""
    with drawn_from(0):
        head = GenerationHead(2, size=2)
    t, pictures = torch.ones(2, 2), torch.stack([torch.zeros(3, 2, 2), torch.ones(3, 2, 2)])
    optimizer = torch.optim.Adam(head.parameters(), 0.01)
    for _ in range(100):
        optimizer.zero_grad()
        head.loss(t, pictures).backward()
        optimizer.step()
    assert head(t).shape == (2, 3, 2, 2)
    assert head(t).mean().item() == pytest.approx(0.5, abs=0.01)


def test_what_a_head_reads_is_t_of_one_modality_alone():
    model = MMATL(MMATLConfig({n: Part("MLPEncoder", {"in_dim": 5}) for n in ("image", "text")}, 4)).eval()
    views = {"image": torch.randn(3, 5), "text": torch.randn(3, 5)}
    e = model.encode(views).e
    assert torch.allclose(represent(model, "text", views), model.transfer(e[:, 1:]), atol=1e-6)
