"""Who is in a plan, with which steps and which artifact: the selections of request, playbook and release asked about every terminal.

Every terminal that cannot be planned is reported at once, grouped by what is wrong, with examples.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field

from fleet.errors import InputError, Mistake, MistakesError
from fleet.model.inventory import Fleet, Reach, Terminal
from fleet.model.playbook import Playbook, Step, StepKind
from fleet.model.release import Artifact, Release
from fleet.plan.check import check_playbook, check_steps, commands_of, measures_before
from fleet.select import Selection, parse_inventory_selection, subject_of
from fleet.text import N_, Message

COMMON_LABELS = frozenset(("vendor", "arch"))
"""Labels a selection may ask for although no terminal of this fleet has them."""
_EXAMPLES = 3

Sort = tuple[tuple[int, ...], str | None]
"""Positions of the steps that apply, and the artifact's name: terminals of one sort share one program."""


@dataclass(frozen=True, slots=True)
class Member:
    """One terminal of the plan."""

    terminal: Terminal
    sort: Sort


@dataclass(frozen=True, slots=True)
class Members:
    """Every terminal of the plan, by site."""

    of_site: dict[str, list[Member]]
    sorts: tuple[Sort, ...]
    """Those that at least one terminal reached by SSH has."""


@dataclass(slots=True)
class _Refusals:
    """Terminals that cannot be planned, grouped by where and why."""

    groups: dict[tuple[str, str], tuple[Message, Message | None, list[str]]] = field(default_factory=dict)

    def add(self, file: str, terminal: str, what: Message, hint: Message | None = None) -> None:
        self.groups.setdefault((file, str(what)), (what, hint, []))[2].append(terminal)

    def mistakes(self) -> Iterator[Mistake]:
        for (file, _), (what, hint, terminals) in sorted(self.groups.items(), key=lambda group: group[0]):
            named = sorted(terminals)
            examples = ", ".join(named[:_EXAMPLES]) + (", ..." if len(named) > _EXAMPLES else "")
            whole = N_("{what}: {examples} ({count} in all)", what=what, count=len(named), examples=examples)
            yield Mistake(file, 0, whole, hint)


def find_members(fleet: Fleet, playbook: Playbook, release: Release, select: str, only: Container[str] | None = None) -> Members:
    """Every terminal that `select` means, of `only` where that is given, with its steps and its artifact.

    Raises:
        InputError: `select` cannot be read, or means no terminal.
        MistakesError: What is wrong with playbook, release and terminals, all at once.
    """
    labels = labels_of(fleet)
    selection = parse_inventory_selection(select, labels)
    step_selections, artifact_selections = _selections(playbook, release, labels)
    refusals = _Refusals()
    of_site: dict[str, list[Member]] = {}
    sorts: dict[Sort, bool] = {}
    for terminal in fleet.terminals.values():
        site = fleet.sites[terminal.site]
        subject = subject_of(terminal, site, fleet)
        if (only is not None and terminal.id not in only) or not selection.matches(subject):
            continue
        steps = tuple(position for position, where in enumerate(step_selections) if where.matches(subject))
        artifacts = tuple(name for name, where in artifact_selections if where.matches(subject))
        if not any(playbook.steps[position].step is StepKind.STAGE for position in steps):
            artifacts = ()
        elif len(artifacts) != 1:
            _refuse_artifacts(artifacts, terminal, release, refusals)
        sort = steps, artifacts[0] if artifacts else None
        of_site.setdefault(site.code, []).append(Member(terminal, sort))
        sorts[sort] = sorts.get(sort, False) or terminal.reach is Reach.SSH
    _check_sorts(sorts, of_site, playbook, release, refusals)
    if refusals.groups:
        raise MistakesError(refusals.mistakes())
    if not of_site:
        raise _nobody(select)
    return Members(of_site, tuple(sort for sort, is_pushed in sorts.items() if is_pushed))


def steps_of(sort: Sort, playbook: Playbook) -> tuple[Step, ...]:
    """The playbook's steps of a sort, in order."""
    return tuple(playbook.steps[position] for position in sort[0])


def labels_of(fleet: Fleet) -> frozenset[str]:
    """Labels that a selection over this fleet may ask for."""
    return COMMON_LABELS.union(*(site.labels for site in fleet.sites.values()), *(t.labels for t in fleet.terminals.values()))


def _nobody(select: str) -> InputError:
    if select.strip():
        return InputError(
            N_("the selection `{selection}` means no terminal of the inventory", selection=select), hint=N_("try a wider one")
        )
    return InputError(N_("the inventory holds no terminal"), hint=N_("import one with `fleet inventory import`"))


def _selections(playbook: Playbook, release: Release, labels: frozenset[str]) -> tuple[list[Selection], list[tuple[str, Selection]]]:
    mistakes = [Mistake(_playbook_place(playbook), 0, finding.what, finding.hint) for finding in check_playbook(playbook, labels)]
    artifacts: list[tuple[str, Selection]] = []
    for artifact in release.artifacts:
        try:
            artifacts.append((artifact.name, parse_inventory_selection(artifact.where, labels)))
        except InputError as error:
            what = N_("artifact `{artifact}`: {what}", artifact=artifact.name, what=error.what)
            mistakes.append(Mistake(_release_place(release), 0, what, error.hint))
    if mistakes:
        raise MistakesError(mistakes)
    return [parse_inventory_selection(step.where, labels) for step in playbook.steps], artifacts


def _refuse_artifacts(matching: Sequence[str], terminal: Terminal, release: Release, refusals: _Refusals) -> None:
    if matching:
        what = N_("artifacts {names} are for the same terminal", names=", ".join(matching))
        hint = N_("let the `where` of the artifacts exclude each other")
    else:
        what, hint = N_("no artifact is for it"), N_("correct the labels in the inventory, or the `where` of an artifact")
    refusals.add(_release_place(release), terminal.id, what, hint)


def _check_sorts(
    sorts: dict[Sort, bool], of_site: dict[str, list[Member]], playbook: Playbook, release: Release, refusals: _Refusals
) -> None:
    wrong = {sort: reason for sort in sorts if (reason := _sort_refusal(sort, playbook, release)) is not None}
    if wrong:
        for members in of_site.values():
            for member in members:
                if member.sort in wrong:
                    refusals.add(_playbook_place(playbook), member.terminal.id, wrong[member.sort])


def _sort_refusal(sort: Sort, playbook: Playbook, release: Release) -> Message | None:
    steps = steps_of(sort, playbook)
    if not steps:
        return N_("no step is for it")
    artifact = next((artifact for artifact in release.artifacts if artifact.name == sort[1]), None)
    return check_steps(steps) or (_missing_program(steps, artifact) if artifact else None)


def _missing_program(steps: Sequence[Step], artifact: Artifact) -> Message | None:
    modes = {file.path: file.mode for file in artifact.files}
    for step in (step for step in steps if step.step is not StepKind.PREFLIGHT and not measures_before(step)):
        for _, command in commands_of(step):
            file = command.release_file
            if file is not None and modes.get(file) != "0755":
                return N_(
                    "step `{step}` runs `{file}`, which is no program of artifact `{artifact}`",
                    step=step.name,
                    file=file,
                    artifact=artifact.name,
                )
    return None


def _playbook_place(playbook: Playbook) -> str:
    return f"playbook {playbook.name}"


def _release_place(release: Release) -> str:
    return f"release {release.version}"
