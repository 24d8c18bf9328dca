"""The command line: what it prints where, its exit codes, and its sentences for what was asked wrongly."""

import os
import re
import subprocess
import sys

import pytest

from mmatl_lab import __version__, errata
from mmatl_lab.cli import doctor, jupyter

KEYS = ["lesson", "preset", "seconds", "metrics", "controls", "ceilings", "targets"]


def test_help_names_every_command(run):
    answer = run("--help")
    assert answer.code == 0
    for command in ("start", "doctor", "lessons", "train", "tune", "evaluate", "demo", "errata"):
        assert re.search(rf"\b{command}\b", answer.out)


def test_the_version_is_told(run):
    assert run("--version") == (0, f"mmatl-lab {__version__}\n", "")


def test_importing_the_package_and_asking_for_help_imports_nothing_heavy():
    heavy = ["torch", "gradio", "matplotlib", "numpy", "jupyterlab", "lightning_fabric", "sklearn", "umap", "pandas"]
    look = f"import sys; print([name for name in {heavy} if name in sys.modules])"
    for words in ("import mmatl_lab", "import mmatl_lab.cli, mmatl_lab.paths"):
        found = subprocess.run([sys.executable, "-c", f"{words}; {look}"], capture_output=True, text=True, check=True)
        assert found.stdout.strip() == "[]"


def test_importing_the_package_takes_less_than_a_fifth_of_a_second():
    measure = "import time; t = time.perf_counter(); import mmatl_lab; print(time.perf_counter() - t)"
    times = [float(subprocess.check_output([sys.executable, "-c", measure])) for _ in range(3)]
    assert min(times) < 0.2


def test_lessons_are_a_table(run, toy):
    answer = run("lessons")
    assert answer.code == 0
    assert re.search(r"07 +toy +[\d.]+ (s|min) +Toys can be told apart", answer.out)


def test_train_passes_on_what_was_asked_and_shows_the_evaluation(run, toy, tmp_path):
    answer = run("train", "toy", "--preset", "full", "--seed", 3, "--folder", tmp_path, "--resume")
    assert answer.code == 0
    assert toy.recipe.calls == [("train", "full", tmp_path, True, 3, None), ("evaluate", tmp_path)]
    assert "toys told apart" in answer.out and "toy_small is at" in answer.err


def test_train_takes_the_preset_of_the_environment_and_the_folder_of_the_lesson(run, toy, monkeypatch, tmp_path):
    monkeypatch.setenv("MMATL_LAB_PRESET", "quick")
    monkeypatch.setenv("MMATL_LAB_RUNS", str(tmp_path))
    assert run("train", "toy").code == 0
    assert toy.recipe.calls[0] == ("train", "quick", tmp_path / "toy", False, 0, None)


def test_train_passes_on_the_options_of_the_lesson(run, toy, tmp_path):
    answer = run("train", "toy", "--size", "3", "--preset", "full", "--folder", tmp_path, "--colour=red")
    assert answer.code == 0
    assert toy.recipe.calls[0] == ("configured", {"size": "3", "colour": "red"})
    assert toy.recipe.calls[1][:3] == ("train", "full", tmp_path)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--sise", "3"], "training 'toy' takes no option --sise: it has --size"),
        (["--size"], "--size needs a value: give --size VALUE"),
        (["size"], "'size' belongs to no option: give --NAME VALUE"),
        (["--size", "3", "--only", "toy_small"], "--only and --size both say what to train: leave one out"),
    ],
)
def test_options_that_train_does_not_know_are_named(run, toy, words, sentence):
    answer = run("train", "toy", *words)
    assert (answer.code, answer.err) == (2, f"mmatl-lab: {sentence}\n")
    assert not any(call[0] == "train" for call in toy.recipe.calls)


def test_the_preset_of_the_notebooks_trains_nothing(run, toy):
    answer = run("train", "toy", "--preset", "shipped")
    assert answer.code == 2 and toy.recipe.calls == []
    assert answer.err == ("mmatl-lab: the preset 'shipped' is for notebooks and trains nothing: use quick, full, gpu\n")


