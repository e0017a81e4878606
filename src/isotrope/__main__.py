"""`python -m isotrope`, and the command `isotrope`."""


def main() -> None:
    """Run the command.

    It is imported only here: a process that `multiprocessing` spawns imports this module again, and
    has no use for the command.
    """
    from isotrope.cli import main as run

    run()


if __name__ == "__main__":
    main()
