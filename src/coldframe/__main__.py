"""`python -m coldframe`: the command line."""

from coldframe.cli import main

if __name__ == "__main__":
    main()
