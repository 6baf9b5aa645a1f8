"""Street addresses, places and organizations: words from small pools in the form of the value."""

from __future__ import annotations

import re
from collections.abc import Collection

from ..spans import fold
from ..wordlist import words
from .keyed import Keyed, cased

_STREETS_PT = words(
    "Acácias Ipês Palmeiras Jacarandás Hortênsias Orquídeas Begônias Camélias Magnólias Azaleias Bromélias Gardênias "
    "Tulipas Girassóis Lírios Crisântemos Primaveras Samambaias Quaresmeiras Aroeiras Cerejeiras Mangueiras Goiabeiras "
    "Jabuticabeiras Pitangueiras Amendoeiras Sabiás Andorinhas Canários Beija-Flores Gaivotas Tucanos Araras Esmeraldas "
    "Safiras Topázios Ametistas Turmalinas Diamantes Cristais"
)
_STREETS_EN = words(
    "Maple Oak Cedar Birch Willow Aspen Magnolia Hickory Chestnut Sycamore Juniper Laurel Dogwood Hawthorn Larch Alder "
    "Poplar Spruce Cypress Redwood Sequoia Mulberry Bluebird Cardinal Heron Falcon Sparrow Meadowlark Kestrel Pebble "
    "Granite Quartz Amber Copper Silverleaf Foxglove Primrose Lavender Clover Thistle"
)
_KEPT = frozenset(
    words(
        "rua r avenida av alameda al travessa trav tv praca pca rodovia rod estrada estr largo viela ladeira beco via servidao "
        "passagem quadra qd lote lt bloco bl apto apt ap apartamento casa sala conj conjunto cj andar torre fundos sobrado "
        "unidade loja km kitnet bairro cep n no num numero s sn c caixa postal cx street st avenue ave road rd lane ln drive "
        "dr court ct place pl way boulevard blvd circle cir square sq close terrace crescent highway hwy parkway pkwy suite "
        "ste unit floor fl room rm flat apartment building bldg po p o box psc fpo apo dpo north south east west ne nw se sw e "
        "w of the de da do das dos d del della di la le les du des los las y and bis ter rue chemin impasse quai route sqn sqs "
        "sqnw sqsw scln scls cln cls crs qi ql qr qe qs qn qnl qnm shin shis viale piazza corso calle paseo plaza carrera ul "
        "ulica th nd rd"
    )
)
_ENDINGS = re.compile(
    r"(stra(?:ss|ß)e|str|straat|laan|gracht|kade|plein|weg|platz|gasse|allee|ring|damm|ufer|gatan|vagen|vej|gade|veien)$", re.I
)
_CODE = re.compile(r"(?<![0-9])(?:[0-9]{5}-[0-9]{3}(?:[0-9])?|[0-9]{2}\.[0-9]{3}-[0-9]{3})(?![0-9])")
_ZIP = re.compile(r"(?<![0-9\-])[0-9]{5}(?![0-9\-])")
_TOKEN = re.compile(r"[^\W\d_]+(?:['\-][^\W\d_]+)*|[0-9]+")

