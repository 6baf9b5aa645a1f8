"""Words and sentences of the story of the rounds, English and Brazilian Portuguese."""

from __future__ import annotations

# Diagnosis, as diagnosis.py names it -> title, why the round was rejected, what it means.
DIAGNOSES: dict[str, tuple[tuple[str, str], tuple[str, str], tuple[str, str]]] = {
    "unstable": (
        ("Unstable training", "Treinamento instável"),
        ("its training was unstable", "o treinamento foi instável"),
        (
            "The loss jumped or exploded instead of falling steadily.",
            "A perda saltou ou explodiu em vez de cair de forma estável.",
        ),
    ),
    "recites": (
        ("Recites training text", "Recita textos do treino"),
        ("it recited training text", "o modelo recitou textos do treino"),
        (
            "The model gives back training text word for word, which it should have generalised from.",
            "O modelo devolve textos do treino palavra por palavra, em vez de generalizar a partir deles.",
        ),
    ),
    "overfits": (
        ("Overfitting", "Sobreajuste"),
        ("it learned its training data by heart", "o modelo decorou os dados de treino"),
        (
            "The model kept improving on its training data and got worse on data that it never saw.",
            "O modelo continuou melhorando nos dados de treino e piorou em dados que nunca viu.",
        ),
    ),
    "forgets": (
        ("Forgets what the base model could do", "Esquece o que o modelo base sabia"),
        ("it lost abilities of the base model", "o modelo perdeu capacidades do modelo base"),
        (
            "The model learned its task and lost general abilities that the base model has.",
            "O modelo aprendeu a tarefa e perdeu capacidades gerais que o modelo base tem.",
        ),
    ),
    "undertrained": (
        ("Trained too little", "Treinado de menos"),
        ("it was trained too little", "o modelo foi treinado de menos"),
        (
            "The validation loss was still falling when training ended: there was more to learn.",
            "A perda de validação ainda caía quando o treino terminou: havia mais a aprender.",
        ),
    ),
    "format": (
        ("Answers in the wrong form", "Respostas na forma errada"),
        ("its answers had the wrong form", "as respostas tinham a forma errada"),
        (
            "Answers do not end, repeat themselves or miss the form asked for: have a look at the chat template and the training answers.",
            "As respostas não terminam, se repetem ou não têm a forma pedida: vale olhar o modelo de conversa e as respostas de treino.",
        ),
    ),
    "plateau": (
        ("Nothing more to learn this way", "Nada mais a aprender assim"),
        ("it had learned what this recipe can teach", "o modelo já aprendera o que esta receita ensina"),
        (
            "The validation loss had stopped falling, and no other cause shows in the numbers.",
            "A perda de validação tinha parado de cair, e nenhuma outra causa aparece nos números.",
        ),
    ),
}

