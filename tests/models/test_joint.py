import pytest
import torch
from torch import nn

from mmatl_lab.models.joint import Joint, mlp_head
from mmatl_lab.nn.encoders import SensorCNN
from mmatl_lab.nn.fusion import Add, Concat, Product

VIEWS = {"text": torch.randn(4, 3), "face": torch.randn(4, 5), "voice": torch.randn(4, 2)}


def joint(*names, fusion=Concat):
    torch.manual_seed(0)
    encoders = {name: nn.Linear(VIEWS[name].shape[1], 6) for name in names}
    fused = fusion([6] * len(names)) if fusion is not Product else Product([6] * len(names), 7)
    return Joint(encoders, fused, mlp_head(fused.out_dim, 2))


@pytest.mark.parametrize("fusion", [Concat, Add, Product])
def test_it_is_the_head_of_the_fusion_of_the_encoders(fusion):
    model = joint("text", "voice", fusion=fusion)
    vectors = [model.encoders[name](VIEWS[name]) for name in ("text", "voice")]
    assert torch.equal(model(VIEWS), model.head(model.fusion(vectors)))  # the face is left alone
    model(VIEWS).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_the_order_of_the_encoders_is_that_of_the_fusion_whatever_the_order_of_the_views():
    model = joint("voice", "text")
    assert torch.equal(model(VIEWS), model(dict(reversed(VIEWS.items()))))
    assert torch.equal(model.fusion(model.features(VIEWS))[:, :6], model.encoders["voice"](VIEWS["voice"]))


def test_an_input_may_come_with_its_mask():
    torch.manual_seed(0)
    model = Joint({"sensor": SensorCNN(6, 2, (4, 4, 4)), "face": nn.Linear(5, 6)}, Concat([6, 6]), mlp_head(12, 2))
    trace, mask = torch.randn(4, 9, 2), torch.arange(9).expand(4, -1) < 6
    trace[:, 6:] = torch.nan
    out = model({"sensor": (trace, mask), "face": VIEWS["face"]})
    assert torch.allclose(out, model({"sensor": trace[:, :6], "face": VIEWS["face"]}), atol=1e-5)


def test_a_missing_view_is_named():
    with pytest.raises(ValueError, match="needs text, face, got text: add face"):
        joint("text", "face")({"text": VIEWS["text"]})


def test_a_missing_modality_has_no_influence_whatever_stands_in_its_place():
    model, present = joint("text", "voice"), torch.tensor([[1, 1], [0, 1], [1, 0], [1, 1]]).bool()
    found = []
    for value in (torch.nan, 3.0):
        views = {name: torch.where(present[:, m, None], VIEWS[name], value) for m, name in enumerate(("text", "voice"))}
        model.zero_grad()
        out = model(views, present)
        out.sum().backward()
        found.append([out.detach(), *(p.grad.clone() for p in model.parameters())])
    assert all(torch.equal(a, b) and a.isfinite().all() for a, b in zip(*found))
    assert not torch.allclose(model(VIEWS)[1], found[0][0][1])
