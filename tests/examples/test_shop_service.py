"""The demo shop's back end."""

from pathlib import Path

import httpx
import pytest

from examples.shop.service import create_app


@pytest.fixture
def shop(tmp_path: Path) -> httpx.AsyncClient:
    app = create_app(tmp_path / "shop.sqlite", "http://127.0.0.1:4318")
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop")


async def test_the_page_carries_the_script_tag_of_its_agent(shop: httpx.AsyncClient) -> None:
    assert 'src="http://127.0.0.1:4318/sdk/spanweave.js"' in (await shop.get("/")).text


async def test_a_purchase_takes_one_from_the_stock(shop: httpx.AsyncClient) -> None:
    answer = await shop.post("/api/products/loom/orders")
    assert (answer.status_code, answer.json()) == (201, {"number": 1, "left": 11})
    assert {p["id"]: p["stock"] for p in (await shop.get("/api/products")).json()}["loom"] == 11


async def test_what_is_sold_out_or_unknown_is_refused_with_a_reason(shop: httpx.AsyncClient) -> None:
    assert (await shop.post("/api/products/reed/orders")).json() == {"error": "reed is sold out"}
    unknown = await shop.post("/api/products/nothing/orders")
    assert (unknown.status_code, unknown.json()) == (404, {"error": "there is no product 'nothing'"})
