"""BLEU, ROUGE-L, CIDEr-D and METEOR against the packages that define them, on 200 random corpora."""

import math
import random
from itertools import combinations, permutations

import pytest

from mmatl_lab.metrics.caption import CiderD, bleu, cider_d, rouge_l
from mmatl_lab.metrics.caption_meteor import align, meteor
from mmatl_lab.metrics.stem import stem

WORDS = "a an star circle red blue small large above below that is and of left face faces smiling smile".split()


def corpus(seed, num_references=None):
    """Candidates near one of their references, some far from all, of 1 to 12 words."""
    draw = random.Random(seed)
    candidates, references = [], []
    for _ in range(draw.randint(2, 6)):
        many = num_references or draw.randint(1, 4)
        refs = [[draw.choice(WORDS) for _ in range(draw.randint(1, 12))] for _ in range(many)]
        words = [word if draw.random() < 0.8 else draw.choice(WORDS) for word in draw.choice(refs)]
        if draw.random() < 0.2:
            draw.shuffle(words)
        candidates.append(" ".join(words))
        references.append([" ".join(ref) for ref in refs])
    return candidates, references


CORPORA = range(200)


@pytest.mark.parametrize("smoothing", ["none", "exp"])
def test_bleu_is_sacrebleus(smoothing):
    oracle = pytest.importorskip("sacrebleu").metrics.BLEU
    nonzero = 0
    for seed in CORPORA:
        candidates, references = corpus(seed)
        most = max(map(len, references))
        columns = [[refs[k] if k < len(refs) else None for refs in references] for k in range(most)]
        for n in (1, 2, 3, 4):
            judge = oracle(tokenize="none", smooth_method=smoothing, max_ngram_order=n, force=True)
            expected = judge.corpus_score(candidates, columns).score / 100
            assert bleu(candidates, references, max_n=n, smoothing=smoothing) == pytest.approx(expected, abs=1e-6)
            nonzero += expected > 0
    assert nonzero > 400


def test_rouge_l_is_rouge_scores_and_with_one_reference_cocos():
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rougeL"])
    coco = pytest.importorskip("pycocoevalcap.rouge.rouge").Rouge()
    for seed in CORPORA:
        candidates, references = corpus(seed)
        expected = [scorer.score_multi(refs, text)["rougeL"].fmeasure for text, refs in zip(candidates, references)]
        assert rouge_l(candidates, references).tolist() == pytest.approx(expected, abs=1e-6)
        candidates, references = corpus(seed, num_references=1)
        texts = {i: [text] for i, text in enumerate(candidates)}
        expected = coco.compute_score(dict(enumerate(references)), texts)[1]
        assert rouge_l(candidates, references, beta=1.2).tolist() == pytest.approx(expected.tolist(), abs=1e-6)


def test_cider_d_is_cocos():
    cider = pytest.importorskip("pycocoevalcap.cider.cider").Cider()
    for seed in CORPORA:
        candidates, references = corpus(seed)
        mean, each = cider.compute_score(dict(enumerate(references)), {i: [c] for i, c in enumerate(candidates)})
        ours = cider_d(candidates, references)
        assert ours.tolist() == pytest.approx(each.tolist(), abs=1e-6)
        assert ours.mean().item() == pytest.approx(mean, abs=1e-6)


def test_meteor_is_nltks_where_both_define_it():
    """nltk's has other parameters, weights stems fully and penalises one whole chunk, too; its wordnet is left out."""
    judge = pytest.importorskip("nltk.translate.meteor_score").single_meteor_score

    class NoSynonyms:
        def synsets(self, word):
            return []

    class Stemmer:
        def stem(self, word):
            return stem(word)

    parameters = {"alpha": 0.9, "beta": 3.0, "gamma": 0.5}
    compared = 0
    for seed in range(400):
        draw = random.Random(seed)
        ref = draw.sample(WORDS, 8)  # no word twice: one alignment
        words = draw.sample(ref, draw.randint(2, 7)) + draw.sample(WORDS, 1)
        if len({stem(w) for w in ref}) < 8 or len({stem(w) for w in words}) < len(words):
            continue
        expected = judge(ref, words, stemmer=Stemmer(), wordnet=NoSynonyms(), **parameters)
        found = meteor([words], [[ref]], stem_weight=1.0, **parameters).item()
        assert found == pytest.approx(expected, abs=1e-6)
        compared += 1
    assert compared > 100


