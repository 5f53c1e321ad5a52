"""`spanweave doctor`: what this kernel and these privileges allow, why not, and what to do."""

import json
from dataclasses import asdict

import click


@click.command(
    epilog="""\b
Examples:
  sudo spanweave doctor
  spanweave doctor --json"""
)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def doctor(as_json: bool) -> None:
    """Says what kernel tracing can do here, by trying it.

    Exits with 1 when system calls cannot be traced at all.
    """
    from host_agent.ebpf.features import examine

    findings = examine()
    if as_json:
        click.echo(json.dumps([asdict(f) for f in findings], indent=2))
    else:
        width = max(len(f.name) for f in findings)
        for finding in findings:
            mark = click.style("yes", fg="green") if finding.works else click.style("no ", fg="yellow")
            click.echo(f"{mark}  {finding.name:<{width}}  {finding.detail}")
            if not finding.works and finding.advice:
                click.echo(f"     {'':<{width}}  → {finding.advice}")
    if not any(f.works and f.name == "system calls" for f in findings):
        if not as_json:
            click.echo("Without BPF, `spanweave trace` shows what /proc tells.")
        raise click.exceptions.Exit(1)
