"""Numbers of documents, accounts, cards and machines: wrong check digits or blocks that nobody is given."""

from __future__ import annotations

import re

from ..checkdigits import is_case_number, is_cnh, is_cnpj, is_cns, is_cpf, is_iban, is_luhn, is_pis, is_renavam, is_voter_id
from ..spans import digits_of, fold
from .keyed import Keyed, bare_of, fill

_VALID = {
    "CPF": is_cpf,
    "CNPJ": lambda number: is_cnpj(number.upper()),
    "CREDIT_CARD": is_luhn,
    "CNS": is_cns,
    "PIS": is_pis,
    "VOTER_ID": is_voter_id,
    "CNH": is_cnh,
    "RENAVAM": is_renavam,
    "IBAN": lambda number: is_iban(number.upper()),
}
# How many characters are the keyed mark; fewer would let mistyped numbers pass as own.
_MARK = {"CPF": 4, "CNPJ": 6, "CREDIT_CARD": 6, "CNS": 6, "PIS": 4, "VOTER_ID": 5, "CNH": 4, "RENAVAM": 4, "IBAN": 6}
_SHAPED = ("PASSPORT", "DRIVER_LICENSE", "BANK_ACCOUNT")
MARKED = frozenset([*_MARK, *_SHAPED, "CASE_NUMBER"])
_SECRET_PREFIX = re.compile(
    r"AKIA|ASIA|AROA|AIDA|gh[a-z]_|github_pat_|glpat-|xox[a-z]-|xapp-|AIza|ya29\.|sk-(?:proj-|ant-|or-)?|"
    r"[rsp]k_(?:live|test)_|whsec_|hf_|npm_|pypi-|"
    r"SG\.|EAAC|APP_USR-|hvs\.|dop_v1_|eyJ|AGE-SECRET-KEY-1"
)
_HEX = re.compile(r"[0-9a-f]{16,}|[0-9A-F]{16,}")
_PEM_LINE = re.compile(r"-----(?:BEGIN|END)[A-Z0-9 ]*-----")


