"""Identity papers of other countries and postal codes: SSN, passport, driver licence, ZIP, UK and Canadian postcodes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..spans import digits_of
from .labels import Found, Reading

_SSN = re.compile(r"(?<![0-9A-Za-z])(?<![0-9][.\-/])[0-9]{3}-[0-9]{2}-[0-9]{4}(?![0-9A-Za-z])(?![.\-/][0-9])")
_SSN_SPACED = re.compile(r"(?<![0-9])[0-9]{3}[ .]?[0-9]{2}[ .]?[0-9]{4}(?![0-9])")


def social_security(text: Reading) -> Iterator[Found]:
    """SSN (and ITIN) as NNN-NN-NNNN, whatever its block; other spellings only behind their label."""
    if text.longest < 9:
        return
    for match in text.near(_SSN, 9):
        if text.label(match.start()) in ("", "SSN"):
            yield match.start(), match.end(), "SSN", "ssn.form"
    if "ssn" in text.low or "social" in text.low or "itin" in text.low:
        for match in text.near(_SSN_SPACED, 9):
            if text.label(match.start()) == "SSN":
                yield match.start(), match.end(), "SSN", "ssn.label"


_LAST_FOUR = re.compile(
    r"last (?:four|4)(?: digits)?(?: of)?(?: my| the| your)? (?:ssn|social)[a-z ]{0,20}[: ]{1,2}(?P<four>[0-9]{4})(?![0-9])"
)
_PASSPORT = re.compile(r"(?:[a-z]{1,2}-?)?[0-9]{6,9}[a-z]?(?![0-9a-z])|[a-z0-9]{8,9}(?![0-9a-z])")
_LICENSE = re.compile(
    r"(?:[a-z]{1,4}-?)?[0-9][0-9a-z]{3,17}(?:[ \-][0-9]{2,7}){0,4}(?![0-9a-z])|[a-z][0-9]{2,4}(?:[ \-][0-9]{2,7}){1,4}(?![0-9a-z])"
)
_UK_LICENSE = re.compile(r"(?<![0-9A-Za-z])[A-Z9]{5}[0-9]{6}[A-Z9]{2}[0-9][A-Z]{2}(?![0-9A-Za-z])")
_PAPER_START = re.compile(r"(?<![0-9a-z])(?=[a-z]{0,5}-?[0-9])[a-z0-9]")


def papers(text: Reading) -> Iterator[Found]:
    """Passports and driver licences behind their label; the British licence number speaks for itself."""
    low = text.low
    passport, licence = "passapor" in low or "passport" in low, "licen" in low or "dl" in low
    if passport or licence:
        for start in (match.start() for match in _PAPER_START.finditer(low)):
            kind = text.label(start)
            if kind == "PASSPORT":
                number = _PASSPORT.match(low, start)
            elif kind == "DRIVER_LICENSE":
                number = _LICENSE.match(low, start)
            else:
                continue
            if number and len(digits_of(number[0])) >= 4:
                yield start, number.end(), kind, f"{kind.lower()}.label"
    if "ssn" in low or "social" in low:
        for match in _LAST_FOUR.finditer(low):
            yield match.start("four"), match.end("four"), "SSN", "ssn.last_four"
    if text.longest >= 6:
        for match in _UK_LICENSE.finditer(text.plain):
            yield match.start(), match.end(), "DRIVER_LICENSE", "licence.uk"


_US_STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|DC|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|PA|PR|RI|SC|SD|TN|"
    "TX|UT|VT|VA|WA|WV|WI|WY|AE|AA|AP"
)
_US_NAMES = (
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|Illinois|Indiana|Iowa|Kansas|"
    "Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|Missouri|Montana|Nebraska|Nevada|Hampshire|Jersey|Mexico|York|"
    "Carolina|Dakota|Ohio|Oklahoma|Oregon|Pennsylvania|Tennessee|Texas|Utah|Vermont|Virginia|Washington|Wisconsin|Wyoming"
)
_ZIP = re.compile(r"(?<![0-9A-Za-z.,$\-])[0-9]{5}(?:-[0-9]{4})?(?![0-9A-Za-z]|[.,:/\-][0-9])")
_ZIP_STATE = re.compile(rf"(?:\b(?:{_US_STATES})|{_US_NAMES}),? $", re.I)
_DIGIT_LETTER = re.compile(r"[0-9][a-z]")
_UK_AREAS = (
    "AB|AL|BA|BB|BD|BH|BL|BN|BR|BS|BT|CA|CB|CF|CH|CM|CO|CR|CT|CV|CW|DA|DD|DE|DG|DH|DL|DN|DT|DY|EC|EH|EN|EX|FK|FY|GL|GU|HA|HD|HG|HP|HR|HS|"
    "HU|HX|IG|IP|IV|KA|KT|KW|KY|LA|LD|LE|LL|LN|LS|LU|ME|MK|ML|NE|NG|NN|NP|NR|NW|OL|OX|PA|PE|PH|PL|PO|PR|RG|RH|RM|SA|SE|SG|SK|SL|SM|SN|SO|"
    "SP|SR|SS|ST|SW|SY|TA|TD|TF|TN|TQ|TR|TS|TW|UB|WA|WC|WD|WF|WN|WR|WS|WV|YO|ZE|B|E|G|L|M|N|S|W"
)
_UK_CODE = re.compile(rf"(?<![0-9a-z])(?:{_UK_AREAS.lower()})[0-9][0-9a-hjkmnp-y]?(?P<s> ?)[0-9][abd-hjlnp-uw-z]{{2}}(?![0-9a-z])")
_CA_CODE = re.compile(r"(?<![0-9a-z])[abceghj-nprstvxy][0-9][abceghj-nprstv-z](?P<s>[ \-]?)[0-9][abceghj-nprstv-z][0-9](?![0-9a-z])")
_ANY_CODE = re.compile(r"(?<![0-9a-z])(?=[a-z0-9\- ]{0,8}[0-9])[a-z0-9]{3,5}(?:[ \-][a-z0-9]{2,4})?(?![0-9a-z])")


def postal_codes(text: Reading) -> Iterator[Found]:
    """US ZIP codes behind a label or a state, ZIP+4 as it is, British and Canadian codes in capitals; other forms behind a label."""
    low, plain = text.low, text.plain
    if text.longest >= 5:
        for match in text.near(_ZIP, 5):
            start, end = match.span()
            label = text.label(start)
            if label == "CEP" or (end - start == 10 and not label) or (not label and _ZIP_STATE.search(plain, max(0, start - 16), start)):
                yield start, end, "CEP", "zip"
    if not _DIGIT_LETTER.search(low):
        return
    for pattern, rule in ((_UK_CODE, "postcode.uk"), (_CA_CODE, "postcode.ca")):
        for match in pattern.finditer(low):
            label = text.label(match.start())
            capitals = plain[match.start() : match.end()].isupper()
            if label == "CEP" or (capitals and not label and match["s"]):
                yield match.start(), match.end(), "CEP", rule
    if "post" in low or "zip" in low:
        for match in _ANY_CODE.finditer(low):
            kind, behind = text.labelled(match.start())
            if kind == "CEP" and match.start() - behind < 12 and any(char.isdigit() for char in match[0][:5]):
                yield match.start(), match.end(), "CEP", "postcode.label"
