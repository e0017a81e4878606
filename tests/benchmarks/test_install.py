"""The wheel: small, with all that reading and serving need, and nothing of the tests."""

import zipfile

import pytest

import install


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return install.built(tmp_path_factory.mktemp("wheel"))


@pytest.mark.slow
def test_the_wheel_is_small(wheel):
    assert wheel.stat().st_size < 40e6


@pytest.mark.slow
def test_the_wheel_is_whole(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    package = install.REPOSITORY / "src/isotrope"
    files = [path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    expected = {str(path.relative_to(package.parent)) for path in files}
    assert {
        "isotrope/py.typed",
        "isotrope/weights/NOTICE",
        "isotrope/serve/page/index.html",
    } < expected
    assert expected <= names
    others = {name for name in names - expected if not name.startswith("isotrope-")}
    assert not others  # no tests, no bytecode, nothing built before
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_sizes_by_package(tmp_path):
    for name, size in {
        "pip/a.py": 1000,
        "numpy/core/a.so": 300,
        "numpy/core/__pycache__/a.pyc": 50,
        "numpy-2.0.dist-info/METADATA": 7,
        "shapes.py": 11,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    assert install.sizes(tmp_path) == ({"numpy": 307, "shapes": 11}, {"numpy": 50})


def test_seconds_are_of_the_command():
    wall, cpu = install.seconds(["sleep", "0.2"], passes=1)
    assert cpu < 0.15 < 0.2 <= wall
