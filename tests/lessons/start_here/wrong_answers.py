"""A bank of wrong answers to the warm-up, as learners write them, with a piece of the right message."""


def weighted(joint):
    """The mean of the best share of each row, every row weighted alike."""
    return sum(float(row.max() / row.sum()) for row in joint) / len(joint)


WRONG = {
    "start_here.1": [
        (lambda joint: joint.max(dim=0).values.sum(), "dim=0"),
        (lambda joint: sum(max(column) for column in joint.T.tolist()), "dim=0"),
        (lambda joint: joint.max(dim=1).values.mean(), "divided by the number of views"),
        (weighted, "the same weight"),
        (lambda joint: sum(row.max() / row.sum() for row in joint), "divided each row by its sum"),
        (lambda joint: joint.sum(dim=0).max(), "without looking"),
        (lambda joint: joint.sum(dim=1).max(), "commonest view"),
        (lambda joint: joint.max(), "largest entry alone"),
        (lambda joint: joint.amax(1), "a number for each view"),
        (lambda joint: sum(joint[i, i] for i in range(min(joint.shape))), "diagonal"),
        (lambda joint: joint.argmax(dim=1).sum(), "(argmax)"),
        (lambda joint: 1 / joint.shape[1], "blind guessing"),
        (lambda joint: float(joint.sum()), "all entries"),
        (lambda joint: 1 - joint.max(dim=1).values.sum(), "is wrong"),
        (lambda joint: 100 * joint.max(dim=1).values.sum().item(), "per cent"),
        (lambda joint: joint.max(dim=1), "Return the accuracy of the best model as a tensor"),
        (lambda joint: joint.max(dim=1).values.sum() ** 2, "is not right yet"),
    ]
}
RIGHT = {
    "start_here.1": [
        lambda joint: joint.amax(1).sum(),
        lambda joint: sum(max(row) for row in joint.tolist()),
        lambda joint: joint.gather(1, joint.argmax(1, keepdim=True)).sum().double(),
        lambda joint: (joint.sum(1) * (joint / joint.sum(1, keepdim=True)).max(1).values).sum(),
    ]
}
