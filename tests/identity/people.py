"""A person in front of the pages of identity, with a mail box and a camera."""

import json
import re
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from sqlalchemy import text
from starlette.testclient import TestClient

from identity.accounts.vault import Vault, open_vault
from identity.codes.queries import CODE_RECORD as CHECK_CODE_RECORD
from identity.safe.queries import aad_of
from identity.safe.rules import GPG45_SCOPE, make_item
from identity.signin.attempts import CODE_RECORD
from shared import clock
from shared.ids import new_id
from tests.identity.oidc.world import SCOT, World

PASSWORD = "weather kettle mountain"
_FIELD = re.compile(r'name="csrf_token" value="([0-9a-f]+)"')


@dataclass
class People:
    """Drives the real application as a browser without scripts does."""

    world: World

    @property
    def vault(self) -> Vault:
        return open_vault(self.world.database, self.world.sealer)

    @property
    def http(self) -> TestClient:
        return self.world.http

    def another_browser(self) -> TestClient:
        """Return a second browser on the same application."""
        return TestClient(self.http.app, base_url=str(self.http.base_url), follow_redirects=False)

    def send(self, path: str, *, http: TestClient | None = None, **fields: str) -> Any:
        """Load a page's form and send it; double underscores in names stand for dashes."""
        http = http or self.http
        page = http.get(path.replace("/again", "").replace("/use-saved", ""))
        if not (token := _FIELD.search(page.text)):
            token = _FIELD.search(http.get("/identity/sign-in").text)
        assert token is not None, page.text
        data = {name.replace("__", "-"): value for name, value in fields.items()}
        return http.post(path, data={"csrf_token": token[1], **data})

    def newest_code(self) -> str:
        """Return the code that the sender task would put into the newest email."""
        with self.world.database.transaction() as session:
            row = session.execute(
                text(
                    "SELECT id, code_sealed FROM attempt WHERE code_sealed IS NOT NULL"
                    " ORDER BY created_at DESC, id DESC LIMIT 1"
                )
            ).one()
        return self.vault.open(bytes(row.code_sealed), CODE_RECORD, row.id)

    def newest_check_code(self) -> str:
        """Return the newest code to an address or number that is not sent yet."""
        with self.world.database.transaction() as session:
            row = session.execute(
                text(
                    "SELECT id, code_sealed FROM contact_check WHERE code_sealed IS NOT NULL"
                    " ORDER BY created_at DESC, id DESC LIMIT 1"
                )
            ).one()
        return self.vault.open(bytes(row.code_sealed), CHECK_CODE_RECORD, row.id)

    def sign_in(self, email: str = "ann@person.example", *, http: TestClient | None = None) -> Any:
        """Sign in with password and emailed code and return the last answer."""
        first = self.send("/identity/sign-in", http=http, email=email, password=PASSWORD)
        assert first.status_code == 303, text_of(first)
        return self.send(first.headers["location"], http=http, code=self.newest_code())

    def add_phone(self, number: str = "07700 900123") -> None:
        """Give the account that is signed in a confirmed telephone."""
        first = self.send("/identity/account/phone", phone=number)
        assert first.status_code == 303, text_of(first)
        done = self.send(first.headers["location"], code=self.newest_check_code())
        assert done.headers["location"] == "/identity/account?changed=phone", text_of(done)

    def verify_identity(self) -> None:
        """Put a checked identity into the safe of the newest account, as a verification does."""
        account_id = self.account_id()
        names = {"given_name": "Ann Marie", "family_name": "O’Person"}
        item = make_item(
            GPG45_SCOPE,
            outcome="VERIFIED_SUCCESSFULLY",
            verified_at=clock.now(),
            txn=new_id(),
            claims=names | {"birth_date": "1980-03-31"},
        )
        sealed = self.world.sealer.seal(json.dumps(item).encode(), aad_of(account_id, GPG45_SCOPE))
        self.world.execute(
            "INSERT INTO safe_item (id, account_id, scope, is_verified, sealed, verified_at,"
            " created_at) VALUES (:id, :account_id, :scope, true, :sealed, now(), now())",
            id=new_id(),
            account_id=account_id,
            scope=GPG45_SCOPE,
            sealed=sealed,
        )

    def sign_up(self, email: str = "ann@person.example", flow: str = "") -> Any:
        """Create an account through the pages and return the last answer."""
        query = f"?flow={flow}" if flow else ""
        answer = self.send(f"/identity/create-account{query}", email=email, password=PASSWORD)
        assert answer.status_code == 303, answer.text
        return self.send(answer.headers["location"], code=self.newest_code())

    def begin_flow(self, scope: str = "openid", **changes: str) -> str:
        """Begin a flow as the registered ScotAccount client does and return its id."""
        answer = self.world.authorize(
            SCOT, **{"client_id": "councilclient", "scope": scope} | changes
        )
        assert answer.status_code in (302, 303), answer.text
        return parse_qs(urlsplit(answer.headers["location"]).query)["flow"][0]

    def account_id(self) -> UUID:
        """Return the newest account."""
        return UUID(str(self.world.scalar("SELECT id FROM account ORDER BY id DESC LIMIT 1")))


def text_of(response: Any) -> str:
    """Return what a page says, without its marks."""
    main = response.text.replace("<wbr>", "").partition("<main")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main.partition(">")[2])).split())
