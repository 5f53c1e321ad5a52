"""`spanweave completion`: what makes a shell complete the command's words."""

import click
from click.shell_completion import get_completion_class


@click.command(
    epilog="""\b
Examples:
  eval "$(spanweave completion bash)"      in ~/.bashrc
  eval "$(spanweave completion zsh)"       in ~/.zshrc
  spanweave completion fish > ~/.config/fish/completions/spanweave.fish"""
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Prints the completion script of a shell."""
    root = click.get_current_context().find_root().command
    kind = get_completion_class(shell)
    if kind is None:
        raise click.ClickException(f"there is no completion for {shell}")
    click.echo(kind(root, {}, "spanweave", "_SPANWEAVE_COMPLETE").source())
