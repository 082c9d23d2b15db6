"""What an operator does about registration."""

import argparse
from collections.abc import Sequence
from datetime import timedelta

from identity.organisations.rules import check_slug
from identity.registration.actions import issue_initial_token
from identity.settings import get_settings
from shared import clock
from shared.actors import SYSTEM
from shared.db import Database, make_engine


def issue(arguments: Sequence[str]) -> None:
    """Print a new initial access token, which is shown this once."""
    parser = argparse.ArgumentParser(prog="python -m identity issue-initial-access-token")
    parser.add_argument("organisation", help="short name of the public body that answers for it")
    parser.add_argument("--label", default="command line", help="for whom it is")
    parser.add_argument("--uses", type=int, default=1, help="how many clients it registers")
    parser.add_argument("--days", type=int, default=1, help="how long it lives")
    parser.add_argument(
        "--certification",
        action="store_true",
        help="its confidential clients may leave out PKCE, as the conformance plans do",
    )
    asked = parser.parse_args(list(arguments))
    settings = get_settings()
    database = Database(make_engine(settings.database_url, service="identity-command"))
    with database.transaction() as session:
        issued = issue_initial_token(
            session,
            SYSTEM,
            label=asked.label,
            organisation=check_slug(asked.organisation),
            uses=asked.uses,
            life=timedelta(days=asked.days),
            certification=asked.certification,
            now=clock.now(),
        )
    print(issued.token)
