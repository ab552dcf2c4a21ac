"""COCO's greedy matching of detections with annotated people, all images at once."""

from typing import NamedTuple

import numpy as np

from .matches import THRESHOLDS
from .similarity import Pairs

Array = np.ndarray


class Matching(NamedTuple):
    """Who got whom at T thresholds.

    Attributes:
        matched: detections with a person, (T, D) bool.
        of_ignored: those of them whose person does not count, (T, D) bool.
        found: people who have a detection, (T, M) bool.
        similarities: of all pairs at all thresholds, flat.
    """

    matched: Array
    of_ignored: Array
    found: Array
    similarities: Array


def match_greedily(
    pairs: Pairs,
    ranks: Array,
    is_ignored: Array,
    is_crowd: Array,
    preference: Array | None = None,
) -> Matching:
    """Give each detection, best first, the most similar person who is still free.

    People who count come before those who are ignored; of equally similar ones the later.

    Args:
        pairs: P pairs, within images.
        ranks: place of each detection in its image, from 0, (D,).
        is_ignored: (M,) bool.
        is_crowd: (M,) bool; they stay free.
        preference: whom a detection would rather have, (P,); None: the more similar.
    """
    wish = pairs.similarity if preference is None else preference
    ignored = is_ignored[pairs.annotated]
    of_pair = ranks[pairs.found]
    order = np.lexsort((-pairs.annotated, -wish, ignored, pairs.found, of_pair))
    found, annotated = pairs.found[order], pairs.annotated[order]
    similarity, ignored = pairs.similarity[order], ignored[order]
    thresholds = np.minimum(THRESHOLDS, 1 - 1e-10)[:, None]  # as COCO: 1 less rounding matches
    num = len(thresholds)
    matched, of_ignored = (np.zeros((num, len(ranks)), bool) for _ in range(2))
    taken, free = np.zeros((num, len(is_crowd)), bool), np.ones((num, len(is_crowd)), bool)
    similarities = [np.zeros(0)]
    ends = np.cumsum(np.bincount(of_pair)).tolist()
    # detections of one rank are of different images, so none takes another's person
    for start, end in zip([0, *ends], ends, strict=False):
        if start == end:
            continue
        people = annotated[start:end]
        can_match = (similarity[start:end] >= thresholds) & free[:, people]
        firsts = np.flatnonzero(np.diff(found[start:end], prepend=-1))
        places = np.where(can_match, np.arange(end - start), end - start)
        best = np.minimum.reduceat(places, firsts, axis=1)  # (T, detections)
        rows, columns = np.nonzero(best < end - start)
        chosen = start + best[rows, columns]
        matched[rows, found[chosen]] = True
        of_ignored[rows, found[chosen]] = ignored[chosen]
        taken[rows, annotated[chosen]] = True
        similarities.append(similarity[chosen])
        free[rows, annotated[chosen]] = is_crowd[annotated[chosen]]
    return Matching(matched, of_ignored, taken, np.concatenate(similarities))
