"""`python -m deploy.database`: creates what `CLACHAN_ADMIN_URL` and `CLACHAN_ROLES_FILE` name."""

import json
import os
import sys
from pathlib import Path

from psycopg import Error

from deploy.database.names import DATABASE
from deploy.database.roles import create_database


def main() -> int:
    """Create or repair database, roles and schemas; the server's refusal is one line."""
    passwords = json.loads(Path(os.environ["CLACHAN_ROLES_FILE"]).read_text())
    try:
        create_database(os.environ["CLACHAN_ADMIN_URL"], DATABASE, passwords)
    except Error as error:
        print(f"the database server refused: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
