"""`mmatl-lab start`: JupyterLab on the notebooks, with the demos beside it."""

import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from mmatl_lab import __version__, lessons, paths
from mmatl_lab.cli.console import fail, say
from mmatl_lab.lessons import record
from mmatl_lab.lessons.pages import PORT

RECORD = ".mmatl_lab.json"  # in a learner's folder: the SHA-256 of the version of each notebook that was last put there


def workplace(folder: Path) -> Path:
    """Folder of notebooks to work in: the repository's own, or one inside `folder` that a wheel's notebooks fill."""
    if paths.from_source():
        return paths.notebooks()
    target = folder / "notebooks"
    try:
        for line in unpack(paths.notebooks(), target):
            say(line)
    except OSError as error:
        fail(f"the notebooks cannot be copied to {target} ({error.strerror}): start from a folder of your own")
    return target


def unpack(source: Path, target: Path) -> list[str]:
    """Copy the notebooks of `source` and the pages beside them into `target`, and never over what a learner changed.

    One that is missing is copied; one that is as it was put there is replaced by a newer version; one that was
    edited stays, and a newer version goes beside it under a name of its own.

    Returns:
        One sentence for each thing that a learner should know.

    Raises:
        OSError: `target` cannot be written to.
    """
    target.mkdir(parents=True, exist_ok=True)
    record = target / RECORD
    known = _known(record)
    said, new = [], 0
    for notebook in sorted([*source.glob("*.ipynb"), *source.glob("*.md")]):
        shipped, mine = notebook.read_bytes(), target / notebook.name
        digest = hashlib.sha256(shipped).hexdigest()
        if not mine.exists():
            _write(mine, shipped)
            new += mine.suffix == ".ipynb"
        elif (present := hashlib.sha256(mine.read_bytes()).hexdigest()) == known.get(notebook.name) != digest:
            _write(mine, shipped)
            said.append(f"{mine.name} is now the version of mmatl-lab {__version__}; you had not changed the old one.")
        elif present != digest != known.get(notebook.name):
            beside = _beside(mine, shipped)
            said.append(f"{mine} has your changes and stays; the version of mmatl-lab {__version__} is {beside.name}.")
        known[notebook.name] = digest
    _write(record, json.dumps(known, indent=1).encode())
    return [f"Notebooks copied to {target}: {new}.", *said] if new else said


def _known(record: Path) -> dict[str, str]:
    """What the record says; nothing where it is missing or damaged: then every file that differs counts as edited."""
    try:
        known = json.loads(record.read_bytes())
    except (FileNotFoundError, ValueError):  # ValueError: neither UTF-8 nor JSON
        return {}
    return known if isinstance(known, dict) else {}


def _beside(mine: Path, shipped: bytes) -> Path:
    """Write a shipped notebook beside a learner's, under the first name that holds nothing else."""
    number = 0
    while True:
        tail = f"-{number}" if number else ""
        path = mine.with_name(f"{mine.stem}.{__version__}{tail}{mine.suffix}")
        if not path.exists():
            _write(path, shipped)
        if path.read_bytes() == shipped:
            return path
        number += 1


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    half = path.with_name(path.name + ".part")
    half.write_bytes(data)
    os.replace(half, path)


def trust(folder: Path) -> None:
    """Sign the notebooks of `folder`: JupyterLab keeps the style sheets of these contents, wherever a copy lies.

    It takes them off the outputs of a notebook that nobody has run here, and figures are then white on a dark page.
    """
    import nbformat
    from nbformat.sign import NotebookNotary

    notary = NotebookNotary()
    for path in folder.glob("*.ipynb"):
        notary.sign(nbformat.read(path, as_version=4))


def free_port(first: int) -> int:
    """The first port from `first` on that nobody on this machine listens at.

    Raises:
        OSError: none of the next 100 is free.
    """
    for port in range(first, min(first + 100, 65536)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise OSError(f"none of the ports {first} to {port} is free: close a program that listens there, or choose --port")


def start_demos(port: int) -> subprocess.Popen:
    """Serve the demos of all lessons at `port` in a process that ends when this one does.

    It holds the reading end of a pipe whose other end is here: however this process ends, the pipe closes.
    A session of its own keeps it out of reach of Ctrl-C, after which JupyterLab asks before it stops.
    """
    command = [sys.executable, "-m", "mmatl_lab", "demo", "--port", str(port), "--beside"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def end_demos(child: subprocess.Popen, seconds: float = 10) -> None:
    """Close the pipe: the demos end and remove what visitors uploaded; they are killed only if that takes too long."""
    child.stdin.close()
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()


def settings(demos: str) -> dict[str, dict]:
    """JupyterLab's settings where they differ from its own.

    No news and no look for updates; menus with the demos and the glossary; Markdown files, such as the glossary, open
    as pages.
    """
    preview = "Markdown Preview"
    titles = {"Demos of all lessons": demos}
    for lesson in map(lessons.get, lessons.names()):
        if lesson.has_demo and lesson.has_notebook:
            titles[f"{lesson.number:02d} {lesson.name.replace('_', ' ')}"] = f"{demos}/{lesson.name}"
    opens = [{"text": title, "url": url, "newBrowserTab": True} for title, url in titles.items()]
    glossary = {"label": "Glossary of all lessons", "path": "glossary.md", "factory": preview}
    pages = {"Demos": ("help:open", opens), "Glossary": ("docmanager:open", [glossary])}
    menus = [
        {
            "id": f"jp-mainmenu-mmatl-lab-{name}",
            "label": name,
            "rank": 900,
            "items": [{"command": command, "args": args} for args in entries],
        }
        for name, (command, entries) in pages.items()
    ]
    return {
        "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
        "@jupyterlab/mainmenu-extension:plugin": {"menus": menus},
        "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": preview}},
    }


def serve(folder: Path, port: int, browser: bool) -> None:
    """Run JupyterLab on `folder` in this process, with the demos beside, until it is stopped.

    Settings that a learner made in JupyterLab stay in force.
    """
    try:
        from jupyterlab.labapp import LabApp
    except ImportError as error:
        fail(f"JupyterLab cannot be imported ({error}): reinstall it with `python -m pip install jupyterlab`")
    trust(paths.notebooks())
    os.environ.setdefault("MMATL_LAB_RUNS", str(paths.runs().absolute()))  # the same for notebooks and command line
    os.environ.setdefault(record.VARIABLE, str(folder.absolute() / record.FILE))  # one for notebooks in all folders
    port, demos = free_port(port), free_port(PORT)
    address = f"http://127.0.0.1:{demos}"
    first = min((path.name for path in folder.glob("*.ipynb")), default="")
    with tempfile.TemporaryDirectory() as config:
        Path(config, "overrides.json").write_text(json.dumps(settings(address)), encoding="utf-8")
        options = {
            "ServerApp.root_dir": folder.absolute(),
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": port,
            "ServerApp.open_browser": browser,
            "ServerApp.allow_root": True,  # in a container; a token still guards the server
            "Application.log_level": "WARN",
            "LabApp.app_settings_dir": config,
            "LabApp.extension_manager": "readonly",  # the other one asks a package registry
            "LabApp.default_url": f"/lab/tree/{first}" if first else "/lab",
        }
        os.environ["MMATL_LAB_NOTEBOOKS_AT"] = f"http://127.0.0.1:{port}/lab/tree"  # demos lead back to their lessons
        child = start_demos(demos)
        say(f"Demos: {address}, in a few seconds; in JupyterLab they are under the menu 'Demos'.")
        try:
            LabApp.launch_instance([f"--{name}={value}" for name, value in options.items()])
        finally:
            end_demos(child)
