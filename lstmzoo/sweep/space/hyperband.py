"""Sizes and lengths of hyperband's brackets, as in Li et al. 2018 (JMLR 18), algorithm 1. No TensorFlow."""


def sizes(most: int, factor: int) -> list[list[int]]:
    """Return the number of trials in each round of each bracket, the bracket with the most and shortest trials first.

    `most`: length of the longest trials, in units of the shortest (R in the paper); `factor`: eta.

    >>> sizes(81, 3)
    [[81, 27, 9, 3, 1], [34, 11, 3, 1], [15, 5, 1], [8, 2], [5]]
    """
    last = last_bracket(most, factor)
    first = [-(-(last + 1) * factor**bracket // (bracket + 1)) for bracket in range(last, -1, -1)]
    return [[count // factor**done for done in range(last - index + 1)] for index, count in enumerate(first)]


def lengths(most: int, factor: int) -> list[list[int]]:
    """Return the length after each round of each bracket, in whole units of the shortest trials' length.

    >>> lengths(81, 3)
    [[1, 3, 9, 27, 81], [3, 9, 27, 81], [9, 27, 81], [27, 81], [81]]
    """
    last = last_bracket(most, factor)
    return [[-(-most // factor ** (bracket - done)) for done in range(bracket + 1)] for bracket in range(last, -1, -1)]


def last_bracket(most: int, factor: int) -> int:
    """Return the largest s with factor^s <= most (s_max in the paper).

    >>> last_bracket(81, 3), last_bracket(80, 3)
    (4, 3)
    """
    power = 0
    while factor ** (power + 1) <= most:
        power += 1
    return power
