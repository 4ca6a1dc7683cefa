"""What keeps the ERP from booking orders, and what people have put right of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from threading import Lock

from controltower.demo.catalogue import NEW_ARRIVALS

UNKNOWN_COUNTRY = "Unknown"
_FINANCE_TAKES = timedelta(minutes=2)


class Causes:
    """The state of the item master and of the schema; any thread may ask and change it."""

    def __init__(self, opened_at: datetime) -> None:
        self._opened_at = opened_at
        self._lock = Lock()
        self._mapped: set[str] = set()
        self._takes_any_country = False

    @property
    def takes_any_country(self) -> bool:
        """Whether the schema of the ERP has the country that the shop sends when it knows none."""
        return self._takes_any_country

    def is_mapped(self, sku: str) -> bool:
        """Whether the ERP knows an article."""
        with self._lock:
            return sku in self._mapped or all(product.sku != sku for product in NEW_ARRIVALS)

    def find_unmapped(self, skus: Iterable[str]) -> str:
        """The first of these articles that the ERP does not know; "" when it knows all."""
        return next((sku for sku in skus if not self.is_mapped(sku)), "")

    def map_sku(self, sku: str, *, is_mapped: bool = True) -> bool:
        """Put an article into the item master, or take it out; False when the shop does not sell it."""
        if all(product.sku != sku for product in NEW_ARRIVALS):
            return False
        with self._lock:
            self._mapped = self._mapped | {sku} if is_mapped else self._mapped - {sku}
        return True

    def take_any_country(self, *, takes: bool = True) -> None:
        """Widen the schema, or narrow it again."""
        self._takes_any_country = takes

    def is_credit_released(self, customer_id: str, now: datetime) -> bool:
        """Whether finance has released what a customer may owe: of every second one, soon, by itself."""
        number = int(customer_id.rpartition("-")[2])
        return number % 2 == 0 and now - self._opened_at > _FINANCE_TAKES
