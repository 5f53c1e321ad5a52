"""`spanweave traces` and `spanweave show`: what the agent has stored, in a shell."""

import json
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime

import click

from host_agent.cli.tree import format_duration, printable, render_tree
from wasm_sdk.otlp import decode_traces

DEFAULT_URL = "http://127.0.0.1:4319"
TIMEOUT = 30.0  # seconds

url_option = click.option(
    "--url",
    default=DEFAULT_URL,
    show_default=True,
    metavar="URL",
    help="The agent's API.",
    envvar="SPANWEAVE_URL",
)
json_option = click.option("--json", "as_json", is_flag=True, help="For machines.")


@click.command(
    epilog="""\b
Examples:
  spanweave traces
  spanweave traces --service shop --error --since 1h
  spanweave traces --attribute http.response.status_code=500 --min-duration 100ms
  spanweave traces --json | jq -r '.traces[].trace_id'"""
)
@click.option("--service", help="Only traces with a span of this service.")
@click.option("--operation", help="Only traces with a span of this name.")
@click.option("--error", is_flag=True, help="Only traces with a span whose status is error.")
@click.option("--min-duration", metavar="TIME", help="At least this long, as in 250ms or 1.5s.")
@click.option("--max-duration", metavar="TIME", help="At most this long.")
@click.option("--since", metavar="TIME", help="How far back, as in 15m, 2h or 7d.")
@click.option("--attribute", multiple=True, metavar="KEY=VALUE", help="On any span or resource; repeatable.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@url_option
@json_option
def traces(
    url: str, as_json: bool, error: bool, limit: int, attribute: tuple[str, ...], **filters: str | None
) -> None:
    """Lists recent traces, newest first."""
    query: list[tuple[str, str]] = [(key, value) for key, value in filters.items() if value is not None]
    query += [("attribute", pair) for pair in attribute] + [("limit", str(limit))]
    if error:
        query.append(("error", "true"))
    body = json.loads(ask(url, f"/api/v1/traces?{urllib.parse.urlencode(query)}"))
    if as_json:
        click.echo(json.dumps(body, indent=2))
        return
    if not body["traces"]:
        click.echo("No trace matches.", err=True)
    for trace in body["traces"]:
        began = datetime.fromtimestamp(int(trace["start_unix_nano"]) / 1e9, UTC).astimezone()
        errors = click.style(f"  {trace['error_count']} error", fg="red") if trace["error_count"] else ""
        click.echo(
            f"{click.style(trace['trace_id'], dim=True)}  {began:%H:%M:%S}"
            f"  {format_duration(int(trace['duration_ns'])):>8}  {trace['span_count']:>4} spans"
            f"  {click.style(printable(trace['root_service'] or '?'), fg='cyan')}"
            f"  {printable(trace['root_name'] or '(root not here)')}{errors}"
        )


@click.command(
    epilog="""\b
Examples:
  spanweave show 5b8efff798038103d269b633813fc60c
  spanweave show latest
  spanweave show latest --json > trace.json"""
)
@click.argument("trace_id")
@url_option
@json_option
def show(trace_id: str, url: str, as_json: bool) -> None:
    """Prints one trace as a tree: TRACE_ID in hex, or `latest`."""
    if trace_id == "latest":
        recent = json.loads(ask(url, "/api/v1/traces?limit=1"))["traces"]
        if not recent:
            raise click.ClickException(f"the agent at {url} has stored no trace yet")
        trace_id = recent[0]["trace_id"]
    path = f"/api/v1/traces/{urllib.parse.quote(trace_id, safe='')}"
    if as_json:
        click.echo(ask(url, path))
    else:
        click.echo("\n".join(render_tree(decode_traces(ask(url, path, "application/x-protobuf")))))


def ask(url: str, path: str, accept: str = "application/json") -> bytes:
    """The agent's answer.

    Raises:
        click.ClickException: it refused, or cannot be reached; says why and what to do.
    """
    try:
        request = urllib.request.Request(url.rstrip("/") + path, headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            return bytes(response.read())
    except urllib.error.HTTPError as error:
        raise click.ClickException(explain(error.read(), f"the agent answered {error.code}")) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise click.ClickException(
            f"no agent at {url} ({reason}). Start one with 'spanweave agent', or name it with --url."
        ) from None


def explain(body: bytes, otherwise: str) -> str:
    """The message and the hint of an error that the API gave as JSON."""
    try:
        error = json.loads(body)["error"]
        return "; ".join(filter(None, (error["message"], error.get("hint"))))
    except (ValueError, KeyError, TypeError):
        return otherwise
