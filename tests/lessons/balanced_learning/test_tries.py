"""What else was tried: every way trains, on validation data alone, and the package carries all of them."""

import pytest

from mmatl_lab.lessons.balanced_learning import systems, tries
from mmatl_lab.training import Study


@pytest.mark.parametrize("way", tries.WAYS)
def test_every_way_trains_and_measures_validation_data(monkeypatch, way):
    monkeypatch.setitem(systems.STEPS, "smartwatch", 4)
    found = tries.cell("smartwatch", "mla", way, 0)
    assert set(found) == {"fused", "chosen", "weak"} and all(0 < x <= 1 for x in found.values())


def test_the_table_has_a_row_for_every_way_and_a_column_for_every_task():
    table = tries.table(Study.shipped(tries.NAME))
    assert [row[0] for row in table.rows] == list(tries.WAYS) and len(table.columns) == 1 + len(tries.SEEDS)
