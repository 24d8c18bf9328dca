import re

import pytest
import torch
from sklearn.linear_model import LogisticRegression

from mmatl_lab.seeding import seeded
from mmatl_lab.tokenizer import Tokenizer, UnknownWordError
from mmatl_lab.world import (
    ANSWERS,
    CAPTION_WORDS,
    QUESTION_TYPES,
    QUESTION_WORDS,
    answer,
    ask,
    blind_ceiling,
    captions,
    sample_scenes,
    scene_of,
)
from mmatl_lab.world.questions import FAVOURITE_COLOUR
from mmatl_lab.world.text import SYNONYMS

from .reading import fitting, objects_of, reply, shortened, told

TOKENIZER = Tokenizer(QUESTION_WORDS)
FIELDS = ("shape", "colour", "size", "motion", "x", "y", "angle", "mask")


@pytest.fixture(scope="module")
def asked():
    return ask(10_000, generator=seeded(0))


@pytest.mark.parametrize("prior", [0.0, 0.7])
def test_every_question_has_an_answer_and_it_is_the_right_one(prior):
    scenes, questions = ask(3_000, prior=prior, generator=seeded(1))
    for i, text in enumerate(TOKENIZER.decode(questions.tokens)):
        assert reply(objects_of(scenes, i), text) == ANSWERS[questions.answer[i]], text


def test_answers_read_from_the_words_agree_with_another_reading_also_where_there_is_none(asked):
    scenes, questions = (asked[0][:2_500], asked[1].tokens[:2_500])
    assert torch.equal(answer(scenes, questions), asked[1].answer[:2_500])
    other = scenes[torch.arange(2_500).roll(1)]
    given = answer(other, questions).tolist()
    expected = [reply(objects_of(other, i), text) for i, text in enumerate(TOKENIZER.decode(questions))]
    assert [None if a < 0 else ANSWERS[a] for a in given] == expected
    assert 0.3 < sum(a < 0 for a in given) / 2_500 < 0.9  # many of these questions are about what is not there


def test_questions_that_people_type():
    scene = scene_of(
        {"shape": "star", "colour": "red", "size": "large", "x": -0.5, "y": 0.5},
        {"shape": "star", "colour": "blue", "x": 0.5, "y": 0.5},
    )

    def reply_to(text):
        index = answer(scene, TOKENIZER.encode(text)).item()
        return None if index < 0 else ANSWERS[index]

    assert reply_to("What colour is the big star?") == "red"
    assert reply_to("How many pentagrams are there?") == "two"
    assert reply_to("is there a azure thing") == "yes"  # a slip of the article
    assert reply_to("is the crimson star to the left of the blue star") == "yes"
    assert reply_to("is the red star above the blue star") is None  # they stand in the same row
    for text in (
        "what colour is the star",  # there are two
        "what colour is the star red",
        "what colour is the red blue star",
        "is the red left of the blue star",
        "what colour is the red star and the blue star",
        "red star",
        "how many",
    ):
        assert reply_to(text) is None, text


@pytest.mark.parametrize("parts", [(60, 40), (1, 99), (100,)])
def test_same_seed_same_data_whatever_the_batch_split(parts):
    whole, questions = ask(100, prior=0.3, generator=seeded(3))
    generator, start = seeded(3), 0
    for n in parts:
        scenes, part = ask(n, prior=0.3, generator=generator)
        rows = slice(start, start + n)
        assert all(torch.equal(getattr(scenes, name), getattr(whole[rows], name)) for name in FIELDS)
        assert all(torch.equal(a, b[rows]) for a, b in zip(part, questions))
        start += n


def test_types_and_answers_are_balanced(asked):
    _, questions = asked
    assert (torch.bincount(questions.type) / 10_000 - 1 / 7).abs().max() < 0.011
    for k, name in enumerate(QUESTION_TYPES):
        share = torch.bincount(questions.answer[questions.type == k], minlength=len(ANSWERS)).double()
        share = share[share > 0] / share.sum()
        assert len(share) == {"count": 5, "colour": 8, "shape": 8}.get(name, 2), name
        assert (share - 1 / len(share)).abs().max() < 0.04, name


def test_the_blind_ceiling_by_hand():
    assert blind_ceiling() == pytest.approx((4 / 2 + 1 / 5 + 2 / 8) / 7)
    assert blind_ceiling(type="count") == pytest.approx(1 / 5)
    assert blind_ceiling(0.8, "colour") == pytest.approx(0.2 / 8 + 0.8)
    assert blind_ceiling(1.0) == 1
    mean = sum(blind_ceiling(0.4, name) for name in QUESTION_TYPES) / 7
    assert blind_ceiling(0.4) == pytest.approx(mean)