def test_start_hands_the_preset_to_the_kernels_and_says_how_to_choose(run, toy, monkeypatch, tmp_path):
    served = []
    monkeypatch.setattr(jupyter, "workplace", lambda folder: tmp_path)
    monkeypatch.setattr(jupyter, "serve", lambda *_, **__: served.append(os.environ["MMATL_LAB_PRESET"]))
    monkeypatch.setattr(doctor, "examine", lambda: [doctor.Check("preset", True, os.environ["MMATL_LAB_PRESET"])])
    monkeypatch.setenv("MMATL_LAB_PRESET", "quick")
    assert "begin with the preset quick" in run("start").err
    answer = run("start", "--preset", "shipped")
    assert answer.code == 0 and "begin with the preset shipped" in answer.err
    assert "`mmatl-lab start --preset shipped|quick|full|gpu`" in answer.err
    assert served == ["quick", "shipped"]
    answer = run("start", "--preset", "shiped")
    assert answer.code == 2 and "did you mean 'shipped'?" in answer.err


def test_json_is_one_object_and_the_rest_goes_to_stderr(run, toy, tmp_path):
    for words in (("train", "toy", "--folder", tmp_path, "--json"), ("evaluate", "toy", "--json")):
        answer = run(*words)
        assert answer.code == 0
        assert list(answer.json) == KEYS
        assert answer.json["targets"] == {"accuracy": {"value": 0.9, "at_least": 0.8, "met": True}}
        assert "evaluation talks" in answer.err


def test_one_checkpoint_is_reported_by_its_card_until_all_are_there(run, toy, tmp_path):
    answer = run("train", "toy", "--folder", tmp_path, "--only", "toy_small", "--json")
    assert list(answer.json) == KEYS and answer.json["seconds"] == 2
    assert answer.json["metrics"] == {"toy_small_loss": 0.5, "toy_small_accuracy": 0.75}
    answer = run("train", "toy", "--folder", tmp_path, "--only", "toy_large", "--json")
    assert answer.json["metrics"] == {"accuracy": 0.9}


def test_a_training_that_was_stopped_says_where_and_how_to_go_on(run, toy, tmp_path):
    toy.recipe.steps = 4
    answer = run("train", "toy", "--folder", tmp_path, "--json")
    assert answer.code == 130
    assert "toy_small is not finished: it was stopped at step 4 of 10. The same command with --resume" in answer.err
    assert [call[0] for call in toy.recipe.calls] == ["train"] and answer.json["metrics"]["toy_small_loss"] == 0.5


def test_evaluate_takes_the_shipped_models_or_a_folder(run, toy, tmp_path):
    run("train", "toy", "--folder", tmp_path)
    toy.recipe.calls.clear()
    assert run("evaluate", "toy").code == run("evaluate", "toy", "--folder", tmp_path).code == 0
    assert toy.recipe.calls == [("evaluate", None), ("evaluate", tmp_path)]


def test_evaluate_says_which_models_are_not_finished(run, toy, tmp_path):
    run("train", "toy", "--folder", tmp_path)
    assert "not finished" not in run("evaluate", "toy", "--folder", tmp_path).err
    toy.recipe.steps = 4
    run("train", "toy", "--folder", tmp_path, "--only", "toy_large")
    answer = run("evaluate", "toy", "--folder", tmp_path, "--json")
    assert answer.code == 0 and answer.json["metrics"] == {"accuracy": 0.9}
    assert "Another training of toy_large is not finished: it stopped at step 4 of 10" in answer.err
    assert f"`mmatl-lab train toy --folder {tmp_path} --resume` goes on with it" in answer.err
    assert "toy_small" not in answer.err


def test_errata_are_listed_and_measured(run, monkeypatch):
    entry = errata.Erratum(
        "sign", "survey", "The sign is reversed.", "a-b", "b-a", "numbers", "someone", lambda seed: measured
    )
    measured = errata.Measured({"error": 1.0}, {"error": 0.25}, "Three quarters of the error go.")
    monkeypatch.setattr(errata, "entries", lambda: [entry])
    answer = run("errata")
    assert answer.code == 0 and re.fullmatch(
        r"In the formula survey 'Multi-Modal Learning':\n    sign +The sign is reversed\.\n", answer.out
    )
    answer = run("errata", "sign")
    assert answer.code == 0
    assert "printed     a-b" in answer.out and "right       b-a" in answer.out
    assert re.search(r"error +1 +0\.25\n", answer.out) and answer.out.endswith("Three quarters of the error go.\n")


def test_every_erratum_of_the_ledger_is_listed(run):
    listed = [line for line in run("errata").out.splitlines() if line.startswith(" ")]
    assert [line.split()[0] for line in listed] == [entry.id for entry in errata.entries()]


