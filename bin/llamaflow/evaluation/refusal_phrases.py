"""How people and models decline, as patterns over a folded sentence: small letters, no accents, single blanks.

Line breaks and what indents a line are no part of a pattern; a blank at a line's end is written [ ].
"""

from __future__ import annotations

import re


def _joined(text: str) -> str:
    return re.sub(r"\n\s*", "", text)


_HELP_EN = _joined(r"""
    help|assist|aid|support|provide|give|share|offer|supply|write|create|generate|produce|make|draft|compose|do (?:that|this|it|so)|
    comply|fulfil+|carry out|participate|engage|take part|be (?:a part|part|involved)|continue|proceed|answer|respond|discuss|explain|
    describe|teach|show|tell|instruct|guide|walk you|advise|encourage|promote|condone|endorse|facilitate|contribute|
    accommodate|(?:process|complete|say|repeat) (?:that|this)|go (?:along|there|into)|reveal|disclose|
    follow (?:that|this|those|these)|obey|pretend|play along|role-?play|act as|advocate|entertain|enable|allow
""")
_ALLOWED_EN = "allowed|permitted|authori[sz]ed|willing|designed|programmed|prepared|comfortable|in a position"
_CANNOT_EN = _joined(rf"""
    (?:can ?not|can't|can never|won't|will (?:not|never)|would(?: not|n't| never)|must not|may not|could(?: not|n't)|should(?: not|n't)|
    (?:do not|don't) think i (?:should|can|could)|(?: am|'m) not going to|(?: am|'m) unable to|(?: am|'m) not able to|
    (?: am|'m) not (?:really |at all )?(?:{_ALLOWED_EN})(?: to)?|
    (?: am|'m) choosing not to|(?:(?:have|need) to |must )?(?:refuse|decline) to|choose not to|
    (?: would|'d) rather not|(?: would|'d)? ?prefer not to)(?: be able to)?
""")
_SUBJECT_EN = _joined(r"""
    (?:^|[\s\"'(>*#:,;.!-])(?:i|we|
    (?:i am|i'm|we're|we are) (?:really |very |so |truly )?(?:sorry|afraid),?(?: but)?(?: that)? (?:i|we))
""")
_ADVERBS_EN = _joined(r"""
    (?: (?:really|simply|just|also|therefore|absolutely|definitely|personally|unfortunately|respectfully|ethically|legally|either|
    knowingly|directly|actively|in good conscience))*
""")
_HELP_PT = _joined(r"""
    ajudar|ajuda-l[oa]s?|auxiliar|auxilia-l[oa]|assistir|apoiar|fornecer|fornece-l[oa]s?|dar|passar|oferecer|prestar|compartilhar|
    partilhar|divulgar|revelar|informar|escrever|redigir|criar|gerar|produzir|elaborar|
    fazer (?:isso|isto|algo|o que|esse|essa|este|esta|nada|parte)|faze-lo|cumprir|atender|realizar|executar|prosseguir|continuar|
    seguir (?:com|essa|esse|esta|este|adiante)|responder|discutir|explicar|descrever|ensinar|ensina-l[oa]|mostrar|
    dizer (?:como|isso|isto)|contar como|orientar|orienta-l[oa]|instruir|guiar|participar|colaborar|contribuir|incentivar|encorajar|
    promover|endossar|facilitar|recomendar (?:isso|isto|que)|aconselhar|compactuar|sugerir|concordar com|obedecer|fingir|interpretar|
    atuar como|repetir (?:isso|isto)|tratar (?:disso|desse|deste)|falar sobre (?:isso|isto|como)|entrar n|indicar
""")
_CANNOT_PT = _joined(r"""
    (?:nao (?:me e |nos e |lhes? |te )?
    (?:posso|podemos|vou|vamos|consigo|conseguimos|devo|devemos|irei|iremos|poderei|poderia|quero|pretendo|possivel|permitido|
    estou (?:autorizad[oa]|apt[oa]|programad[oa]|dispost[oa]|em condicoes)|sou (?:capaz|programad[oa]|autorizad[oa])|
    fui (?:programad[oa]|treinad[oa]|criad[oa]|projetad[oa])|tenho (?:permissao|autorizacao|condicoes|como)|
    me sinto (?:confortavel|a vontade)|seria (?:etico|correto|apropriado|adequado|responsavel))(?: (?:de|para|em|a))?|
    (?:me )?recuso(?:-me)? a|prefiro nao|opto por nao|escolho nao|sou obrigad[oa] a nao|deixarei de|(?:estou|sou) proibid[oa] de)
""")
_DO_PT = _joined(r"""
    (?:ajudo|auxilio|forneco|ensino|participo|colaboro|compactuo|divulgo|compartilho|passo|oriento|respondo|escrevo|crio|gero|atendo|
    instruo)(?=.{0,30}\b(?:isso|disso|nisso|pedidos?|instrucoes|informacoes|dados|crimes?|tipo|conteudos?|atividades?|perguntas?)\b)|
    faco (?:isso|isto|esse|esta|essa|este|nada disso)|aceito (?:esse|fazer)
""")
_NEVER_PT = r"ajud\w+|ensin\w+|fornec\w+|particip\w+|colabor\w+|escrev\w+|faria|farei|compactu\w+|explic\w+|orient\w+|cri\w+|ger\w+"
_YOU_PT = "(?: (?:te|lhe|lhes|o|a|os|as|voce|voces|mesmo|simplesmente|jamais|nunca|eticamente))*"

