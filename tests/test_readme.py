"""The README's code runs as it stands there."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.slow
def test_the_part_taken_out_trains(tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.setenv("MMATL_LAB_RUNS", str(tmp_path))
    space: dict = {}
    exec(code.replace("num_steps=300", "num_steps=2"), space)
    assert space["run"].done == 2 and (tmp_path / "my_clip.safetensors").is_file()
