import pytest
import torch

from mmatl_lab import errata
from mmatl_lab.errata.retrieval import MENDS, mended_triplet, printed_recall
from mmatl_lab.metrics.retrieval import recall_at_k


def by_loops(s, P, margin=0.3):
    """The loss as printed, entry by entry."""
    hardest = [max(0.0 if P[i, j] else s[i, j].item() for j in range(len(s))) for i in range(len(s))]
    entries = [max(0.0, (s[i, j] * P[i, j]).item() - hardest[j] + margin) for i in range(len(s)) for j in range(len(s))]
    return sum(entries) / len(entries)


def test_step_0_is_as_printed_and_seeds_go_together():
    s = torch.randn(4, 6, 6, generator=torch.Generator().manual_seed(0)).tanh()
    P = torch.eye(6, dtype=torch.bool)
    assert mended_triplet(s, P, 0).tolist() == pytest.approx([by_loops(one, P) for one in s])
    for mends in range(len(MENDS)):
        together = mended_triplet(s, P, mends)
        assert together.tolist() == pytest.approx([mended_triplet(one, P, mends).item() for one in s])


def test_the_printed_triplet_reaches_its_aim_and_finds_nothing():
    found = errata.get("retrieval-triplet").measure()
    assert found.printed["last_loss"] < 0.05 and found.printed["text_to_image"] < 0.02
    assert found.right["text_to_image"] > 0.8 and found.right["image_to_text"] > 0.8
    assert 0.0 not in found.depends[0].absent and 5.0 in found.depends[0].absent


def test_ties_and_a_k_beyond_the_gallery():
    found = errata.get("retrieval-ties").measure()
    assert found.printed["spread"] > 0.02 and found.right["spread"] < 1e-9 and found.printed["shallow"] == 1
    assert 1025 in found.depends[0].absent
    s, labels = torch.randn(20, 20), torch.arange(20) % 7
    assert printed_recall(s, labels, 3) == pytest.approx(recall_at_k(s, k=3, ids=labels))


def test_three_readings_of_average_precision_agree_for_one_right_key():
    found = errata.get("retrieval-ap").measure()
    readings = [found.printed[name] for name in ("mAP_all", "mAP_least", "mAP_found")]
    assert readings == sorted(readings) and readings[2] - readings[0] > 0.3
    assert 1 in found.depends[0].absent
