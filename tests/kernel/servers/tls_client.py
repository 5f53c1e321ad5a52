"""An HTTPS server and a client in one process, blocking sockets; asks as often as lines come in."""

import http.server
import ssl
import sys
import threading
import urllib.request


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
server.socket = context.wrap_socket(server.socket, server_side=True)
port = server.server_address[1]
threading.Thread(target=server.serve_forever, daemon=True).start()
print(port, flush=True)
trust = ssl.create_default_context(cafile=sys.argv[1])
for line in sys.stdin:
    request = urllib.request.Request(
        f"https://localhost:{port}/secure?q=1", headers={"traceparent": line.strip()}
    )
    urllib.request.urlopen(request, context=trust).read()
    print("done", flush=True)
