"""How many requests a client may make: a bucket per client in the memory of each process."""

import math
import threading
import time
from collections import OrderedDict

from identity.oidc.errors import ProtocolError

_MOST_KEPT = 20_000


class ClientLimits:
    """Counts after a client proved who it is, so that nobody can use up another's requests.

    A client may use its minute at once and then goes on at its average. Each process counts for
    itself: no statement and no other server is asked, and the limit of a site is that of a process
    times its processes.
    """

    def __init__(self, per_minute: int) -> None:
        self._size = float(per_minute)
        self._per_second = per_minute / 60
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def check(self, client_id: str) -> None:
        """Count one request.

        Raises:
            ProtocolError: 429 with the seconds after which the client may come back.
        """
        now = time.monotonic()
        with self._lock:
            left, since = self._buckets.get(client_id, (self._size, now))
            left = min(self._size, left + (now - since) * self._per_second)
            if left >= 1:
                self._buckets[client_id] = (left - 1, now)
                self._buckets.move_to_end(client_id)
                if len(self._buckets) > _MOST_KEPT:
                    self._buckets.popitem(last=False)
                return
        raise ProtocolError(
            "temporarily_unavailable",
            "The client makes too many requests",
            status=429,
            retry_after=math.ceil((1 - left) / self._per_second),
        )
