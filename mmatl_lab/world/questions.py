r"""Questions about scenes: seven types, with computed answers, exactly balanced or with a language prior.

The question is drawn first, then its answer, then a scene in which this answer is true and the question well-posed:
whatever it speaks of in the singular is there exactly once. So the answers' distribution given all words $q$ is known,

$$ P(a \mid q) = (1 - \pi)\,\frac{1}{n(q)} + \pi\,[a = \text{favourite}(q)], $$

with $n$ possible answers and the ``prior`` $\pi$: at 0 the words say nothing, at 1 they say everything. It imitates
what made the first VQA data set answerable without its pictures: whoever said "yes" to every "do you see a ..." was
87 % right, and "2" was the answer to 39 % of the "how many ..." (Goyal et al. 2017, arXiv:1612.00837).

===========  ==============================================  ======================================
type         example                                         answer
===========  ==============================================  ======================================
existence    is there a red star                             yes if one fits or several
count        how many small circles are there                from zero to four
colour       what colour is the star                         one of eight
shape        what shape is the large red object              one of eight
comparison   is the star larger than the ring                no if both are of one size
relation     is the star left of the blue ring               no means that it is right of it
same         are the star and the ring the same colour       likewise size and shape
===========  ==============================================  ======================================
"""

from typing import NamedTuple

import torch
from torch import Tensor

from .phrases import ATTRIBUTES, KINDS, SUBSETS, WORDING, Grammar, Phrase, attributes, draw, matches
from .scene import COLOURS, GRID, MAX_OBJECTS, SHAPES, SIZES, Scenes, arrange

QUESTION_TYPES = ("existence", "count", "colour", "shape", "comparison", "relation", "same")
COUNTS = ("zero", "one", "two", "three", "four")
ANSWERS = ("no", "yes", *COUNTS, *COLOURS, *SHAPES)
FAVOURITE_COLOUR = {  # what the language prior says of each shape's colour, and backwards of each colour's shape
    "circle": "orange",
    "square": "blue",
    "triangle": "green",
    "star": "yellow",
    "heart": "red",
    "cross": "purple",
    "ring": "pink",
    "crescent": "white",
}
_TEMPLATES = {  # type, and what exactly is asked where it is one of several
    "existence": ("is there {a} {1}", "is there any {1}"),
    "count": ("how many {1s} are there", "how many {1s} are in the picture"),
    "colour": ("what colour is the {1}", "what is the colour of the {1}"),
    "shape": ("what shape is the {1}", "what is the shape of the {1}"),
    "comparison larger": (
        "is the {1} larger than the {2}",
        "is the {1} bigger than the {2}",
        "does the {1} have a larger size than the {2}",
    ),
    "comparison smaller": ("is the {1} smaller than the {2}", "does the {1} have a smaller size than the {2}"),
    "relation left": ("is the {1} left of the {2}", "is the {1} to the left of the {2}"),
    "relation right": ("is the {1} right of the {2}", "is the {1} to the right of the {2}"),
    "relation above": ("is the {1} above the {2}", "is the {1} over the {2}"),
    "relation below": ("is the {1} below the {2}", "is the {1} under the {2}"),
    "same size": ("are the {1} and the {2} the same size", "is the {1} the same size as the {2}"),
    "same colour": ("are the {1} and the {2} the same colour", "is the {1} the same colour as the {2}"),
    "same shape": ("are the {1} and the {2} the same shape", "is the {1} the same shape as the {2}"),
}
_GRAMMAR = Grammar(*_TEMPLATES.values())
_PLAN = [(*name.split(), "")[:2] for name in _TEMPLATES]  # (type, what exactly) of each template
_TYPE = torch.tensor([QUESTION_TYPES.index(kind) for kind, _ in _PLAN])
_SPAN = {"count": (2, 5), "colour": (7, 8), "shape": (15, 8)}  # first answer and number of answers; else no and yes
_FIRST, _NUMBER = torch.tensor([_SPAN.get(kind, (0, 2)) for kind in QUESTION_TYPES]).T


