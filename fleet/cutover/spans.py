"""Spans of time as sets: union, what two have in common, what one leaves of another. Half-open, in UTC, in order, never touching."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple


class Span(NamedTuple):
    """From a moment until just before another."""

    begin: datetime
    end: datetime


Spans = tuple[Span, ...]


def union(spans: Iterable[Span]) -> Spans:
    """Everything that is in any of them."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.begin <= joined[-1].end:
            joined[-1] = Span(joined[-1].begin, max(joined[-1].end, span.end))
        elif span.begin < span.end:
            joined.append(span)
    return tuple(joined)


def common(one: Sequence[Span], other: Sequence[Span]) -> Spans:
    """Everything that is in both."""
    found: list[Span] = []
    first, second = 0, 0
    while first < len(one) and second < len(other):
        begin, end = max(one[first].begin, other[second].begin), min(one[first].end, other[second].end)
        if begin < end:
            found.append(Span(begin, end))
        if one[first].end <= other[second].end:
            first += 1
        else:
            second += 1
    return tuple(found)


def without(one: Sequence[Span], other: Sequence[Span]) -> Spans:
    """Everything that is in the first and not in the second."""
    left: list[Span] = []
    for span in one:
        begin = span.begin
        for hole in other:
            if hole.end <= begin or hole.begin >= span.end:
                continue
            if begin < hole.begin:
                left.append(Span(begin, hole.begin))
            begin = hole.end
        if begin < span.end:
            left.append(Span(begin, span.end))
    return tuple(left)
