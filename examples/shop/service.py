"""The shop's back end: `python -m examples.shop.service --port 8080 --agent http://127.0.0.1:4318`."""

import argparse
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse
from starlette.routing import Route

from examples.shop.catalogue import Catalogue, SoldOutError
from examples.shop.telemetry import instrument

PAGE = Path(__file__).parent / "page"


def create_app(database: Path, agent: str) -> Starlette:
    """The shop as a Starlette application; its page loads the script tag from `agent`."""
    catalogue = Catalogue(database)

    # Plain functions: Starlette runs them in its thread pool, as the blocking SQLite calls want.
    def page(request: Request) -> HTMLResponse:
        html = (PAGE / "index.html").read_text(encoding="utf-8")
        return HTMLResponse(html.replace("{{agent}}", agent))

    def style(request: Request) -> FileResponse:
        return FileResponse(PAGE / "shop.css")

    def script(request: Request) -> FileResponse:
        return FileResponse(PAGE / "shop.js")

    def healthz(request: Request) -> PlainTextResponse:
        return PlainTextResponse("ok")

    def products(request: Request) -> JSONResponse:
        return JSONResponse(catalogue.products())

    def buy(request: Request) -> JSONResponse:
        product = request.path_params["product"]
        try:
            order = catalogue.buy(product)
        except KeyError:
            return JSONResponse({"error": f"there is no product {product!r}"}, 404)
        except SoldOutError:
            return JSONResponse({"error": f"{product} is sold out"}, 409)
        return JSONResponse({"number": order.number, "left": order.left}, 201)

    return Starlette(
        routes=[
            Route("/", page),
            Route("/shop.css", style),
            Route("/shop.js", script),
            Route("/healthz", healthz),
            Route("/api/products", products),
            Route("/api/products/{product}/orders", buy, methods=["POST"]),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="The demo shop's back end.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument(
        "--agent", default="http://127.0.0.1:4318", help="where spans go and the script tag comes from"
    )
    parser.add_argument("--database", type=Path, default=Path("build/shop.sqlite"))
    options = parser.parse_args()
    options.database.parent.mkdir(parents=True, exist_ok=True)
    app = create_app(options.database, options.agent)
    provider = instrument(app, options.agent)
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning")
    provider.shutdown()


if __name__ == "__main__":
    main()
