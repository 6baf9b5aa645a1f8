"""Warnings of the steps, which write English, in the language of the report."""

from __future__ import annotations

import re

# As the step writes it, with a word in braces wherever a value stands, and in Portuguese. One that is not listed stays English.
WARNINGS: tuple[tuple[str, str], ...] = (
    # PLAN_SEARCH
    (
        "{equal} trials are equal to another one and were left out.",
        "{equal} tentativas são iguais a outra e ficaram de fora.",
    ),
    # PREPARE
    (
        "{rejected} of {all} records were rejected ({reasons}); see rejected.jsonl",
        "{rejected} de {all} registros foram rejeitados ({reasons}); veja rejected.jsonl",
    ),
    (
        "{near} of {all} records are near duplicates: a long text that many prompts share can make distinct records look alike; "
        "raise --near_duplicate_threshold or set it to 0 if they are distinct",
        "{near} de {all} registros são quase duplicatas: um texto longo comum a muitas perguntas pode fazer registros distintos parecerem "
        "iguais; aumente --near_duplicate_threshold ou use 0 se eles forem distintos",
    ),
    (
        "the language of {unknown} of {kept} records is neither Portuguese nor English, or not clear",
        "o idioma de {unknown} de {kept} registros não é português nem inglês, ou não está claro",
    ),
    # ANONYMIZE
    ("{held} of {all} records were held back", "{held} de {all} registros ficaram retidos"),
    # SPLIT
    (
        "{met} training records were dropped: they hold what the test set asks",
        "{met} registros de treino foram descartados: contêm o que o conjunto de teste pergunta",
    ),
    (
        "{removed} records were dropped because they nearly repeat one of the validation or test set",
        "{removed} registros foram descartados porque quase repetem um do conjunto de validação ou de teste",
    ),
    (
        "{removed} records were dropped because they nearly repeat one of the validation or test set; "
        "texts from one template look alike: --split_group_threshold takes a higher value",
        "{removed} registros foram descartados porque quase repetem um do conjunto de validação ou de teste; textos de um mesmo modelo se "
        "parecem: --split_group_threshold aceita um valor maior",
    ),
    (
        "{share} of the records share a stock phrase and go to one set together, so the shares are less exact: put the phrase into the "
        "system turn, or set --split_group_threshold 0",
        "{share} dos registros têm uma frase padrão em comum e vão juntos para um mesmo conjunto, e as parcelas ficam menos exatas: ponha "
        "a frase na mensagem de sistema ou use --split_group_threshold 0",
    ),
    (
        "{small} of {all} strata (language, file, group) have fewer than {least} records: shares are chance",
        "{small} de {all} estratos (idioma, arquivo, grupo) têm menos de {least} registros: as parcelas são acaso",
    ),
    ("of {all} strata the {listed} largest are listed", "de {all} estratos, os {listed} maiores estão listados"),
    # DRIFT
    (
        "{after} of production's records repeat another one, {before} of the reference's: they are left out of the comparison",
        "{after} dos registros da produção repetem outro, {before} dos da referência: ficam fora da comparação",
    ),
    (
        "{after} of production's records were rejected, {before} of the reference's: they are left out of the comparison",
        "{after} dos registros da produção foram rejeitados, {before} dos da referência: ficam fora da comparação",
    ),
    (
        "{after} of production's records were held back, {before} of the reference's: they are left out of the comparison",
        "{after} dos registros da produção ficaram retidos, {before} dos da referência: ficam fora da comparação",
    ),
    # FINETUNE
    (
        "Validation loss never fell below the base model's: the adapter is the untrained one.",
        "A perda de validação nunca ficou abaixo da do modelo base: o adaptador é o não treinado.",
    ),
    (
        "{cut} training examples were cut behind their last whole answer within max_length.",
        "{cut} exemplos de treino foram cortados depois da última resposta inteira dentro de max_length.",
    ),
    (
        "{dropped} training examples were dropped: no whole answer within max_length.",
        "{dropped} exemplos de treino foram descartados: nenhuma resposta inteira dentro de max_length.",
    ),
    (
        "The loss exploded twice, the second time at a quarter of the learning rate: training was stopped.",
        "A perda explodiu duas vezes, a segunda com um quarto da taxa de aprendizado: o treinamento foi interrompido.",
    ),
    (
        "The loss exploded at step {step}: training went back and on with a quarter of the learning rate.",
        "A perda explodiu no passo {step}: o treinamento voltou e seguiu com um quarto da taxa de aprendizado.",
    ),
    (
        "Memory ran out {times} times: the micro-batch was halved, the result is the same.",
        "Faltou memória {times} vezes: o microlote foi reduzido à metade; o resultado é o mesmo.",
    ),
    (
        "{used} records were learned of {all}: repeats were left out, answers of the base model added.",
        "{used} registros foram aprendidos de {all}: repetições ficaram de fora, respostas do modelo base foram acrescentadas.",
    ),
    # COMPARE
    (
        "suite {suite} is not compared: not all of {models} were evaluated on it",
        "o conjunto {suite} não foi comparado: nem todos ({models}) foram avaliados nele",
    ),
    (
        "suite {suite} has too few examples, or none with numbers of both models, for an interval",
        "o conjunto {suite} tem poucos exemplos, ou nenhum com números dos dois modelos, para um intervalo",
    ),
    # EVALUATE
    (
        "{cut} of {all} test conversations were cut at a turn's end to fit {length} tokens",
        "{cut} de {all} conversas de teste foram cortadas no fim de uma mensagem para caber em {length} tokens",
    ),
    (
        "{left} of {all} test conversations have no answer that ends within {length} tokens: not scored",
        "{left} de {all} conversas de teste não têm resposta que termine em {length} tokens: não avaliadas",
    ),
    (
        "no answer was generated to the test set, so it has no text metrics",
        "nenhuma resposta ao conjunto de teste foi gerada, por isso ele não tem métricas de texto",
    ),
    (
        "{long} of {all} prompts were cut on the left to their last {room} tokens",
        "{long} de {all} perguntas foram cortadas à esquerda e ficaram com os últimos {room} tokens",
    ),
)


def _pattern(sentence: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^;:]+?)", re.escape(sentence)))


_PATTERNS = [(_pattern(english), portuguese) for english, portuguese in WARNINGS]


def translated(sentence: str, language: str) -> str:
    """A step's warning in the language, or as it is where it is not known."""
    if language == "pt":
        for pattern, portuguese in _PATTERNS:
            if found := pattern.fullmatch(sentence):
                return portuguese.format(**found.groupdict())
    return sentence