def test_errata_as_json_are_measured_one_or_all(run, monkeypatch):
    measured = errata.Measured({"error_rate": 1.0}, {"error_rate": 0.25}, "Three quarters of the error go.")
    entries = [
        errata.Erratum(id, "survey", "The sign is reversed.", "a-b", "b-a", "numbers", "someone", lambda seed: measured)
        for id in ("sign", "scale")
    ]
    monkeypatch.setattr(errata, "entries", lambda: entries)
    answer = run("errata", "--json")
    found = answer.json["errata"]
    assert "1 of 2: sign" in answer.err and "2 of 2: scale" in answer.err
    assert [one["id"] for one in found] == ["sign", "scale"]
    assert found[0]["printed"] == {"error_rate": 1.0} and found[0]["labels"] == {"error_rate": "error rate"}
    (one,) = run("errata", "scale", "--json").json["errata"]
    assert one["id"] == "scale" and one["printed_in"] == {"kind": "the formula survey", "title": "Multi-Modal Learning"}


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_lesson_without_models_says_so(run, toy, command):
    toy.trains = False
    sentence = "mmatl-lab: the lesson 'toy' trains nothing: `mmatl-lab start` opens its notebook\n"
    assert run(command, "toy") == (2, "", sentence)
    assert toy.recipe.calls == []


def test_a_lesson_without_models_has_no_minutes(run, toy):
    toy.trains = False
    assert re.search(r"07 +toy +– +Toys can be told apart", run("lessons").out)
    assert run("doctor", "--json").json["minutes"] == {}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["train", "tyo"], "no lesson is called 'tyo': did you mean 'toy'?"),
        (["evaluate", "tyo"], "no lesson is called 'tyo': did you mean 'toy'?"),
        (["demo", "tyo"], "no lesson is called 'tyo': did you mean 'toy'?"),
        (["errata", "clip-one-side"], "no erratum is called 'clip-one-side': did you mean 'clip-one-sided'?"),
        (["train", "toy", "--preset", "quik"], "no preset is called 'quik': did you mean 'quick'?"),
        (["train", "toy", "--only", "toy_smal"], "no checkpoint is called 'toy_smal': did you mean 'toy_small'?"),
    ],
)
def test_an_unknown_name_is_one_sentence_with_the_nearest(run, toy, words, sentence):
    answer = run(*words)
    assert answer.code == 2 and answer.out == ""
    assert answer.err.startswith(f"mmatl-lab: {sentence}") and len(answer.err.splitlines()) == 1
    assert toy.recipe.calls == []


@pytest.mark.parametrize(
    "words", [["trian", "toy"], ["train"], ["train", "toy", "--seed", "x"], ["demo", "--port", "99999"]]
)
def test_a_wrong_command_is_a_usage_error(run, toy, words):
    answer = run(*words)
    assert answer.code == 2 and "Traceback" not in answer.err


@pytest.mark.parametrize("error", [FileNotFoundError("no checkpoint at x: run y"), FloatingPointError("loss is nan")])
def test_what_goes_wrong_on_the_way_is_a_sentence(run, toy, monkeypatch, error):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr(toy.recipe, "evaluate", fails)
    answer = run("evaluate", "toy", "--json")
    assert (answer.code, answer.out, answer.err) == (1, "", f"mmatl-lab: {error}\n")
    monkeypatch.setenv("MMATL_LAB_TRACEBACK", "1")
    with pytest.raises(type(error)):
        run("evaluate", "toy")


def test_only_the_first_process_evaluates_and_prints(run, toy, monkeypatch, tmp_path):
    monkeypatch.setenv("RANK", "1")
    answer = run("train", "toy", "--folder", tmp_path)
    assert answer == (0, "", "")
    assert [call[0] for call in toy.recipe.calls] == ["train"]


def test_a_terminal_without_greek_letters_is_no_error():
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    found = subprocess.run([sys.executable, "-m", "mmatl_lab", "errata"], capture_output=True, env=environment)
    assert found.returncode == 0 and b"?" in found.stdout


def test_any_process_that_fails_says_so(run, toy, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(toy.recipe, "train", lambda *_, **__: (_ for _ in ()).throw(OSError("the disk is full")))
    assert run("train", "toy") == (1, "", "mmatl-lab, process 1: the disk is full\n")


def test_the_module_is_the_command():
    environment = os.environ | {"COLUMNS": "200"}
    found = subprocess.run(
        [sys.executable, "-m", "mmatl_lab", "evaluate", "clpi"], capture_output=True, env=environment
    )
    assert found.returncode == 2 and found.stdout == b""
    assert found.stderr.decode().startswith("mmatl-lab: no lesson is called 'clpi': did you mean 'clip'?")
