import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: several threads only fight each other here

import matplotlib
import pytest

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def no_figure_stays_open():
    from matplotlib import pyplot

    yield
    pyplot.close("all")
