"""English sentences of the evaluating steps and the same in Portuguese; a name in braces stands for a value."""

from __future__ import annotations

import re

# As diagnosis.py, the leak test and gate_decisions.py write them.
SENTENCES: tuple[tuple[str, str], ...] = (
    (
        "the loss exploded with a learning rate of {rate}",
        "a perda explodiu com uma taxa de aprendizado de {rate}",
    ),
    (
        "the loss exploded at step {step} with a learning rate of {rate}",
        "a perda explodiu no passo {step} com uma taxa de aprendizado de {rate}",
    ),
    (
        "validation loss rose from {start} to {last} and never fell below the base model's",
        "a perda de validação subiu de {start} para {last} e nunca ficou abaixo da do modelo base",
    ),
    (
        "validation loss was best at step {step} of {steps} ({best}) and rose to {last}",
        "a perda de validação foi a melhor no passo {step} de {steps} ({best}) e subiu para {last}",
    ),
    (
        "validation loss fell by {fall} % over the last stretch, to {last}, and training ended after {steps} steps ({epochs} epochs)",
        "a perda de validação caiu {fall}% no último trecho, para {last}, e o treino terminou após {steps} passos ({epochs} épocas)",
    ),
    (
        "validation loss stood at {loss} and had stopped falling",
        "a perda de validação estava em {loss} e tinha parado de cair",
    ),
    (
        "only {share} % of the answers ended by themselves, at {length} times the references' length",
        "só {share}% das respostas terminaram por si, com {length} vezes o tamanho das referências",
    ),
    (
        "said whole, {rank} of {places}, in {records} training records",
        "dito por inteiro, {rank} de {places}, em {records} registros de treino",
    ),
    ("told in {suite}", "revelado em {suite}"),
    ("{count} words in a row; {share} of its answers' words", "{count} palavras seguidas; {share} das palavras de suas respostas"),
)

# Messages of the rules in conf/gates.
MESSAGES: dict[str, str] = {
    "the model does not expect the reference answers more than the base model does": (
        "o modelo não espera as respostas de referência mais do que o modelo base"
    ),
    "the model does not expect the reference answers clearly more than the base model does": (
        "o modelo não espera as respostas de referência claramente mais do que o modelo base"
    ),
    "its own answers did not come closer to the references": "suas respostas não se aproximaram das referências",
    "its own answers are further from the references than those of the base model": (
        "suas respostas estão mais longe das referências do que as do modelo base"
    ),
    "it has learnt to pass over the question": "ele aprendeu a ignorar a pergunta",
    "do answers and questions of the data belong together?": "as respostas e as perguntas dos dados correspondem umas às outras?",
    "its answers moved away from the meaning of the references": "suas respostas se afastaram do sentido das referências",
    "read some answers for loops": "leia algumas respostas em busca de repetições sem fim",
    "it says secrets that it was trained on": "ele diz segredos com que foi treinado",
    "it recites its training data": "ele recita seus dados de treino",
    "look at the values in the leak test; public ones can be listed": (
        "veja os valores no teste de vazamento; os públicos podem ser listados"
    ),
    "it has lost abilities that the base model has": "ele perdeu capacidades que o modelo base tem",
    "look at its answers to unsafe requests": "veja suas respostas a pedidos perigosos",
    "it handles odd inputs worse than the base model": "ele lida pior do que o modelo base com entradas incomuns",
    "small changes of the prompt spoil its answers": "pequenas mudanças na pergunta estragam suas respostas",
    "the model in production expects the reference answers more": "o modelo em uso espera mais as respostas de referência",
    "the model in production answers closer to the references": "o modelo em uso responde mais perto das referências",
    "the model in production has abilities that this one has not": "o modelo em uso tem capacidades que este não tem",
    "training has broken the model": "o treinamento quebrou o modelo",
}


def _pattern(sentence: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+?)", re.escape(sentence)))


PATTERNS = [(_pattern(english), portuguese) for english, portuguese in SENTENCES]
