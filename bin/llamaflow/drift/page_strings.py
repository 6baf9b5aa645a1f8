"""Words and sentences of the drift page, English and Brazilian Portuguese."""

from __future__ import annotations

from types import SimpleNamespace

from ..reporting.names import LANGUAGES

DRIFT: dict[str, tuple[str, str]] = {
    "html_lang": ("en", "pt-BR"),
    "title": ("Drift report", "Relatório de desvio"),
    "skip": ("Skip to the content", "Ir para o conteúdo"),
    "sections": ("Sections of this report", "Seções deste relatório"),
    "footer": (
        "Written by LlamaFlow from pseudonymized records; the page holds no text of a record. It is complete in itself: it loads nothing "
        "from the network.",
        "Escrito pelo LlamaFlow a partir de registros pseudonimizados; a página não contém texto de nenhum registro. É completa em si "
        "mesma: não carrega nada da rede.",
    ),
    "drift": ("Drift", "Desvio"),
    "no_drift": ("No drift", "Sem desvio"),
    "next_drift": (
        "Look at what moved; if it is here to stay, train on newer records.",
        "Veja o que mudou; se veio para ficar, treine com registros mais novos.",
    ),
    "next_no_drift": ("Nothing has to be done.", "Nada precisa ser feito."),
    "production": ("Production", "Produção"),
    "reference": ("Reference", "Referência"),
    "of_distinct": ("of {count} distinct records", "de {count} registros distintos"),
    "tile_p": ("Chance of this without drift", "Probabilidade disso sem desvio"),
    "tile_p_note": ("alarm at {alpha} or less", "alarme com {alpha} ou menos"),
    "tile_effect": ("Largest difference", "Maior diferença"),
    "tile_effect_note": ("drift begins at {least}", "desvio a partir de {least}"),
    "input": ("What people ask", "O que se pergunta"),
    "output": ("What is answered", "O que se responde"),
    "input_lead": (
        "Turns of user, system and tools: one value a record, both sides compared.",
        "Mensagens de usuário, sistema e ferramentas: um valor por registro, os dois lados comparados.",
    ),
    "output_lead": (
        "Turns of the assistant: one value a record, both sides compared.",
        "Mensagens do assistente: um valor por registro, os dois lados comparados.",
    ),
    "feature": ("Compared", "Comparado"),
    "distance": ("Difference", "Diferença"),
    "seen_from": ("seen from {value} on", "visível a partir de {value}"),
    "chance": ("Chance", "Acaso"),
    "psi": ("PSI", "PSI"),
    "stable": ("stable", "estável"),
    "moderate": ("moderate", "moderado"),
    "large": ("large", "grande"),
    "result": ("Result", "Resultado"),
    "moved": ("moved", "mudou"),
    "small": ("small", "pequena"),
    "like": ("alike", "igual"),
    "distributions": ("Distributions", "Distribuições"),
    "bars": ("Share of each side's records", "Parcela dos registros de cada lado"),
    "score_axis": ("← as the reference      as production →", "← como a referência      como a produção →"),
    "more_words": ("More often in production", "Mais frequentes na produção"),
    "less_words": ("Less often in production", "Menos frequentes na produção"),
    "yes": ("yes", "sim"),
    "no": ("no", "não"),
    "records": ("Records", "Registros"),
    "read": ("Found", "Encontrados"),
    "rejected": ("Rejected", "Rejeitados"),
    "duplicates": ("Repeat another one", "Repetem outro"),
    "held_back": ("Held back", "Retidos"),
    "distinct": ("Distinct", "Distintos"),
    "compared": ("Compared", "Comparados"),
    "groups": ("Independent", "Independentes"),
    "records_note": (
        "Both sides are prepared and pseudonymized alike. A text that stands several times on a side counts once: a reference out of "
        "training has no repeats, and a record that was logged twice is no evidence. States of one conversation stay together in the test.",
        "Os dois lados são preparados e pseudonimizados da mesma forma. Um texto que aparece várias vezes em um lado conta uma vez: uma "
        "referência vinda do treino não tem repetições, e um registro gravado duas vezes não é evidência. Estados de uma mesma conversa "
        "ficam juntos no teste.",
    ),
    "method": ("How it was decided", "Como se decidiu"),
    "method_test": (
        "The sides were swapped at random {count} times, each time for all features at once. Without drift the true sides are one such "
        "draw among others: the most surprising feature stands out as much as here with probability {p}. The whole run gives a false alarm "
        "in at most {alpha} of the comparisons in which nothing has changed. “Chance” is that probability for one feature, corrected for "
        "all of them.",
        "Os lados foram sorteados de novo {count} vezes, sempre para todas as características ao mesmo tempo. Sem desvio, os lados "
        "verdadeiros são um sorteio entre os outros: a característica mais surpreendente se destaca tanto quanto aqui com probabilidade "
        "{p}. A execução inteira dá alarme falso em no máximo {alpha} das comparações em que nada mudou. “Acaso” é essa probabilidade "
        "para uma característica, corrigida por todas.",
    ),
    "method_effect": (
        "With very many records any difference is certain, so one counts as drift only from {least} on. If a share of production is of a "
        "new kind, the difference is at most about that share.",
        "Com muitos registros, qualquer diferença é certa; por isso só conta como desvio a partir de {least}. Se uma parcela da produção é "
        "de um tipo novo, a diferença é no máximo cerca dessa parcela.",
    ),
    "method_psi": (
        "PSI (population stability index): below 0.1 stable, below 0.25 moderate. It is told because many know it; the decision does not "
        "use it, for it has no false alarm rate.",
        "PSI (índice de estabilidade populacional): abaixo de 0,1 estável, abaixo de 0,25 moderado. É mostrado porque muitos o conhecem; a "
        "decisão não o usa, pois ele não tem taxa de alarme falso.",
    ),
    "settings": ("Settings", "Configurações"),
    "warnings": ("Warnings", "Avisos"),
    "t_verdict": ("Verdict", "Veredito"),
    "t_input": ("Asked", "Perguntas"),
    "t_output": ("Answered", "Respostas"),
    "t_records": ("Records", "Registros"),
    "t_counts": (
        "{production} of production beside {reference} of the reference",
        "{production} da produção ao lado de {reference} da referência",
    ),
    "t_page": ("Page", "Página"),
    "t_warning": ("Warning", "Aviso"),
}


def drift_words(language: str) -> SimpleNamespace:
    """All fixed texts in one language, as attributes."""
    column = LANGUAGES.index(language)
    return SimpleNamespace(**{key: pair[column] for key, pair in DRIFT.items()})
