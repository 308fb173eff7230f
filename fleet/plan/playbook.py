"""Reads a playbook: YAML -> Playbook, every mistake with its line."""

from pathlib import Path

from fleet.errors import Mistake, MistakesError
from fleet.files import read_model
from fleet.files.places import line_at
from fleet.model.playbook import Playbook
from fleet.plan.check import check_playbook


def read_playbook(path: Path) -> Playbook:
    """The playbook in the file at `path`.

    Raises:
        MistakesError: It is not one; every mistake with file and line. First those of its form; when it has none, those of its sense.
    """
    playbook = read_model(path, Playbook)
    findings = check_playbook(playbook)
    if findings:
        raise MistakesError(Mistake(str(path), line_at(path, finding.place), finding.what, finding.hint) for finding in findings)
    return playbook
