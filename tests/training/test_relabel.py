"""Labels in capitals get their case back."""

import pytest

from isotrope.training.relabel import recased


@pytest.mark.parametrize(
    ("label", "found", "expected"),
    [
        ("TAX INVOICE", "Tax Invoice", "Tax Invoice"),
        ("TAX INVOICE", "TAX INVOICE", "TAX INVOICE"),
        ("TOTAL RM 4", "Total RM 4", "Total RM 4"),
        # Misread letters get the case of their neighbors, and one that begins a word is a capital.
        ("HARDWARE", "Hardvare", "Hardware"),
        ("TAX INVOICE", "Tax lnvoice", "Tax Invoice"),
        ("QTY", "0ty", "Qty"),
        ("THANK YOU", "than you", "thank you"),
        # Nothing says what it was.
        ("ELECTRICAL", "", "ELECTRICAL"),
        ("A B", "8 8", "A B"),
        # Only the case is the teacher's.
        ("TOTAL", "Totai", "Total"),
        ("GST REG. NO.", "GST Reg.1|o.", "GST Reg. No."),
        # Characters whose capital is longer stay in their places.
        ("STRAßE", "Straße", "Straße"),
    ],
)
def test_case_is_taken_letter_by_letter(label, found, expected):
    assert recased(label, found) == expected
