"""``python -m cdc_agent`` is ``cdc-agent``."""

from cdc_agent.cli import main

if __name__ == "__main__":
    main(prog_name="cdc-agent")