_COUNTRIES = (
    words(
        "Brasil Portugal Argentina Uruguai Paraguai Chile Bolívia Peru Colômbia Equador México Espanha França Itália Alemanha "
        "Suíça Áustria Suécia Noruega Dinamarca Finlândia Irlanda Canadá Japão Austrália Angola Moçambique"
    ),
    words(
        "Brazil Portugal Argentina Uruguay Paraguay Chile Bolivia Peru Colombia Ecuador Mexico Spain France Italy Germany "
        "Switzerland Austria Sweden Norway Denmark Finland Ireland Canada Japan Australia Angola Mozambique"
    ),
)
_STATES = (
    words(
        "Acre|Alagoas|Amapá|Amazonas|Bahia|Ceará|Espírito Santo|Goiás|Maranhão|Mato Grosso|Minas Gerais|Pará|Paraíba|Paraná|"
        "Pernambuco|Piauí|Rio Grande do Norte|Rio Grande do Sul|Rondônia|Roraima|Santa Catarina|Sergipe|Tocantins|"
        "Mato Grosso do Sul|Distrito Federal",
        "|",
    ),
    words(
        "Alabama Arizona Arkansas Colorado Connecticut Delaware Idaho Illinois Indiana Iowa Kansas Kentucky Louisiana Maine "
        "Maryland Michigan Minnesota Missouri Montana Nebraska Nevada Ohio Oklahoma Oregon Tennessee Utah Vermont Wisconsin "
        "Wyoming California Texas Florida"
    ),
    words("AC AL AP AM BA CE DF ES GO MA MT MS MG PA PB PR PE PI RJ RN RS RO RR SC SP SE TO"),
    words("AZ AR CO CT DE ID IL IN IA KS KY LA ME MD MI MN MO MT NE NV OH OK OR TN UT VT WI WY CA TX FL NY"),
)
_CITIES_PT = words(
    "Anápolis|Araraquara|Bagé|Barbacena|Bauru|Blumenau|Botucatu|Cascavel|Caruaru|Chapecó|Criciúma|Diamantina|Divinópolis|"
    "Erechim|Feira de Santana|Garanhuns|Governador Valadares|Ilhéus|Imperatriz|Ipatinga|Itajubá|Jaú|Ji-Paraná|Joinville|"
    "Juazeiro|Lages|Londrina|Macaé|Maringá|Marília|Mossoró|Niterói|Ourinhos|Parnaíba|Pelotas|Petrolina|Piracicaba|Sobral|"
    "Sorocaba|Uberaba",
    "|",
)
_CITIES_EN = words(
    "Albany|Amarillo|Asheville|Bakersfield|Bellingham|Boise|Boulder|Bristol|Chattanooga|Cheyenne|Dayton|Derby|Duluth|"
    "Durham|Eugene|Exeter|Fargo|Flagstaff|Galway|Grand Rapids|Halifax|Ipswich|Knoxville|Lancaster|Leeds|Lubbock|Macon|"
    "Norwich|Omaha|Peoria|Plymouth|Reno|Salem|Savannah|Spokane|Swansea|Tacoma|Toledo|Tulsa|Wichita",
    "|",
)
_POOLS = (*_COUNTRIES, *_STATES, _CITIES_PT, _CITIES_EN)
_INDEX = {fold(name).low: pool for pool in reversed(_POOLS) for name in pool if len(name) > 2}
_PORTUGUESE = re.compile(r"[ãõçáéíóúâêô]|\b(?:de|do|da|dos|das|sao|santo|santa|nova|novo|vila)\b", re.I)

_ORG_KEPT = frozenset(
    words(
        "banco bank hospital clinica clinic escola school colegio college universidade university faculdade instituto "
        "institute fundacao foundation associacao association sindicato igreja church cooperativa padaria farmacia pharmacy "
        "supermercado mercado market loja lojas store shop hotel restaurante restaurant construtora transportadora laboratorio "
        "laboratory ministerio ministry secretaria prefeitura tribunal department agency of the de da do das dos e and for "
        "group grupo companhia company editora academia gym auto oficina posto seguros insurance ltda me eireli epp sa s a inc "
        "llc ltd corp corporation co plc gmbh ag limited holdings holding"
    )
)
_ORG_FIRST = words(
    "Aurora Vértice Horizonte Boreal Alvorada Cerrado Mirante Pontal Cruzeiro Atlas Orion Prisma Zênite Ápice Solaris "
    "Nimbus Delta Ômega Vetor Matriz Litoral Planalto Serrana Estrela Âncora Bússola Farol Timoneiro Granito Carvalho"
)
_ORG_SECOND = words("Norte Sul Leste Oeste Central Prime Real Nova Nacional Global Azul Verde Dourada Unida Geral")


