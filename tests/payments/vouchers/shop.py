"""A group with money, a merchant, and ways to make vouchers and look at what they left behind."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.payees.bank_details import DetailsVault
from payments.payees.modulus.tables import TableFiles
from payments.runs.actions.create import Desk
from payments.vouchers.actions.batches import approve_batch, put_batch_forward
from payments.vouchers.actions.funds import decide_funding, make_group, propose_funding
from payments.vouchers.actions.issue import NewVoucher, VoucherOrder, activate, pre_activate
from payments.vouchers.actions.merchants import NewMerchant, add_merchant
from payments.vouchers.actions.redeem import Redemption
from payments.vouchers.queries import get_batch, list_batch_vouchers
from payments.vouchers.rules import BatchLine, Kind, Recipient
from tests.payments.runs.world import ALAN, BODY, GATEWAY, NOW, UNA

GROUP = "Food"
SHOP = "Glenmore Grocer"
FUNDS = 100_000


@dataclass
class Shop:
    """A body whose group Food has £1,000 and one merchant."""

    vault: DetailsVault
    group_id: UUID
    merchant_id: UUID

    @property
    def desk(self) -> Desk:
        """What writing payments needs."""
        return Desk(self.vault, TableFiles(None, None))

    def make(self, session: Session, pence: int = 1500, now: datetime = NOW) -> NewVoucher:
        """Return a voucher that can be used."""
        order = VoucherOrder(BODY, GROUP, pence, "GBP", "bb")
        made = pre_activate(session, self.vault, order, GATEWAY, now)
        activate(session, BODY, made.serial, GATEWAY, now)
        return made

    def use(self, number: str, /, **changes: object) -> Redemption:
        """Return what the merchant sends for a voucher."""
        values: dict[str, object] = {
            "organisation": BODY,
            "number": number,
            "merchant_name": SHOP,
            "merchant_bank_details": "99-00-01 10000024",
            "merchant_group": GROUP,
            "override": False,
        }
        return Redemption(**{**values, **changes})  # type: ignore[arg-type]  # built by name

    def put_forward(self, session: Session, *pence: int, kind: Kind = "voucher") -> UUID:
        """Return a batch that waits for approval."""
        lines = [
            BatchLine(Recipient(f"Person {number}", ("1 High Street", "Glenmore")), amount)
            for number, amount in enumerate(pence, 1)
        ]
        return put_batch_forward(
            session, self.vault, self.group_id, kind, "Winter", lines, UNA, NOW
        )

    def approve(self, session: Session, batch_id: UUID) -> list[str]:
        """Approve a batch as its page would; returns its serial numbers."""
        signed = get_batch(session, BODY, batch_id).content_sha256
        approve_batch(session, self.vault, batch_id, signed, ALAN, NOW)
        return [voucher.serial for voucher in list_batch_vouchers(session, batch_id)]


def open_shop(session: Session, vault: DetailsVault) -> Shop:
    """Make the group, its money and its merchant."""
    group_id = make_group(session, GROUP, "winter-heating", 90, UNA, NOW)
    funding = propose_funding(session, group_id, FUNDS, UNA, NOW)
    decide_funding(session, funding, agree=True, actor=ALAN, now=NOW)
    order = NewMerchant(group_id, SHOP, "99-00-01", "10000024")
    desk = Desk(vault, TableFiles(None, None))
    return Shop(vault, group_id, add_merchant(session, desk, order, UNA, NOW))


def balances(session: Session) -> dict[str, int]:
    """Return the body's ledger accounts that are not zero, debit positive."""
    rows = session.execute(
        text(
            "SELECT a.code, sum(p.amount) AS total FROM posting p JOIN account a"
            " ON a.id = p.account_id WHERE a.body = :body AND NOT p.pending"
            " GROUP BY a.code HAVING sum(p.amount) <> 0"
        ),
        {"body": BODY},
    )
    return {row.code: int(row.total) for row in rows}


def money(session: Session) -> tuple[int, int]:
    """Return funds and commitments of the group."""
    row = session.execute(
        text("SELECT funds_pence, committed_pence FROM voucher_group WHERE name = :name"),
        {"name": GROUP},
    ).one()
    return int(row[0]), int(row[1])


def state_of(session: Session, serial: str) -> str:
    """Return a voucher's state."""
    query = text("SELECT state FROM voucher WHERE serial = :serial")
    return str(session.execute(query, {"serial": serial}).scalar_one())
