"""`python -m host_agent` is the command `spanweave`."""

from host_agent.entry import main

if __name__ == "__main__":
    main()
