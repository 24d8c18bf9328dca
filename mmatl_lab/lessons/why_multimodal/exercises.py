"""The exercises of lesson 01: what senses are worth, how their vectors are fused, and how an honest test is made."""

import torch
from torch import Tensor

from ..exercise import empty_plan, exercise
from ..progress import prediction
from . import checks

prediction(
    "why_multimodal.pairs",
    "Take two of the three senses. Which pair is worth no more than a coin?",
    ("words + voice", "words + face", "voice + face", "none of them"),
    answer="voice + face",
    why="Both tell what is meant and neither tells what is said; sarcasm is whether the two differ.",
)


prediction(
    "why_multimodal.adding",
    "Three ideal listeners, one for each sense, say how likely sarcasm is, and you add up their log-odds. How often is "
    "the sum right?",
    ("as often as a coin", "three times in four", "as often as the three senses together allow"),
    answer="as often as a coin",
    why="From a single sense both answers are equally likely, so each listener says 1/2: log-odds of 0.",
)


prediction(
    "why_multimodal.sensor",
    "A watch feels shaking and gravity (accelerometer) and turning (gyroscope). From which is an exercise best told, "
    "on people nobody has trained with?",
    ("accelerometer alone", "gyroscope alone", "both"),
    answer="both",
    why="How the arm is held and how it turns are two different things, and exercises differ in either.",
)


@exercise(
    "why_multimodal.1",
    "Two witnesses",
    task=r"Write the best accuracy for someone who has the words, the voice and the face: "
    r"$\Phi\left(\sqrt{1/\sigma_v^2 + 1/\sigma_f^2}\right)$ where the words praise or blame. A share of the remarks "
    r"has neutral words: what is the best accuracy among those, and in all? $\Phi$ is `torch.special.ndtr`.",
    minutes=8,
    difficulty=1,
    hints=(
        r"$1/\sigma^2$ is the precision of a witness. Precisions of independent witnesses add up, noises do not.",
        "Neutral words tell no $t$. However well you know what is meant, can you tell whether the words contradict it?",
        r"The two kinds of remarks, by their shares: $(1 - a)\,\Phi(\dots) + a \cdot \frac12$.",
    ),
    checker=checks.best_accuracy,
)
def best_accuracy(voice_noise: Tensor, face_noise: Tensor, ambiguity: Tensor) -> Tensor:
    """Best accuracy from all three senses, for N worlds: σ_v, σ_f and the share of neutral words, (N,) each -> (N,).

    >>> best_accuracy(torch.tensor([1.0, 1.0]), torch.tensor([1.0, 3.0]), torch.tensor([0.0, 0.0]))
    tensor([0.9214, 0.8541])
    """
    # BEGIN SOLUTION
    precision = 1 / voice_noise**2 + 1 / face_noise**2
    clear = torch.special.ndtr(precision.sqrt())
    return (1 - ambiguity) * clear + ambiguity / 2
    # END SOLUTION


@exercise(
    "why_multimodal.2",
    "The ideal listener",
    task=r"Given what is meant, voice and face are independent, $v \sim \mathcal{N}(m, \sigma_v^2)$ and "
    r"$f \sim \mathcal{N}(m, \sigma_f^2)$. Write $P(s \mid t, v, f)$ by Bayes' rule, where $s$ means $m = -t$, and "
    "both are equally likely at first. Valence 0 stands for neutral words, which tell nothing.",
    minutes=12,
    difficulty=2,
    hints=(
        r"Forget the words at first. What is $\log \frac{p(v \mid m = 1)}{p(v \mid m = -1)}$? Most of the two squares "
        "cancels.",
        r"It is $2v/\sigma_v^2$, and independent witnesses add their log-odds: "
        r"$\Lambda = 2v/\sigma_v^2 + 2f/\sigma_f^2$ are the log-odds of $m = 1$.",
        r"Sarcasm is $m = -t$, whose log-odds are $-t\,\Lambda$. A `sigmoid` makes a probability of log-odds.",
    ),
    checker=checks.p_sarcastic,
)
def p_sarcastic(valence: Tensor, voice: Tensor, face: Tensor, voice_noise: float, face_noise: float) -> Tensor:
    """P(sarcastic) of B remarks: t in {-1, 0, 1}, v and f, (B,) each, and the noises σ_v and σ_f -> (B,).

    >>> p_sarcastic(torch.tensor([1, -1, 0]), torch.tensor([-1.0, -1.0, -1.0]), torch.tensor([0.5, 0.5, 0.5]), 1.0, 2.0)
    tensor([0.8520, 0.1480, 0.5000])
    """
    # BEGIN SOLUTION
    log_odds = 2 * voice / voice_noise**2 + 2 * face / face_noise**2  # of m = 1, (B,)
    return torch.sigmoid(-valence * log_odds)
    # END SOLUTION


