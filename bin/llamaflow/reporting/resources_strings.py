"""Words and sentences on how training used its machine, English and Brazilian Portuguese."""

from __future__ import annotations

RESOURCES: dict[str, tuple[str, str]] = {
    "resources": ("Time and hardware", "Tempo e hardware"),
    "time": ("Time", "Tempo"),
    "device": ("Device", "Dispositivo"),
    "speed": ("Training speed", "Velocidade de treino"),
    "per_second": ("{count} tokens/s", "{count} tokens/s"),
    "peak_memory": ("Peak memory", "Pico de memória"),
    "precision": ("Precision", "Precisão"),
    "cores": ("CPU cores", "Núcleos de CPU"),
    "summed": ("sum of {count} tasks", "soma de {count} tarefas"),
    "share_of_peak": ("Share of the machine's peak", "Parcela do máximo da máquina"),
    "peak_note": ("of {flops} GFLOP/s measured", "de {flops} GFLOP/s medidos"),
    "spared": ("Tokens spared", "Tokens poupados"),
    "spared_note": ("shared beginnings are computed once", "inícios comuns são calculados uma vez"),
    "cpu_load": ("CPU load", "Carga da CPU"),
    "gpu_load": ("GPU load", "Carga da GPU"),
    "load_peak": ("on average; peak {peak}", "em média; pico {peak}"),
    "gpu_memory": ("GPU memory", "Memória da GPU"),
    "gpu_memory_note": ("at its peak", "no pico"),
    "energy": ("Energy", "Energia"),
    "energy_note": ("of the GPUs", "das GPUs"),
    "watt_hours": ("{number} Wh", "{number} Wh"),
    "predictions": ("Training as predicted and as measured", "Treinamento como previsto e como medido"),
    "quantity": ("Quantity", "Grandeza"),
    "predicted": ("Predicted", "Previsto"),
    "measured_value": ("Measured", "Medido"),
    "of_predicted": ("of predicted", "do previsto"),
    "predictions_note": (
        "Predicted before the model was loaded. Time is that of the optimizer steps alone.",
        "Previsto antes de o modelo ser carregado. O tempo é só o dos passos do otimizador.",
    ),
    "resumed": (
        "Training was interrupted {count} time and taken up again at step {steps}.|"
        "Training was interrupted {count} times and taken up again at steps {steps}.",
        "O treinamento foi interrompido {count} vez e retomado no passo {steps}.|"
        "O treinamento foi interrompido {count} vezes e retomado nos passos {steps}.",
    ),
    "rolled_back": (
        "The loss exploded at step {steps}; training went back and on with a lower rate.|"
        "The loss exploded at steps {steps}; training went back and on with a lower rate.",
        "A perda explodiu no passo {steps}; o treinamento voltou e seguiu com taxa menor.|"
        "A perda explodiu nos passos {steps}; o treinamento voltou e seguiu com taxa menor.",
    ),
    "halved": (
        "Memory ran out {count} time; the micro-batch was halved to {size}.|"
        "Memory ran out {count} times; the micro-batch was halved to {size}.",
        "Faltou memória {count} vez; o microlote foi reduzido à metade, {size}.|"
        "Faltou memória {count} vezes; o microlote foi reduzido à metade, {size}.",
    ),
}