class Questions(NamedTuple):
    """Questions, one for each scene of a batch."""

    tokens: Tensor  # (B, L) int64, places in QUESTION_WORDS, 0 after the last word
    answer: Tensor  # (B,) int64, places in ANSWERS
    type: Tensor  # (B,) int64, places in QUESTION_TYPES


def _forms() -> tuple[Tensor, Tensor, Tensor]:
    """Every template with every set of attributes that may describe its objects, sorted by type.

    Returns:
        The template (F,), the attributes told (F, 3), and the number of forms of each type.
    """
    rows = []
    for template, (kind, detail) in enumerate(_PLAN):
        asked = {"comparison": "size", "same": detail}.get(kind, kind)  # what is asked for is not told
        needed = {"colour": "shape", "shape": "colour"}.get(kind)  # what the favourite answer depends on
        for told in SUBSETS[1:].tolist():
            names = [name for name, there in zip(ATTRIBUTES, told) if there]
            if asked not in names and (needed is None or needed in names):
                rows.append((template, told))
    template = torch.tensor([row[0] for row in rows])
    return template, torch.tensor([row[1] for row in rows]), torch.bincount(_TYPE[template])


def _allowed_pairs() -> tuple[Tensor, Tensor]:
    """The attribute that each template asks about, (13,), -1 for none, and its values that make an answer true.

    Returns:
        (13, 8, 64) bool: with this template and answer the two objects may have the values 8 * v + w. Where one object
        is asked about, w is free.
    """
    v, w = torch.arange(8).repeat_interleave(8), torch.arange(8).repeat(8)
    asked, allowed = [], []
    for kind, detail in _PLAN:
        name = {"comparison": "size", "same": detail}.get(kind, kind)
        asked.append(ATTRIBUTES.index(name) if name in ATTRIBUTES else -1)
        known = (v < len(SIZES)) & (w < len(SIZES)) if name == "size" else torch.ones_like(v, dtype=torch.bool)
        truth = {"larger": v > w, "smaller": v < w}.get(detail, v == w).long() if detail else v
        allowed.append(torch.stack([known & (truth == answer) for answer in range(8)]))
    return torch.tensor(asked), torch.stack(allowed)


def _allowed_quarters() -> tuple[Tensor, Tensor]:
    """All 24 ways (24, 4) to put four objects into the quarters, and which of them make an answer true: (13, 8, 24)."""
    quarters = torch.cartesian_prod(*[torch.arange(GRID * GRID)] * MAX_OBJECTS)
    quarters = quarters[(quarters.sort(1).values == torch.arange(MAX_OBJECTS)).all(1)]
    row, column = quarters // GRID, quarters % GRID
    right, below = column[:, 0] - column[:, 1], row[:, 0] - row[:, 1]  # 0 where neither answer would be right
    further = {"left": -right, "right": right, "above": -below, "below": below}
    allowed = torch.ones(len(_PLAN), 8, len(quarters), dtype=torch.bool)
    for template, (kind, detail) in enumerate(_PLAN):
        if kind == "relation":
            allowed[template, 0], allowed[template, 1] = further[detail] < 0, further[detail] > 0
    return quarters, allowed


_FORM_TEMPLATE, _FORM_TOLD, _NUM_FORMS = _forms()
_ASKED, _PAIRS = _allowed_pairs()
_QUARTERS, _PLACES = _allowed_quarters()
_NEAR = 4  # weight of a kind that shares something with a description that does not fit it; 1 for the rest
_UNIFORMS = 10 + WORDING + MAX_OBJECTS * (1 + 4 + 1)