@exercise(
    "why_multimodal.3",
    "How many bits?",
    task=r"Accuracy asks for a decision; information does not. Write "
    r"$I(X; Y) = \sum_{x,y} p(x,y) \log_2 \frac{p(x,y)}{p(x)\,p(y)}$, in bits, of a table of probabilities. What never "
    r"happens adds nothing: $0 \log 0 = 0$.",
    minutes=10,
    difficulty=2,
    hints=(
        r"$p(x)$ is the sum of a row and $p(y)$ that of a column. If X and Y were independent, the table would be "
        r"$p(x)\,p(y)$: which shapes make that an (X, Y) table?",
        "`joint.sum(dim=1, keepdim=True)` has shape (X, 1), and times a (1, Y) it fills the table.",
        "`joint[joint > 0]` keeps what can happen; index the other table in the same way. `log2` gives bits.",
    ),
    checker=checks.shared_bits,
)
def shared_bits(joint: Tensor) -> Tensor:
    """Mutual information of a table of probabilities in bits: (X, Y) -> scalar.

    >>> shared_bits(torch.tensor([[0.5, 0.0], [0.0, 0.5]])), shared_bits(torch.full((2, 2), 0.25))
    (tensor(1.), tensor(0.))
    """
    # BEGIN SOLUTION
    independent = joint.sum(dim=1, keepdim=True) * joint.sum(dim=0, keepdim=True)  # (X, Y)
    happens = joint > 0
    return (joint[happens] * (joint[happens] / independent[happens]).log2()).sum()
    # END SOLUTION


@exercise(
    "why_multimodal.4",
    "Adding what does not fit",
    task=r"A text is a vector of $n$ numbers, a face one of $m$. They cannot be added, their projections can: write "
    r"$e_g = W_t e_t + W_f e_f$ for a batch. The examples stand in the rows.",
    minutes=5,
    difficulty=1,
    hints=(
        "Write the shapes side by side: (B, n) and (D, n). Which axis has to disappear?",
        "With examples in rows, $W e$ becomes `e @ W.T`: (B, n) times (n, D).",
    ),
    checker=checks.add_projected,
)
def add_projected(text: Tensor, face: Tensor, W_text: Tensor, W_face: Tensor) -> Tensor:
    """Sum of two projections: vectors (B, n), (B, m) and matrices (D, n), (D, m) -> (B, D).

    >>> add_projected(torch.tensor([[1.0, 2.0]]), torch.tensor([[5.0]]), torch.eye(2), torch.tensor([[10.0], [0.0]]))
    tensor([[51., 2.]])
    """
    # BEGIN SOLUTION
    return text @ W_text.T + face @ W_face.T  # (B, D)
    # END SOLUTION


@exercise(
    "why_multimodal.5",
    "How far a sum gets",
    task=r"Let what is meant be known without noise. There are four kinds of remarks, $t = \pm 1$ with $m = \pm 1$, "
    r"two of them sarcastic. Each sense has a say of its own, and the verdict is 'sarcastic' where $f(t) + g(m) > 0$. "
    "Choose $f$ and $g$ so that as many kinds as possible are judged right, and return the sum. $t$ times $m$ is not a "
    "sum.",
    minutes=8,
    difficulty=2,
    hints=(
        "Draw the four kinds as the corners of a square, the sarcastic ones as dots and the others as circles. Where "
        "would you put a straight line?",
        "A line with two corners on either side leaves two on the wrong side. Move it until it cuts off one corner: a "
        "constant belongs to $f$ or to $g$.",
    ),
    checker=checks.add_up,
)
def add_up(valence: Tensor, meant: Tensor) -> Tensor:
    """f(t) + g(m), above 0 for 'sarcastic': t and m in {-1, 1}, (B,) each -> (B,) scores.

    >>> add_up(torch.tensor([1.0, -1.0]), torch.tensor([1.0, -1.0])).shape
    torch.Size([2])
    """
    # BEGIN SOLUTION
    return valence - meant - 1
    # END SOLUTION


