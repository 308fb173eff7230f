"""Releases are signed, and downgrades permitted."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Releases are signed, and downgrades permitted; those that are there are not signed yet."""
    op.create_table(
        "release_signature",
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("not_before", sa.String(length=32), nullable=False),
        sa.Column("expires_at", sa.String(length=32), nullable=False),
        sa.Column("proofs", sa.JSON(), nullable=False),
        sa.Column("signed_at", sa.String(length=32), nullable=False),
        sa.Column("signed_by", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_release_signature")),
        sa.UniqueConstraint("number", name=op.f("uq_release_signature_number")),
    )
    op.create_table(
        "downgrade_permit",
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("from_version", sa.String(length=32), nullable=False),
        sa.Column("from_number", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("not_before", sa.String(length=32), nullable=False),
        sa.Column("expires_at", sa.String(length=32), nullable=False),
        sa.Column("proof", sa.JSON(), nullable=False),
        sa.Column("signed_at", sa.String(length=32), nullable=False),
        sa.Column("signed_by", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_downgrade_permit")),
    )
