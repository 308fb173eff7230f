"""Waits between a step's tries that grow, worked out when the program is compiled: a terminal's shell reckons in whole numbers. Pure."""

from shlex import quote

from fleet.model.playbook import RetryPolicy

_LONGEST = 360_000
"""The longest wait without its spread, an hour; sh may have 32 bits, and spreads by multiplying."""


def grows(policy: RetryPolicy) -> bool:
    """Whether the policy says more than one constant wait; if not, programs are as they were before a policy could."""
    return policy.attempts > 1 and policy.wait_s > 0 and (policy.factor > 1 or policy.most_wait_s is not None)


def waits_of(policy: RetryPolicy) -> tuple[int, ...]:
    """The waits after the first try, the second and so on, in hundredths of a second, before they are spread."""
    longest = min(_LONGEST, _most(policy))
    return tuple(min(longest, round(100 * policy.wait_s * policy.factor**number)) for number in range(policy.attempts - 1))


def slower_words(policy: RetryPolicy) -> str:
    """The head of the call that tries a command so; its kinds of trouble, seconds and words follow."""
    waits = " ".join(map(_seconds, waits_of(policy)))
    return f"attempt_slower {quote(waits)} {_seconds(_most(policy))} {policy.attempts}"


def _seconds(hundredths: int) -> str:
    return f"{hundredths // 100}.{hundredths % 100:02}"


def _most(policy: RetryPolicy) -> int:
    """The longest wait, its spread included; without one of its own, what spreading the longest comes to."""
    return round(100 * policy.most_wait_s) if policy.most_wait_s is not None else _LONGEST * 5 // 4
