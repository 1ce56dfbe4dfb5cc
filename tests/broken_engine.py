"""A build in which a name of the engine that asks a server is none: `NAME`."""

import sys

import runtime.completions.engines.openai as engine
from runtime.cli.main import main

if __name__ == "__main__":
    setattr(engine, sys.argv[1], None)
    main(["build", "recipe.yaml"])
