"""How every command says what went wrong."""

import pytest
import typer

from isotrope.cli.errors import exit_on_error


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("two  spaces.png:\nbroken"), "two  spaces.png: broken"),
        (
            ModuleNotFoundError("No module named 'skia'", name="skia"),
            "this needs skia; pip install 'isotrope[train]'",
        ),
        (
            ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn"),
            "this needs torch.nn; pip install 'isotrope[torch]'",
        ),
        (ModuleNotFoundError("HDF5 needs h5py; pip install h5py", name="h5py"), "HDF5 needs h5py;"),
    ],
)
def test_a_problem_is_one_line_and_status_1(error, line, capsys):
    with pytest.raises(typer.Exit) as ended, exit_on_error():
        raise error
    printed = capsys.readouterr().err
    assert ended.value.exit_code == 1
    assert printed.startswith(f"isotrope: {line}")
    assert printed.count("\n") == 1