# Recipe field -> its name with an article, and the article by itself in Portuguese, which tells its gender.
FIELDS: dict[str, tuple[str, str, str]] = {
    "method": ("the method", "o método", "o"),
    "lora_rank": ("the LoRA rank", "o posto (rank) do LoRA", "o"),
    "lora_alpha": ("the LoRA alpha", "o alfa do LoRA", "o"),
    "lora_dropout": ("the dropout", "o dropout", "o"),
    "lora_plus_ratio": ("the LoRA+ ratio", "a razão do LoRA+", "a"),
    "quantization": ("the quantization", "a quantização", "a"),
    "target_modules": ("the set of trained modules", "o conjunto de módulos treinados", "o"),
    "learning_rate": ("the learning rate", "a taxa de aprendizado", "a"),
    "schedule": ("the schedule of the learning rate", "o plano da taxa de aprendizado", "o"),
    "warmup_ratio": ("the warm-up", "o aquecimento", "o"),
    "neftune_alpha": ("the NEFTune noise", "o ruído do NEFTune", "o"),
    "weight_decay": ("the weight decay", "o decaimento dos pesos", "o"),
    "max_grad_norm": ("the limit on the gradient", "o limite do gradiente", "o"),
    "epochs": ("the number of epochs", "o número de épocas", "o"),
    "max_steps": ("the limit on steps", "o limite de passos", "o"),
    "max_length": ("the longest example", "o maior exemplo", "o"),
    "pack_length": ("the length of packed rows", "o comprimento das linhas empacotadas", "o"),
    "batch_size": ("the batch size", "o tamanho do lote", "o"),
    "micro_batch_size": ("the micro-batch size", "o tamanho do microlote", "o"),
    "evaluations": ("the number of evaluations", "o número de avaliações", "o"),
    "deduplicate": ("the similarity from which on records count as one", "a semelhança a partir da qual registros contam como um", "a"),
    "max_repeats": ("the limit on repeats of a code or number", "o limite de repetições de um código ou número", "o"),
    "replay_share": ("the share of replayed answers of the base model", "a parcela de respostas do modelo base revistas", "a"),
    "early_stopping": ("the patience of early stopping", "a paciência da parada antecipada", "a"),
    "precision": ("the precision", "a precisão", "a"),
    "gradient_checkpointing": ("gradient checkpointing", "o gradient checkpointing", "o"),
    "compile": ("compilation", "a compilação", "a"),
    "sharding": ("the sharding", "a divisão dos pesos", "a"),
    "seed": ("the seed", "a semente", "a"),
}

# Why a field is changed, by diagnosis. ADJUST writes its reason in English; this is the same for readers of Portuguese.
REASONS: dict[tuple[str, str], str] = {
    ("unstable", "learning_rate"): "Os passos eram grandes demais: um quarto da taxa, e não mais que o usual para um modelo desta largura.",
    ("unstable", "warmup_ratio"): "Os primeiros passos são os mais frágeis.",
    ("unstable", "max_grad_norm"): "Um exemplo estranho não deve mover muito os pesos.",
    ("recites", "epochs"): "O que é visto menos vezes é menos lembrado.",
    ("recites", "max_steps"): "O que é visto menos vezes é menos lembrado.",
    ("recites", "lora_dropout"): "O dropout dificulta decorar textos isolados.",
    ("recites", "deduplicate"): "O que se repete é o que é recitado.",
    ("recites", "max_repeats"): "Um código ou número raro que muitos registros contêm acaba recitado.",
    ("overfits", "epochs"): "O treino termina onde a perda de validação foi a melhor.",
    ("overfits", "max_steps"): "O treino termina onde a perda de validação foi a melhor.",
    ("overfits", "learning_rate"): "Passos menores param mais perto do melhor ponto.",
    ("overfits", "lora_dropout"): "O dropout dificulta decorar textos isolados.",
    ("forgets", "lora_rank"): "Um adaptador menor move menos o modelo base.",
    ("forgets", "lora_alpha"): "Mantém a razão entre alfa e posto.",
    ("forgets", "learning_rate"): "Passos menores ficam mais perto do modelo base.",
    ("forgets", "replay_share"): "Respostas do próprio modelo base, aprendidas de novo ao lado das novas.",
    ("undertrained", "max_steps"): "Os passos foram poucos, ou a perda de validação ainda caía.",
    ("undertrained", "learning_rate"): "Quase nada foi aprendido: a taxa estava muito abaixo da usual.",
    ("undertrained", "epochs"): "A perda de validação ainda caía.",
    ("undertrained", "lora_rank"): "Um adaptador maior pode aprender mais.",
    ("undertrained", "lora_alpha"): "Mantém a razão entre alfa e posto.",
    ("plateau", "learning_rate"): "A taxa estava muito abaixo da usual para um modelo desta largura.",
    ("plateau", "lora_rank"): "Um adaptador maior pode aprender mais.",
    ("plateau", "lora_alpha"): "Mantém a razão entre alfa e posto.",
}

