"""The command line: a lazy Typer application over the definitions, one module per verb."""
