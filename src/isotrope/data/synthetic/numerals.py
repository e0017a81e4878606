"""Texts with digits: numbers, prices, dates, times, measures, phone numbers, codes."""

from __future__ import annotations

import numpy as np

from isotrope.data.draws import characters, pick

_MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September",
           "October", "November", "December"]  # fmt: skip
_CURRENCIES = "$€£¥"
_UNITS = ["%", " %", "°C", "°", " km", "km", " kg", "g", " ml", "cm", "m²", "mm", "st", "th", "x",
          "h", "K"]  # fmt: skip


def digits(rng: np.random.Generator, least: int, most: int) -> str:
    """Draw `least` to `most` digits."""
    return characters(rng, "0123456789", int(rng.integers(least, most + 1)))


def integer(rng: np.random.Generator) -> str:
    """Draw an integer of up to six digits."""
    return str(int(10 ** rng.uniform(0.7, 6)))


def grouped(rng: np.random.Generator) -> str:
    """Draw a number with grouped thousands, in English or continental style."""
    value = 10 ** rng.uniform(2, 7)
    text = f"{value:,.2f}" if rng.random() < 0.5 else f"{int(value):,}"
    if rng.random() < 0.4:
        text = text.translate(str.maketrans(",.", ".,"))
    return text


def price(rng: np.random.Generator) -> str:
    """Draw an amount with its currency."""
    amount = f"{10 ** rng.uniform(0, 3.5):.2f}"
    comma, dash = amount.replace(".", ","), amount[:-2] + "–"
    amount = pick(rng, [amount, amount, amount[:-3], comma, dash])
    sign = pick(rng, _CURRENCIES)
    forms = [
        f"{sign}{amount}",
        f"{sign}{amount}",
        f"{amount}{sign}",
        f"{amount} {sign}",
        f"{amount[-2:]}¢",
    ]
    return pick(rng, forms)


def date(rng: np.random.Generator) -> str:
    """Draw a date from 1850 to 2039 in a common notation."""
    day, month = int(rng.integers(1, 32)), int(rng.integers(1, 13))
    year = int(rng.integers(1850, 2040))
    name = _MONTHS[month - 1]
    forms = [
        f"{day:02}.{month:02}.{year}",
        f"{day}/{month}/{year % 100:02}",
        f"{year}-{month:02}-{day:02}",
        f"{name} {day}, {year}",
        f"{day} {name[:3]} {year}",
        f"{name[:3].upper()} {year}",
        f"{year}",
        f"{day}.{month}.",
        f"©{year}",
        f"{year}-{year % 100 + 1:02}",
        f"’{year % 100:02}",
    ]
    return pick(rng, forms)


def time(rng: np.random.Generator) -> str:
    """Draw a time of day."""
    hour, minute = int(rng.integers(24)), int(rng.integers(60))
    half = pick(rng, ["am", "pm", "AM", "PM", " a.m.", " pm"])
    forms = [
        f"{hour}:{minute:02}",
        f"{hour:02}:{minute:02}",
        f"{hour % 12 + 1}{half}",
        f"{hour % 12 + 1}:{minute:02}{half}",
        f"{hour}h{minute:02}",
        f"{hour}-{hour + 2}",
        f"{minute}:{hour:02}.{minute:02}",
    ]
    return pick(rng, forms)


def measure(rng: np.random.Generator) -> str:
    """Draw a number with its unit."""
    whole = rng.random() < 0.7
    number = str(int(10 ** rng.uniform(0, 3))) if whole else f"{rng.uniform(0, 99):.1f}"
    return number + pick(rng, _UNITS)


def phone(rng: np.random.Generator) -> str:
    """Draw a telephone number."""
    forms = [
        f"({digits(rng, 3, 3)}) {digits(rng, 3, 3)}-{digits(rng, 4, 4)}",
        f"+{digits(rng, 1, 2)} {digits(rng, 2, 3)} {digits(rng, 6, 8)}",
        f"{digits(rng, 3, 3)}-{digits(rng, 3, 3)}-{digits(rng, 4, 4)}",
        f"0{digits(rng, 9, 10)}",
        f"0{digits(rng, 2, 4)}/{digits(rng, 5, 7)}",
        f"{digits(rng, 3, 3)}-{digits(rng, 4, 4)}",
    ]
    return pick(rng, forms)


def code(rng: np.random.Generator) -> str:
    """Draw a license plate, flight, room or part number."""
    capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    letters, number = characters(rng, capitals, int(rng.integers(1, 4))), digits(rng, 1, 4)
    forms = [
        letters + number,
        f"{letters}-{number}",
        f"{letters} {number}",
        number + letters,
        f"No. {number}",
        f"{number}-{digits(rng, 1, 3)}",
        f"({number})",
        f"#{number}",
        f"{number}/{digits(rng, 1, 2)}",
        f"{letters}{number}{characters(rng, capitals, 2)}",
        f"§ {number}",
        f"{digits(rng, 1, 1)}{pick(rng, '¼½¾²³¹')}",
    ]
    return pick(rng, forms)
