import math
from dataclasses import replace
from statistics import NormalDist

import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.neural_network import MLPClassifier

from mmatl_lab.seeding import seeded
from mmatl_lab.world import captions, held_out_combinations, render, sample_scenes
from mmatl_lab.world.audio import audio
from mmatl_lab.world.ceilings import (
    FACTORS,
    SHOWS,
    accuracy,
    bayes_accuracy,
    decompose,
    expected_accuracy,
    gaussian_posterior,
    mutual_information,
    retrieval,
    sensor_accuracy,
    states,
)
from mmatl_lab.world.sensor import sensor
from mmatl_lab.world.video import video


def normal_cdf(x: float) -> float:
    return NormalDist().cdf(x)


def parity(state: dict[str, torch.Tensor]) -> torch.Tensor:
    """An XOR of two fair bits: is exactly one of the shape's and the motion's numbers odd?"""
    return (state["shape"] + state["motion"]) % 2


def test_by_hand():
    assert accuracy("shape") == pytest.approx(1 / 8)
    assert accuracy("shape", ["image"]) == pytest.approx(1)
    assert accuracy("motion", ["image", "text"]) == pytest.approx(1 / 8)
    assert accuracy("motion", "sensor") == pytest.approx(1)
    assert accuracy(["colour", "size"], ["audio", "sensor"]) == pytest.approx(1 / 8)
    assert accuracy(("shape", "motion"), ["image"]) == pytest.approx(1 / 8)
    assert accuracy(("shape", "colour")) == pytest.approx(1 / 64)
    assert accuracy(["colour", "motion", "row"], ["image", "sensor"]) == pytest.approx(1)
    # One colour is held out for each shape: a colour leaves seven shapes, or, among the held-out ones, a single one.
    assert accuracy("shape", ["colour"], combinations=~held_out_combinations()) == pytest.approx(1 / 7)
    assert accuracy("shape", ["colour"], combinations=held_out_combinations()) == pytest.approx(1)


def test_a_task_may_be_any_function_of_the_state():
    assert accuracy(parity, ["image"]) == pytest.approx(1 / 2)
    assert accuracy(parity, ["sensor"]) == pytest.approx(1 / 2)
    assert accuracy(parity, ["image", "sensor"]) == pytest.approx(1)
    assert accuracy(lambda state: state["size"] - 7) == pytest.approx(1 / 3)  # answers need not count from 0


def test_information_by_hand():
    assert mutual_information("shape", ["audio"]) == pytest.approx(3)
    assert mutual_information("shape", []) == pytest.approx(0)
    assert mutual_information("colour", ["audio", "sensor"]) == pytest.approx(0)
    # A colour rules out one of eight shapes.
    told = mutual_information("shape", ["colour"], combinations=~held_out_combinations())
    assert told == pytest.approx(math.log2(8 / 7))


@pytest.mark.parametrize(
    ("task", "first", "second", "bits"),
    [
        ("shape", "image", "text", (3, 0, 0, 0)),
        (["shape", "motion"], "image", "audio", (3, 0, 3, 0)),
        (["colour", "motion"], "image", "sensor", (0, 3, 3, 0)),
        (parity, "image", "sensor", (0, 0, 0, 1)),
        (parity, "image", "audio", (0, 0, 1, 0)),  # the sound has the shape as well
        (["shape", "colour", "size", "motion"], ["text", "image"], ["sensor", "audio"], (3 + math.log2(3), 3, 3, 0)),
    ],
)
def test_what_two_views_share_by_hand(task, first, second, bits):
    assert decompose(task, first, second) == pytest.approx(bits, abs=1e-6)


def test_bayes_of_xor_copy_and():
    # Two fair bits: (v, y) tables for y = XOR seeing one bit, y = copy, y = AND seeing one bit, AND seeing both.
    assert bayes_accuracy(torch.tensor([[0.25, 0.25], [0.25, 0.25]])) == 0.5
    assert bayes_accuracy(torch.tensor([[0.5, 0.0], [0.0, 0.5]])) == 1.0
    assert bayes_accuracy(torch.tensor([[0.5, 0.0], [0.25, 0.25]])) == 0.75
    assert bayes_accuracy(torch.tensor([[0.25, 0.0]] * 3 + [[0.0, 0.25]])) == 1.0
    with pytest.raises(ValueError, match="divide counts by their sum"):
        bayes_accuracy(torch.tensor([[3, 1], [1, 3]]))


def test_probabilities_sum_to_one_and_more_views_never_hurt():
    _, probability = states()
    assert probability.sum() == pytest.approx(1)
    for task in ("shape", ("size", "motion"), "row"):
        assert accuracy(task) <= accuracy(task, ["colour"]) + 1e-12 <= accuracy(task, ["colour", "image"]) + 2e-12