def test_the_alignment_is_the_best_of_all():
    """The most matches, then the fewest chunks, then the most exact ones, by trying all."""

    def brute(words, ref):
        best = (0, 0, 0)
        for m in range(min(len(words), len(ref)), 0, -1):
            for places in combinations(range(len(words)), m):
                for others in permutations(range(len(ref)), m):
                    pairs = list(zip(places, others))
                    if all(stem(words[i]) == stem(ref[j]) for i, j in pairs):
                        chunks = sum((i - 1, j - 1) not in pairs for i, j in pairs)
                        exact = sum(words[i] == ref[j] for i, j in pairs)
                        best = max(best, (m, -chunks, exact))
            if best[0]:
                break
        return best[2], best[0] - best[2], -best[1]

    draw = random.Random(0)
    for _ in range(150):
        words, ref = ([draw.choice(["a", "face", "faces", "red"]) for _ in range(draw.randint(1, 5))] for _ in range(2))
        assert align(words, ref) == brute(words, ref), (words, ref)


def test_meteor_by_hand():
    exact, stemmed = align("a red face".split(), "a faces red".split())[:2]
    assert (exact, stemmed) == (2, 1)
    p = r = (2 + 0.6) / 3  # in 3 chunks, as no two neighbours stay neighbours
    assert meteor(["a red face"], [["a faces red"]]).item() == pytest.approx((1 - 0.6) * p * r / (0.85 * p + 0.15 * r))
    assert meteor(["a red face", "blue"], [["a red face"], ["green"]]).tolist() == [1.0, 0.0]
    assert meteor(["x"], [["y", "x"]]).item() == 1.0  # the best over the references


def test_stems_are_porters():
    nltk = pytest.importorskip("nltk.stem.porter")
    from mmatl_lab.data.emoji import load_emoji

    oracle = nltk.PorterStemmer(mode=nltk.PorterStemmer.ORIGINAL_ALGORITHM)
    words = {word for concept in load_emoji().words for word in concept} | {"", "s", "relational", "hopping", "agreed"}
    assert [(word, stem(word)) for word in words] == [(word, oracle.stem(word)) for word in words]


@pytest.mark.parametrize("metric", [rouge_l, meteor, cider_d, bleu])
def test_a_copy_is_best_and_nothing_is_worst(metric):
    references = [["a small red circle above a star"], ["a large blue ring in the top left"], ["a heart"]]
    best = metric([refs[0] for refs in references], references)
    worst = metric(["", "", ""], references)
    if metric is bleu:
        assert (best, worst) == (1.0, 0.0)
    else:
        assert (best[:2] >= best.max() - 1e-9).all() and worst.tolist() == [0.0] * 3


def test_bleu_of_a_corpus_is_no_mean_over_its_captions():
    candidates = ["a small red circle above a star", "a b c d e"]
    references = [["a small red circle above a star"], ["v w x y z"]]
    alone = [bleu([text], [refs]) for text, refs in zip(candidates, references)]
    assert alone == [1.0, 0.0]
    p = [math.log((7 - n) / (12 - 2 * n)) for n in range(4)]
    assert bleu(candidates, references) == pytest.approx(math.exp(sum(p) / 4))


def test_bleu_clips_counts_and_punishes_what_is_too_short():
    assert bleu(["the the the the the the the"], [["the cat is on the mat"]], max_n=1) == pytest.approx(2 / 7)
    assert bleu(["a b"], [["a b c d"]], max_n=1) == pytest.approx(math.exp(1 - 4 / 2))


def test_the_idf_of_a_corpus_can_be_kept():
    candidates, references = corpus(3)
    judge = CiderD(references)
    for text, refs, expected in zip(candidates, references, cider_d(candidates, references)):
        assert judge([text], [refs]).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("metric", [bleu, rouge_l, meteor, cider_d])
@pytest.mark.parametrize(
    ("candidates", "references", "message"),
    [
        (["a"], [], "1 candidates and 0 sets"),
        ([], [], "0 candidates"),
        (["a", "b"], [["a"], []], "a reference is empty"),
        (["a", "b"], [["a"], [" "]], "a reference is empty"),
        (["a", "b"], ["a", "b"], "expected a list of references"),
    ],
)
def test_bad_input_gets_a_sentence(metric, candidates, references, message):
    if metric is cider_d and len(references) < 2:
        message = "2 pictures or more"
    with pytest.raises(ValueError, match=message):
        metric(candidates, references)


def test_other_bad_input():
    with pytest.raises(ValueError, match="put it in a list"):
        bleu("a", [["a"]])
    with pytest.raises(ValueError, match="'none' or 'exp', got 'add'"):
        bleu(["a"], [["a"]], smoothing="add")
    with pytest.raises(ValueError, match="max_n must be at least 1, got 0"):
        bleu(["a"], [["a"]], max_n=0)