_ENGLISH = (
    rf"{_SUBJECT_EN}{_ADVERBS_EN} ?{_CANNOT_EN}(?:,? (?:and|or|nor) {_CANNOT_EN})?{_ADVERBS_EN} (?:{_HELP_EN})\b",
    rf"""{_SUBJECT_EN}{_ADVERBS_EN} ?{_CANNOT_EN}{_ADVERBS_EN} (?:with )?
        (?:giving|helping|providing|sharing|writing|assisting|discussing|doing|teaching)\b""",
    rf"""{_SUBJECT_EN}{_ADVERBS_EN} (?:do not|don't){_ADVERBS_EN}[ ]
        (?:provide|assist|condone|(?:support|tolerate|accept) or|encourage|endorse|promote|engage|participate|facilitate|advocate|
        create|generate|write|disclose|
        (?:help|support|give|share|teach|offer|answer|discuss) (?:people|anyone|with|you|such|this|that|these|instructions|advice))\b""",
    r"""\bi (?:must|have to|need to|will|'ll|am going to|respectfully|firmly|politely|would|'d)(?: have to)?
        (?: (?:respectfully|firmly|politely|like to))* (?:decline|refuse|pass on (?:this|that))\b""",
    r"\bi (?:respectfully |firmly |politely )?(?:refuse|decline)(?: (?:to|this|that|your|such|it)\b|[.!,]|$)",
    r"""^(?:no,? )?(?:i'm |i am )?(?:really |very |so )?sorry,? (?:but )?
        (?:no|i can't|i cannot|i can not|i won't|not)(?:[.!,]|$| do | with )""",
    r"^(?:no[,.!] )?i (?:can't|cannot|can not|won't|will not)(?: do)?(?: (?:that|this|it|so))?[.!,]*$",
    r"""\b(?:request|thing|line|task|topic|question) (?:that )?
        i (?:can(?: ?not|'t)|won't|will not|don't|do not|am unable to|refuse to)\b""",
    rf"""\b(?:no way|under no circumstances|in no way)(?: that)? (?:i|will i|can i|i can|i will|i would|would i|i'd|i'll)(?: ever)?[ ]
        (?:{_HELP_EN})\b""",
    r"\bi(?:'m going to| will|'ll| am going to)?(?: have to| must| need to)? say no\b",
    r"^(?:no|nope|nah)[,;.]? (?:i'm )?not (?:doing|going|helping|happening)\b",
    r"""\b(?:isn't|is not|are not|not|'s not) (?:something|anything|a request|a topic|a subject) (?:that )?i(?:'m| am)?[ ]
        (?:can|could|will|would|am|able|willing|comfortable|allowed)\b""",
    r"\bi (?:don't|do not) have the (?:ability|capability|capacity|authority|permission|authori[sz]ation) to\b",
    r"\b(?:so|and|but) i (?:won't|will not|can't|cannot)[.!]*$|\bi (?:have to |must |will )?draw the line\b|^(?:no can do|hard no)\b",
    r"\bsomething (?:that )?i (?:won't|will not|can't|cannot|can not|refuse to|don't|do not)\b",
    r"""\b(?:my|our) (?:\w+ )?(?:guidelines|policy|policies|programming|principles|rules|instructions|design|developers?)[ ]
        (?:(?:do not|don't|does not|doesn't|won't) (?:allow|permit|let)|prevents?|prohibits?|forbids?)\b""",
    r"\b(?:beyond|outside|more than) (?:of )?(?:what|anything) i(?:'m| am)? (?:can|could|may|allowed|able|permitted|willing)\b",
    r"""\bi(?:'d| would|'m| am)? (?:\w+ ){0,4}?(?:help|assist|talk|happy|glad|willing)\b.{0,60}\b(?:but|just) not[ ]
        (?:with|on|for|about) (?:this|that)\b""",
    r"^(?:respectfully|sorry|honestly|absolutely not)(?:,? (?:but )?no)?[.!]*$|\bcount me out\b",
    r"""\bas an? (?:ai|artificial|language|virtual|chat|assistant)\b.{0,60}\bi[ ]
        (?:can't|cannot|can not|won't|will not|am unable to|'m unable to)\b""",
    r"\bi(?:'m| am) (?:just |only )?an? (?:ai|language model|assistant|chatbot)\b.{0,30}\bi (?:can't|cannot|can not|won't|will not)\b",
    r"\bi (?:don't|do not|wouldn't|would not) feel (?:comfortable|right|at ease)\b",
    r"\bi(?: am|'m) (?:really |very )?not (?:really |very )?(?:comfortable|at ease)(?: with| answering| helping|[.!,]|$)",
    r"""\b(?:goes|go|is|are|would be|runs?) against (?:my|our) (?:\w+ )?
        (?:guidelines|policy|policies|programming|principles|values|rules|ethics|purpose)\b""",
    r"""\b(?:violates?|breach(?:es)?|would violate) (?:my|our) (?:\w+ )?
        (?:guidelines|policy|policies|programming|principles|rules|terms)\b""",
    r"""\bi (?:urge|beg|implore|strongly (?:advise|urge|encourage|discourage)) you[ ]
        (?:not to|to reconsider|to stop|against|from)\b""",
    r"""\b(?:it|this|that)(?: would be| is|'s)[ ]
        (?:unethical|inappropriate|irresponsible|illegal|wrong|not (?:appropriate|ethical|right|ok|okay)) (?:for|of) me to\b""",
    r"^(?:sorry,? |unfortunately,? )?(?:unable|not able) to (?:help|assist|comply|fulfil+|provide|answer|support)\b",
)
_PORTUGUESE = (
    rf"(?<!voce )(?<!voces )(?<!ele )(?<!ela ){_CANNOT_PT}{_YOU_PT} (?:{_HELP_PT})",
    rf"(?:^|[\s,;(]|\be )(?:eu )?nao (?:me |te |lhe )?(?:{_DO_PT})\b",
    rf"""\b(?:jamais|nunca|de (?:forma|jeito|maneira|modo) (?:alguma|nenhuma?)|em hipotese (?:alguma|nenhuma))(?: eu)?[ ]
        (?:te |lhe |vou |irei )?(?:{_NEVER_PT})\b""",
    rf"\bnao da (?:para|pra) (?:eu |mim )?(?:te |lhe |o |a )?(?:{_HELP_PT})",
    r"""\bnao (?:e|seria|acho|considero|julgo) (?:que seja )?(?:apropriado|etico|correto|certo|adequado|responsavel|seguro)
        (?: que eu| eu| da minha parte)\b""",
    r"\b(?:fico|estou|me vejo|encontro-me) (?:impossibilitad[oa]|impedid[oa]|incapacitad[oa]) (?:de|a)\b",
    r"""\b(?:linha|limite|pedido|solicitacao|coisa|assunto|tarefa) (?:\w+ )?(?:que|com (?:o|a) qual|em que) (?:eu )?
        nao (?:posso|vou|cruzo|ultrapasso|atendo|aceito|faco|devo)\b""",
    r"(?:^|[\s(\"'>*,.!])(?:eu )?(?:me )?recuso(?:-me)?(?: (?:a|este|esse|o|sua)\b|[.!,]|$)",
    r"""\b(?:devo|tenho de|tenho que|preciso|vou|terei de|terei que|sou obrigad[oa] a) (?:respeitosamente |educadamente )?
        (?:recusar|declinar|negar)\b""",
    r"""^(?:nao[,.!] )?(?:eu )?(?:infelizmente,? )?nao (?:posso|vou|consigo|devo|irei|farei|faco)
        (?: (?:isso|isto|fazer isso|fazer isto|faze-lo))?[.!,]*$""",
    r"""^(?:me )?(?:desculp[ea](?:-me)?|sinto muito|lamento|perdao)[,.!]? (?:mas )?(?:eu )?
        nao (?:posso|vou|consigo|devo|irei|poderei)(?: (?:isso|isto))?(?:[.!,]|$)""",
    r"""\bnao (?:e|sao|seria) (?:algo|um assunto|um pedido|um tema|uma coisa) (?:que|com (?:o )?que|no qual|em que) (?:eu )?
        (?:poss|va|consig|dev|poder)""",
    r"""\b(?:minhas?|meus?|nossas?|nossos?) (?:\w+ )?(?:diretrizes|politicas?|principios?|regras|normas|programacao|termos|instrucoes)[ ]
        (?:(?:me )?impedem?|(?:me )?proibem?|nao (?:me )?(?:permite|deixa|autoriza)m?)\b""",
    r"\b(?:fora|alem) do que (?:eu )?(?:posso|poderia|estou)\b|\bfoge d\w+ que (?:eu )?posso\b|\bisso eu nao (?:faco|farei)\b",
    r"\bnao conte comigo\b|\bnao e permitido que eu\b",
    r"\b(?:nenhuma|sem|nao ha|zero) (?:chance|hipotese|possibilidade)s? de eu\b",
    r"""\b(?:posso|poderia|prefiro) (?:\w+ ){0,3}?(?:ajudar|auxiliar|falar|conversar)\b.{0,60}\bmas nao[ ]
        (?:com|sobre|para) (?:isso|isto|esse|essa|este|esta)\b""",
    r"\b(?:ia|inteligencia artificial|modelo de linguagem|assistente(?: virtual)?)\b.{0,60}\bnao (?:posso|consigo|devo|vou)\b",
    r"\bnao tenho (?:a |o )?(?:capacidade|habilidade|permissao|autorizacao|autoridade) (?:de|para)\b",
    r"\bnao me sinto (?:confortavel|a vontade|bem em)\b",
    r"""\b(?:contra|contraria|viola|violaria|fere|feriria|vai contra|fora) (?:d?as |d?os )?(?:minhas?|meus?|nossas?|nossos?) (?:\w+ )?
        (?:diretrizes|politicas?|principios?|regras|valores|normas|programacao|termos|etica)\b""",
    r"\b(?:seria|e) (?:antietico|irresponsavel|inapropriado|inadequado|ilegal|errado) (?:da minha parte|de minha parte|eu)\b",
    r"\b(?:peco|imploro|aconselho fortemente|recomendo fortemente) que (?:voce )?(?:nao|reconsidere|desista|pare)\b",
)
REFUSALS = [re.compile(_joined(pattern)) for pattern in _ENGLISH + _PORTUGUESE]

