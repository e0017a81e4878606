"""`python -m isotrope`: the command `isotrope`."""

from isotrope.cli import main

if __name__ == "__main__":
    main()
