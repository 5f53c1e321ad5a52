"""A visitor who strolls through the shop until ended: `python -m examples.shop.stroll http://127.0.0.1:8080`."""

import itertools
import random
import signal
import sys
import time

from playwright.sync_api import Error

from examples.shop.processes import DemoError
from examples.shop.visitor import buy, visit

PRODUCTS = ["yarn", "shuttle", "yarn", "loom", "reed"]
VISITS_A_PAGE = 6


def main() -> int:
    """Loads the page, buys a few things, and starts again."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        while True:
            with visit(sys.argv[1]) as page:
                page.wait_for_selector("#buy-yarn")
                for _ in itertools.repeat(None, VISITS_A_PAGE):
                    time.sleep(random.uniform(0.5, 2.5))
                    buy(page, random.choice(PRODUCTS))
    except (DemoError, Error) as error:
        print(f"the visitor left: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