VIEWS = {"image": render, "audio": audio, "video": lambda scenes: video(scenes, num_frames=5), "sensor": sensor}


@pytest.mark.parametrize("view", VIEWS)
def test_views_show_what_the_table_says_and_nothing_else(view):
    scenes = sample_scenes(200, 1, generator=seeded(3))
    changed = {
        name: replace(scenes, **{name: (getattr(scenes, name) + 1) % FACTORS[name]})
        for name in ("shape", "colour", "size", "motion")
    }
    changed["row"] = replace(scenes, y=-scenes.y)
    changed["column"] = replace(scenes, x=-scenes.x)
    before = VIEWS[view](scenes).flatten(1)
    for name, other in changed.items():
        differs = ((VIEWS[view](other).flatten(1) - before).abs() > 1e-3).any(1)
        assert differs.all() if name in SHOWS[view] else not differs.any(), name


def test_the_best_guess_learned_from_one_sample_reaches_the_ceiling_on_another():
    held_in = ~held_out_combinations()
    scenes = sample_scenes(80_000, 1, generator=seeded(0), combinations=held_in)
    learn, test = scenes[:40_000], scenes[40_000:]
    table = torch.zeros(8, 8)
    table.index_put_((learn.colour[:, 0], learn.shape[:, 0]), torch.ones(40_000), accumulate=True)
    right = table.argmax(1)[test.colour[:, 0]] == test.shape[:, 0]
    ceiling = accuracy("shape", ["colour", "size"], combinations=held_in)
    assert right.double().mean() == pytest.approx(ceiling, abs=0.006)  # three standard errors


def test_no_classifier_gets_colour_out_of_what_a_sound_tells():
    scenes = sample_scenes(12_000, 1, generator=seeded(4))
    heard = torch.cat([getattr(scenes, name) for name in SHOWS["audio"]], 1).numpy()
    colour = scenes.colour[:, 0].numpy()
    trees = HistGradientBoostingClassifier(max_iter=10, random_state=0).fit(heard[:4_000], colour[:4_000])
    ceiling = accuracy("colour", ["audio"])
    assert ceiling == pytest.approx(1 / 8)
    assert trees.score(heard[:4_000], colour[:4_000]) > ceiling + 0.04  # it learnt something, but by heart
    assert trees.score(heard[4_000:], colour[4_000:]) == pytest.approx(ceiling, abs=3 * (ceiling / 8_000) ** 0.5)


def test_two_noisy_views_of_a_sign_by_the_closed_form():
    """y = ±1 in two views with noise; each sample has its own σ in each view, known to the observer."""
    n = 40_000
    g = seeded(5)
    y = torch.randint(0, 2, (n,), generator=g)
    sigma = torch.where(torch.rand(n, 2, generator=g) < 0.5, 0.5, 2.0)
    means = torch.tensor([[-1.0, -1.0], [1.0, 1.0]])
    views = means[y] + sigma * torch.randn(n, 2, generator=g)
    best = expected_accuracy(gaussian_posterior(views, means, sigma))
    cases = [normal_cdf(math.sqrt(a**-2 + b**-2)) for a in (0.5, 2.0) for b in (0.5, 2.0)]
    assert best.low < sum(cases) / 4 < best.high
    assert best.high - best.low < 0.004
    # Who adds the views up with fixed weights, as if each were always as noisy, loses points.
    right = ((views.sum(1) > 0) == (y == 1)).double().mean()
    assert right < best.low - 0.05


def test_prior_moves_the_ceiling_as_it_should():
    n, prior = 40_000, torch.tensor([0.9, 0.1])
    g = seeded(6)
    y = (torch.rand(n, generator=g) < 0.1).long()
    means = torch.tensor([[-1.0], [1.0]])
    views = means[y] + torch.randn(n, 1, generator=g)
    threshold = math.log(9) / 2  # where .9 N(v; -1, 1) = .1 N(v; 1, 1)
    exact = 0.9 * normal_cdf(threshold + 1) + 0.1 * (1 - normal_cdf(threshold - 1))
    best = expected_accuracy(gaussian_posterior(views, means, 1.0, prior=prior))
    assert best.low < exact < best.high


def test_the_interval_holds_the_truth_in_nineteen_of_twenty():
    means = torch.tensor([[-1.0], [1.0]])
    held = 0
    for seed in range(300):
        views = means[torch.arange(200) % 2] + torch.randn(200, 1, generator=seeded(7, seed))
        best = expected_accuracy(gaussian_posterior(views, means, 1.0))
        held += best.low <= normal_cdf(1) <= best.high
    assert 0.91 < held / 300 < 0.985


