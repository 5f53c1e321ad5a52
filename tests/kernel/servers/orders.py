"""A shop of the standard library alone, without any instrumentation: a page, and orders in a SQLite file.

Arguments: the database, the URL of the page's script, and a file with key and certificate where it is HTTPS.
"""

import http.server
import json
import sqlite3
import ssl
import sys

DATABASE, SCRIPT = sys.argv[1:3]
PAGE = f"""<!doctype html>
<title>Orders</title>
<link rel="icon" href="data:," />
<script src="{SCRIPT}" data-service="orders-page" defer></script>
<button id="order">Order</button>
<p id="message"></p>
<script>
  document.querySelector("#order").onclick = async () => {{
    const answer = await fetch("/orders?token=hidden", {{ method: "POST", body: "loom" }});
    document.querySelector("#message").textContent = "Order " + (await answer.json()).number;
  }};
</script>
"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer("text/html", PAGE)

    def do_POST(self) -> None:
        product = self.rfile.read(int(self.headers["Content-Length"])).decode()
        connection = sqlite3.connect(DATABASE)
        with connection:
            connection.execute("CREATE TABLE IF NOT EXISTS orders (product TEXT)")
            connection.execute("INSERT INTO orders VALUES (?)", (product,))
        (number,) = connection.execute("SELECT count(*) FROM orders").fetchone()
        connection.close()
        self.answer("application/json", json.dumps({"number": number}))

    def answer(self, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_address[1], flush=True)
server.serve_forever()
