"""A few hundred broken files in seconds; `make fuzz` tries twenty thousand."""

from argparse import Namespace

import numpy as np
import pytest

import fuzz
import seeds
from isotrope.io.errors import ImageError
from isotrope.io.sheets import page_images
from isotrope.io.transcripts import read_transcript
from mutations import MUTATIONS, XML_MUTATIONS, mutated
from targets import TARGETS
from watched import Watched


@pytest.mark.parametrize(
    ("fault", "problem", "detail"),
    [
        ("fine", "", ""),
        ("memory", "", ""),
        ("crash", "crash", "SIGSEGV"),
        ("hang", "hang", "over 1 s"),
        ("error", "error", "KeyError: 'of another kind'"),
        ("wrote", "wrote", "open /tmp/isotrope-fuzz-elsewhere"),
        ("noise", "noise", "complaint of a library"),
    ],
)
def test_the_watchdog_notices(tmp_path, fault, problem, detail):
    with Watched(f"faulty:{fault}", tmp_path, seconds=1) as watched:
        for _ in range(2):  # the second time in a process of its own, if the first one died
            outcome = watched.attempt(tmp_path / "a")
            assert outcome.problem == problem
            assert detail in outcome.detail
            assert problem == "error" or sum(outcome.words.values()) == 1


def test_seeds_are_sound():
    for name, content in (seeds.images() | seeds.pdfs()).items():
        pages = list(page_images(content))
        assert pages, name
        assert name == "locked.pdf" or not any(isinstance(p, ImageError) for p in pages), name


def test_transcripts_are_sound(tmp_path):
    seeds.drawing().save(tmp_path / "page.png")
    for name, content in seeds.transcripts().items():
        (tmp_path / name).write_bytes(content)
        page = read_transcript(tmp_path / name)
        assert page.image == tmp_path / "page.png"
        assert page.lines[1].text.startswith("Fifty wor")
        assert not page.faults


def test_mutations_are_repeatable_and_change_something():
    content = seeds.images()["RGB.png"]
    for mutate in (*MUTATIONS, *XML_MUTATIONS):
        for source in (content, seeds.PAGE_XML.encode(), b"a", b""):
            for seed in range(5):
                once, again = (
                    mutate(bytearray(source), [content], np.random.default_rng(seed))
                    for _ in range(2)
                )
                assert once == again
    changed = [mutated(content, [content], np.random.default_rng(seed)) for seed in range(50)]
    assert len(set(changed)) > 45


def options(count, **more):
    given = {"seed": 5, "only": [""], "more": None, "memory": 4, "random_only": True}
    return Namespace(count=count, **(given | more))


@pytest.mark.parametrize(("target", "count"), [("decode", 200), ("unit", 80), ("transcript", 60)])
def test_broken_files_are_pages_or_errors(tmp_path, target, count):
    tally = fuzz.run(target, options(count, out=tmp_path))
    assert not tally.problems, list(tmp_path.iterdir())
    assert tally.tried == count
    assert min(tally.pages, tally.refused) > count / 10


@pytest.mark.slow
@pytest.mark.parametrize("target", ["decode", "transcript"])
def test_hostile_files_are_pages_or_errors(tmp_path, target):
    tally = fuzz.run(target, options(0, out=tmp_path, random_only=False))
    assert not tally.problems, list(tmp_path.iterdir())
    assert tally.pages
    assert tally.refused


@pytest.mark.slow
@pytest.mark.parametrize("target", ["read", "command"])
def test_broken_files_are_read_and_written_or_errors(tmp_path, target):
    tally = fuzz.run(target, options(20, out=tmp_path))
    assert not tally.problems, list(tmp_path.iterdir())
    assert target in TARGETS
