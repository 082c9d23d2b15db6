"""Pages of a list, and role names in words."""

from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import urlencode

PAGE = 25
Item = TypeVar("Item")


def one_page(
    items: Sequence[Item], path: str, page: int, **query: str
) -> tuple[Sequence[Item], dict[str, object]]:
    """Return the items of one page, and what the pagination component needs."""
    last = max(1, -(-len(items) // PAGE))
    page = min(max(page, 1), last)

    def link(number: int) -> str:
        wanted = {name: value for name, value in query.items() if value}
        return f"{path}?{urlencode({**wanted, 'page': number})}"

    numbers = sorted({1, last, *range(max(1, page - 2), min(last, page + 2) + 1)})
    return items[(page - 1) * PAGE : page * PAGE], {
        "items": [
            {"number": number, "href": link(number), "current": number == page}
            for number in numbers
        ],
        "previous": {"href": link(page - 1)} if page > 1 else None,
        "next": {"href": link(page + 1)} if page < last else None,
        "last": last,
    }