def test_a_trained_network_comes_up_to_the_ceiling_of_a_noisy_xor():
    n, sigma = 30_000, 0.7
    g = seeded(8)
    bits = torch.cartesian_prod(torch.tensor([0, 1]), torch.tensor([0, 1]))  # (4, 2) states
    xor = bits[:, 0] ^ bits[:, 1]
    state = torch.randint(0, 4, (n,), generator=g)
    views = 2.0 * bits[state] - 1 + sigma * torch.randn(n, 2, generator=g)
    posterior = gaussian_posterior(views, 2.0 * bits - 1, sigma, answer=xor)
    best = expected_accuracy(posterior)
    p = normal_cdf(1 / sigma)
    exact = p * p + (1 - p) * (1 - p)
    assert best.low < exact < best.high

    y = xor[state].numpy()
    train, test = slice(0, 10_000), slice(10_000, None)
    network = MLPClassifier((32,), learning_rate_init=0.01, early_stopping=True, random_state=0)
    score = network.fit(views[train].numpy(), y[train]).score(views[test].numpy(), y[test])
    error = (exact * (1 - exact) / 20_000) ** 0.5
    assert exact - 0.01 < score < exact + 3 * error
    assert (posterior[test].argmax(1) == xor[state][test]).double().mean() == pytest.approx(exact, abs=3 * error)
    alone = network.fit(views[train, :1].numpy(), y[train]).score(views[test, :1].numpy(), y[test])
    assert alone == pytest.approx(accuracy(parity, "image"), abs=3 * 0.5 / 20_000**0.5)


def test_sensor_noise_lowers_the_ceiling():
    ceilings = [sensor_accuracy(noise, generator=seeded(9)) for noise in (0.01, 10.0, 20.0, 80.0, 1e4)]
    assert ceilings[0].value == pytest.approx(1, abs=1e-3)
    assert ceilings[-1].value == pytest.approx(1 / 8, abs=0.01)
    assert all(less.high < more.low for more, less in zip(ceilings[:-1], ceilings[1:]))
    # The gyroscope feels nothing but the circle, and the accelerometer feels all.
    assert sensor_accuracy(0.01, range(3, 6), generator=seeded(9)).value == pytest.approx(2 / 8, abs=1e-3)
    assert sensor_accuracy(0.01, range(3), generator=seeded(9)).value == pytest.approx(1, abs=1e-3)


def test_a_classifier_of_noisy_traces_comes_up_to_the_ceiling_with_more_data():
    ceiling = sensor_accuracy(20.0, generator=seeded(10)).value
    scenes = sample_scenes(30_000, 1, generator=seeded(11))
    traces = sensor(scenes, noise=20.0, generator=seeded(12)).flatten(1).numpy()
    motion = scenes.motion[:, 0].numpy()
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.3)
    few, many = (model.fit(traces[:n], motion[:n]).score(traces[20_000:], motion[20_000:]) for n in (2_000, 20_000))
    assert few + 0.03 < many
    assert ceiling - 0.03 < many < ceiling + 3 * (ceiling * (1 - ceiling) / 10_000) ** 0.5


def test_retrieval_is_one_over_the_number_of_equals():
    assert retrieval(torch.tensor([1, 2, 3])) == 1
    assert retrieval(torch.tensor([1, 1, 2])) == pytest.approx((0.5 + 0.5 + 1) / 3)
    scenes = sample_scenes(800, 1, generator=seeded(1))
    same = (captions(scenes)[:, None] == captions(scenes)[None]).all(-1).sum(1)
    assert retrieval(scenes.caption_class) == pytest.approx((1 / same.double()).mean().item())


def test_unknown_names_get_a_sentence():
    with pytest.raises(ValueError, match="shape, colour"):
        accuracy("flavour")
    with pytest.raises(ValueError, match="image, text, audio, video, sensor"):
        mutual_information("shape", ["smell"])
    with pytest.raises(ValueError, match=r"one answer a state, shape \(6144,\), got \(8,\)"):
        accuracy(lambda state: state["shape"].unique())


def test_bad_samples_get_a_sentence():
    views, means = torch.zeros(40, 3), torch.zeros(8, 3)
    with pytest.raises(ValueError, match=r"\(40, 3\) and \(8, 2\)"):
        gaussian_posterior(views, means[:, :2], 1.0)
    with pytest.raises(ValueError, match=r"prior \(8,\), one a state, got \(3,\)"):
        gaussian_posterior(views, means, 1.0, prior=torch.ones(3))
    with pytest.raises(ValueError, match="broadcast"):
        gaussian_posterior(views, means, torch.ones(40))
    with pytest.raises(ValueError, match="sigma must be above 0"):
        sensor_accuracy(0.0, generator=seeded(0))
    with pytest.raises(ValueError, match="channels must be among 0 to 5"):
        sensor_accuracy(1.0, [6], generator=seeded(0))
    with pytest.raises(ValueError, match="at least 30"):
        expected_accuracy(torch.ones(3, 1))
    with pytest.raises(ValueError, match="softmax"):
        expected_accuracy(torch.randn(40, 2))
