"""`fleet init`: make a workspace."""

import typer

from fleet.cli.common import current_door, say, show
from fleet.text import _


def command(
    group: str = typer.Option(
        "", metavar="NAME", help=_("Share it with the members of this OS group, who can change all but the private key.")
    ),
) -> None:
    """Make the workspace's directory, fleet.toml, user key and database; what is there already is never changed."""
    from fleet.control.workspace import make_workspace

    settings = make_workspace(current_door().workspace, group or None)
    show(str(settings.workspace))
    say(_("The workspace is made. Terminals must accept this key for the user of the playbook: {file}", file=f"{settings.user_key}.pub"))
    say(_("Next: `fleet inventory check FILES...`, then `fleet inventory import FILES... --apply`."))