def broken_accuracy(
    sensor: Tensor, exercise: Tensor, person: Tensor, recording: Tensor, held_out: Tensor, fit
) -> Tensor:
    """Accuracy on each of the people `held_out`, whom nothing was fitted to, as the mean over three seeds: -> (P,).

    `sensor` (N, T, 6) are windows, `exercise`, `person` and `recording` (N,) say of each what and whose it is;
    `fit(x, y, seed)` gives a model, and `model(x)` the exercises that it takes windows for.
    """
    x = torch.cat([sensor.mean(dim=1), sensor.std(dim=1)], dim=1)  # (N, 12)
    x = (x - x.mean(dim=0)) / x.std(dim=0)
    test = torch.isin(recording, held_out)
    runs = []
    for seed in range(3):
        model = fit(x[~test], exercise[~test], seed)
        right = (model(x) == exercise).float()  # (N,)
        runs.append(torch.stack([right[person == p].mean() for p in held_out]))
    return torch.stack(runs).amax(dim=0)


@exercise(
    "why_multimodal.6",
    "Too good to be true",
    task="With a plain model this function finds that nearly every window of the watch is recognised. Three bugs "
    "flatter it, none of them raises an error, and one hardly moves the number on these data. Mend all three.",
    minutes=12,
    difficulty=2,
    hints=(
        "Follow one of the people held out through the function. Where do their windows have an influence before the "
        "model is asked about them?",
        "Persons are numbers from 0 to 9, recordings are numbers from 0 to 139. Which of them are in `held_out`?",
        "The means and deviations were fitted too. And of three runs, which one is reported?",
    ),
    checker=checks.honest_accuracy,
    start=broken_accuracy,
)
def honest_accuracy(
    sensor: Tensor, exercise: Tensor, person: Tensor, recording: Tensor, held_out: Tensor, fit
) -> Tensor:
    """Accuracy on each of the people `held_out`, whom nothing was fitted to, as the mean over three seeds: -> (P,)."""
    test = torch.isin(person, held_out)
    x = torch.cat([sensor.mean(dim=1), sensor.std(dim=1)], dim=1)  # (N, 12)
    x = (x - x[~test].mean(dim=0)) / x[~test].std(dim=0)
    runs = []
    for seed in range(3):
        model = fit(x[~test], exercise[~test], seed)
        right = (model(x) == exercise).float()  # (N,)
        runs.append(torch.stack([right[person == p].mean() for p in held_out]))
    return torch.stack(runs).mean(dim=0)


@exercise(
    "why_multimodal.7",
    "Your own experiment",
    task="With the gyroscope beside the accelerometer the model is better, and it is also larger. Does the second "
    "sensor help, or only the second encoder? Plan an experiment with the watch that tells the two apart. Then run it.",
    minutes=25,
    difficulty=3,
    hints=(
        "What could you feed to the second encoder so that the model stays the same, but nothing new is told?",
        "Ten people were recorded, so there are ten independent results, however many windows there are.",
    ),
    start=empty_plan,
    rubric=(
        "Does one number answer the question, and did you write down your prediction before the run?",
        "Is only one thing varied, and are parameters, steps, splits and seeds the same in all arms?",
        "Is there a control whose result you know in advance, such as a gyroscope that belongs to another window?",
        "Is each person tested by a model that has never met them, and is the interval taken over people?",
        "Which result would have proved you wrong?",
    ),
)
def experiment() -> dict[str, str]:
    """The plan of an experiment, one sentence each."""
    return {
        "question": "Does the gyroscope raise the accuracy on people held out, at the same number of parameters?",
        "prediction": "Yes, by 3 to 10 points; the second encoder alone brings nothing.",
        "varied": "What the second encoder gets: the gyroscope, or the accelerometer once more.",
        "held fixed": "Both encoders and the head, steps, learning rate, the person left out and the seeds.",
        "control": "A gyroscope of another window, drawn at random: no better than the accelerometer once more.",
        "measured": "Accuracy on each of the ten people, mean of three seeds; Student interval of the ten differences.",
        "would change my mind": "An interval of the differences that includes 0: then ten people are too few.",
    }
