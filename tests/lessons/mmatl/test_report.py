"""Tables and verdicts say what the studies found, by their intervals."""

import pytest

from mmatl_lab.lessons.mmatl import report, robustness, study, tables, transfer, unique
from mmatl_lab.training.study import Difference


@pytest.mark.parametrize(
    ("low", "high", "word"), [(0.01, 0.2, report.HOLDS), (-0.2, -0.01, report.FAILS), (-0.1, 0.1, report.OPEN)]
)
def test_a_verdict_follows_from_its_interval(low, high, word):
    assert report.decided(Difference((low + high) / 2, low, high, 5)) == word


def test_a_difference_is_shown_with_its_sign():
    rows = [report.Claim("c", "holds", what, 0.5, 0.4, 0.6).row()[-1] for what in ("a minus b", "a probe")]
    assert rows == ["+0.500 [+0.400, +0.600]", "0.500 [0.400, 0.600]"]


def test_means_have_students_interval():
    assert tables.mean([0.5, 0.6, 0.7]) == "0.600 [0.352, 0.848] (3 seeds)"


def test_every_claim_of_the_note_has_a_verdict_that_its_number_bears_out():
    claims = [
        *report.alignment(study.results()),
        *report.transferred(transfer.results()),
        *report.robust(robustness.results()),
    ]
    assert len(claims) >= 12 and str(report.verdicts()).count("[") >= len(claims)
    for claim in claims:
        assert claim.low <= claim.mean <= claim.high
        if "minus" in claim.measured and claim.verdict in (report.HOLDS, report.FAILS, report.OPEN):
            expected = report.HOLDS if claim.low > 0 else report.FAILS if claim.high < 0 else report.OPEN
            assert claim.verdict == expected
    said = {claim.text: claim.verdict for claim in claims}
    assert said["its two alignment losses align the modalities"] == report.FAILS
    assert said["(another mechanism) training on attacked inputs does"] == report.HOLDS


def test_the_tables_have_a_row_for_everything_that_was_trained():
    frame = study.results()
    methods = frame[frame.data == "scenes2"].method.unique().tolist()
    assert set(methods) == set(tables.TITLES)
    assert len(str(tables.games(frame, methods)).splitlines()) == len(methods) + 1
    assert len(str(tables.transferred(transfer.results(), "digits")).splitlines()) == len(transfer.METHODS) + 2
    assert len(str(tables.coins(unique.results())).splitlines()) == 2 * len(unique.LABELS) + 1
    assert str(tables.uses(frame)).count("[") == 4 * 3  # two means and their difference for each use


def test_no_coin_beats_its_exact_ceiling_but_by_what_its_codes_still_tell():
    """What training reached lies under the ceiling of aligned codes, unless the modality can still be told."""
    frame = unique.results()
    for label in unique.LABELS:
        rows = frame[(frame.label == label) & (frame.alignment != "none")]
        told = 2 * (rows.modality - 0.5).clip(lower=0)
        assert (rows.fused <= unique.aligned_ceiling(label) + told + 0.05).all()
