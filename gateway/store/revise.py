"""For developers, after a change of tables.py: `python -m gateway.store.revise "what changes"` writes the next migration; mend it."""

from __future__ import annotations

import sys

from alembic import command
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import create_engine

from .migrate import MIGRATIONS, configuration
from .tables import UtcDateTime


def main(message: str) -> None:
    with create_engine("sqlite://").begin() as connection:
        config = configuration(connection)
        command.upgrade(config, "head")
        number = len(list((MIGRATIONS / "versions").glob("[0-9]*.py"))) + 1
        command.revision(config, message, autogenerate=True, rev_id=f"{number:04}")


def render(kind: str, value: object, _context: AutogenContext) -> str | bool:
    """Migrations do not import tables.py: it moves on, they stay."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(value, UtcDateTime) else False


if __name__ == "__main__":
    main(sys.argv[1])