@pytest.mark.parametrize("prior", [0.0, 0.5])
def test_models_that_see_only_the_words_approach_the_blind_ceiling_and_never_pass_it(prior):
    _, questions = ask(12_000, prior=prior, generator=seeded(4))
    half = 6_000
    words = torch.zeros(12_000, len(QUESTION_WORDS)).scatter_(1, questions.tokens, 1.0)[:, 1:]
    bigrams = (questions.tokens[:, 1:] * 31 + questions.tokens[:, :-1] * 17) % 97  # and which words follow which
    words = torch.cat([words, torch.zeros(12_000, 97).scatter_(1, bigrams, 1.0)], 1).numpy()
    model = LogisticRegression(C=0.1, tol=0.01).fit(words[:half], questions.answer[:half].numpy())
    right = torch.from_numpy(model.predict(words[half:])) == questions.answer[half:]
    ceiling = blind_ceiling(prior)
    error = (ceiling * (1 - ceiling) / half) ** 0.5
    assert right.double().mean() < ceiling + 3 * error
    assert right.double().mean() > ceiling - (0.03 if prior else 0.02)
    for k, name in enumerate(QUESTION_TYPES):
        of_type = right[questions.type[half:] == k].double()
        ceiling = blind_ceiling(prior, name)
        assert of_type.mean() < ceiling + 4 * (ceiling * (1 - ceiling) / len(of_type)) ** 0.5, name


def test_the_prior_favours_one_answer_for_each_wording():
    _, questions = ask(10_000, prior=0.8, generator=seeded(5))
    texts = TOKENIZER.decode(questions.tokens)
    for name, (factor, value), favourite in (
        ("colour", ("shape", "star"), "yellow"),
        ("shape", ("colour", "yellow"), "star"),
        ("shape", ("colour", "red"), "heart"),
    ):
        of_type = (questions.type == QUESTION_TYPES.index(name)).tolist()
        asked = [i for i, text in enumerate(texts) if of_type[i] and told(subject(text)).get(factor) == value]
        share = sum(ANSWERS[questions.answer[i]] == favourite for i in asked) / len(asked)
        assert share == pytest.approx(0.8 + 0.2 / 8, abs=0.08), (name, value)
    assert (FAVOURITE_COLOUR["star"], FAVOURITE_COLOUR["heart"]) == ("yellow", "red")
    assert sorted(FAVOURITE_COLOUR.values()) == sorted(ANSWERS[7:15])  # so that each colour has its favourite shape
    for name, favourite in (("count", "two"), ("existence", "yes"), ("same", "yes")):
        share = (questions.answer[questions.type == QUESTION_TYPES.index(name)] == ANSWERS.index(favourite)).double()
        assert share.mean() == pytest.approx(blind_ceiling(0.8, name), abs=0.03), name


def subject(text):
    """The description in a question about one object."""
    return re.fullmatch(r"is there (?:an?|any) (.+)|wh.+ the (.+)", text).group(1, 2)[text.startswith("w")]


def test_half_a_description_is_not_enough(asked):
    """Where there is no red star, there is often a red thing or a star."""
    scenes, questions = asked
    near = []
    for i in ((questions.type == 0) & (questions.answer == 0)).nonzero()[:, 0].tolist()[:600]:
        description = subject(TOKENIZER.decode(questions.tokens[i : i + 1])[0])
        if len(told(description)) == 2:
            near.append(any(fitting(objects_of(scenes, i), half) for half in shortened(description)))
    assert sum(near) / len(near) > 0.6


def test_an_objects_number_says_nothing(asked):
    scenes, questions = asked
    first, chance = [], []
    for i in (questions.type == QUESTION_TYPES.index("colour")).nonzero()[:, 0].tolist()[:1_500]:
        objects = objects_of(scenes, i)
        first.append(fitting(objects, subject(TOKENIZER.decode(questions.tokens[i : i + 1])[0])) == [0])
        chance.append(1 / len(objects))
    assert sum(first) == pytest.approx(sum(chance), abs=60)  # three standard errors


def test_scenes_are_of_one_to_four_objects_in_different_quarters(asked):
    scenes, _ = asked
    assert scenes.count.min() == 1 and scenes.count.max() == 4
    cell = scenes.row * 2 + scenes.column
    assert torch.equal(cell.sort(1).values, torch.arange(4).expand(10_000, 4))


def test_words_are_known_and_near_words_are_offered(asked):
    captioned = captions(sample_scenes(100, generator=seeded(6)), generator=seeded(7))
    assert TOKENIZER.decode(captioned) == Tokenizer(CAPTION_WORDS).decode(captioned)  # a caption's tokens mean the same
    assert len(set(QUESTION_WORDS)) == len(QUESTION_WORDS) <= 140
    assert set(ANSWERS) <= set(QUESTION_WORDS)
    texts = TOKENIZER.decode(asked[1].tokens)
    assert torch.equal(TOKENIZER.encode(texts, length=asked[1].tokens.shape[1]), asked[1].tokens)
    places = {"top", "upper", "bottom", "lower"}  # are not asked for
    assert {word for variants in SYNONYMS.values() for word in variants} - places <= set(" ".join(texts).split())
    with pytest.raises(UnknownWordError, match="'circels' .did you mean circles"):
        TOKENIZER.encode("how many circels are there")


def test_bad_arguments_get_a_sentence():
    with pytest.raises(ValueError, match="between 0 and 1, got 1.5"):
        ask(1, prior=1.5, generator=seeded(0))
    with pytest.raises(ValueError, match="between 0 and 1, got -1"):
        blind_ceiling(-1)
    with pytest.raises(ValueError, match="existence, count"):
        blind_ceiling(type="weather")
