"""The orders that customers place: who, what, through which channel, and what will go wrong with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import NamedTuple
from uuid import UUID

from controltower.demo.catalogue import CARRIERS, CUSTOMERS, NEW_ARRIVALS, PRODUCTS, Customer, Product

SMOOTH = "smooth"
PAYMENT_DECLINED = "payment_declined"
CANCELLED = "cancelled"
CREDIT_HOLD = "credit_hold"
ERP_SCHEMA = "erp_schema"
SKU_UNMAPPED = "sku_unmapped"
ERP_TIMEOUT = "erp_timeout"
POST_LOST = "post_lost"
RELEASE_LOST = "release_lost"
DELIVERY_FAILED = "delivery_failed"
SETTLEMENT_MISMATCH = "settlement_mismatch"

# Shares of all orders, in per mille; what is left is smooth. About half of what fails is repaired in the end.
FATES: Mapping[str, int] = {
    PAYMENT_DECLINED: 30,
    CANCELLED: 40,
    CREDIT_HOLD: 30,
    ERP_SCHEMA: 20,
    SKU_UNMAPPED: 40,
    ERP_TIMEOUT: 30,
    POST_LOST: 10,
    RELEASE_LOST: 15,
    DELIVERY_FAILED: 20,
    SETTLEMENT_MISMATCH: 10,
}
# Of those that go wrong, how many are never put right.
NEVER_REPAIRED: Mapping[str, float] = {
    PAYMENT_DECLINED: 0.4,
    CREDIT_HOLD: 0.5,
    ERP_SCHEMA: 0.5,
    SKU_UNMAPPED: 0.2,
    ERP_TIMEOUT: 0.3,
    DELIVERY_FAILED: 0.2,
    SETTLEMENT_MISMATCH: 0.6,
}
_OAK, _OCHRE, _JUTE = NEW_ARRIVALS
NEXT_ARRIVALS = (_OAK, _OCHRE, _OAK, _JUTE)  # one half of those that are sold is the table
_CHANNELS = ("web", "web", "web", "web", "web", "marketplace", "marketplace", "store")
SELLERS = {"web": "shop", "marketplace": "marketplace", "store": "pos"}


class Line(NamedTuple):
    """One position of an order."""

    product: Product
    quantity: int


class Shipment(NamedTuple):
    """A part of an order that travels on its own."""

    number: str
    warehouse: str  # wms or 3pl
    carrier: str
    tracking: str
    told_by_carrier: bool = True  # False when the carrier already reports the package for another order


@dataclass(frozen=True, slots=True)
class Order:
    """An order and every name by which a system knows it."""

    number: int
    seller: str  # the system that took it: shop, marketplace or pos
    channel: str
    seller_ids: Mapping[str, str | int]  # identifiers in the words of the seller
    correlation: str
    oms_number: str
    erp_document: str
    invoice: str
    settlement: str
    customer: Customer
    lines: tuple[Line, ...]
    shipments: tuple[Shipment, ...]
    fate: str
    repaired: bool
    reference: str  # where the story of this order is written, so that it can be told on from there

    @property
    def name(self) -> str:
        """What the customer reads out over the phone."""
        return str(self.seller_ids["order"])

    @property
    def cents(self) -> int:
        """What the order is worth, shipping apart."""
        return sum(line.product.cents * line.quantity for line in self.lines)

    @property
    def total(self) -> dict[str, str]:
        """Amount and currency as the systems write it."""
        return {"amount": f"{self.cents // 100}.{self.cents % 100:02d}", "currency": "EUR"}

    @property
    def skus(self) -> list[str]:
        """The article numbers, each once."""
        return sorted({line.product.sku for line in self.lines})


class Names:
    """Gives out document numbers. The `series` keeps two runs against one tower apart."""

    def __init__(self, series: str) -> None:
        self._suffix = f"-{series}" if series else ""

    def order(self, number: int) -> str:
        return f"#{number}{self._suffix}"

    def oms(self, number: int) -> str:
        return f"OMS-{4_400_000 + number}{self._suffix}"

    def erp(self, number: int) -> str:
        return f"SO-{number - 924:05d}{self._suffix}"

    def invoice(self, number: int) -> str:
        return f"INV-{70_000 + number}{self._suffix}"

    def shipment(self, number: int, part: int) -> str:
        return f"SHP-{number}-{part}{self._suffix}"

    def settlement(self, number: int) -> str:
        return f"PO-{310_000 + number}{self._suffix}"


def draw_order(
    number: int,
    rng: Random,
    names: Names,
    *,
    channel: str = "",
    reference: str = "",
    stuck_on: Product | None = None,
) -> Order:
    """The order with this number; the generator alone decides what it is, but for an article `stuck_on` that
    the ERP does not know.
    """
    channel = channel or rng.choice(_CHANNELS)
    products = rng.sample(PRODUCTS, rng.choice((1, 1, 2, 2, 3)))
    lines = tuple(Line(product, rng.choice((1, 1, 1, 2, 4))) for product in products)
    fate = _draw_fate(rng)
    repaired = rng.random() >= NEVER_REPAIRED.get(fate, 0.0)
    if stuck_on is not None:
        fate, repaired = SKU_UNMAPPED, False
    if fate == SKU_UNMAPPED and not repaired:
        lines = (Line(stuck_on or rng.choice(NEXT_ARRIVALS), lines[0].quantity), *lines[1:])
    return Order(
        number=number,
        seller=SELLERS[channel],
        channel=channel,
        seller_ids=_seller_ids(channel, number, rng, names),
        correlation=str(UUID(int=rng.getrandbits(128), version=4)),
        oms_number=names.oms(number),
        erp_document=names.erp(number),
        invoice=names.invoice(number),
        settlement=names.settlement(number),
        customer=rng.choice(CUSTOMERS),
        lines=lines,
        shipments=_draw_shipments(number, rng, names, split=len(lines) > 1 and rng.random() < 0.35),
        fate=fate,
        repaired=repaired,
        reference=reference,
    )


def pack_together(first: Order, second: Order) -> Order:
    """`second`, bought by the same customer and packed into the first package of `first`."""
    package = first.shipments[0]
    joined = second.shipments[0]._replace(
        warehouse=package.warehouse,
        carrier=package.carrier,
        tracking=package.tracking,
        told_by_carrier=False,
    )
    return replace(second, customer=first.customer, shipments=(joined,), fate=SMOOTH)


def _draw_fate(rng: Random) -> str:
    roll = rng.randrange(1000)
    for fate, share in FATES.items():
        if roll < share:
            return fate
        roll -= share
    return SMOOTH


def _seller_ids(channel: str, number: int, rng: Random, names: Names) -> dict[str, str | int]:
    if channel == "marketplace":
        return {"order": f"114-{rng.randrange(10**6, 10**7)}-{rng.randrange(10**6, 10**7)}"}
    if channel == "store":
        return {"order": f"T{rng.randrange(1, 40):03d}-{names.order(number).lstrip('#')}"}
    # Shop ids are whole numbers that a double cannot hold: whoever reads them as one melts two orders.
    return {
        "order": names.order(number),
        "shop.order_id": rng.randrange(2**53, 2**60) | 1,
        "checkout": f"{rng.getrandbits(96):024x}",
    }


def _draw_shipments(number: int, rng: Random, names: Names, *, split: bool) -> tuple[Shipment, ...]:
    warehouses: Sequence[str] = ("wms", "3pl") if split else (rng.choice(("wms", "wms", "3pl")),)
    return tuple(
        Shipment(
            number=names.shipment(number, part),
            warehouse=warehouse,
            carrier=rng.choice(CARRIERS),
            tracking=f"1Z{rng.getrandbits(60) % 36**8:09d}{rng.randrange(10**6):06d}",
        )
        for part, warehouse in enumerate(warehouses, start=1)
    )
