"""`python -m mcmock`: the same as the command `mcmock`."""

from mcmock.cli import main

if __name__ == "__main__":
    main(prog_name="mcmock")
