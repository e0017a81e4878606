"""What holds for every command: version, help at any width, wrong usage in a line, Ctrl-C."""

import subprocess
import sys
from itertools import pairwise

import pytest
import typer
from typer.testing import CliRunner

import isotrope
from isotrope import cli
from isotrope.cli.command import EXIT_STATUS, Command, Group, reflowed

COMMANDS = ["read", "orient", "adapt", "audit", "export", "eval"]
COMMANDS += [
    f"train {kind}" for kind in ("reader", "finder", "detector", "recognizer", "classifier")
]


def run(*arguments, **environment):
    return CliRunner().invoke(cli.app, arguments, env=environment)


def test_version():
    result = run("--version")
    assert (result.stdout, result.exit_code) == (f"isotrope {isotrope.__version__}\n", 0)


def test_python_m_isotrope_is_the_command():
    command = [sys.executable, "-m", "isotrope", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"isotrope {isotrope.__version__}\n"


@pytest.mark.parametrize(
    ("words", "offered"),
    [("isotrope ori", ["orient"]), ("isotrope read --format js", ["jsonl", "json"])],
)
def test_the_shell_completes(words, offered):
    place = str(len(words.split()) - 1)
    environment = {"_ISOTROPE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": place}
    assert run(**environment).stdout.split() == offered
    assert "--install-completion" in run("--help").stdout


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("columns", [80, 120])
def test_help_is_set_to_the_width_and_shows_no_type_of_flags(command, columns):
    result = run(*command.split(), "--help", TERMINAL_WIDTH=str(columns), COLUMNS=str(columns))
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= columns
    assert "<bool>" not in result.stdout
    assert " ".join(EXIT_STATUS.split()) in " ".join(result.stdout.split())
    # A line of prose is short only where its paragraph ends.
    prose = [line for line in lines if line.startswith(" ") and "│" not in line]
    for line, following in pairwise(prose):
        word = (following.split() or [""])[0]
        assert not line.strip() or not word or len(line.rstrip()) + 1 + len(word) > columns - 2


def test_paragraphs_are_reflowed():
    text = """One
    and two.

    Three   and
    four.
    """
    assert reflowed(text) == "One and two.\n\nThree and four."
    assert reflowed(None) is None


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("raed",), "No such command 'raed'. Did you mean 'read'?; see isotrope --help"),
        (("train", "reader"), "Missing option '--config'; see isotrope train reader --help"),
        (
            ("orient", "x", "--format", "xml"),
            "Invalid value for '--format': 'xml' is not one of 'text', 'tsv', 'json'; "
            "see isotrope orient --help",
        ),
        (("read", "x", "--wrong"), "No such option: --wrong; see isotrope read --help"),
    ],
)
def test_wrong_usage_is_one_line(arguments, line):
    result = run(*arguments)
    assert result.stderr == f"isotrope: {line}\n"
    assert (result.stdout, result.exit_code) == ("", 2)


@pytest.mark.parametrize("arguments", [(), ("train",)])
def test_no_arguments_print_the_help(arguments):
    result = run(*arguments)
    assert "Commands" in result.stdout
    assert (result.stderr, result.exit_code) == ("", 2)


def application(command):
    made = typer.Typer(cls=Group)
    made.callback()(lambda: None)
    made.command("go", cls=Command)(command)
    return made


def test_a_missing_package_is_one_line():
    def go():
        raise ModuleNotFoundError("No module named 'skia'", name="skia")

    result = CliRunner().invoke(application(go), ["go"])
    assert result.stderr == "isotrope: this needs skia; pip install 'isotrope[train]'\n"
    assert result.exit_code == 1


def test_an_error_of_ours_is_not_hidden():
    def go():
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        CliRunner().invoke(application(go), ["go"], catch_exceptions=False)


def test_ctrl_c_is_quiet():
    def go():
        raise KeyboardInterrupt  # not a signal, which a job in the background ignores

    result = CliRunner().invoke(application(go), ["go"])
    assert (result.output, result.exit_code) == ("", 130)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("adapt --data none --out run", "no such file or folder; check --data"),
        ("adapt --data . --out run --config none", "no such file or folder; check --config"),
        ("adapt --data . --out run --base none", "no such folder; check --base"),
        ("adapt --data . --out run --start ./none", "no such adapter"),
        ("eval --model . --data none", "no such file or folder; give the folder of a set:"),
        ("train recognizer --config none --out run", "no such file or folder; check --config"),
        ("train recognizer --config . --real none --out run", "check --real"),
        ("train reader --config . --data none --out run", "check --data"),
        ("train finder --config . --data none --out run", "check --data"),
        ("train detector --config . --data none --out run", "check --data"),
        ("train classifier --config . --data none --out run", "give the folder of a set:"),
    ],
)
def test_a_missing_path_is_reported_before_torch_is_imported(tmp_path, command, message):
    code = "import sys; sys.modules['torch'] = None; from isotrope.cli import app; app()"
    run = [sys.executable, "-c", code, *command.split()]
    done = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path)
    assert done.stderr.replace("./none", "none").startswith("isotrope: none: ")
    assert message in done.stderr
    assert (done.stderr.count("\n"), done.returncode) == (1, 1)
