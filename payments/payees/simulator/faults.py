"""Faults of the whole responder, played on order for the next questions."""

import time
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

Kind = Literal["none", "outage", "too_many", "silence", "late", "other_shape", "other_question"]
_SILENCE_SECONDS = 20.0
SAYINGS: dict[Kind, str] = {
    "none": "answers as it should",
    "outage": "answers 503 with Retry-After",
    "too_many": "answers 429 with Retry-After",
    "silence": "does not answer in time",
    "late": "answers after latency_ms",
    "other_shape": "answers 200 with something that is no report",
    "other_question": "answers with the interaction id of another question",
}


class Fault(BaseModel):
    """What goes wrong, and for how many questions (0 is until another order)."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind = "none"
    questions: int = Field(0, ge=0, le=1_000_000)
    latency_ms: int = Field(1_000, ge=0, le=60_000)


def play(fault: Fault, headers: dict[str, str]) -> Response | None:
    """Play a fault; None where the question is answered all the same."""
    if fault.kind in ("outage", "too_many"):
        status = 503 if fault.kind == "outage" else 429
        body = {"Code": str(status), "Id": "", "Message": "a fault on order", "Errors": []}
        return JSONResponse(body, status, headers | {"Retry-After": "2"})
    if fault.kind == "other_shape":
        return JSONResponse({"Data": {"Something": True}}, headers=headers)
    if fault.kind == "silence":
        time.sleep(_SILENCE_SECONDS)
        return JSONResponse({}, 504, headers)
    if fault.kind == "late":
        time.sleep(fault.latency_ms / 1000)
    elif fault.kind == "other_question":
        headers["x-fapi-interaction-id"] = "00000000-0000-0000-0000-000000000000"
    return None
