"""The exercises of the CLIP lesson: what they define is what the library computes."""

import pytest
import torch
import torch.nn.functional as F

from mmatl_lab.lessons.clip.exercises import evaluation, loss, training
from mmatl_lab.metrics import retrieval
from mmatl_lab.models.clip import CLIP, clip_loss


def pairs(n=8, d=5, seed=0):
    return F.normalize(torch.randn(2, n, d, generator=torch.Generator().manual_seed(seed)), dim=-1)


def test_the_loss_is_the_librarys():
    image, text = pairs()
    expected = clip_loss(image, text, torch.tensor(1 / 0.1).log())
    assert torch.allclose(loss.contrastive_loss(image, text, 0.1), expected)


def test_the_mask_is_the_librarys():
    image, text = pairs()
    tokens = torch.randint(1, 3, (8, 2), generator=torch.Generator().manual_seed(0))
    caption_class = torch.unique(tokens, dim=0, return_inverse=True)[1]
    logits, target = loss.mask_false_negatives(10 * image @ text.T, tokens), torch.arange(8)
    value = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
    assert torch.allclose(value, clip_loss(image, text, torch.tensor(10.0).log(), caption_class=caption_class))


def test_the_class_vectors_are_unit_means_of_unit_vectors():
    text = torch.randn(2, 3, 4)
    expected = torch.stack([(each / each.norm(dim=1, keepdim=True)).mean(0) for each in text])
    expected /= expected.norm(dim=1, keepdim=True)
    assert torch.allclose(evaluation.class_vectors(text), expected, atol=1e-6)


def test_the_recall_is_the_librarys():
    image, text = pairs(40)
    ids = torch.arange(40) // 3
    relevant = ids[:, None] == ids
    for similarity in (image @ text.T, (2 * image @ text.T).round()):
        for k in (1, 5):
            expected = retrieval.recall_at_k(similarity, k=k, ids=ids, ties="lost")
            assert evaluation.recall_at_k(similarity, relevant, k) == pytest.approx(expected)


def test_the_derivative_is_autograds():
    image, text = pairs()
    logit_scale = torch.tensor(2.0, requires_grad=True)
    (expected,) = torch.autograd.grad(clip_loss(image, text, logit_scale), logit_scale)
    assert torch.allclose(training.logit_scale_gradient(image, text, logit_scale.detach()), expected)


def test_the_bugs_are_worth_finding():
    """The broken step trains, and worse than the mended one: what the exercise says."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(64, 12, generator=generator)
    torch.manual_seed(0)
    losses = {}
    for step in (training.broken_step, training.training_step):
        torch.manual_seed(1)
        model = CLIP(torch.nn.Linear(12, 8), torch.nn.Linear(12, 8))
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
        losses[step] = [step(model, optimizer, images, images @ torch.linspace(-1, 1, 12).diag()) for _ in range(100)]
        with torch.no_grad():
            out = model(images, images @ torch.linspace(-1, 1, 12).diag())
        losses[step].append(retrieval.recall_at_k(out.image, out.text))
    assert losses[training.broken_step][-2] < losses[training.broken_step][0]  # its loss even falls
    assert losses[training.broken_step][-1] < losses[training.training_step][-1]