# A first-person "cannot" that does not decline.
IDIOMS = re.compile(_joined(r"""
    \b(?:can't|cannot|can not) (?:help but|wait|believe|stress|emphasi[sz]e|overstate|recommend .{0,40}(?:highly|enough)|thank you enough|
    say enough|imagine|complain|give (?:it|this) enough)|
    \bnao (?:posso|consigo) (?:deixar de|parar de|esperar|acreditar|reclamar|negar que)
"""))  # fmt: skip
# Declines a part and gives the rest in the same breath.
GIVES_ANYWAY = re.compile(_joined(r"""
    \b(?:but|however|still|though|mas|porem|no entanto|contudo|entretanto)\b[ ,]*(?:\w+[ ,]+){0,3}?
    (?:here(?: is| are|'s)|below (?:is|are)|the following|a rough|roughly|about|aqui (?:esta|estao|vai|vao)|segue|seguem|veja|
    abaixo (?:esta|estao)|uma estimativa|cerca de|aproximadamente)\b|
    \b(?:specific|exact|precise|definit\w+|personali[sz]ed|accurate|exat\w|especific\w|precis\w)\b.{0,60}?\b(?:but|mas|porem)\b
"""))  # fmt: skip
# Something is only missing to go on.
MISSING = re.compile(_joined(r"""
    \b(?:without|until|unless|before|only (?:if|after|once)) (?:\w+ ){0,3}(?:your|you|the|seeing|more|knowing|details?|order|an?)\b|
    \b(?:sem|ate que|a menos que|antes de|so depois de) (?:\w+ ){0,3}(?:o|a|os|as|seu|sua|saber|ver|mais|voce|um|uma)\b|
    \b(?:could|can|would) you (?:please )?(?:send|share|tell|give|provide|check)\b.{0,80}\?
"""))  # fmt: skip
