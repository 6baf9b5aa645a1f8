"""What a caller did wrong, for people: raised by runs/ and models/, turned into {msg, status_code} by the routes."""

from __future__ import annotations


class Refused(Exception):
    """Nothing was done. problems: sentences, all that were found; they name parameters, never the values that were sent."""

    def __init__(self, status_code: int, *problems: str):
        super().__init__("; ".join(problems))
        self.status_code, self.problems = status_code, list(problems)

    @property
    def msg(self) -> str:
        return str(self)


class NotFound(Refused):
    """It is not there, or the caller may not see it: the answer is the same."""

    def __init__(self, what: str = "run"):
        super().__init__(404, f"no such {what}")
