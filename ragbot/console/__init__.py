"""What the command line is made of: options, output, progress. Only :mod:`ragbot.cli` may import it."""