ROUNDS: dict[str, tuple[str, str]] = {
    "rounds": ("Rounds of training", "Rodadas de treinamento"),
    "rounds_lead": ("{count} of at most {most} rounds were trained.", "Foram treinadas {count} de no máximo {most} rodadas."),
    "round_one_lead": ("One round was trained.", "Foi treinada uma rodada."),
    "round": ("Round {number}", "Rodada {number}"),
    "s_accepted": ("round {number} passed", "a rodada {number} foi aprovada"),
    "s_rejected": ("round {number} was rejected because {why}", "a rodada {number} foi reprovada porque {why}"),
    "s_rejected_plain": ("round {number} was rejected", "a rodada {number} foi reprovada"),
    "s_needs_review": ("round {number} needs review by a person", "a rodada {number} requer revisão por uma pessoa"),
    "s_rules": (
        "the rule {names} did not hold|the rules {names} did not hold",
        "a regra {names} não foi cumprida|as regras {names} não foram cumpridas",
    ),
    "s_change": ("{field} was {done} ({before} → {after})", "{field} foi {done} ({before} → {after})"),
    # For a masculine and a feminine name.
    "done_lowered": ("lowered|lowered", "reduzido|reduzida"),
    "done_raised": ("raised|raised", "aumentado|aumentada"),
    "done_changed": ("changed|changed", "alterado|alterada"),
    "s_more_changes": (
        "{count} more value was changed|{count} more values were changed",
        "mais {count} valor foi alterado|mais {count} valores foram alterados",
    ),
    "s_chosen": ("the model of round {number} goes on", "segue o modelo da rodada {number}"),
    "stopped_accepted": (
        "The gate accepted this round, so no other one follows.",
        "Os critérios foram cumpridos, e nenhuma outra rodada segue.",
    ),
    "stopped_needs_review": (
        "A person has to decide first, so no other round follows.",
        "Uma pessoa precisa decidir primeiro, e nenhuma outra rodada segue.",
    ),
    "stopped_rounds_used_up": ("All rounds that were allowed are used up.", "Todas as rodadas permitidas foram usadas."),
    "stopped_did_not_help": ("The last change did not help, so the loop stopped.", "A última mudança não ajudou, e as rodadas terminaram."),
    "stopped_nothing_to_change": (
        "Nothing in the recipe promises to mend it, so the loop stopped.",
        "Nada na receita promete resolver isso, e as rodadas terminaram.",
    ),
    "stopped_next": ("Another round follows.", "Outra rodada segue."),
    "why_ended": ("Why it ended", "Por que terminou"),
    "chosen": ("chosen", "escolhida"),
    "trained_with": ("Trained with", "Treinada com"),
    "first_recipe": ("The recipe as it was given, among others:", "A receita como foi dada, entre outros:"),
    "nothing_changed": ("The same recipe as the round before.", "A mesma receita da rodada anterior."),
    "also_changed": ("Also different from the round before", "Também diferente da rodada anterior"),
    "came_out": ("What came out", "O que resultou"),
    "unmet_rules": ("Rules not held", "Regras não cumpridas"),
    "diagnosed": ("Diagnosis", "Diagnóstico"),
    "no_diagnosis": ("Nothing to diagnose.", "Nada a diagnosticar."),
    "rests_on": ("It rests on", "Baseia-se em"),
    "for_diagnosis": ("For the diagnosis “{title}”.", "Por causa do diagnóstico “{title}”."),
    "by_round": ("What the gate judges, by round", "O que os critérios julgam, por rodada"),
    "round_chart": ("{metric} by round: {values}", "{metric} por rodada: {values}"),
    "log_scale": ("{metric} (logarithmic scale)", "{metric} (escala logarítmica)"),
    "round_accepted": ("Accepted", "Aprovada"),
    "round_rejected": ("Rejected", "Reprovada"),
    "round_needs_review": ("Needs review", "Requer revisão"),
    "t_rounds": ("Rounds", "Rodadas"),
}
