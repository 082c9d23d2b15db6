"""A body's own finance program: sends files of payments to the API and never gives up."""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

_PAUSE_SECONDS = 0.3
_PATIENCE_SECONDS = 120
_FIRST = ("Morag", "Ailsa", "Fergus", "Una", "Callum", "Iona", "Rory", "Mairi", "Angus", "Sorcha")
_LAST = ("Fictional", "Madeup", "Invented", "Imaginary", "Pretend", "Fableson", "Storied", "Mythic")
_HEADER = "destination_sort_code,destination_account_number,destination_name,amount,reference"


@dataclass(frozen=True)
class PaymentFile:
    """A file of payments, and what is true of it."""

    content: bytes
    count: int
    total_pence: int
    prefix: str


def make_file(seed: int, count: int) -> PaymentFile:
    """Return a file of payments to invented people; the same seed gives the same file."""
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    prefix = f"S{seed % 100_000:05d}"
    total, lines = 0, [_HEADER]
    for number in range(count):
        pence = chance.randint(100, 50_000)
        total += pence
        account = 20_000_000 + (seed * 7_919 + number) % 60_000_000
        name = f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"
        lines.append(
            f"991000,{account:08d},{name},{pence // 100}.{pence % 100:02d},{prefix}-{number:07d}"
        )
    return PaymentFile("\n".join(lines).encode() + b"\n", count, total, prefix)


class FinanceProgram:
    """Speaks to the payments API with the credentials that `make env` prints."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._http = httpx.Client(timeout=60)
        self._token = ""

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def upload(self, file: PaymentFile, programme: str, key: str) -> str:
        """Send a file under an idempotency key until it is taken; returns the upload's id."""
        answer = self._call(
            "POST",
            "/uploads",
            params={
                "organisation": "strathclachan",
                "programme": programme,
                "format": "csv",
                "count": file.count,
                "total_pence": file.total_pence,
            },
            content=file.content,
            headers={"Idempotency-Key": key},
        )
        assert answer.status_code == 202, answer.text
        return str(answer.json()["upload_id"])

    def wait_for_run(self, upload_id: str, timeout_seconds: float = 180) -> str:
        """Wait until an upload became a run, and return the run's id."""
        end = time.monotonic() + timeout_seconds
        while True:
            found = self._call("GET", f"/uploads/{upload_id}").json()
            if found["state"] == "created":
                return str(found["run_id"])
            assert found["state"] not in ("faulty", "refused", "abandoned", "mapping"), found
            assert time.monotonic() < end, found
            time.sleep(_PAUSE_SECONDS)

    def _call(self, method: str, path: str, **more: object) -> httpx.Response:
        end = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                answer = self._send(method, path, **more)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == httpx.codes.UNAUTHORIZED:
                self._token = ""
            elif answer is not None and answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                return answer
            assert time.monotonic() < end, answer and answer.text
            time.sleep(_PAUSE_SECONDS)

    def _send(self, method: str, path: str, **more: object) -> httpx.Response:
        if not self._token:
            values = self._values
            asked = self._http.post(
                values["CLACHAN_OIDC_TOKEN_URL"],
                auth=(
                    values["CLACHAN_FINANCE_CLIENT_ID"],
                    values["CLACHAN_FINANCE_CLIENT_SECRET"],
                ),
                data={
                    "grant_type": "client_credentials",
                    "scope": "payments.write payments.read",
                },
            )
            if asked.status_code != httpx.codes.OK:
                return asked
            self._token = str(asked.json()["access_token"])
        headers = {"Authorization": f"Bearer {self._token}", **more.pop("headers", {})}  # type: ignore[dict-item]  # headers are a dict
        return self._http.request(
            method,
            self._values["CLACHAN_PAYMENTS_API"] + path,
            headers=headers,
            **more,  # type: ignore[arg-type]  # members by name
        )
