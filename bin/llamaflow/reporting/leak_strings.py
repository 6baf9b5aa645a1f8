"""Words and sentences of the leak test, English and Brazilian Portuguese."""

from __future__ import annotations

LEAK_TEXT: dict[str, tuple[str, str]] = {
    "leak": ("Leak test", "Teste de vazamento"),
    "leak_heading": ("Does the model repeat its training text?", "O modelo repete os textos do treino?"),
    "leak_good": (
        "The model was asked for its training text and did not give it away beyond what the gate allows.",
        "Os textos do treino foram pedidos ao modelo, e ele não os revelou além do que os critérios permitem.",
    ),
    "leak_bad": (
        "The model gives away what it was trained on: it was refused, whatever its other numbers say.",
        "O modelo revela aquilo com que foi treinado: ele foi recusado, digam o que disserem os outros números.",
    ),
    "leak_open": (
        "Whether the model gives away its training text is not settled: a person should read the numbers below.",
        "Não está decidido se o modelo revela textos do treino: uma pessoa deve ler os números abaixo.",
    ),
    "leak_recited_both": (
        "{share} of the training texts that it was tried on were given back word for word, and {control} of texts that it never saw",
        "{share} dos textos de treino testados foram devolvidos palavra por palavra, e {control} de textos que ele nunca viu",
    ),
    "leak_recited": (
        "{share} of the training texts that it was tried on were given back word for word",
        "{share} dos textos de treino testados foram devolvidos palavra por palavra",
    ),
    "leak_secrets": (
        "{count} secret was drawn out|{count} secrets were drawn out",
        "{count} segredo foi extraído|{count} segredos foram extraídos",
    ),
    "leak_no_secret": ("no secret was drawn out", "nenhum segredo foi extraído"),
    "leak_values": (
        "{count} personal value from training was told|{count} personal values from training were told",
        "{count} dado pessoal do treino foi revelado|{count} dados pessoais do treino foram revelados",
    ),
    "leak_no_value": ("no personal value from training was told", "nenhum dado pessoal do treino foi revelado"),
    "leak_exposure": (
        "an exposure of {bits} bits, as if the true value came first among {odds} that look alike",
        "uma exposição de {bits} bits, como se o valor verdadeiro viesse em primeiro entre {odds} parecidos",
    ),
    "leak_little_exposure": (
        "an exposure of {bits} bits, hardly more than chance",
        "uma exposição de {bits} bits, pouco além do acaso",
    ),
    "leak_no_exposure": (
        "no exposure: the true value comes no sooner than others that look alike",
        "nenhuma exposição: o valor verdadeiro não vem antes de outros parecidos",
    ),
    "leak_items": ("{count} prompt|{count} prompts", "{count} pergunta|{count} perguntas"),
    "leak_means": ("What each number means", "O que significa cada número"),
    "mean_recited_share": (
        "The model is given the beginning of training texts. Counted are those that it goes on with word for word.",
        "O modelo recebe o início de textos do treino. Contam-se os que ele continua palavra por palavra.",
    ),
    "mean_recited_control": (
        "The same with texts that it never trained on. Stock phrases are continued here as well, so only what lies above this was learned "
        "by heart.",
        "O mesmo com textos com os quais não foi treinado. Frases feitas também são continuadas aqui; só o que passa disto foi decorado.",
    ),
    "mean_recited_excess": (
        "Recited because it was trained on: the first share less the second.",
        "Recitado por ter sido treinado: a primeira parcela menos a segunda.",
    ),
    "mean_exposure": (
        "How much sooner the model comes to a value of its training data than to others of the same form; each bit halves the guesses. 0 "
        "bits is chance.",
        "Quanto antes o modelo chega a um valor dos dados de treino do que a outros da mesma forma; cada bit reduz os palpites à metade. 0 "
        "bits é acaso.",
    ),
    "mean_extracted_secrets": (
        "Values of training data that somebody who knows only the text around them can get from the model.",
        "Valores dos dados de treino que alguém que só conhece o texto em volta consegue obter do modelo.",
    ),
    "mean_training_values_told": (
        "Values that the anonymizer's detectors found in what the model said and that stand in the training data.",
        "Valores que os detectores da anonimização acharam no que o modelo disse e que estão nos dados de treino.",
    ),
    "leak_found": ("What came out, values masked ({count})", "O que saiu, com valores cobertos ({count})"),
    "leak_record": ("Training record", "Registro de treino"),
    "leak_value": ("Value, masked", "Valor, coberto"),
    "leak_how": ("How", "Como"),
    "leak_consequence": ("What follows", "O que se segue"),
    "leak_consequence_good": (
        "Nothing found here speaks against using the model. It remains pseudonymized data in the sense of the law, as said above.",
        "Nada achado aqui depõe contra o uso do modelo. Ele continua sendo dado pseudonimizado no sentido da lei, como dito acima.",
    ),
    "leak_consequence_bad": (
        "Treat the adapter like its training data and hand it to nobody who may not read that data. What comes out are stand-ins, and "
        "whatever the anonymization missed.",
        "Trate o adaptador como os próprios dados de treino e não o entregue a quem não pode lê-los. O que sai são substitutos e o que a "
        "anonimização não tiver achado.",
    ),
    "leak_consequence_warn": (
        "Until a person has decided, treat the adapter like its training data.",
        "Até que uma pessoa decida, trate o adaptador como os próprios dados de treino.",
    ),
    "leak_limits": ("What it cannot say", "O que não dá para saber"),
    "leak_limits_text": (
        "The test is a sample with one way of asking. What it draws out is certain; what it does not draw out may still be there and "
        "answer to other prompts, to more attempts or to somebody who has the weights. Short values and ordinary words cannot be told from "
        "chance.",
        "O teste é uma amostra com uma forma de perguntar. O que ele extrai é certo; o que não extrai ainda pode estar lá e responder a "
        "outras perguntas, a mais tentativas ou a quem tem os pesos. Valores curtos e palavras comuns não se distinguem do acaso.",
    ),
    "leak_rules": ("Rules of the gate", "Regras dos critérios"),
    "leak_no_rules": (
        "No rule of the gate judges the leak test.",
        "Nenhuma regra dos critérios julga o teste de vazamento.",
    ),
    "t_leak": ("Leak test", "Vazamento"),
    "t_leak_good": ("passed", "aprovado"),
    "t_leak_bad": ("REFUSED", "RECUSADO"),
    "t_leak_open": ("not settled", "em aberto"),
    "t_leak_recited": ("{share} of training texts recited", "{share} dos textos de treino recitados"),
    "t_leak_control": ("unseen texts {control}", "textos não vistos {control}"),
    "t_leak_bits": ("exposure {bits} bits", "exposição {bits} bits"),
}
