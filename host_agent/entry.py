"""The console script `spanweave`."""

import sys


def main() -> None:
    """Run the command line; without the packages it needs, say which to install."""
    try:
        from host_agent.cli import spanweave
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.exit("spanweave: the command line is not installed; run: pip install 'spanweave[agent]'")
    spanweave(prog_name="spanweave")