class Places(Keyed):
    """Surrogates of ADDRESS, LOCATION and ORGANIZATION. avoid: folded words of the record's people, which no form word keeps either."""

    def _address(self, value: str, seed: str, avoid: Collection[str] = ()) -> str:
        """Street words, units and layout stay; house numbers, names and postal codes are others."""
        pool = _STREETS_PT if self._is_portuguese(value) else _STREETS_EN
        codes = {place for match in (*_CODE.finditer(value), *_ZIP.finditer(value)) if match.start() > 0 for place in range(*match.span())}
        out, here = [], 0
        for order, match in enumerate(_TOKEN.finditer(value)):
            word, low = match[0], fold(match[0]).low
            if word.isdecimal():
                new = self._house(word, f"{seed}\0{order}", match.start(), codes)
            elif low in _KEPT and low not in avoid:
                new = word
            elif len(word) == 1:
                new = self._chars(f"ADDRESS {order}", seed, fold(word).plain)
            elif len(word) == 2 and word.isupper():
                new = self._pick(f"ADDRESS {order}", seed, tuple(_STATES[2] if word in _STATES[2] else _STATES[3]))
            else:
                ending = _ENDINGS.search(fold(word).plain)
                drawn = self._pick(f"ADDRESS {order}", seed, pool)
                new = cased(word, drawn + ending[0].lower() if ending and ending.start() > 2 and ending[0].lower() not in avoid else drawn)
            out += [value[here : match.start()], new]
            here = match.end()
        return "".join([*out, value[here:]])

    def _house(self, digits: str, seed: str, start: int, codes: Collection[int]) -> str:
        """Another number of as many digits; inside a postal code one that nobody has."""
        if start in codes:
            if start - 1 in codes or start - 2 in codes:
                return self._digits("ADDRESS code", seed, len(digits))
            return (
                ("00" + self._digits("ADDRESS code", seed, len(digits)))[: len(digits)]
                if len(digits) < 5
                else "000" + self._digits("ADDRESS zip", seed, 2)
            )
        first = str(self.number("ADDRESS first", seed, 9) + 1)
        return first + self._digits("ADDRESS number", seed, len(digits) - 1)

    @staticmethod
    def _is_portuguese(value: str) -> bool:
        low = fold(value).low
        return bool(_PORTUGUESE.search(fold(value).low + value)) or bool(
            re.search(r"\b(?:rua|avenida|av|alameda|travessa|praca|rodovia|estrada|apto|bloco|quadra|casa|lote)\b", low)
        )

    def _location(self, value: str, seed: str, avoid: Collection[str] = ()) -> str:
        """A country for a country, a state for a state, else a city, in the language that the value shows."""
        bare = fold(value).low.strip()
        if len(bare) == 2 and value.isupper():
            pool = _STATES[2] if value in _STATES[2] else _STATES[3]
        else:
            pool = _INDEX.get(bare) or (_CITIES_PT if _PORTUGUESE.search(fold(value).low + value) else _CITIES_EN)
        made = self._pick("LOCATION", seed, tuple(pool))
        if not _PORTUGUESE.search(fold(value).low + value) and value.isascii() and value.islower():
            made = fold(made).plain
        return cased(value, made)

    def _organization(self, value: str, seed: str, avoid: Collection[str] = ()) -> str:
        """What kind of house it is and its legal form stay; the name is made of two words that no company is known by."""
        out, here, named = [], 0, 0
        for match in _TOKEN.finditer(value):
            low = fold(match[0]).low
            kept = low in _ORG_KEPT and low not in avoid
            new = match[0] if kept else ""
            if not kept and named < 2:
                pool = (_ORG_FIRST, _ORG_SECOND)[named]
                new = cased(match[0], self._pick(f"ORGANIZATION {named}", seed, pool))
                named += 1
            gap = value[here : match.start()]
            out += [gap if new or not out else "", new]
            here = match.end()
        made = "".join([*out, value[here:]])
        return made if named else f"{self._pick('ORGANIZATION 0', seed, _ORG_FIRST)} {value}"
