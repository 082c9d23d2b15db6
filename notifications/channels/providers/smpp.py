"""Texts over SMPP 3.4, to whatever message centre (SMSC) the settings name."""

import logging
import re
import select
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from smpplib import consts, gsm
from smpplib.client import Client
from smpplib.command import Command
from smpplib.exceptions import ConnectionError as SmppConnectionError
from smpplib.exceptions import PDUError

from notifications.channels.provider import Arrival, Delivery, Receipt, Result, Spoken

# At its debug level the library writes every unit to the log, and with it every code.
_LOGGER = "notifications.smpp"
logging.getLogger(_LOGGER).setLevel(logging.ERROR)

_LATER = {
    consts.SMPP_ESME_RMSGQFUL,
    consts.SMPP_ESME_RTHROTTLED,
    consts.SMPP_ESME_RSYSERR,
    consts.SMPP_ESME_RX_T_APPN,
}
_WRONG_NUMBER = {
    consts.SMPP_ESME_RINVDSTADR,
    consts.SMPP_ESME_RINVDSTTON,
    consts.SMPP_ESME_RINVDSTNPI,
}
# The words of a receipt (SMPP 3.4, appendix B).
_RECEIPT = re.compile(r"id:(\S+).*?stat:([A-Z]+)(?:.*?err:(\w+))?", re.DOTALL)
_ARRIVALS = {
    "DELIVRD": Arrival.ARRIVED,
    "EXPIRED": Arrival.MISSED,
    "UNDELIV": Arrival.MISSED,
    "DELETED": Arrival.MISSED,
    "REJECTD": Arrival.IMPOSSIBLE,
}
_QUIET_SECONDS = 0.3


class _Broken(Exception):  # noqa: N818 - it says where a connection ended, and is always caught
    """The connection ended or said nonsense."""


@dataclass(frozen=True)
class SmppProvider:
    """Hands one text over per connection, and fetches delivery receipts on another."""

    host: str
    port: int
    system_id: str
    password: str = field(repr=False)
    sender: str
    timeout_seconds: float = 10.0
    encrypted: bool = False

    def send(self, spoken: Spoken) -> Receipt:
        """Try once; a message centre that is away or refuses is an answer, not an exception."""
        parts, encoding, esm_class = gsm.make_parts(_plain(spoken.words))
        receipt = Receipt(Result.DEFERRED, "no connection")
        try:
            with self._bound("bind_transmitter") as client:
                for number, part in enumerate(parts):
                    receipt = self._submit(
                        client, spoken.recipient, part, encoding, esm_class, is_first=number == 0
                    )
                    if receipt.result is not Result.ACCEPTED:
                        break
        except _Broken as broken:
            # What broke before the first unit went out is tried again; an answer we have stays.
            if receipt.result is Result.ACCEPTED:
                return receipt
            return Receipt(Result.DEFERRED, str(broken))
        return receipt

    def collect(self, waiting: Sequence[str], keep: Callable[[Delivery], None]) -> None:
        """Fetch receipts until none has come for a moment; each is kept before it is confirmed."""
        if not waiting:
            return
        ends = time.monotonic() + self.timeout_seconds
        with suppress(_Broken), self._bound("bind_receiver") as client:
            client.set_message_received_handler(lambda pdu, **_others: _take(pdu, keep))
            while time.monotonic() < ends and _has_more(client):
                with _understood():
                    client.read_once(auto_send_enquire_link=False)

    @contextmanager
    def _bound(self, how: str) -> Iterator[Client]:
        context = ssl.create_default_context() if self.encrypted else None
        client = Client(
            self.host,
            self.port,
            timeout=self.timeout_seconds,
            logger_name=_LOGGER,
            ssl_context=context,
            allow_unknown_opt_params=True,
        )
        try:
            with _understood():
                client.connect()
                getattr(client, how)(system_id=self.system_id, password=self.password)
            yield client
            with suppress(_Broken), _understood():
                client.unbind()
        finally:
            client.disconnect()

    def _submit(
        self,
        client: Client,
        recipient: str,
        part: bytes,
        encoding: int,
        esm_class: int,
        *,
        is_first: bool,
    ) -> Receipt:
        try:
            client.send_message(
                source_addr_ton=consts.SMPP_TON_ALNUM,
                source_addr=self.sender,
                dest_addr_ton=consts.SMPP_TON_INTL,
                dest_addr_npi=consts.SMPP_NPI_ISDN,
                destination_addr=recipient.removeprefix("+"),
                short_message=part,
                data_coding=encoding,
                esm_class=esm_class,
                registered_delivery=1,
            )
            answer = client.read_pdu()
        except (SmppConnectionError, PDUError, OSError, ValueError) as error:
            # The unit may have gone out: nobody can know whether it was taken.
            result = Result.UNCERTAIN if is_first else Result.REFUSED
            return Receipt(result, type(error).__name__)
        return _classify(answer)


def _classify(answer: Command) -> Receipt:
    status = int(answer.status)
    code = f"smpp {status:#04x}"
    if status == consts.SMPP_ESME_ROK:
        reference = answer.message_id or b""
        return Receipt(Result.ACCEPTED, code, reference.decode("ascii", "replace"))
    if status in _LATER:
        return Receipt(Result.DEFERRED, code)
    return Receipt(Result.REFUSED if status in _WRONG_NUMBER else Result.UNWILLING, code)


def _take(pdu: Command, keep: Callable[[Delivery], None]) -> int:
    """Keep one receipt and confirm it; what is no receipt is confirmed and thrown away."""
    words = bytes(pdu.short_message or b"").decode("ascii", "replace")
    found = _RECEIPT.search(words)
    if found is not None and found[2] in _ARRIVALS:
        code = f"{found[2]} {found[3] or ''}".strip()
        keep(Delivery(found[1], _ARRIVALS[found[2]], code))
    return int(consts.SMPP_ESME_ROK)


def _has_more(client: Client) -> bool:
    readable, _, _ = select.select([client._socket], [], [], _QUIET_SECONDS)  # noqa: SLF001 - the library has no way to ask whether more has come
    return bool(readable)


@contextmanager
def _understood() -> Iterator[None]:
    """Turn what the library raises about the other side into one exception of ours."""
    try:
        yield
    except PDUError as error:
        status = error.args[1] if len(error.args) > 1 else 0
        raise _Broken(f"smpp {int(status):#04x}") from error
    except (SmppConnectionError, OSError, ValueError) as error:
        raise _Broken(type(error).__name__) from error


def _plain(words: str) -> str:
    """Return words with the signs that the GSM alphabet has: one sign more doubles the price."""
    return words.replace("’", "'").replace("–", "-").replace("“", '"').replace("”", '"')
