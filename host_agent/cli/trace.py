"""`spanweave trace`: watches processes from the kernel, and prints their traces or feeds an agent."""

import subprocess
import time
from pathlib import Path

import click

from host_agent.cli.trace_session import TraceSession, make_plan
from host_agent.ebpf.errors import EbpfError, EbpfUnavailable
from host_agent.ebpf.exporter import Exporter
from host_agent.ebpf.live_tree import LiveTree
from wasm_sdk.otlp import ResourceSpans


@click.command(
    epilog="""\b
Examples:
  sudo spanweave trace --pid 4711
  sudo spanweave trace --command nginx --http --files --min-duration 1ms
  sudo spanweave trace --cgroup system.slice/shop.service --export http://127.0.0.1:4318
  sudo spanweave trace --syscalls openat,connect -- ls -l
  sudo spanweave trace --pid 4711 --functions 'libssl:SSL_*' --functions kernel:sched_switch --stacks""",
)
@click.option("--pid", "pids", type=int, multiple=True, help="A process and its children; repeatable.")
@click.option(
    "--command", "commands", multiple=True, metavar="NAME", help="Programs of this name, also later ones."
)
@click.option("--cgroup", "cgroups", multiple=True, metavar="PATH", help="All processes of a cgroup.")
@click.option("--container", "containers", multiple=True, metavar="ID", help="All processes of a container.")
@click.option(
    "--http/--no-http", default=None, help="HTTP, PostgreSQL, Redis and DNS requests (the default)."
)
@click.option(
    "--connections", is_flag=True, help="TCP connections: connect, accept, and a summary at the end."
)
@click.option("--traffic", is_flag=True, help="Every single send and receive.")
@click.option("--tls/--no-tls", default=True, show_default=True, help="Requests inside OpenSSL.")
@click.option("--files", is_flag=True, help="Files opened, read, written, renamed, removed.")
@click.option("--memory", is_flag=True, help="mmap and brk, out-of-memory kills.")
@click.option(
    "--allocations", type=click.IntRange(0), default=0, metavar="N", help="One malloc and free in N."
)
@click.option("--faults", is_flag=True, help="Every page fault.")
@click.option("--syscalls", metavar="NAMES", help="System calls: names with commas, or all.")
@click.option(
    "--functions", multiple=True, metavar="SPEC", help="FILE:SYMBOL, usdt:FILE:PROVIDER:NAME, kernel:NAME."
)
@click.option("--stacks", is_flag=True, help="Add stack traces.")
@click.option(
    "--min-duration", default="0ns", show_default=True, metavar="TIME", help="Nothing shorter, as in 250us."
)
@click.option("--failed", is_flag=True, help="Only system calls that failed.")
@click.option("--histogram", is_flag=True, help="Count durations in the kernel, emit no spans.")
@click.option(
    "--sample", type=click.FloatRange(0, 1), default=1.0, show_default=True, help="Of traces that begin here."
)
@click.option("--no-follow", is_flag=True, help="Not the children.")
@click.option(
    "--export", "export_url", metavar="URL", help="Send spans to this OTLP/HTTP address instead of printing."
)
@click.option("--helper", type=click.Path(path_type=Path), help="Socket of a probe helper that is running.")
@click.option("--seconds", type=float, help="Stop after this long.")
@click.option(
    "--bcc", "bcc_file", type=click.Path(exists=True, path_type=Path), help="Run a bcc program of your own."
)
@click.argument("program", nargs=-1, type=click.UNPROCESSED)
def trace(
    pids: tuple[int, ...],
    commands: tuple[str, ...],
    cgroups: tuple[str, ...],
    containers: tuple[str, ...],
    program: tuple[str, ...],
    bcc_file: Path | None,
    export_url: str | None,
    seconds: float | None,
    **options: object,
) -> None:
    """Traces processes from the kernel, without a change to them. PROGRAM is started and traced."""
    if bcc_file:
        from host_agent.ebpf.bcc_program import run_bcc

        try:
            run_bcc(bcc_file, click.echo, seconds)
        except EbpfError as error:
            raise click.ClickException(str(error)) from error
        return
    if not (pids or commands or cgroups or containers or program):
        raise click.UsageError(
            "name whom to trace: --pid, --command, --cgroup, --container, or a program to start"
        )
    exporter = Exporter(export_url) if export_url else None
    tree = LiveTree(lambda lines: click.echo("\n".join(lines) + "\n"))

    def show(groups: list[ResourceSpans]) -> None:
        if exporter:
            exporter.traces(groups)
        else:
            tree.add(groups)
            tree.print_quiet()

    session = TraceSession(make_plan(options), options, show)
    child: subprocess.Popen[bytes] | None = None
    try:
        try:
            session.start(pids, commands, cgroups, containers)
        except EbpfUnavailable as error:
            click.echo(f"no BPF: {error}\nShowing what /proc tells; `spanweave doctor` says more.", err=True)
            session.start_without_bpf(pids)
        if program:
            child = session.start_program(program)
        _follow(session, child, time.monotonic() + seconds if seconds else None)
    except EbpfError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("", err=True)
    finally:
        lost = session.stop()
        tree.print_quiet(everything=True)
        if child is not None and child.poll() is None:
            child.terminate()
            child.wait()
    if lost:
        click.echo(
            f"{lost} events were dropped: the rings were full (raise --min-duration, ask for less)", err=True
        )
    if exporter:
        exporter.metrics(session.metrics)
        click.echo(
            f"{exporter.sent} spans and metrics sent, {exporter.lost} not {exporter.problem}".rstrip(),
            err=True,
        )
    elif options["histogram"]:
        session.print_histograms(click.echo)


def _follow(session: TraceSession, child: subprocess.Popen[bytes] | None, end: float | None) -> None:
    while end is None or time.monotonic() < end:
        session.step()
        if child is not None and child.poll() is not None:
            session.step()
            return
        if not session.alive():
            return
