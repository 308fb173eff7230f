"""From a terminal that is to begin to the job a push needs; or, where no connection may be made, straight to its result.

Address, gateway and host key are read now, when connecting: a technician who corrects a host at night need not void a plan.
"""

from collections.abc import Iterable

from fleet.engine.plans import PlanInUse
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.purpose import Errand
from fleet.model.trust import pinned_key
from fleet.push import PushJob
from fleet.store import Tx, fleets, progress, trust, ways_back

Task = PushJob | AttemptResult


def make_tasks(tx: Tx, rollout: str, used: PlanInUse, terminals: Iterable[str], *, again: bool = False) -> list[Task]:
    """What is to be done for each of these terminals.

    Args:
        tx: The transaction that stores their beginning.
        rollout: Whose attempts these are.
        used: Its plan.
        terminals: Ids.
        again: Not a new attempt: the last one is named once more, so that the terminal says how that one ended.
    """
    ids = list(terminals)
    numbers = progress.attempts_of(tx, rollout, ids)
    known = fleets.read_terminals(tx, ids)
    sites = fleets.read_sites(tx, {terminal.site for terminal in known.values()})
    keys = trust.read_host_keys(tx, ids)
    errands = ways_back.last_errands(tx, rollout, ids) if again else ways_back.errands_of(tx, rollout, ids)
    tasks: list[Task] = []
    for name in ids:
        number = numbers[name] if again else numbers[name] + 1
        terminal = known.get(name)
        program = used.plan.program_of[name]
        if terminal is None or terminal.host is None or terminal.site not in sites or program is None:
            tasks.append(_unreached(tx, name, number, Cause.NAME_UNKNOWN, errands.get(name)))
            continue
        pinned = pinned_key(terminal, keys.get(name))
        if isinstance(pinned, Cause):
            tasks.append(_unreached(tx, name, number, pinned, errands.get(name)))
            continue
        sending = used.sending_s(program)
        tasks.append(
            PushJob(
                terminal=terminal,
                site=sites[terminal.site],
                number=number,
                program=program,
                artifact=used.artifact(program.artifact),
                version=used.plan.release,
                account=used.plan.playbook.account,
                pinned=pinned,
                deadline_s=used.plan.playbook.push_deadline_s + sending,
                rollout=rollout,
                only=used.rollout.only,
                errand=errands.get(name),
                limits=used.rollout.limits,
                patience_s=sending,
            )
        )
    return tasks


def _unreached(tx: Tx, terminal: str, number: int, cause: Cause, errand: Errand | None) -> AttemptResult:
    return AttemptResult(
        terminal=terminal,
        number=number,
        errand=errand,
        ending=TerminalState.UNREACHABLE,
        cause=cause,
        started_at=tx.at,
        finished_at=tx.at,
    )
