"""What no file of the repository may hold: places of one machine, pickles, installation inside notebooks."""

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Written in pieces, so that this file does not find itself.
PLACES = re.compile(r"(?<![\w.:$~}/+-])/(?:work|root|home|Users|opt|tmp|mnt|media)" + r"/[\w.]+|[A-Z]:\\" + r"Users\\")
PICKLES = re.compile(
    r"(?<!\.)\b(?:torch|pickle|joblib|dill)" + r"\.load\(|allow_pickle" + r"=True|weights_only" + r"=False"
)
INSTALLS = re.compile(r"^\s*[!%]?\s*(?:pip3?|conda|apt(?:-get)?|npm)\s+" + r"install\b", re.MULTILINE)


def tracked():
    """Text files of the repository by name."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this is no git repository")
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.is_file() and not name.startswith("assets/"):
            try:
                yield name, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def sources(notebook: str, kind: str) -> str:
    return "\n".join("".join(cell["source"]) for cell in json.loads(notebook)["cells"] if cell["cell_type"] == kind)


def found(pattern, texts):
    return [f"{name}: {hit.group().strip()}" for name, text in texts for hit in pattern.finditer(text)]


def test_no_file_names_a_place_of_one_machine():
    assert found(PLACES, tracked()) == []


def test_nothing_loads_a_pickle():
    texts = [(name, sources(text, "code") if name.endswith(".ipynb") else text) for name, text in tracked()]
    assert found(PICKLES, [(name, text) for name, text in texts if name.endswith((".py", ".ipynb"))]) == []


def test_no_notebook_installs_anything():
    notebooks = [(name, sources(text, "code")) for name, text in tracked() if name.endswith(".ipynb")]
    assert found(INSTALLS, notebooks) == []


@pytest.mark.parametrize(
    ("pattern", "guilty", "innocent"),
    [
        (
            PLACES,
            "see /ho" + "me/ann/x, C:\\Us" + "ers\\ann",
            "a/ho" + "me/b, https://x.org/ro" + "ot/y, ~/tmp/x, data/opt/x",
        ),
        (PICKLES, "torch.lo" + "ad(path)", "safetensors.torch.load(x), json.load(x)"),
        (INSTALLS, "  !pip in" + "stall x", "see how to pip install it"),
    ],
)
def test_the_patterns_find_what_they_should(pattern, guilty, innocent):
    assert pattern.search(guilty) and not pattern.search(innocent)
