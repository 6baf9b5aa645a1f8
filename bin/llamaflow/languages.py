"""Is a text Portuguese, English, a mix of both, or neither: fast, from function words and spelling.

Function words make up 40 to 50 % of running text and differ between the two languages, so counting them tells them
apart without a model. Spanish, French, Italian and German have their own list, because they share many of the words.
"""

from __future__ import annotations

import re

from .records import Language


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that stand in more than one of the lists' languages (de, que, se) are half a sign of each;
# those that English has too (a, as, do, no, me) stand in none.
PORTUGUESE = _words("""
    à ao aos às até bem bom boa com como conforme da das dele dela depois desde do dos é ela elas ele eles em entre era essa esse esta
    está estão estar este eu faz fazer foi foram fui há isso isto já lhe mais mas mesmo meu minha muito muitos muita na não nas nem nos
    nós numa o e de que obrigado obrigada oi olá onde os ou para pela pelas pelo pelos pode podem por porque qual quais quando quem são
    se seja sem ser será seu sou sua suas seus só sobre também tem têm tinha tenho ter toda todas todo todos tudo um uma umas uns vai
    você vocês vou dia tarde noite favor preciso quero qualquer ainda após assim cada então feito fazendo deve devem
""")
ENGLISH = _words("""
    about after all also an and any are as at be because been before being between but by can could did do does each for from get had
    has have he hello help her here his how i if in into is it its just like make may more most my need not of on one only or other our
    out over please she should so some such than thank thanks that the their them then there these they this those through to under
    until up us use used was we well were what when where which while who why will with would you your hi good am i'm it's don't can't
    you're
""") - {"do", "as"}
OTHER = _words("""
    el la los las de que se e y del una unos unas lo pero muy más qué cómo dónde esta está hay porque usted cuando donde yo mi con hola
    gracias es su sus por le les des du et est un une dans pour avec qui sur pas vous nous je il elle sont ce cette ces aux au mais où
    être gli della di che è sono per nel alla anche più questo questa ciao der die das und ist nicht ein eine mit auf für von zu den dem
    ich sie wir auch sich im
""")
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
# Spellings of one of the languages alone; 'ñ', '¿' and 'ß' speak against both.
PORTUGUESE_SPELLING = re.compile(r"ç(?:ão|ões|[aou])|[ãõ]|nh[aeo]|lh[aeo]|[áéíóú]vel$")
ENGLISH_SPELLING = re.compile(r"th|wh|sh|ght|ck|ing$|[aeiou]ed$|'(?:s|t|re|ll|ve)$|^[b-z]*oo|ly$")
OTHER_SPELLING = re.compile(r"[ñßäöüèùûœ]|ción|dad$")
MINORITY = 0.2


def identify(text: str) -> Language:
    """'pt', 'en', 'mixed' or 'unknown'.

    Each word gives a point to the language whose function word it is, half a point to the one whose spelling it has.
    'mixed': the weaker of the two has at least a fifth of their points, and three. 'unknown': no evidence, hardly any
    for the amount of text (code, numbers), or more for another language.
    """
    words = [word.replace("’", "'") for word in WORD.findall(text.lower())]
    portuguese = english = 0.0
    other = float(text.count("¿") + text.count("¡"))
    for word in words:
        in_other = word in OTHER
        if word in PORTUGUESE:
            portuguese += 0.5 if in_other else 1
            other += 0.5 if in_other else 0
        elif word in ENGLISH:
            english += 1
        elif in_other:
            other += 1
        elif PORTUGUESE_SPELLING.search(word):
            portuguese += 0.5
        elif OTHER_SPELLING.search(word):
            other += 0.5
        elif ENGLISH_SPELLING.search(word):
            english += 0.5
    strong, weak = max(portuguese, english), min(portuguese, english)
    if strong < 0.5 or strong < 0.06 * len(words) or other > strong:
        return "unknown"
    if weak >= 3 and weak >= MINORITY * (strong + weak):
        return "mixed"
    if strong == weak:
        return "unknown"
    return "pt" if portuguese > english else "en"
