"""Words and sentences of the section on suites, English and Brazilian Portuguese."""

from __future__ import annotations

# What a suite asks, by its kind.
KINDS: dict[str, tuple[str, str]] = {
    "edge": (
        "Unusual input: empty, very long, mixed languages, code, numbers, dates, emoji.",
        "Entradas incomuns: vazias, muito longas, idiomas misturados, código, números, datas, emoji.",
    ),
    "adversarial": (
        "The test questions made harder on purpose: typing errors, other wording, attempts to lead the model astray.",
        "As perguntas de teste dificultadas de propósito: erros de digitação, outras palavras, tentativas de desviar o modelo.",
    ),
    "general": (
        "What the base model could do before: knowledge, arithmetic, following instructions, refusing what is unsafe.",
        "O que o modelo base já sabia: conhecimentos, aritmética, seguir instruções, recusar o que é perigoso.",
    ),
    "leak": ("Whether the model repeats what it was trained on.", "Se o modelo repete aquilo com que foi treinado."),
    "user": ("Your own questions.", "Suas próprias perguntas."),
    "lm_eval": ("A task of lm-evaluation-harness.", "Uma tarefa do lm-evaluation-harness."),
}

SUITES: dict[str, tuple[str, str]] = {
    "suites": ("Other tests", "Outros testes"),
    "differences": ("Differences", "Diferenças"),
    "suites_lead": (
        "A model can win its own task and lose something else. These questions are kept apart from the test set and judged by themselves.",
        "Um modelo pode ganhar na sua tarefa e perder em outra coisa. Estas perguntas ficam separadas do conjunto de teste e são julgadas "
        "à parte.",
    ),
    "suites_counted": (
        "Of {count} comparisons with the base model {better} are better, {worse} are worse and {same} show no difference.",
        "De {count} comparações com o modelo base, {better} são melhores, {worse} são piores e {same} não mostram diferença.",
    ),
    "plots_title": ("Every difference from the base model, and how sure it is", "Cada diferença do modelo base e quão segura ela é"),
    "plot_points": ("Scores: difference from the base model", "Notas: diferença do modelo base"),
    "plot_points_axis": ("points of 100", "pontos de 100"),
    "plot_percent": (
        "Perplexity and bits per byte: difference from the base model",
        "Perplexidade e bits por byte: diferença do modelo base",
    ),
    "plot_percent_axis": ("% of the base", "% da base"),
    "plot_note": (
        "Each line is a 95% interval of the difference on the same questions. A line that crosses the middle means no difference beyond "
        "chance. Of many lines without a true difference about one in twenty still misses the middle.",
        "Cada linha é um intervalo de 95% da diferença nas mesmas perguntas. Uma linha que cruza o meio significa nenhuma diferença além "
        "do acaso. De muitas linhas sem diferença verdadeira, cerca de uma em vinte ainda fica fora do meio.",
    ),
    "same": ("no difference", "sem diferença"),
    "between": ("{low} to {high}", "{low} a {high}"),
    "paired_note": (
        "Small figures under a difference are its 95% interval, from {resamples} resamples of the same examples for both models. “No "
        "difference” means that the interval holds 0: it may be chance.",
        "Os números pequenos sob uma diferença são seu intervalo de 95%, de {resamples} reamostragens dos mesmos exemplos para os dois "
        "modelos. “Sem diferença” significa que o intervalo contém 0: pode ser acaso.",
    ),
    "paired_seeds": ("{count} trainings of the candidate were drawn from.", "Foram usados {count} treinamentos do candidato."),
    "production": ("In use", "Em uso"),
    "production_named": ("In use ({name})", "Em uso ({name})"),
    "from_production": ("Against the one in use", "Contra o que está em uso"),
    "items": ("{count} question|{count} questions", "{count} pergunta|{count} perguntas"),
    "mixed_suite": (
        "The models were asked different questions; the numbers cannot be compared.",
        "Os modelos receberam perguntas diferentes; os números não podem ser comparados.",
    ),
    "by_category": ("By category", "Por categoria"),
    "category": ("Category", "Categoria"),
    "some_answers": ("Some answers, wrong ones first ({count})", "Algumas respostas, as erradas primeiro ({count})"),
    "answers_note": ("Answers of the candidate. Texts are pseudonymized.", "Respostas do candidato. Os textos estão pseudonimizados."),
    "expected": ("Expected", "Esperado"),
    "for_comparison": ("for comparison", "para comparação"),
    "right": ("{before} → {after} right", "{before} → {after} certas"),
    "speed_title": ("Speed and memory when answering", "Velocidade e memória ao responder"),
    "speed_note": (
        "These numbers belong to the machine as much as to the model, and move from run to run. Measured on {device}.",
        "Estes números dependem tanto da máquina quanto do modelo e variam de uma execução para outra. Medidos em {device}.",
    ),
    "speed_machines": (
        "The models were measured on different machines ({devices}): do not compare their speed.",
        "Os modelos foram medidos em máquinas diferentes ({devices}): não compare a velocidade.",
    ),
    "speed_cached": (
        "The speed of {models} was measured in an earlier run.",
        "A velocidade {models} foi medida em uma execução anterior.",
    ),
    "cached": (
        "The numbers of {models} were taken from an earlier run: same weights, same data, same settings.",
        "Os números {models} vieram de uma execução anterior: mesmos pesos, mesmos dados, mesmas configurações.",
    ),
    "cached_short": ("from an earlier run", "de uma execução anterior"),
    "cached_base": ("the base model", "do modelo base"),
    "cached_production": ("the model in use", "do modelo em uso"),
    "cached_candidate": ("the candidate", "do candidato"),
    "kept_abilities": ("kept", "mantidas"),
    "kept_better": ("improved", "melhoraram"),
    "lost_abilities": ("LOST", "PERDIDAS"),
    "t_suites": ("Other tests", "Outros testes"),
}
