"""The command line, where what is under way at Ctrl-C is awaited for a second and no longer."""

from runtime.cli.main import main
from runtime.completions.engines import openai

if __name__ == "__main__":
    openai.GRACE = 1
    main()