def ask(
    n: int, *, prior: float = 0.0, generator: torch.Generator, device: torch.device | str = "cpu"
) -> tuple[Scenes, Questions]:
    """Draw ``n`` questions of all types in equal shares, each with a scene of one to four objects.

    Args:
        prior: in [0, 1], how far an answer can be told from the question's words (see ``blind_ceiling``). A favourite
            depends on the shape or colour that is named for "what colour" and "what shape" (FAVOURITE_COLOUR); it is
            "two" for "how many" and "yes" for the rest.
        generator: a CPU generator (``seeded``); a question uses up the same count of numbers whatever it is.

    Among the other objects, kinds that share a told attribute with what is asked about, and differ in another, are four
    times as likely as the rest, so that a model which looks for red things and for stars is not right about red stars.

    Raises:
        ValueError: a prior outside [0, 1], or a generator that is not on the CPU.
    """
    _check_prior(prior)
    if generator.device.type != "cpu":
        raise ValueError("generator must be a CPU generator (see seeded), so that a seed means the same on any device.")
    u, wording, kinds, order, placing = torch.rand(n, _UNIFORMS, generator=generator).split(
        [10, WORDING, MAX_OBJECTS, MAX_OBJECTS, 4 * MAX_OBJECTS], 1
    )
    u = u.T

    # The question.
    type = (u[0] * len(QUESTION_TYPES)).long()
    form = (_NUM_FORMS.cumsum(0) - _NUM_FORMS)[type] + (u[1] * _NUM_FORMS[type]).long()
    template, told = _FORM_TEMPLATE[form], _FORM_TOLD[form]
    first = torch.where(told, KINDS[(u[2] * len(KINDS)).long()], -1)  # (B, 3)
    second = torch.where(told, KINDS[draw(~matches(KINDS, first), u[3])], -1)  # told alike, but not the same
    pair = type >= QUESTION_TYPES.index("comparison")
    phrase = Phrase(template, first, torch.where(pair[:, None], second, -1))

    # Its answer, counted from the first of its type.
    answer = torch.where(u[4] < prior, _favourite(type, first), (u[5] * _NUMBER[type]).long())

    # The scene: how many objects, how many of them fit the first description, what they are and where they stand.
    count, existence = (type == QUESTION_TYPES.index(name) for name in ("count", "existence"))
    least = torch.where(count, answer.clamp(min=1), torch.where(existence, 1, 2))
    num_objects = least + (u[6] * (MAX_OBJECTS + 1 - least)).long()
    fitting = torch.where(existence, answer * (1 + (u[7] * num_objects).long()), torch.where(count, answer, 1))

    objects = _objects(phrase, answer, fitting, u[8], kinds)
    mask = torch.arange(MAX_OBJECTS) < num_objects[:, None]
    order = torch.where(mask, order, 2.0).argsort(dim=1, stable=True)  # so that an object's number says nothing
    size, colour, shape = objects.gather(1, order[..., None].expand(-1, -1, 3)).unbind(-1)  # (B, 4)
    cell = _QUARTERS[draw(_PLACES[template, answer], u[9])].gather(1, order)
    placing = placing.view(n, MAX_OBJECTS, 4)
    scenes = arrange(shape=shape, colour=colour, size=size, cell=cell, mask=mask, u=placing)
    questions = Questions(_GRAMMAR.write(phrase, wording), _FIRST[type] + answer, type)
    return scenes.to(device), Questions(*(t.to(device) for t in questions))


