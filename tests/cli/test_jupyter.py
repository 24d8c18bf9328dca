"""What `mmatl-lab start` puts into a learner's folder, and how it runs JupyterLab and the demos."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import typer

from mmatl_lab import paths
from mmatl_lab.cli import jupyter, uploads


@pytest.fixture
def shipped(tmp_path):
    folder = tmp_path / "shipped"
    folder.mkdir()
    (folder / "03_clip.ipynb").write_text("version 1")
    (folder / "04_retrieval.ipynb").write_text("version 1")
    return folder


@pytest.fixture
def mine(tmp_path):
    return tmp_path / "mine"


def contents(folder):
    return {path.name: path.read_text() for path in folder.glob("*.ipynb")}


def test_an_empty_folder_gets_every_notebook(shipped, mine):
    said = jupyter.unpack(shipped, mine)
    assert contents(mine) == contents(shipped)
    assert said == [f"Notebooks copied to {mine}: 2."]


def test_pages_beside_the_notebooks_come_along(shipped, mine):
    (shipped / "glossary.md").write_text("terms")
    assert jupyter.unpack(shipped, mine) == [f"Notebooks copied to {mine}: 2."]
    assert (mine / "glossary.md").read_text() == "terms"


def test_a_second_start_changes_nothing_and_says_nothing(shipped, mine):
    jupyter.unpack(shipped, mine)
    (mine / "03_clip.ipynb").write_text("my work")
    before = contents(mine)
    assert jupyter.unpack(shipped, mine) == []
    assert contents(mine) == before


def test_a_newer_version_replaces_what_was_not_edited(shipped, mine):
    jupyter.unpack(shipped, mine)
    (shipped / "03_clip.ipynb").write_text("version 2")
    said = jupyter.unpack(shipped, mine)
    assert contents(mine) == contents(shipped)
    assert len(said) == 1 and "you had not changed" in said[0]


def test_a_newer_version_goes_beside_what_was_edited(shipped, mine):
    jupyter.unpack(shipped, mine)
    (mine / "03_clip.ipynb").write_text("my work")
    (shipped / "03_clip.ipynb").write_text("version 2")
    said = jupyter.unpack(shipped, mine)
    assert (mine / "03_clip.ipynb").read_text() == "my work"
    beside = [name for name, text in contents(mine).items() if text == "version 2"]
    assert len(beside) == 1 and beside[0] in said[0] and "has your changes and stays" in said[0]
    assert jupyter.unpack(shipped, mine) == [], "the learner is told once"

    (mine / beside[0]).write_text("my work in the second file")
    (shipped / "03_clip.ipynb").write_text("version 3")
    jupyter.unpack(shipped, mine)
    assert {"my work", "my work in the second file", "version 3"} <= set(contents(mine).values())


@pytest.mark.parametrize("record", [None, b"{damaged", b"[]", b"3", b"\xff\x00\xfe"])
def test_without_a_record_whatever_differs_is_the_learners(shipped, mine, record):
    mine.mkdir()
    (mine / "03_clip.ipynb").write_text("from elsewhere")
    (mine / "04_retrieval.ipynb").write_text("version 1")
    if record:
        (mine / jupyter.RECORD).write_bytes(record)
    said = jupyter.unpack(shipped, mine)
    assert (mine / "03_clip.ipynb").read_text() == "from elsewhere"
    assert len(contents(mine)) == 3 and len(said) == 1


def test_a_folder_that_cannot_be_written_to_is_a_sentence(shipped, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(paths, "_PACKED", tmp_path)
    (tmp_path / "notebooks").write_text("a file where the folder should be")
    with pytest.raises(typer.Exit):
        jupyter.workplace(tmp_path)
    said = capsys.readouterr().err
    assert "cannot be copied" in said and "start from a folder of your own" in said and len(said.splitlines()) == 1


def test_notebooks_as_shipped_are_trusted_and_others_are_not(tmp_path, monkeypatch):
    import nbformat
    from nbformat.sign import NotebookNotary

    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    nbformat.write(notebook, tmp_path / "a.ipynb")
    jupyter.trust(tmp_path)
    notary = NotebookNotary()
    assert notary.check_signature(nbformat.read(tmp_path / "a.ipynb", as_version=4))
    notebook.cells[0].source = "2"
    assert not notary.check_signature(notebook)


def test_a_taken_port_is_passed_over():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert jupyter.free_port(port) > port


def test_no_free_port_is_a_sentence(monkeypatch):
    monkeypatch.setattr(socket.socket, "bind", lambda *_: (_ for _ in ()).throw(OSError("in use")))
    with pytest.raises(OSError, match="none of the ports 7860 to 7959 is free: close"):
        jupyter.free_port(7860)


def test_settings_are_what_jupyterlab_knows():
    """Every setting has a name and a form that JupyterLab's own schema of that plugin allows."""
    import jsonschema

    schemas = Path(sys.prefix, "share", "jupyter", "lab", "schemas")
    for plugin, values in jupyter.settings("http://127.0.0.1:7860").items():
        schema = json.loads(schemas.joinpath(*plugin.split(":")).with_suffix(".json").read_text())
        assert values.keys() <= schema["properties"].keys()
        jsonschema.validate(values, schema)


def wait_for(condition, seconds, message):
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < end, message()
        time.sleep(0.2)
    return result


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_start_serves_notebooks_and_demos_and_both_end_together(tmp_path, end, starting):
    log, temporary = tmp_path / "log", tmp_path / "temporary"
    temporary.mkdir()
    command = [sys.executable, "-m", "mmatl_lab", "start", "--no-browser", "--port"]
    environment = os.environ | {"TMPDIR": str(temporary)}
    server = None
    try:
        with starting, log.open("w") as file:
            quiet = {"stdin": subprocess.DEVNULL, "stdout": file, "stderr": file}
            command += [str(jupyter.free_port(8888))]
            server = subprocess.Popen(command, cwd=tmp_path, env=environment, **quiet)
            pattern = r"Demos: http://127\.0\.0\.1:(\d+)[^$]*(http://127\.0\.0\.1:(\d+)/\S+\?token=\w+)"
            found = wait_for(lambda: re.search(pattern, log.read_text()), 240, log.read_text)
            demos, lab = int(found[1]), int(found[3])
            wait_for(lambda: listens(demos), 120, log.read_text)
        page = urllib.request.urlopen(found[2], timeout=30).read().decode()
        assert "jupyter-config-data" in page
        config = json.loads(urllib.request.urlopen(f"http://127.0.0.1:{demos}/config", timeout=30).read())
        assert config["components"] and config["run_history"] is False
        assert list(temporary.glob(f"{uploads.PREFIX}_*"))
    finally:
        if server:
            server.send_signal(end)
            server.wait(30)
    wait_for(lambda: not listens(demos) and not listens(lab), 20, lambda: "a server outlived `mmatl-lab start`")
    wait_for(lambda: not list(temporary.glob(f"{uploads.PREFIX}_*")), 20, lambda: "uploads outlived the demos")
