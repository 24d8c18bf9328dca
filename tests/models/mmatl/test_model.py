"""The model: subsets of the modalities, binary codes, the task's adversary."""

import pytest
import torch
import torch.nn.functional as F

from mmatl_lab.config import from_dict, to_dict
from mmatl_lab.models.mmatl import MMATL, MMATLConfig, TaskDiscriminator, TransferModule, binarise, joint, task
from mmatl_lab.nn.encoders import Part
from mmatl_lab.seeding import drawn_from, seeded

ENCODERS = {name: Part("MLPEncoder", {"in_dim": 5, "hidden_dim": 8}) for name in ("image", "text", "audio")}
CONFIG = MMATLConfig(ENCODERS, num_classes=4, dim=6)
VIEWS = {name: torch.randn(7, 5, generator=seeded(i)) for i, name in enumerate(ENCODERS)}


def make_model(**options):
    with drawn_from(0):
        return MMATL(MMATLConfig(ENCODERS, num_classes=4, dim=6, **options)).eval()


def test_T_does_not_depend_on_the_order_of_the_codes():
    T, e = TransferModule(6), torch.randn(7, 3, 6)
    assert torch.allclose(T(e), T(e[:, [2, 0, 1]]), atol=1e-6)


def test_what_a_missing_modality_holds_has_no_influence_not_even_NaN():
    T, e = TransferModule(6), torch.randn(7, 3, 6)
    present = torch.tensor([True, False, True]).expand(7, 3)
    broken = e.clone()
    broken[:, 1] = torch.nan
    broken.requires_grad_()
    t = T(broken, present)
    assert torch.allclose(t, T(e[:, [0, 2]]), atol=1e-6)
    t.sum().backward()
    assert broken.grad.isfinite().all()


def test_a_missing_modality_may_be_left_out_or_masked():
    model = make_model()
    left_out = model({name: VIEWS[name] for name in ("image", "audio")})
    masked = model(VIEWS, torch.tensor([True, False, True]).expand(7, 3))
    assert torch.allclose(left_out.logits, masked.logits, atol=1e-6)
    assert not torch.allclose(left_out.logits, model(VIEWS).logits, atol=1e-3)


def test_alone_is_the_model_with_one_modality():
    model = make_model()
    alone = model.alone(model.encode(VIEWS).e)
    for i, name in enumerate(model.modalities):
        assert torch.allclose(alone[:, i], model({name: VIEWS[name]}).logits, atol=1e-6)


def test_an_encoder_may_take_a_mask_of_its_own():
    config = MMATLConfig({"audio": Part("AudioCNN"), "sensor": Part("SensorCNN")}, num_classes=3)
    mask = torch.ones(4, 20, dtype=torch.bool)
    views = {"audio": (torch.rand(4, 40, 20), mask), "sensor": torch.randn(4, 20, 6)}
    assert MMATL(config)(views).logits.shape == (4, 3)


def test_binary_codes_are_signs_with_the_gradient_of_tanh():
    x = torch.tensor([-2.0, -0.1, 0.0, 0.3], requires_grad=True)
    e = binarise(x)
    assert torch.allclose(e, torch.tensor([-1.0, -1.0, 1.0, 1.0]))
    e.sum().backward()
    assert torch.allclose(x.grad, 1 - x.detach().tanh() ** 2)
    assert make_model().encode(VIEWS).e.abs().sub(1).abs().max() < 1e-6
    assert make_model(binary=False).encode(VIEWS).e.abs().sub(1).abs().max() > 1e-3


def test_the_noise_reaches_the_codes_in_training_only():
    model = make_model(noise=0.5)
    assert torch.equal(model(VIEWS).logits, model(VIEWS).logits)
    batch = joint.look(model, VIEWS, torch.zeros(7, dtype=torch.int64))
    assert not torch.allclose(batch.e, model.encode(VIEWS).e)


def test_unlabelled_codes_do_not_count_in_the_task_loss():
    model = make_model()
    y = torch.arange(7) % 4
    labels = torch.stack([y, y, y], 1)
    labels[:, 1:] = joint.UNLABELLED
    labels[3:, 0] = joint.UNLABELLED
    found = joint.L_task_alone(model, joint.look(model, VIEWS, labels))
    assert torch.allclose(found, F.cross_entropy(model({"image": VIEWS["image"]}).logits[:3], y[:3]))
    assert joint.L_task(model, joint.look(model, VIEWS, labels)) == 0  # its rows may be of different events


def test_the_loss_is_finite_without_any_label():
    model = make_model()
    nothing = torch.full((7, 3), joint.UNLABELLED)
    assert joint.L_task_alone(model, joint.look(model, VIEWS, nothing)) == 0


def test_a_conditional_discriminator_gets_the_label_or_the_models_own_answer():
    model = make_model(class_conditional=True)
    y = torch.arange(7) % 4
    labels = torch.stack([y, y, torch.full_like(y, joint.UNLABELLED)], 1)
    e, i, p = joint._listed(model, joint.look(model, VIEWS, labels))
    assert torch.equal(p[i == 0], F.one_hot(y, 4).float())
    assert torch.allclose(p[i == 2], model({"audio": VIEWS["audio"]}).logits.softmax(1), atol=1e-6)
    assert not p.requires_grad


def test_the_task_games_are_those_of_their_formulas():
    D_t, y = TaskDiscriminator(4, 6), torch.arange(5) % 4
    logits, t = torch.randn(5, 4), torch.randn(5, 6)
    smooth = torch.full((5, 4), task.SMOOTHING / 3).scatter_(1, y[:, None], 1 - task.SMOOTHING)
    real, fake = D_t(smooth, t), D_t(logits.softmax(1), t)
    expected = F.binary_cross_entropy_with_logits(real, torch.ones(5)) + F.binary_cross_entropy_with_logits(
        fake, torch.zeros(5)
    )
    assert torch.allclose(task.adversary_dis(D_t, logits, t, y), expected)
    assert torch.allclose(task.adversary_model(D_t, logits, t, y), -fake.sigmoid().log().mean())
    D_t = TaskDiscriminator(4, 0)
    real, fake = D_t(F.one_hot(y, 4).float(), t).sigmoid(), D_t(logits.softmax(1), t).sigmoid()
    printed = {"printed": True}
    dis, model = (1 - fake).log() + real.log(), fake.log() + (1 - real).log()
    assert torch.allclose(task.adversary_dis(D_t, logits, t, y, **printed), dis.mean(), atol=1e-6)
    assert torch.allclose(task.adversary_model(D_t, logits, t, y, **printed), model.mean(), atol=1e-6)


def test_the_config_alone_rebuilds_the_model():
    again = from_dict(MMATLConfig, to_dict(CONFIG))
    assert again == CONFIG
    MMATL.from_config(again).load_state_dict(make_model().state_dict())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MMATL(MMATLConfig({"image": ENCODERS["image"]}, 4)), "two modalities or more, got image"),
        (lambda: make_model(alignment="cdan"), "no alignment 'cdan'"),
        (lambda: make_model(task_adversary="gan"), "no task adversary 'gan'"),
        (lambda: make_model()({"video": torch.zeros(2, 5)}), "give one of image, text, audio at least, got video"),
        (lambda: make_model()(VIEWS, torch.zeros(7, 3, dtype=torch.bool)), "no modality at all"),
    ],
)
def test_what_cannot_be_is_said(make, message):
    with pytest.raises(ValueError, match=message):
        make()
