"""Words and sentences of the privacy section, English and Brazilian Portuguese. 'one|many' where a count decides."""

from __future__ import annotations

PRIVACY: dict[str, tuple[str, str]] = {
    "privacy": ("Personal data", "Dados pessoais"),
    "v_replaced": (
        "In {records} of {total} records {count} pieces of personal data were found and replaced before training",
        "Em {records} de {total} registros, {count} dados pessoais foram encontrados e substituídos antes do treinamento",
    ),
    "v_nothing": ("No personal data was found in {total} records", "Nenhum dado pessoal foi encontrado em {total} registros"),
    "v_held": (
        "{count} record that could not be proved clean was held back|{count} records that could not be proved clean were held back",
        "{count} registro que não pôde ser comprovado limpo ficou retido|"
        "{count} registros que não puderam ser comprovados limpos ficaram retidos",
    ),
    "v_none_held": ("no record had to be held back", "nenhum registro precisou ser retido"),
    "v_clean": (
        "a second, different detector read all {total} records that went on and found nothing left over",
        "um segundo detector, diferente, leu todos os {total} registros que seguiram e não achou nada restante",
    ),
    "v_leaks": (
        "a second, different detector read all {total} records that went on and found {count} value left over|"
        "a second, different detector read all {total} records that went on and found {count} values left over",
        "um segundo detector, diferente, leu todos os {total} registros que seguiram e achou {count} valor restante|"
        "um segundo detector, diferente, leu todos os {total} registros que seguiram e achou {count} valores restantes",
    ),
    "v_sure": (
        "which means between {low} and {high} in {per} records with 95% confidence",
        "o que significa entre {low} e {high} em cada {per} registros, com 95% de confiança",
    ),
    "v_limits": (
        "The second detector recognises e-mail addresses, phone numbers, numbers with check digits, network addresses and keys by rules of "
        "its own, and sees whether a value that was replaced still stands elsewhere in its record. What neither detector recognises is in "
        "no figure; the planted test says how much that may be.",
        "O segundo detector reconhece, por regras próprias, e-mails, telefones, números com dígito verificador, endereços de rede e "
        "chaves, e vê se um valor substituído ainda está em outro ponto do registro. O que nenhum dos dois reconhece não está em número "
        "algum; o teste com dados plantados diz quanto isso pode ser.",
    ),
    "estimate": ("estimate", "estimativa"),
    "repeats_only": ("repeats only", "só repetições"),
    "suspected_short": ("{count} suspected|{count} suspected", "{count} suspeito|{count} suspeitos"),
    "names_estimate": (
        "Names can only be estimated: beside {replaced} replaced ones, {count} word of the result looks like a first name "
        "(at most {high} of names, if it is one; 95% confidence).|"
        "Names can only be estimated: beside {replaced} replaced ones, {count} words of the result look like first names "
        "(at most {high} of names, if all of them are; 95% confidence).",
        "Nomes só podem ser estimados: ao lado de {replaced} substituídos, {count} palavra do resultado parece um prenome "
        "(no máximo {high} dos nomes, se for um; 95% de confiança).|"
        "Nomes só podem ser estimados: ao lado de {replaced} substituídos, {count} palavras do resultado parecem prenomes "
        "(no máximo {high} dos nomes, se todas forem; 95% de confiança).",
    ),
    "touched": ("Records with personal data", "Registros com dados pessoais"),
    "replaced": ("Replaced in total", "Substituídos no total"),
    "quarantined": ("Records held back", "Registros retidos"),
    "leaks": ("Left over, found by the second look", "Restantes, achados na segunda verificação"),
    "erased": ("Records erased on request", "Registros eliminados a pedido"),
    "erased_note": ("LGPD, art. 18", "LGPD, art. 18"),
    "planted_test": ("Planted test: found", "Teste plantado: achados"),
    "planted_of": ("{found} of {planted}", "{found} de {planted}"),
    "fields_removed": ("Additional fields removed whole", "Campos adicionais removidos inteiros"),
    "policy": ("Policy", "Política"),
    "by_type": ("Every type of personal data, and how well it was removed", "Cada tipo de dado pessoal e quão bem foi removido"),
    "type": ("Type", "Tipo"),
    "count": ("Count", "Quantidade"),
    "found_count": ("Replaced", "Substituídos"),
    "action": ("How", "Como"),
    "checked": ("Checked again", "Verificados de novo"),
    "leaks_short": ("Left over", "Restantes"),
    "at_most_share": ("At most (95%)", "No máximo (95%)"),
    "planted": ("Planted, found", "Plantados, achados"),
    "by_type_note": (
        "Stand-in: an invented value of the same shape that belongs to nobody. Checked again: by the second detector; “repeats only” "
        "where it cannot recognise the type by itself, so there is no bound. At most: the largest share that may still be left over, with "
        "95% confidence; few values give a wide bound even when nothing was found. Planted: data of invented people that went the same way "
        "first, and never into the training data.",
        "Substituto: um valor inventado da mesma forma, que não é de ninguém. Verificados de novo: pelo segundo detector; “só repetições” "
        "onde ele não reconhece o tipo por si mesmo, e por isso não há limite. No máximo: a maior parcela que ainda pode ter restado, com "
        "95% de confiança; poucos valores dão um limite largo mesmo quando nada foi achado. Plantados: dados de pessoas inventadas que "
        "passaram antes pelo mesmo caminho, e nunca para os dados de treino.",
    ),
    "absent": (
        "{count} more type was looked for and not replaced here|{count} more types were looked for and not replaced here",
        "Mais {count} tipo foi procurado e não foi substituído aqui|Mais {count} tipos foram procurados e não foram substituídos aqui",
    ),
    "none_found": ("No personal data was found.", "Nenhum dado pessoal foi encontrado."),
    "quarantine_reasons": ("Why records were held back", "Por que registros ficaram retidos"),
    "none_held": ("No record was held back.", "Nenhum registro ficou retido."),
    "kept_title": ("Left in on purpose", "Mantido de propósito"),
    "kept_harmless": (
        "The policy {policy} leaves these in: {types}. By itself a place, a company or a date names nobody, and replacing it would teach "
        "the model wrong facts. Together such details can still point to a person; the policy “strict” replaces them too.",
        "A política {policy} mantém: {types}. Um lugar, uma empresa ou uma data não identifica ninguém por si só, e trocá-los ensinaria "
        "fatos errados ao modelo. Juntos, esses detalhes ainda podem apontar para uma pessoa; a política “strict” também os substitui.",
    ),
    "kept_risky": (
        "The policy {policy} leaves in what can identify a person: {types}. Make sure that there is a legal basis for it.",
        "A política {policy} mantém o que pode identificar uma pessoa: {types}. Confira se há base legal para isso.",
    ),
    "kept_nothing": ("The policy {policy} leaves nothing in.", "A política {policy} não mantém nada."),
    "status_title": ("Pseudonymized, not anonymous", "Pseudonimizado, não anônimo"),
    "status": ("What that means", "O que isso significa"),
    "status_text": (
        "The data can still be traced back to people by means of something that is kept apart, here a secret key. Brazilian law calls that "
        "pseudonymized (LGPD, art. 13 §4). Data and model remain subject to the law and need the same care.",
        "Os dados ainda podem ser ligados a pessoas por meio de algo que é mantido à parte, aqui uma chave secreta. A lei brasileira chama "
        "isso de pseudonimização (LGPD, art. 13, §4º). Dados e modelo continuam sujeitos à lei e pedem o mesmo cuidado.",
    ),
    "key": ("The key", "A chave"),
    "key_text": (
        "A key exists. Its fingerprint, which reveals nothing of it:",
        "Existe uma chave. Sua impressão digital, que nada revela dela:",
    ),
    "reversal": ("Who can trace it back", "Quem pode fazer o caminho de volta"),
    "reversal_no": (
        "No map back to the originals was written. Whoever holds the key can still test whether a certain person or number is in the data, "
        "and whoever holds the raw data can compare.",
        "Nenhum mapa de volta aos originais foi gravado. Quem tem a chave ainda pode testar se certa pessoa ou número está nos dados, e "
        "quem tem os dados brutos pode comparar.",
    ),
    "reversal_yes": (
        "An encrypted map back to the originals was written. Those who hold the private identity of one of its recipients can read it, "
        "with every look-up logged. Whoever holds the key can test whether a certain person or number is in the data.",
        "Um mapa cifrado de volta aos originais foi gravado. Quem tem a identidade privada de um de seus destinatários pode lê-lo, com "
        "cada consulta registrada. Quem tem a chave pode testar se certa pessoa ou número está nos dados.",
    ),
    "ending": ("What ending the key does", "O que muda ao destruir a chave"),
    "ending_text": (
        "Once the key, any map, the raw data and the work folder are destroyed, nobody can compute the way back. Only then can it be asked "
        "whether the data are anonymous and outside the law, which depends on what reasonable efforts could still reveal (LGPD, art. 12). "
        "Keep the key as long as requests for erasure must be answered.",
        "Destruídos a chave, qualquer mapa, os dados brutos e a pasta de trabalho, ninguém mais consegue calcular o caminho de volta. Só "
        "então cabe perguntar se os dados são anônimos e ficam fora da lei, o que depende do que esforços razoáveis ainda poderiam revelar "
        "(LGPD, art. 12). Guarde a chave enquanto for preciso atender pedidos de eliminação.",
    ),
    "audit": ("Evidence", "Evidências"),
    "audit_text": (
        "For every replacement the place, the type and the rule, and for every record held back the reason; never a value:",
        "De cada substituição, o lugar, o tipo e a regra, e de cada registro retido, o motivo; nunca um valor:",
    ),
    "audit_link": ("audit folder", "pasta de auditoria"),
}
