"""The exercises of the CLIP lesson: from filling in a formula to designing an experiment."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..exercise import empty_plan, exercise
from ..progress import prediction
from . import checks

prediction(
    "clip.one-sided",
    "You keep the texts' vectors fixed and train the images with the first half of the loss alone, until every image "
    "finds its text. How many of the texts find their image?",
    ("all of them", "nearly all of them", "about half of them"),
    answer="about half of them",
    why="Each image's softmax forgives it a similarity that it has to all texts, so a few images win most of them. "
    "Texts that learn too make up for a part of it.",
)


prediction(
    "clip.ablation",
    "Every training picture is changed at random. Which change does OpenMoji, a style of thin outlines, need most?",
    ("line drawings", "other colours", "coloured backgrounds", "fewer words"),
    answer="line drawings",
    why="Drawings make the seen styles look like the new one; colours and backgrounds are not what sets it apart.",
)


@exercise(
    "clip.1",
    "Every image with every text",
    task=r"Write the matrix of cosines $S_{ij} = \frac{u_i \cdot v_j}{\|u_i\|\,\|v_j\|}$. The vectors come from the "
    "encoders, so their lengths are arbitrary, and there may be more texts than images.",
    minutes=5,
    difficulty=1,
    hints=(
        "A cosine is a dot product of vectors of length 1. Which axis holds the numbers of *one* picture?",
        "`x.norm(dim=1, keepdim=True)` has shape (B, 1), so `x / ...` divides each row by its own length.",
        "With unit rows, all dot products at once are one matrix product: `image @ text.T`.",
    ),
    checker=checks.similarity_matrix,
)
def similarity_matrix(image: Tensor, text: Tensor) -> Tensor:
    """Cosine of every image with every text: (B, D) and (C, D) -> (B, C).

    >>> similarity_matrix(torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 0.0], [0.0, 5.0]]))
    tensor([[0.6000, 0.8000]])
    """
    # BEGIN SOLUTION
    image = image / image.norm(dim=1, keepdim=True)
    text = text / text.norm(dim=1, keepdim=True)
    return image @ text.T  # (B, C)
    # END SOLUTION


@exercise(
    "clip.2",
    "The loss, in both directions",
    task=r"Row $i$ of `image` belongs to row $i$ of `text`, both have unit length. Divide the similarities by $\tau$, "
    "classify the text of each image and the image of each text, and take the mean of both cross-entropies. It has to "
    r"stay finite at $\tau = .005$.",
    minutes=10,
    difficulty=2,
    hints=(
        "Row $i$ of the logits is a classification with B classes; its right class is $i$. What are the columns?",
        "`F.cross_entropy(logits, target)` takes logits, not probabilities, and `target` holds the right columns.",
        "`logits.T` turns the columns into rows. `exp(1/.005)` is larger than the largest float32, so leave the "
        "exponentials to `F.cross_entropy`, `log_softmax` or `logsumexp`.",
    ),
    checker=checks.contrastive_loss,
)
def contrastive_loss(image: Tensor, text: Tensor, temperature: float) -> Tensor:
    """The contrastive loss of B pairs of unit vectors: (B, D), (B, D) -> scalar.

    >>> pairs = torch.eye(2)
    >>> contrastive_loss(pairs, pairs, 1.0)
    tensor(0.3133)
    """
    # BEGIN SOLUTION
    logits = image @ text.T / temperature  # (B, B)
    target = torch.arange(len(image), device=image.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
    # END SOLUTION


@exercise(
    "clip.3",
    "Two pictures, one caption",
    task="Two pictures in a batch can have the same caption. The loss would push each from a text that is right "
    "for it. Return the logits with these false negatives at −∞, each picture's own caption kept.",
    minutes=8,
    difficulty=2,
    hints=(
        "Captions are rows of tokens. Two captions are equal when *all* their tokens are.",
        "`tokens[:, None] == tokens[None, :]` has shape (B, B, L).",
        "Every caption equals itself, and the diagonal holds the right pairs: leave `torch.eye(B).bool()` alone.",
    ),
    checker=checks.mask_false_negatives,
)
def mask_false_negatives(logits: Tensor, tokens: Tensor) -> Tensor:
    """Logits without the pairs that only look wrong: (B, B), (B, L) tokens -> (B, B).

    >>> mask_false_negatives(torch.ones(3, 3), torch.tensor([[4, 7], [4, 7], [7, 4]]))
    tensor([[1., -inf, 1.],
            [-inf, 1., 1.],
            [1., 1., 1.]])
    """
    # BEGIN SOLUTION
    same = (tokens[:, None] == tokens[None, :]).all(dim=-1)  # (B, B)
    own = torch.eye(len(tokens), dtype=torch.bool, device=tokens.device)
    return logits.masked_fill(same & ~own, -torch.inf)
    # END SOLUTION


@exercise(
    "clip.4",
    "A classifier made of sentences",
    task="For each of C classes you have the text vectors of T templates ('a photo of a …', 'a drawing of a …'), not "
    "yet normalised. Make one vector of length 1 per class in which every template counts the same.",
    minutes=8,
    difficulty=1,
    hints=(
        "If one template's vector is three times longer, its say in the mean is three times larger. What comes first?",
        "The mean of unit vectors is shorter than 1 unless all are equal. What comes last?",
        "`F.normalize(x, dim=-1)`, then the mean over the axis of the templates, then `F.normalize` again.",
    ),
    checker=checks.class_vectors,
)
def class_vectors(prompts: Tensor) -> Tensor:
    """One unit vector per class from its prompts: (C, T, D) -> (C, D).

    >>> class_vectors(torch.tensor([[[3.0, 0.0], [0.0, 1.0]]]))
    tensor([[0.7071, 0.7071]])
    """
    # BEGIN SOLUTION
    prompts = F.normalize(prompts, dim=-1)
    return F.normalize(prompts.mean(dim=1), dim=-1)  # (C, D)
    # END SOLUTION


@exercise(
    "clip.5",
    "Recall at K, honestly",
    task="A query counts when at least one of its right keys is among its K most similar. Some queries have several "
    "right keys, and a tie with a wrong key counts as lost, so that embeddings that are all equal win nothing.",
    minutes=10,
    difficulty=2,
    hints=(
        "Only the best right key of each query matters: `similarity.masked_fill(~relevant, -torch.inf)` leaves the "
        "right ones.",
        "Its rank, counted from 0, is the number of *wrong* keys that stand before it.",
        "A wrong key that is exactly as similar stands before it: compare with `>=`. The query counts when rank < k.",
    ),
    checker=checks.recall_at_k,
)
def recall_at_k(similarity: Tensor, relevant: Tensor, k: int) -> float:
    """Share of queries answered among their K nearest: (N, M) similarities, (N, M) booleans -> number in [0, 1].

    >>> similarity = torch.tensor([[0.9, 0.5, 0.1], [0.4, 0.4, 0.2]])
    >>> relevant = torch.tensor([[False, True, True], [True, False, False]])
    >>> recall_at_k(similarity, relevant, 1), recall_at_k(similarity, relevant, 2)
    (0.0, 1.0)
    """
    # BEGIN SOLUTION
    best = similarity.masked_fill(~relevant, -torch.inf).amax(dim=1, keepdim=True)  # (N, 1)
    rank = ((similarity >= best) & ~relevant).sum(dim=1)  # (N,) wrong keys that stand before the best right one
    return (rank < k).float().mean().item()
    # END SOLUTION


def broken_step(model, optimizer, images: Tensor, tokens: Tensor) -> float:
    """One step of training; returns the loss before it. Three bugs are hidden here: mend them."""
    image = F.normalize(model.image_encoder(images), dim=0)  # (B, D)
    text = F.normalize(model.text_encoder(tokens), dim=0)  # (B, D)
    logits = model.logit_scale * image @ text.T  # (B, B)
    target = torch.arange(len(logits), device=logits.device)
    loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
    loss.backward()
    optimizer.step()
    return loss.item()


@exercise(
    "clip.6",
    "Find the bugs",
    task="This step runs, and its loss even falls. Three bugs are in it, none of them raises an error. "
    "`model.logit_scale` is log 1/τ. Mend all three.",
    minutes=10,
    difficulty=2,
    hints=(
        "Check one line at a time: what is its shape, and along which axis does it work?",
        "`logit_scale` is a logarithm: at the start it is 2.66, while 1/τ is 14.3.",
        "What do the gradients hold at the second step?",
    ),
    checker=checks.training_step,
    start=broken_step,
)
def training_step(model, optimizer, images: Tensor, tokens: Tensor) -> float:
    """One step of training; returns the loss before it."""
    image = F.normalize(model.image_encoder(images), dim=1)  # (B, D)
    text = F.normalize(model.text_encoder(tokens), dim=1)  # (B, D)
    logits = model.logit_scale.exp() * image @ text.T  # (B, B)
    target = torch.arange(len(logits), device=logits.device)
    loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@exercise(
    "clip.7",
    "What moves the temperature",
    task=r"With $a = \log 1/\tau$ the logits are $e^a S$. Derive $\partial L / \partial a$ of the loss of clip.2 on "
    "paper and write it without autograd. Then read its sign: when does the loss ask for a sharper softmax?",
    minutes=15,
    difficulty=3,
    hints=(
        r"For one row, $-\log \mathrm{softmax}(z)_i$ has the gradient $p_j - [j = i]$ with respect to $z_j$.",
        r"$z_{ij} = e^a S_{ij}$, so $\partial z_{ij} / \partial a = z_{ij}$: the chain rule leaves "
        r"$\sum_j (p_{ij} - [j=i])\, z_{ij}$ for a row.",
        "Take the mean over the rows with `softmax(dim=1)`, the mean over the columns with `softmax(dim=0)`, and half "
        "of their sum.",
    ),
    checker=checks.logit_scale_gradient,
)
def logit_scale_gradient(image: Tensor, text: Tensor, logit_scale: Tensor) -> Tensor:
    """Derivative of the loss of B pairs of unit vectors by log 1/τ: (B, D), (B, D), scalar -> scalar.

    >>> pairs = torch.eye(2)
    >>> logit_scale_gradient(pairs, pairs, torch.tensor(0.0))
    tensor(-0.2689)
    """
    # BEGIN SOLUTION
    logits = logit_scale.exp() * image @ text.T  # (B, B)
    right = logits.diagonal().mean()
    rows = (logits.softmax(dim=1) * logits).sum(dim=1).mean() - right
    columns = (logits.softmax(dim=0) * logits).sum(dim=0).mean() - right
    return (rows + columns) / 2
    # END SOLUTION


@exercise(
    "clip.8",
    "Your own experiment",
    task="Does a larger batch make a better CLIP, or does it only see more pairs? Plan an experiment that tells the "
    "two apart with the loop of this lesson in ten minutes. Then run it.",
    minutes=25,
    difficulty=3,
    hints=(
        "A larger batch brings more negatives, more pairs seen, and fewer steps per pair. Which of them do you hold?",
        "One run is an anecdote: five seeds and `mmatl_lab.metrics.intervals.student` make it a measurement.",
    ),
    start=empty_plan,
    rubric=(
        "Does one number answer the question, and did you write down your prediction before the run?",
        "Is only one thing varied, and are pairs seen, learning rate and evaluation set the same in both arms?",
        "Is there a control whose result you know in advance, such as shuffled pairs?",
        "Are there at least five seeds, and is the difference larger than its interval?",
        "Which result would have proved you wrong?",
    ),
)
def experiment() -> dict[str, str]:
    """The plan of an experiment, one sentence each."""
    return {
        "question": "Does R@1 on held-out scenes rise with the number of negatives, at the same number of pairs seen?",
        "prediction": "From 32 to 256 negatives R@1 rises, from 256 to 511 it does not.",
        "varied": "How many of the other texts of a batch of 512 enter the softmax of an image: 32, 128, 256, 511.",
        "held fixed": "Batch size, steps, learning rate, model, the 1,000 held-out scenes and the seeds.",
        "control": "The same with shuffled pairs: R@1 stays at 1/1,000 whatever the number of negatives.",
        "measured": "R@1 in both directions with ties at chance, five seeds, Student interval of each difference.",
        "would change my mind": "An interval of the difference between 32 and 256 negatives that includes 0.",
    }
