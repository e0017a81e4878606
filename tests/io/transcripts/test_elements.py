"""XML opens nothing else and expands nothing."""

import pytest

from isotrope.io.transcripts import read_transcript
from isotrope.io.transcripts.elements import parse

LAUGHS = '<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(12)
)


@pytest.mark.parametrize(
    ("declared", "used"),
    [
        ('<!ENTITY x SYSTEM "{secret}">', "&x;"),
        ('<!ENTITY % x SYSTEM "{secret}"> %x;', ""),
        (LAUGHS, "&m;"),
        ('<!ENTITY x "text">', ""),
    ],
)
def test_entities_are_refused(tmp_path, declared, used):
    (tmp_path / "secret").write_text("secret")
    declared = declared.replace("{secret}", str(tmp_path / "secret"))
    file = tmp_path / "a.xml"
    file.write_text(f"<!DOCTYPE PcGts [{declared}]><PcGts>{used}</PcGts>")
    with pytest.raises(
        ValueError, match=r"has XML entities of its own; export it without|not whole"
    ):
        parse(file)


def test_entities_of_a_schema_elsewhere_are_refused(tmp_path):
    (tmp_path / "a.dtd").write_text('<!ENTITY x "text">')
    (tmp_path / "a.xml").write_text('<!DOCTYPE alto SYSTEM "a.dtd"><alto>&x;</alto>')
    with pytest.raises(ValueError, match="XML entities"):
        parse(tmp_path / "a.xml")


def test_comments_instructions_and_characters_of_xml_itself(tmp_path):
    (tmp_path / "a.xml").write_text(
        "<?xml version='1.0'?><!DOCTYPE a><a>x<!-- y --> &amp;<?z?></a>"
    )
    assert parse(tmp_path / "a.xml").text == "x &"


@pytest.mark.parametrize("content", [b"", b"<a>", b"\xff\xfe<a", b"<?xml encoding='x'?><a/>"])
def test_broken_xml(tmp_path, content):
    (tmp_path / "a.xml").write_bytes(content)
    with pytest.raises(
        ValueError, match=r"a\.xml is not whole XML \(.*\); export it again"
    ) as caught:
        read_transcript(tmp_path / "a.xml")
    assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(ValueError, match=r"a\.xml is not whole XML \(.*No such file"):
        read_transcript(tmp_path / "a.xml")
