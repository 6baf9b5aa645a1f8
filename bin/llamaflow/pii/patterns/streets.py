"""Street addresses that their form proves: a street word with a name and a number, in the languages of users and their parcels."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..wordlist import words
from .labels import Found, Reading

_WORD_PT = (
    r"(?P<word>rua|avenida|av|alameda|al|travessa|trav|tv|praca|pca|pc|rodovia|rod|estrada|estr|est|largo|viela|"
    r"ladeira|beco|servidao|passagem|via|r)"
)
_SHORT_PT = frozenset(words("r al est pc tv rod via trav"))  # also other words and abbreviations: a capital must follow
_NAME_PT = r"[^\W_][^\s,;:!?()\[\]\"/]{0,30}(?: [^\W_][^\s,;:!?()\[\]\"/]{0,30}){0,6}?"
_HOUSE = (
    r"(?:,? ?(?:n(?:um(?:ero)?|[o.]{0,2})?[.:]? ?)?(?<![0-9])[0-9]{1,5}(?:[ \-]?[a-d](?![a-z0-9]))?(?![0-9]|"
    r"[.,/][0-9])|,? ?s/ ?n[o.]?(?![a-z]))"
)
_UNIT_PT = (
    r"(?:[ ,\-/]{1,3}(?:apto?|apartamento|ap|bloco|bl|casa|sala|conj|conjunto|cj|lote|lt|quadra|qd|andar|torre|fundos|"
    r"sobrado|unidade|loja|km|kit(?:net)?)"
    r"\b\.?:?(?: ?n?[o.]{0,2} ?[0-9]{1,5}[a-z]?(?![a-z0-9])| [a-z](?![a-z0-9]))?|[ ,\-]{1,3}[0-9]{1,2}o? andar){0,4}"
)
_QUARTER = (
    r"(?:(?: ?[,\-] ?| )(?:bairro|jardim|jd|vila|vl|parque|pq|centro|loteamento|residencial)\b\.?(?: (?!cep|na|no|em|"
    r"e |que)[^\W\d_]{2,20}){0,3}?(?=[,.;\-\n]| -| cep|$))?"
)
_PT = re.compile(rf"(?<![0-9a-z]){_WORD_PT}\b\.? (?P<name>{_NAME_PT}){_HOUSE}{_UNIT_PT}{_QUARTER}")
# Words that a street's name does not hold: with one of them between, the number is not a house's.
_NOT_NAME = frozenset(
    words(
        "que onde em ha com no na por para foi esta estava fica tem e as os um uma se ate mas moro mora fui quando desde entre "
        "as nao ja sao custa pagar the is for in at with from to and or if was has"
    )
)
_BRASILIA = re.compile(
    r"(?<![0-9a-z])(?:sq[ns]w?|sc[rln][ns]?|shi[ns]|shc[eg][ns]?|qn[a-z]|q[ilrse]|cl[ns]|crs|qs[a-z]?|quadra|qd) ?[0-9]{1,4}[a-z]?"
    r"(?:[ ,]{1,2}(?:bloco|bl|conjunto|conj|cj|lote|lt|casa|apto?|ap|loja)\b\.? ?[0-9a-z]{1,4}(?![0-9a-z])){1,4}"
)
_BOX = re.compile(
    r"(?<![a-z0-9])(?:p\.? ?o\.? ?box|post office box|caixa postal|cx\.? postal|apartado postal|"
    r"postfach)(?: n[o.]{0,2})?[ #:]{0,2}[0-9]{1,6}(?![0-9])"
    r"|(?<![a-z0-9])(?:psc|unit|cmr) [0-9]{3,5},? box [0-9]{3,5}(?![0-9])"
)
_BOX_STEM = frozenset(["box", "postal", "postfach"])

_EN_SURE = r"street|avenue|road|boulevard|blvd|lane|crescent|terrace|highway|parkway|turnpike"
_EN_MORE = (
    r"st|ave?|rd|ln|dr|drive|ct|court|pl|place|way|cir|circle|sq|square|close|grove|gardens?|row|walk|mews|hill|trail|"
    r"trl|pike|pkwy|hwy|ter|loop|path|"
    r"alley|plaza|ridge|crossing|cove|heights|quay|wharf|extension|alameda"
)
# Street words of American addresses that are first of all ordinary words: more proof is asked for.
_EN_RARE = (
    r"bend|branch|bridge|brook|burgs?|bluffs?|bypass|camp|canyon|cape|causeway|center|centers|circles|cliffs?|club|"
    r"common|corners?|course|courts|creek|"
    r"crest|curve|dale|dam|divide|drives|estates?|expressway|falls?|ferry|fields?|ford|forest|forges?|forks?|fort|"
    r"freeway|garden|gateway|glens?|"
    r"greens?|groves|harbors?|haven|highway|hills|hollow|inlet|islands?|isle|junctions?|keys?|knolls?|lakes?|land|"
    r"landing|light|lights|locks?|lodge|mall|"
    r"manors?|meadows?|mills?|mission|motorway|mount|mountains?|neck|orchard|oval|overpass|parks?|parkways|pass|"
    r"passage|pines?|plains?|point|points|ports?|"
    r"prairie|radial|ramp|ranch|rapids?|rest|ridges|river|roads|route|run|shoals?|shores?|skyway|springs?|spurs?|"
    r"squares|station|stravenue|stream|streets|"
    r"summit|terraces?|throughway|trace|track|trafficway|tunnel|turnpike|underpass|unions?|valleys?|via|viaduct|"
    r"views?|villages?|ville|vista|walks|wall|ways|"
    r"wells?"
)
_UNIT_EN = (
    r"(?:[ ,]{1,2}(?:apt|apartment|suite|ste|unit|floor|fl|room|rm|flat|building|bldg|#)\b\.? ?#?(?:[0-9]{1,5}[a-z]?|"
    r"[a-z])(?![a-z0-9])|[ ,]{1,2}# ?[0-9]{1,5}[a-z]?|,? [0-9]{1,2}(?:st|nd|rd|th) floor){0,2}"
)
_FLAT = r"(?:(?:flat|apartment|apt|unit|suite|studio|room)\.? ?#?[0-9]{1,5}[a-z]?,? )?"
_EN = re.compile(
    rf"(?<![0-9a-z.,$/\-]){_FLAT}(?P<number>[0-9]{{1,6}}[a-f]?(?:-[0-9]{{1,4}})?),? (?:[nsew]\.? |north |south |east |west )?"
    rf"(?P<name>(?:[^\W_][\w'.\-]{{0,24}} ){{1,4}}?)(?P<word>{_EN_SURE}|{_EN_MORE}|"
    rf"{_EN_RARE})(?![a-z0-9])\.?(?: (?:north|south|east|west|[ns][ew]?|[ew])\b\.?)?{_UNIT_EN}"
)
_NOT_NAME_EN = frozenset(
    words(
        "a the my his her our your their this that on in of at to for from by with and or is are was down across along off per "
        "days day years year hours hour minutes minute people times miles mile km blocks block items pieces percent dollars "
        "stars users new more best first"
    )
)
_YEAR = r"(?:19|20)[0-9]{2}s?"
_NUMBERED = re.compile(r"(?:[0-9]{1,3}(?:st|nd|rd|th))$")
_CONTINENT = re.compile(
    r"(?<![0-9a-z])(?:[^\W\d_][\w.\-]{1,30}(?:stra(?:ss|\u00df)e|strasse|str\.|strase|straat|laan|gracht|kade|plein|"
    r"gasse|allee|damm|ufer|platz|weg|ring|"
    r"gatan|gata|vagen|vej|gade|veien|gate|katu|tie)"
    r"|(?:via|viale|piazza|piazzale|corso|vicolo|largo|calle|c/|paseo|plaza|carrera|avinguda|carrer|camino|ul\.|ulica|al\.|os\.)"
    r" (?P<name>[^\W\d_][\w'.\-]{1,24}(?: [^\W\d_][\w'.\-]{0,24}){0,4}?))"
    r",? (?:n[o.]{0,2} ?)?[0-9]{1,4}(?: ?[a-d])?(?![0-9a-z%]|[.,/:][0-9])"
)
_FRENCH = re.compile(
    r"(?<![0-9a-z.,])[0-9]{1,4}(?: bis| ter)?,? (?:rue|avenue|boulevard|bd|place|chemin|allee|impasse|quai|route|cours|square|faubourg)"
    r" (?:(?:de la|de l'|du|des|de|d') ?)?[^\W\d_][\w'.\-]{1,24}(?:[ \-](?!\d)[^\W\d_][\w'\-]{1,24}){0,3}(?=[,.;\n]|$| [0-9])"
)
_STEM_PT = frozenset(_WORD_PT[len("(?P<word>") : -1].split("|"))
_STEM_EN = frozenset(
    form for word in f"{_EN_SURE}|{_EN_MORE}|{_EN_RARE}".split("|") for form in (word.replace("?", ""), re.sub(r"\w\?", "", word))
)
_STEM_BRASILIA = re.compile(r"(?:s[qch]|q|c[lr])[a-z]{0,5} ?[0-9]")
_ENDINGS = words(
    "strasse straße strase str straat laan gracht kade plein gasse allee damm ufer platz weg ring gatan gata vagen vej "
    "gade veien gate katu tie"
)
_STEM_OTHER = frozenset(
    words(
        "via viale piazza piazzale corso vicolo largo calle c paseo plaza carrera avinguda carrer camino ul ulica al os rue "
        "avenue boulevard bd place chemin allee impasse quai route cours square faubourg"
    )
)


def streets(text: Reading) -> Iterator[Found]:
    """Addresses down to the house or box; the postal code behind one is a type of its own."""
    low, plain = text.low, text.plain
    if not _STEM_PT.isdisjoint(text.words):
        for match in _PT.finditer(low):
            words = match["name"].split()
            if _NOT_NAME.isdisjoint(words) and (match["word"] not in _SHORT_PT or plain[match.start("name")].isupper()):
                yield match.start(), match.end(), "ADDRESS", "street.pt"
    if _STEM_BRASILIA.search(low):
        for match in _BRASILIA.finditer(low):
            yield match.start(), match.end(), "ADDRESS", "street.quadra"
    if not _BOX_STEM.isdisjoint(text.words):
        for match in _BOX.finditer(low):
            yield match.start(), match.end(), "ADDRESS", "street.box"
    if not _STEM_EN.isdisjoint(text.words):
        for match in _EN.finditer(low):
            if _english(match, plain):
                yield match.start(), match.end(), "ADDRESS", "street.en"
    if not _STEM_OTHER.isdisjoint(text.words) or any(word.endswith(_ENDINGS) for word in text.words):
        for match in _CONTINENT.finditer(low):
            if plain[match.start()].isupper() and (not match["name"] or plain[match.start("name")].isupper()):
                yield match.start(), match.end(), "ADDRESS", "street.other"
        for match in _FRENCH.finditer(low):
            yield match.start(), match.end(), "ADDRESS", "street.fr"


def _english(match: re.Match[str], plain: str) -> bool:
    """Whether a number, words and a street word are an address: by capitals, or by a word that means a street only."""
    names, word, at = match["name"].split(), match["word"], match.start("name")
    if not _NOT_NAME_EN.isdisjoint(names):
        return False
    numbered, sure = bool(_NUMBERED.match(names[0])), re.fullmatch(_EN_SURE, word) is not None
    capitals = (plain[at].isupper() or numbered) and plain[match.start("word")].isupper()
    if not sure and re.fullmatch(_EN_RARE, word) and not re.fullmatch(_EN_MORE, word):
        own = plain[at : match.start("word")].split()
        number = match["number"]
        return (
            capitals
            and len(own) <= 2
            and all(name[0].isupper() for name in own)
            and 3 <= len(number) <= 5
            and not re.fullmatch(_YEAR, number)
        )
    return capitals or sure and (numbered or plain[at].islower())
