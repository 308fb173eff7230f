"""What a push to one terminal was for, and which release a key binding belongs to."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Attempts from before were for what their rollout was for, and their bindings are in use."""
    op.add_column("terminal_progress", sa.Column("errand", sa.String(length=16), nullable=True))
    op.add_column("attempt", sa.Column("errand", sa.String(length=16), nullable=True))
    op.add_column("key_binding", sa.Column("release", sa.String(length=32), nullable=True))
    op.add_column("key_binding", sa.Column("set_aside_at", sa.String(length=32), nullable=True))