def _objects(phrase: Phrase, answer: Tensor, fitting: Tensor, u: Tensor, kinds: Tensor) -> Tensor:
    """(B, 4, 3) sizes, colours and shapes that make the answer true.

    The first ``fitting`` objects fit the first description; in a question about two, the second fits the second; the
    rest fits neither. The uniform numbers (B,) and (B, 4) choose among the 192 kinds that are left to each.
    """
    template, first, second = phrase
    pair = _TYPE[template] >= QUESTION_TYPES.index("comparison")
    fits_first, fits_second = matches(KINDS, first), matches(KINDS, second) & pair[:, None]  # (B, 192)
    near = (KINDS == first[:, None]).any(-1) | (KINDS == second[:, None]).any(-1)
    others = (1 + (_NEAR - 1) * near.int()) * ~(fits_first | fits_second)

    asked, value = _ASKED[template], draw(_PAIRS[template, answer], u)
    free = (asked < 0)[:, None]
    fits_first &= free | (KINDS.T[asked] == (value // 8)[:, None])
    fits_second &= free | (KINDS.T[asked] == (value % 8)[:, None])
    objects = []
    for k in range(MAX_OBJECTS):
        weights = torch.where((k < fitting)[:, None], fits_first, others)
        if k == 1:
            weights = torch.where(pair[:, None], fits_second, weights)
        objects.append(KINDS[draw(weights, kinds[:, k])])
    return torch.stack(objects, 1)


def _favourite(type: Tensor, first: Tensor) -> Tensor:
    """(B,) the answer that the language prior favours, counted from the first of its type."""
    colour = torch.tensor([COLOURS.index(FAVOURITE_COLOUR[name]) for name in SHAPES])
    favourite = torch.where(type == QUESTION_TYPES.index("count"), COUNTS.index("two"), 1)
    favourite = torch.where(type == QUESTION_TYPES.index("colour"), colour[first[:, 2]], favourite)
    return torch.where(type == QUESTION_TYPES.index("shape"), colour.argsort()[first[:, 1]], favourite)


def answer(scenes: Scenes, tokens: Tensor) -> Tensor:
    """(B,) int64 answers to (B, L) questions, read from the words and computed from the objects; places in ANSWERS.

    -1 where there is no answer: words that are no question of this grammar, "the star" where there is none or several,
    "left of" for two objects of the same column.
    """
    template, first, second = _GRAMMAR.read(tokens)
    objects = torch.cat([attributes(scenes), scenes.column[..., None], scenes.row[..., None]], -1)  # (B, K, 5)
    fits = [matches(objects[..., :3], description) & scenes.mask for description in (first, second)]
    rows = torch.arange(len(scenes), device=scenes.device)
    one, two = (objects[rows, fit.long().argmax(1)].T for fit in fits)  # (5, B) of the first object that fits
    always = torch.ones_like(template, dtype=torch.bool)
    single = fits[0].sum(1) == 1
    pair = single & (fits[1].sum(1) == 1) & (fits[0] != fits[1]).any(1)
    beside, stacked = pair & (one[3] != two[3]), pair & (one[4] != two[4])
    answers = {  # and where there is one
        "existence": (fits[0].any(1), always),
        "count": (fits[0].sum(1), always),
        "colour": (one[1], single),
        "shape": (one[2], single),
        "comparison larger": (one[0] > two[0], pair),
        "comparison smaller": (one[0] < two[0], pair),
        "relation left": (one[3] < two[3], beside),
        "relation right": (one[3] > two[3], beside),
        "relation above": (one[4] < two[4], stacked),
        "relation below": (one[4] > two[4], stacked),
        "same size": (one[0] == two[0], pair),
        "same colour": (one[1] == two[1], pair),
        "same shape": (one[2] == two[2], pair),
    }
    value, posed = (torch.stack([answers[name][i].long() for name in _TEMPLATES])[template, rows] for i in range(2))
    first_answer = _FIRST.to(scenes.device)[_TYPE.to(scenes.device)[template]]
    return torch.where((template >= 0) & (posed > 0), first_answer + value, -1)


def blind_ceiling(prior: float = 0.0, type: str | None = None) -> float:
    """The best accuracy that is possible from the question's words alone: exact, the mean of max_a P(a | q).

    That is (1 - prior) / n + prior with n possible answers; for all types, the mean over them.

    >>> round(blind_ceiling(), 2), blind_ceiling(0.5, "colour")
    (0.35, 0.5625)

    Raises:
        ValueError: a prior outside [0, 1], or an unknown type; the known ones are named.
    """
    _check_prior(prior)
    if type is not None and type not in QUESTION_TYPES:
        raise ValueError(f"type must be one of {', '.join(QUESTION_TYPES)}; got {type!r}.")
    numbers = _NUMBER.double() if type is None else _NUMBER[[QUESTION_TYPES.index(type)]].double()
    return ((1 - prior) / numbers + prior).mean().item()


def _check_prior(prior: float) -> None:
    if not 0 <= prior <= 1:
        raise ValueError(f"prior must lie between 0 and 1, got {prior}.")
