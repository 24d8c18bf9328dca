"""Real art, indexes, and the figures of the notebook."""

import builtins

import pytest

from mmatl_lab.lessons.retrieval import dials, figures, index, real, speed
from mmatl_lab.lessons.retrieval.index import Exact, Faiss, clustered_vectors, overlap
from mmatl_lab.seeding import seeded


@pytest.fixture(scope="module")
def data():
    return clustered_vectors(2_000, generator=seeded(1)), clustered_vectors(40, generator=seeded(2))


@pytest.mark.parametrize("kind", index.KINDS)
def test_more_effort_finds_more_and_exact_finds_all(data, kind):
    pytest.importorskip("faiss")
    keys, queries = data
    exact, built = Exact(keys).search(queries).indices, Faiss(keys, kind, effort=1)
    few = overlap(built.search(queries).indices, exact)
    built.effort = 64
    many = overlap(built.search(queries).indices, exact)
    assert few <= many and many > (0.6 if kind == "codes" else 0.95)
    assert (few == 1) == (kind == "exact")
    assert built.bytes < 2 * Exact(keys).bytes + 2_000 * 4 * 80


def test_codes_take_a_fraction_of_the_memory(data):
    pytest.importorskip("faiss")
    keys = data[0].repeat(2, 1)
    assert Faiss(keys, "codes").bytes < Exact(keys).bytes / 3


def test_without_faiss_there_is_a_sentence_and_exact_search_works(data, monkeypatch):
    real_import = builtins.__import__

    def missing(name, *args, **kwargs):
        if name == "faiss":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match=r"install it with `pip install 'mmatl-lab\[search\]'`, or use Exact"):
        Faiss(data[0])
    assert Exact(data[0]).search(data[1], 3).indices.shape == (40, 3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda keys: Faiss(keys, "tree"), "kind is one of exact, cells, graph, codes, got 'tree'"),
        (lambda keys: Faiss(keys, effort=0), "effort counts cells or candidates, got 0"),
        (lambda keys: Faiss(keys[:100], "codes"), "for codes at least 256 of them"),
        (lambda keys: Exact(keys).search(keys, 5_000), "K counts the nearest of 2000 keys"),
    ],
)
def test_bad_input_is_one_sentence(data, call, words):
    pytest.importorskip("faiss")
    with pytest.raises(ValueError, match=words):
        call(data[0])


def test_what_was_measured_has_exact_search_at_recall_one_and_all_sizes():
    frame = speed.results()
    assert set(frame["n"]) == set(speed.SIZES) and (frame["per_second"] > 0).all()
    assert frame[frame["kind"].isin(["torch", "exact"])]["recall"].min() > 0.995
    figure, alt = figures.speed(frame)
    assert len(figure.axes) == 3 and "1,000,000 vectors" in alt


def test_each_style_is_a_right_answer_and_its_own_picture_is_no_key():
    search = real.emoji_search()
    assert search.keys.shape[0] == 4 * len(search.queries) and (search.ids[1] == 0).sum() == 4
    styles = real.style_search("noto")
    assert len(styles.keys) == 3 * len(styles.queries)
    assert (styles.queries @ styles.keys.T).max() < 0.9999


def test_keywords_have_the_pictures_that_are_called_so_and_beat_their_control():
    search, (pictures, _) = real.keywords(), real.clipart()
    for word, row in list(zip(search.words, search.relevant))[::25]:
        assert [word in words for words in pictures.words] == row.tolist()
        assert real.LEAST <= row.sum() <= real.MOST
    found, control = (real.keyword_scores(search, shuffled=s)["average_precision"].mean() for s in (False, True))
    assert found > 2 * control


def test_hubs_come_with_the_dimension_on_the_dial():
    rows = [dials.row(dims) for dims in (2, 64)]
    assert float(rows[0][1]) < 0.5 < 1 < float(rows[1][1])
    assert figures.random_counts(8).sum() == 10_000
    figure, alt = figures.occurrences({"2": figures.random_counts(2)}, "Counts")
    assert "skewness" in alt and len(figure.axes) == 1


def test_the_matrix_is_drawn_with_the_multiples_of_chance():
    table = {("text", "audio"): [0.019, 0.021], ("audio", "text"): [0.015, 0.015]}
    figure, alt = figures.recall_matrix(table, "R@1")
    assert "text to audio 20" in alt and "20" in [text.get_text() for text in figure.axes[0].texts]
