"""What Northwind Living sells, and to whom."""

from __future__ import annotations

from typing import NamedTuple


class Product(NamedTuple):
    """Something on sale; prices are cents."""

    sku: str
    name: str
    cents: int


class Customer(NamedTuple):
    """Somebody who buys; the same few people come back, so that one e-mail finds several orders."""

    id: str
    name: str
    email: str
    country: str


PRODUCTS = (
    Product("LMP-ARC-BLK", "Arc floor lamp, black", 12_990),
    Product("LMP-DSK-OAK", "Desk lamp, oak", 5_490),
    Product("CHR-LNG-GRN", "Lounge chair, moss green", 34_900),
    Product("CHR-DIN-ASH", "Dining chair, ash", 11_900),
    Product("TBL-SDE-WAL", "Side table, walnut", 15_900),
    Product("TBL-DIN-180", "Dining table, 180 cm", 69_900),
    Product("RUG-WOL-200", "Wool rug, 200 x 140", 24_900),
    Product("CUS-LIN-SND", "Linen cushion, sand", 2_990),
    Product("THR-MRN-GRY", "Merino throw, grey", 8_990),
    Product("VAS-STN-TAL", "Stoneware vase, tall", 4_490),
    Product("MUG-STN-SET", "Stoneware mugs, set of four", 3_990),
    Product("SHF-OAK-090", "Wall shelf, oak, 90 cm", 6_990),
    Product("BED-LIN-SET", "Bed linen, king", 13_990),
    Product("CLK-WAL-030", "Wall clock, walnut", 7_490),
    Product("MIR-RND-080", "Round mirror, 80 cm", 10_990),
    Product("CND-SOY-FIG", "Soy candle, fig", 1_990),
)

# In the shop already, and not yet in the item master of the ERP.
NEW_ARRIVALS = (
    Product("TBL-DIN-OAK", "Dining table, oak, extendable", 84_900),
    Product("CHR-LNG-OCH", "Lounge chair, ochre", 36_900),
    Product("RUG-JUT-160", "Jute rug, 160 x 230", 17_900),
)

_PEOPLE = (
    ("Ines Almeida", "PT"),
    ("Jonas Berg", "SE"),
    ("Amara Okafor", "IE"),
    ("Lena Hoffmann", "DE"),
    ("Mateusz Kowal", "PL"),
    ("Chloe Marchand", "FR"),
    ("Pieter de Wit", "NL"),
    ("Sofia Ricci", "IT"),
    ("Elif Kaya", "DE"),
    ("Oskar Lindqvist", "SE"),
    ("Nora Byrne", "IE"),
    ("Tomas Novak", "CZ"),
    ("Hanna Virtanen", "FI"),
    ("Luca Steiner", "AT"),
    ("Camille Roux", "FR"),
    ("Davide Greco", "IT"),
    ("Freya Madsen", "DK"),
    ("Henrik Solberg", "NO"),
    ("Marta Nowak", "PL"),
    ("Yusuf Demir", "NL"),
    ("Alba Romero", "ES"),
    ("Greta Vogel", "DE"),
    ("Niamh Kelly", "IE"),
    ("Emil Jensen", "DK"),
    ("Clara Dubois", "BE"),
    ("Rui Carvalho", "PT"),
    ("Sara Keller", "CH"),
    ("Viktor Horvat", "HR"),
    ("Anna Lehtonen", "FI"),
    ("Pablo Serrano", "ES"),
)

CUSTOMERS = tuple(
    Customer(f"C-{20411 + 37 * n}", name, f"{name.lower().replace(' ', '.')}@example.com", country)
    for n, (name, country) in enumerate(_PEOPLE)
)

CARRIERS = ("Postline", "Parcelway", "Nordfreight")
