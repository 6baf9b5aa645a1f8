"""Words and sentences of the search section, English and Brazilian Portuguese."""

from __future__ import annotations

SEARCH: dict[str, tuple[str, str]] = {
    "search": ("Search", "Busca"),
    "search_lead": (
        "{count} trainings were compared by validation loss ({name}), the better ones went on, and {winner} was trained to its end.",
        "{count} treinamentos foram comparados pela perda de validação ({name}), os melhores seguiram, e {winner} foi treinado até o fim.",
    ),
    "search_cost": (
        "That took the steps of about {spent} whole trainings; training all to the end would have taken {count}.",
        "Isso custou os passos de cerca de {spent} treinamentos completos; treinar todos até o fim teria custado {count}.",
    ),
    "search_note": (
        "Losses in a column are comparable: same validation records, same share of each trial's steps. The lowest of many is a little "
        "lucky; the metrics above are of records that the search never saw.",
        "As perdas de uma coluna são comparáveis: mesmos registros de validação, mesma parcela dos passos de cada tentativa. A menor de "
        "muitas tem um pouco de sorte; as métricas acima são de registros que a busca nunca viu.",
    ),
    "trial": ("Trial", "Tentativa"),
    "loss_at": ("Loss at {share}", "Perda em {share}"),
    "winner": ("winner", "vencedora"),
    "left_at": ("out at {share}", "saiu em {share}"),
    "failed_at": ("failed or diverged at {share}", "falhou ou divergiu em {share}"),
}
