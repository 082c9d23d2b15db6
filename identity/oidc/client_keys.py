"""Keys that clients publish at their own address (``jwks_uri``), kept in process memory.

They are fetched before a request's transaction opens, never inside it. The copy of an address lives
as long as its owner says, a day at most; a ``kid`` that is not in it causes another fetch, five a
minute at most, so that a client that changes its keys is not refused and nobody can make us hammer
an address.
"""

import json
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

from joserfc.jwk import Key

from identity.relying_parties.rules import import_public_key
from shared.guarded_http import Answer, GuardedHttp, OutboundError
from shared.logs import get_logger

_LONGEST_SECONDS = 86_400.0
_USUAL_SECONDS = 3_600.0
_SHORTEST_SECONDS = 60.0
_FETCHES = 5
_PER_SECONDS = 60.0
_MOST_ADDRESSES = 500
_MOST_KEYS = 30


@dataclass
class _Copy:
    keys: tuple[Key, ...] = ()
    fetched_at: float = 0.0
    good_seconds: float = 0.0
    tries: list[float] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def is_stale(self, kid: str | None, now: float, *, signed: bool) -> bool:
        age = now - self.fetched_at
        if not self.fetched_at or age > self.good_seconds:
            return True
        if not signed:
            return False
        if kid is None:
            # Without a name a new key cannot be told from an old one.
            return age > _SHORTEST_SECONDS
        return not any(kid in (key.kid, key.thumbprint()) for key in self.keys)

    def may_fetch(self, now: float) -> bool:
        self.tries = [at for at in self.tries if now - at < _PER_SECONDS]
        return len(self.tries) < _FETCHES


class RemoteKeys:
    """The key sets of clients by address; made once in a process."""

    def __init__(self, outbound: GuardedHttp) -> None:
        self._outbound = outbound
        self._lock = Lock()
        self._copies: OrderedDict[str, _Copy] = OrderedDict()

    def known(self, url: str) -> tuple[Key, ...]:
        """Return the keys of an address as they were when last fetched; asks nobody."""
        copy = self._copies.get(url)
        if copy is None or time.monotonic() - copy.fetched_at > _LONGEST_SECONDS:
            return ()
        return copy.keys

    def load(self, url: str, kid: str | None, *, signed: bool) -> None:
        """Fetch an address if its copy is missing or old, or lacks the ``kid`` that signed.

        Call it outside of transactions. A fetch that fails leaves the copy as it was, so a short
        outage of a client's host does not lock the client out.
        """
        copy = self._copy_of(url)
        if not copy.is_stale(kid, time.monotonic(), signed=signed):
            return
        with copy.lock:
            now = time.monotonic()
            if not copy.is_stale(kid, now, signed=signed) or not copy.may_fetch(now):
                return
            copy.tries.append(now)
            try:
                answer = self._outbound.get(
                    url, accept="application/jwk-set+json, application/json"
                )
                keys = read_key_set(answer.content)
            except (OutboundError, ValueError) as error:
                get_logger().warning("client_keys.not_read", url=url, reason=str(error))
                return
            copy.keys, copy.fetched_at = keys, time.monotonic()
            copy.good_seconds = _life_of(answer)

    def _copy_of(self, url: str) -> _Copy:
        with self._lock:
            copy = self._copies.setdefault(url, _Copy())
            self._copies.move_to_end(url)
            while len(self._copies) > _MOST_ADDRESSES:
                self._copies.popitem(last=False)
        return copy


def read_key_set(content: bytes) -> tuple[Key, ...]:
    """Return the usable public keys of a JSON Web Key Set; others in it are passed over.

    Raises:
        ValueError: not a key set, or one with more keys than anybody needs.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError("is not JSON") from error
    listed = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(listed, list) or len(listed) > _MOST_KEYS:
        raise ValueError(f"is not a key set of at most {_MOST_KEYS} keys")
    found = []
    for entry in listed:
        if not isinstance(entry, Mapping):
            continue
        try:
            found.append(import_public_key(entry))
        except ValueError:
            # Section 5 of RFC 7517: keys of kinds that are not understood are ignored.
            continue
    return tuple(found)


def _life_of(answer: Answer) -> float:
    """Return for how long a copy may be used, as its owner says within our limits."""
    for part in answer.headers.get("cache-control", "").lower().split(","):
        name, _, value = part.strip().partition("=")
        if name == "max-age" and value.isdigit():
            return min(max(float(value), _SHORTEST_SECONDS), _LONGEST_SECONDS)
    return _USUAL_SECONDS
