"""Small PDF files, written out by hand."""

import pytest

FONT = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"


def pdf(*contents, size=(200, 100), page="", trailer="", broken=()):
    """The bytes of a PDF with a page for each of `contents`, the operators that draw it.

    Args:
        size: Of each page, pt.
        page: More entries of each page's dictionary.
        trailer: More entries of the trailer.
        broken: Indices of pages whose objects are missing.
    """
    kids = " ".join(f"{2 * index + 3} 0 R" for index in range(len(contents)))
    objects = {
        1: "<</Type/Catalog/Pages 2 0 R>>",
        2: f"<</Type/Pages/Kids[{kids}]/Count {len(contents)}>>",
    }
    for index, content in enumerate(contents):
        if index not in broken:
            objects[2 * index + 3] = (
                f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {size[0]} {size[1]}]"
                f"/Resources<</Font<</F {FONT}>>>>/Contents {2 * index + 4} 0 R{page}>>"
            )
            objects[2 * index + 4] = f"<</Length {len(content)}>>stream\n{content}\nendstream"
    written, places = b"%PDF-1.7\n", {}
    for number, body in objects.items():
        places[number] = len(written)
        written += f"{number} 0 obj{body}endobj\n".encode()
    size = 2 * len(contents) + 3
    table = f"xref\n0 {size}\n0000000000 65535 f \n" + "".join(
        f"{places[number]:010} 00000 n \n" if number in places else "0000000000 00000 f \n"
        for number in range(1, size)
    )
    end = f"trailer<</Size {size}/Root 1 0 R{trailer}>>\nstartxref\n{len(written)}\n%%EOF"
    return written + (table + end).encode()


@pytest.fixture
def write_pdf(tmp_path):
    """Writes `pdf(...)` to a file of this name."""

    def write(name, *contents, **options):
        (tmp_path / name).write_bytes(pdf(*contents, **options))
        return tmp_path / name

    return write
