"""The shop's database: products and orders in SQLite."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

PRODUCTS = [
    ("loom", "Desk loom", "Warp and weft for one desk.", 8900, 12),
    ("shuttle", "Boxwood shuttle", "Carries the thread across, and back.", 1450, 40),
    ("yarn", "Merino yarn", "Two hundred metres, undyed.", 990, 250),
    ("reed", "Steel reed", "Ten dents to the inch. Sold out.", 3200, 0),
]


class SoldOutError(Exception):
    """Nothing of this product is left."""


@dataclass(frozen=True)
class Order:
    number: int
    product: str
    price_cents: int
    left: int


class Catalogue:
    """Products with their stock; one connection a call, so that any thread may ask."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._connect() as connection:
            connection.executescript(
                """
                CREATE TABLE IF NOT EXISTS product (
                  id TEXT PRIMARY KEY, name TEXT, blurb TEXT, price_cents INTEGER, stock INTEGER);
                CREATE TABLE IF NOT EXISTS purchase (
                  number INTEGER PRIMARY KEY AUTOINCREMENT, product TEXT, price_cents INTEGER,
                  at TEXT DEFAULT CURRENT_TIMESTAMP);
                """
            )
            connection.executemany("INSERT OR IGNORE INTO product VALUES (?, ?, ?, ?, ?)", PRODUCTS)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path)
        connection.row_factory = sqlite3.Row
        return connection

    def products(self) -> list[dict[str, object]]:
        connection = self._connect()
        try:
            rows = connection.cursor().execute("SELECT id, name, blurb, price_cents, stock FROM product")
            return [dict(row) for row in rows.fetchall()]
        finally:
            connection.close()

    def buy(self, product: str) -> Order:
        """Takes one of `product` from the stock.

        Raises:
            KeyError: no such product.
            SoldOutError: none is left.
        """
        connection = self._connect()
        try:
            cursor = connection.cursor()
            cursor.execute("SELECT price_cents, stock FROM product WHERE id = ?", (product,))
            row = cursor.fetchone()
            if row is None:
                raise KeyError(product)
            if not row["stock"]:
                raise SoldOutError(product)
            cursor.execute("UPDATE product SET stock = stock - 1 WHERE id = ?", (product,))
            cursor.execute(
                "INSERT INTO purchase (product, price_cents) VALUES (?, ?)", (product, row["price_cents"])
            )
            connection.commit()
            return Order(cursor.lastrowid or 0, product, row["price_cents"], row["stock"] - 1)
        finally:
            connection.close()
