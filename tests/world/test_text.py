import pytest
import torch

from mmatl_lab.seeding import seeded
from mmatl_lab.tokenizer import Tokenizer, UnknownWordError
from mmatl_lab.world import CAPTION_WORDS, captions, describe, sample_scenes, scene_of

from .reading import PLAIN, is_true, objects_of, parse


@pytest.mark.parametrize("varied", [False, True])
def test_captions_tell_the_truth(varied):
    scenes = sample_scenes(1_500, generator=seeded(0))
    texts = Tokenizer(CAPTION_WORDS).decode(captions(scenes, generator=seeded(1) if varied else None))
    for i, text in enumerate(texts):
        assert is_true(objects_of(scenes, i), parse(text)), text


def test_articles_agree_and_variants_all_occur():
    texts = Tokenizer(CAPTION_WORDS).decode(captions(sample_scenes(4_000, generator=seeded(2)), generator=seeded(3)))
    words = " ".join(texts).split()
    for article, following in zip(words, words[1:]):
        if article in ("a", "an"):
            assert (following[0] in "aeiou") == (article == "an")
    assert set(PLAIN) <= set(words)
    assert all(any(f" {joint} " in text for text in texts) for joint in ("above", "under", "left of", "that is", "and"))


def test_same_seed_same_captions_whatever_the_split_and_plain_captions_are_canonical():
    scenes = sample_scenes(50, generator=seeded(4))
    whole = captions(scenes, generator=seeded(5))
    generator = seeded(5)
    parts = torch.cat([captions(scenes[:20], generator=generator), captions(scenes[20:], generator=generator)])
    assert torch.equal(whole, parts)
    singles = sample_scenes(3_000, 1, generator=seeded(6))
    text = Tokenizer(CAPTION_WORDS).decode(captions(singles))
    assert len(set(text)) == len(set(singles.caption_class.tolist()))


def test_encode_decode_round_trip():
    tokenizer = Tokenizer(CAPTION_WORDS)
    texts = tokenizer.decode(captions(sample_scenes(300, generator=seeded(7)), generator=seeded(8)))
    tokens = tokenizer.encode(texts)
    assert tokenizer.decode(tokens) == texts
    assert tokens.shape == (300, max(len(t.split()) for t in texts))
    assert torch.equal(tokenizer.encode("A Small, RED circle!"), tokenizer.encode("a small red circle"))
    assert tokenizer.encode("red", length=5).shape == (1, 5)


def test_vocabulary_has_no_doubles_and_is_about_120_words():
    words = Tokenizer(CAPTION_WORDS).words
    assert len(set(words)) == len(words) and 100 <= len(words) <= 140 and words[0] == ""


def test_unknown_words_get_the_nearest_known_ones():
    with pytest.raises(UnknownWordError, match="^unknown word: 'elephant'; this model knows"):
        Tokenizer(CAPTION_WORDS).encode("an elephant")  # no word is near it
    with pytest.raises(UnknownWordError, match="'crimsn'.*did you mean crimson") as error:
        Tokenizer(CAPTION_WORDS).encode("a crimsn circle")
    assert "\n" not in str(error.value)
    with pytest.raises(UnknownWordError, match="and 2 more"):
        Tokenizer(CAPTION_WORDS).encode("qqq www xxx yyy zzz")
    with pytest.raises(ValueError, match="empty"):
        Tokenizer(CAPTION_WORDS).encode(" ,. ")
    with pytest.raises(ValueError, match="3 words here, got 4"):
        Tokenizer(CAPTION_WORDS).encode("a small red circle", length=3)
    with pytest.raises(TypeError, match="int"):
        Tokenizer(CAPTION_WORDS).encode([3])


def test_in_a_notebook_an_unknown_word_is_answered_with_a_sentence_and_no_traceback(capsys):
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    result = shell.run_cell(
        "from mmatl_lab.tokenizer import Tokenizer\nTokenizer(['', 'crimson', 'star']).encode('crimsn star')"
    )
    shown = "".join(capsys.readouterr())
    assert isinstance(result.error_in_exec, UnknownWordError)
    assert "did you mean crimson" in shown and "Traceback" not in shown and "tokenizer.py" not in shown


def test_scene_of_is_described():
    assert describe(scene_of({"shape": "star", "colour": "orange", "size": "large", "x": 0.6, "y": -0.6})) == [
        "a large orange star in the bottom right"
    ]
