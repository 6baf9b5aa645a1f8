"""Words and sentences of the gate, English and Brazilian Portuguese."""

from __future__ import annotations

GATE: dict[str, tuple[str, str]] = {
    "gate": ("Quality gate", "Critérios de aprovação"),
    "gate_lead": (
        "Rule file {gate}. A failed blocking rule rejects the model.",
        "Arquivo de regras {gate}. Uma regra bloqueante não cumprida reprova o modelo.",
    ),
    "condition": ("Condition", "Condição"),
    "compared_with": ("Compared with", "Comparado com"),
    "threshold": ("Threshold", "Limite"),
    "interval": ("95% interval", "Intervalo de 95%"),
    "of_difference": ("of the difference", "da diferença"),
    "of_number": ("of the number", "do número"),
    "passes": ("pass", "cumpre"),
    "fail": ("fail", "não cumpre"),
    "inside_noise": ("inside the noise", "dentro do ruído"),
    "not_measured": ("not measured", "não medida"),
    "skipped": ("skipped", "não aplicada"),
    "at_confidence": ("{confidence} confidence", "confiança de {confidence}"),
    "number_alone": ("the number decides", "o número decide"),
    "severity": ("Severity", "Severidade"),
    "block": ("blocking", "bloqueante"),
    "warn": ("warning", "alerta"),
    "outcome_inside_noise": (
        "Inside the noise: the number is on the right side of its limit, but not with the confidence that the rule asks for; chance could "
        "have brought it there.",
        "Dentro do ruído: o número está do lado certo do limite, mas não com a confiança que a regra pede; o acaso poderia tê-lo levado "
        "até lá.",
    ),
    "outcome_not_measured": (
        "Not measured: a number is missing or was measured in another way, so the rule counts as open, never as passed.",
        "Não medida: falta um número ou ele foi medido de outra forma; a regra fica em aberto, nunca como cumprida.",
    ),
    "outcome_skipped": (
        "Skipped: there was nothing to decide on, for example no model in use yet; the rule file says that this is no obstacle.",
        "Não aplicada: não havia o que decidir, por exemplo nenhum modelo em uso ainda; o arquivo de regras diz que isso não impede.",
    ),
    "same_title": ("No difference from the base model", "Nenhuma diferença do modelo base"),
    "same_text": (
        "Nothing that was measured differs from the base model beyond chance. The training changed nothing that these tests can see; using "
        "this model instead of the base model brings neither gain nor loss that could be shown.",
        "Nada do que foi medido difere do modelo base além do acaso. O treinamento não mudou nada que estes testes vejam; usar este modelo "
        "no lugar do modelo base não traz ganho nem perda que se possa demonstrar.",
    ),
    "look_title": ("What a person should look at", "O que uma pessoa deve olhar"),
    "look_noise": (
        "Rule “{rule}”: {metric} is on the right side of its limit, but chance could have brought it there (95% interval {interval}): more "
        "test records would narrow it.",
        "Regra “{rule}”: {metric} está do lado certo do limite, mas o acaso poderia tê-lo levado até lá (intervalo de 95%: {interval}); "
        "mais registros de teste o estreitariam.",
    ),
    "look_noise_plain": (
        "Rule “{rule}”: {metric} is on the right side of its limit, but chance could have brought it there; more test records would tell.",
        "Regra “{rule}”: {metric} está do lado certo do limite, mas o acaso poderia tê-lo levado até lá; mais registros de teste "
        "esclareceriam.",
    ),
    "look_missing": (
        "Rule “{rule}”: {metric} could not be compared; measure it again or judge by the answers.",
        "Regra “{rule}”: {metric} não pôde ser comparada; meça de novo ou julgue pelas respostas.",
    ),
    "may_be_high": (
        "with {confidence}% confidence it may be as high as {bound}; {limit} is needed",
        "com {confidence}% de confiança, pode chegar a {bound}; é preciso {limit}",
    ),
    "may_be_low": (
        "with {confidence}% confidence it may be as low as {bound}; {limit} is needed",
        "com {confidence}% de confiança, pode ser só {bound}; é preciso {limit}",
    ),
    "no_production": ("no model is in use yet", "nenhum modelo em uso ainda"),
    "candidate_not_measured": ("not measured for the candidate", "não medido no candidato"),
    "base_not_measured": ("not measured for the base model", "não medido no modelo base"),
    "production_not_measured": ("not measured for the model in use", "não medido no modelo em uso"),
    "other_items": ("measured on different items", "medidos com itens diferentes"),
    "other_settings": ("measured with different settings", "medidos com configurações diferentes"),
    "no_interval": ("there is no interval to be sure of it", "não há intervalo para ter certeza"),
    "look_examples": ("Answers side by side", "Respostas lado a lado"),
    "look_end": (
        "Until a person has decided, the adapter is kept as an experiment.",
        "Até que uma pessoa decida, o adaptador fica guardado como experimento.",
    ),
    "at_most": ("at most", "no máximo"),
    "at_least": ("at least", "no mínimo"),
    "limit": ("the limit", "o limite de"),
    "and_": ("and", "e"),
    "production_short": ("production", "modelo em uso"),
    "fell": ("{metric} fell from {base} to {candidate}", "{metric} caiu de {base} para {candidate}"),
    "rose": ("{metric} rose from {base} to {candidate}", "{metric} subiu de {base} para {candidate}"),
    "stayed": ("{metric} stayed at {candidate}, base {base}", "{metric} ficou em {candidate}, base {base}"),
    "reason_failed": ("{metric} is {value} but had to be {limit}", "{metric} é {value}, mas precisava ser {limit}"),
    "reason_open": ("the rule “{rule}” could not be decided", "A regra “{rule}” não pôde ser decidida"),
    "reason_noise": (
        "{metric} is on the right side of its limit, but not with {confidence} confidence",
        "{metric} está do lado certo do limite, mas não com {confidence} de confiança",
    ),
    "reason_noise_plain": (
        "{metric} is on the right side of its limit, but inside the noise",
        "{metric} está do lado certo do limite, mas dentro do ruído",
    ),
    "reason_same": (
        "No metric differs from the base model's beyond chance",
        "Nenhuma métrica difere da do modelo base além do acaso",
    ),
    "no_rules": ("The rule file holds no rules.", "O arquivo de regras não contém regras."),
}