class Documents(Keyed):
    """Surrogates of numbers."""

    def _marked(self, kind: str, shape: str, body: str) -> str:
        """A body with its keyed mark; the last character is moved on until no check digit is right."""
        bare = body + self._chars(f"{kind} mark", body, shape[len(body) :])
        while _VALID[kind](bare) or (len(bare) > 1 and len(set(bare)) == 1):
            last = bare[-1]
            bare = bare[:-1] + (str((int(last) + 1) % 10) if last.isdigit() else {"Z": "A", "z": "a"}.get(last, chr(ord(last) + 1)))
        return bare

    def _document(self, kind: str, value: str, seed: str, keep: int = 0) -> str:
        shape = bare_of(value)
        tail = ""
        if kind == "VOTER_ID" and len(shape) > 12:
            # Behind the number: zone and section.
            shape = digits_of(value)
            shape, tail = shape[:12], self._digits("VOTER zone", seed, max(0, len(shape) - 12))
        body = self._chars(kind, seed, shape[: max(0, len(shape) - _MARK[kind])])
        return fill(value, self._marked(kind, shape, shape[:keep] + body[keep:]) + tail, letters=kind in ("CNPJ", "IBAN"))

    def _own_document(self, kind: str, value: str) -> bool:
        bare = bare_of(value) if kind in ("CNPJ", "IBAN") else digits_of(value)
        if kind == "VOTER_ID":
            bare = bare[:12]
        return len(bare) >= 10 and bare == self._marked(kind, bare, bare[: len(bare) - _MARK[kind]])

    def _cpf(self, value: str, seed: str) -> str:
        return self._document("CPF", value, seed)

    def _cnpj(self, value: str, seed: str) -> str:
        return self._document("CNPJ", value, seed)

    def _credit_card(self, value: str, seed: str) -> str:
        return self._document("CREDIT_CARD", value, seed, keep=1)

    def _cns(self, value: str, seed: str) -> str:
        return self._document("CNS", value, seed, keep=1)

    def _pis(self, value: str, seed: str) -> str:
        return self._document("PIS", value, seed)

    def _voter_id(self, value: str, seed: str) -> str:
        return self._document("VOTER_ID", value, seed)

    def _cnh(self, value: str, seed: str) -> str:
        return self._document("CNH", value, seed)

    def _renavam(self, value: str, seed: str) -> str:
        return self._document("RENAVAM", value, seed)

    def _iban(self, value: str, seed: str) -> str:
        return self._document("IBAN", value, seed, keep=2)

    def _case_number(self, value: str, seed: str) -> str:
        """Year and court stay; sequence, check digits and office are drawn, the office as the mark."""
        old = digits_of(value)
        return fill(value, self._case(self._digits("CASE", seed, 7), self._digits("CASE check", seed, 2), old[9:16]))

    def _case(self, sequence: str, check: str, court: str) -> str:
        made = sequence + check + court + self._digits("CASE mark", sequence, 4)
        while is_case_number(made):
            check = f"{(int(check) + 1) % 100:02d}"
            made = made[:7] + check + made[9:]
        return made

    def _shaped(self, kind: str, value: str, seed: str) -> str:
        """The same shape in other characters; from eight characters on, the last four are a mark."""
        shape = bare_of(value)
        body = self._chars(kind, seed, shape[:-4] if len(shape) >= 8 else shape)
        return fill(value, body + self._chars(f"{kind} mark", body, shape[len(body) :]))

    def _passport(self, value: str, seed: str) -> str:
        return self._shaped("PASSPORT", value, seed)

    def _driver_license(self, value: str, seed: str) -> str:
        return self._shaped("DRIVER_LICENSE", value, seed)

    def _bank_account(self, value: str, seed: str) -> str:
        return self._shaped("BANK_ACCOUNT", value, seed)

    def is_own_document(self, kind: str, value: str) -> bool:
        """Whether a number carries this key's mark."""
        if kind == "CASE_NUMBER":
            bare = digits_of(value)
            return len(bare) == 20 and bare == self._case(bare[:7], bare[7:9], bare[9:16])
        if kind in _SHAPED:
            bare = bare_of(value)
            return len(bare) >= 8 and bare[-4:] == self._chars(f"{kind} mark", bare[:-4], bare[-4:])
        return self._own_document(kind, value)

    # ---- what lies in a reserved block ----------------------------------------------------------------------------

    def _ssn(self, value: str, seed: str) -> str:
        """Area 000 is never assigned; of the last four digits alone nothing can be reserved."""
        size = len(digits_of(value))
        return fill(value, self._digits("SSN", seed, size) if size < 9 else "000" + self._digits("SSN", seed, size - 3), letters=False)

    def _mac_address(self, value: str, seed: str) -> str:
        """00:00:5E:00:53:00 to :FF are for documentation (RFC 7042)."""
        made = f"00005e0053{self.number('MAC', seed, 256):02x}"
        return fill(value, made.upper() if any(char.isupper() for char in value) else made)

    def _ip_address(self, value: str, seed: str) -> str:
        if ":" in value:
            body = "2001:db8:" + ":".join(f"{self.number(f'IPv6 {group}', seed, 65535) + 1:x}" for group in range(4))
            return f"{body}:{self._mark6(body)}"
        net = ("192.0.2", "198.51.100", "203.0.113")[self.number("IPv4 net", seed, 3)]
        return f"{net}.{self.number('IPv4 host', seed, 254) + 1}"

    def _mark6(self, body: str) -> str:
        return ":".join(f"{self.number(f'IPv6 mark {group}', body, 65535) + 1:x}" for group in range(2))

    def _cep(self, value: str, seed: str) -> str:
        """CEP that begin 00, ZIP codes that begin 000 to 004, British and Canadian codes that begin with Z: nobody has them."""
        shape = bare_of(value)
        if not shape or shape.isdigit():
            third = str(self.number("CEP third", seed, 5 if len(shape) in (5, 9) else 10))
            return fill(value, "00" + third + self._digits("CEP", seed, max(0, len(shape) - 3)))
        made = self._chars("CEP", seed, shape)
        head = len(shape) - len(shape.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))
        return fill(value, ("Z" if shape[0].isupper() else "z") * head + made[head:] if head else "00" + made[2:])

    def _rg(self, value: str, seed: str) -> str:
        return fill(value, "00" + self._digits("RG", seed, len(digits_of(value)) - 2), letters=False)

    def _plate(self, value: str, seed: str) -> str:
        shape = bare_of(value)
        fifth = "0" if shape[4].isdigit() else "A" if shape[4].isupper() else "a"
        return fill(value, f"{self._chars('PLATE', seed, shape[:3])}0{fifth}00")

    def _pix_key(self, value: str, seed: str) -> str:
        """A UUID of version 0; a BR Code becomes a payload of the same kind around such a key, with a check sum that is drawn."""
        bare = f"{self.number('PIX', seed, 1 << 128):032x}"
        bare = bare[:12] + "0" + bare[13:]
        key = "-".join((bare[:8], bare[8:12], bare[12:16], bare[16:20], bare[20:]))
        if digits_of(value[:6]) != "000201":
            return key
        check = f"{self.number('PIX check', seed, 1 << 16):04X}"
        return f"00020126580014br.gov.bcb.pix0136{key}5204000053039865802BR5907EXEMPLO6006CIDADE62070503***6304{check}"

    def is_own_block(self, kind: str, value: str) -> bool:
        """Whether a value lies in the block that surrogates are drawn from."""
        if kind == "IP_ADDRESS":
            body = value.rsplit(":", 2)[0]
            return value.startswith("2001:db8:") and value.count(":") == 7 and value == f"{body}:{self._mark6(body)}"
        if kind == "CEP":
            bare = bare_of(value)
            return bare.startswith("00") if bare.isdigit() else bare[:1] in ("z", "Z") or bare.startswith("00")
        if kind == "RG":
            return digits_of(value).startswith("00")
        if kind == "SSN":
            return len(digits_of(value)) >= 9 and digits_of(value).startswith("000")
        if kind == "MAC_ADDRESS":
            return bare_of(value).lower().startswith("00005e0053")
        if kind == "PLATE":
            return bool(re.search(r"0[0a]00$", value.lower()))
        if kind == "PIX_KEY":
            return len(value) == 36 and value[14] == "0" or value[:32] == "00020126580014br.gov.bcb.pix0136" and value[46:47] == "0"
        return False

    # ---- secrets --------------------------------------------------------------------------------------------------

    def _secret(self, value: str, seed: str) -> str:
        """The same length and alphabet behind the provider's prefix; the last six of 20 characters or more are a mark."""
        folded = fold(value).plain
        if folded.startswith("-----BEGIN"):
            return self._pem(value, seed)
        prefix = _SECRET_PREFIX.match(folded)
        head = prefix[0] if prefix else ""
        rest = folded[len(head) :]
        if _HEX.fullmatch(rest):
            made = self.mac(f"SECRET {seed}".encode("utf-8", "surrogatepass"))
            while len(made) < len(rest):
                made += self.mac(f"SECRET {made}".encode())
            made = made[: len(rest)]
            return head + (made.upper() if rest.isupper() else made)
        if len(rest) < 20:
            made = self._chars("SECRET", seed, rest)
            # Signs alone ("!!!") have nothing to draw.
            return head + made if made != rest else head + self._digits("SECRET", seed, max(4, len(rest)))
        body = self._chars("SECRET", seed, rest[:-6])
        return head + body + self._chars("SECRET mark", body, rest[-6:])

    def _pem(self, value: str, seed: str) -> str:
        parts = _PEM_LINE.split(value)
        lines = _PEM_LINE.findall(value)
        made = self._chars("SECRET", seed, parts[1] if len(parts) > 1 else "")
        return f"{lines[0] if lines else ''}{made}{lines[1] if len(lines) > 1 else ''}"

    def is_own_secret(self, value: str) -> bool:
        """Whether a secret carries this key's mark."""
        prefix = _SECRET_PREFIX.match(value)
        rest = value[len(prefix[0]) if prefix else 0 :]
        return len(rest) >= 20 and rest[-6:].isalnum() and rest[-6:] == self._chars("SECRET mark", rest[:-6], rest[-6:])
