"""`fleet init`: make a workspace."""

from fleet.cli.common import current_door, say, show
from fleet.text import _


def command() -> None:
    """Make the workspace's directory, fleet.toml, user key and database; what is there already is never changed."""
    from fleet.control.workspace import make_workspace

    settings = make_workspace(current_door().workspace)
    show(str(settings.workspace))
    say(_("The workspace is made. Terminals must accept this key for the user of the playbook: {file}", file=f"{settings.user_key}.pub"))
    say(_("Next: `fleet inventory check` your files, then `fleet inventory import --apply`."))
