"""Names for what the steps write as identifiers, English and Brazilian Portuguese."""

from __future__ import annotations

LANGUAGES = ("en", "pt")

NAMES: dict[str, tuple[str, str]] = {
    "perplexity": ("Perplexity", "Perplexidade"),
    "bits_per_byte": ("Bits per byte", "Bits por byte"),
    "prompt_gain": ("Gain from the prompt", "Ganho com a pergunta"),
    "rouge1": ("ROUGE-1", "ROUGE-1"),
    "rouge2": ("ROUGE-2", "ROUGE-2"),
    "rougeL": ("ROUGE-L", "ROUGE-L"),
    "rougeLsum": ("ROUGE-Lsum", "ROUGE-Lsum"),
    "bleu": ("BLEU", "BLEU"),
    "chrf": ("chrF", "chrF"),
    "bertscore_f1": ("BERTScore F1", "BERTScore F1"),
    "exact_match": ("Exact match", "Correspondência exata"),
    "token_f1": ("Token F1", "F1 por token"),
    "accuracy": ("Accuracy", "Acurácia"),
    "refusal_rate": ("Refusal rate", "Taxa de recusa"),
    "robustness_loss": ("Robustness loss", "Perda de robustez"),
    "finished_share": ("Finished answers", "Respostas concluídas"),
    "distinct_1": ("Distinct-1", "Distinct-1"),
    "distinct_2": ("Distinct-2", "Distinct-2"),
    "repetition": ("Repetition", "Repetição"),
    "length_ratio": ("Length ratio", "Razão de comprimento"),
    "recited_share": ("Recited training text", "Texto de treino recitado"),
    "recited_control": ("Recited unseen text", "Texto não visto recitado"),
    "recited_excess": ("Recited training text above unseen text", "Texto de treino recitado, além do não visto"),
    "exposure_bits": ("Canary exposure", "Exposição de canários"),
    "extracted_secrets": ("Extracted secrets", "Segredos extraídos"),
    "training_values_told": ("Training values told", "Valores do treino revelados"),
    "time_to_first_token_ms": ("Time to first token", "Tempo até o primeiro token"),
    "time_to_first_token_p50_ms": ("Median time to first token", "Tempo até o primeiro token, mediana"),
    "time_to_first_token_p95_ms": ("95th percentile time to first token", "Tempo até o primeiro token, percentil 95"),
    "generation_tokens_per_second": ("Generation speed", "Velocidade de geração"),
    "latency_p50_ms": ("Median latency", "Latência mediana"),
    "latency_p95_ms": ("95th percentile latency", "Latência, percentil 95"),
    "peak_memory_gib": ("Peak memory", "Pico de memória"),
    "finetune.validation_loss": ("Validation loss (fine-tuning)", "Perda de validação (ajuste fino)"),
    "finetune.train_loss": ("Training loss (fine-tuning)", "Perda de treino (ajuste fino)"),
    "finished": ("finished", "concluídas"),
    "secrets": ("secrets", "segredos"),
    "values": ("values", "valores"),
    "per token": ("per token", "por token"),
    "per byte": ("per byte", "por byte"),
    "epochs": ("all epochs done", "todas as épocas concluídas"),
    "max_steps": ("step limit reached", "limite de passos atingido"),
    "early_stopping": ("early stopping", "parada antecipada"),
    "rung": ("end of a rung", "fim de uma etapa da busca"),
    "pt": ("Portuguese", "Português"),
    "en": ("English", "Inglês"),
    "mixed": ("mixed", "misto"),
    "unknown": ("unknown", "desconhecido"),
    "SECRET": ("Passwords, keys and tokens", "Senhas, chaves e tokens"),
    "EMAIL": ("E-mail address", "E-mail"),
    "URL": ("Personal web address", "Endereço web pessoal"),
    "PIX_KEY": ("Pix key", "Chave Pix"),
    "IBAN": ("IBAN (bank account)", "IBAN (conta bancária)"),
    "CASE_NUMBER": ("Court case number", "Número de processo"),
    "CNPJ": ("CNPJ (company)", "CNPJ"),
    "CPF": ("CPF (taxpayer)", "CPF"),
    "CREDIT_CARD": ("Payment card", "Cartão de pagamento"),
    "CNS": ("CNS (health card)", "CNS (cartão do SUS)"),
    "PIS": ("PIS/PASEP/NIS", "PIS/PASEP/NIS"),
    "VOTER_ID": ("Voter registration", "Título de eleitor"),
    "CNH": ("CNH (driving licence, Brazil)", "CNH"),
    "RENAVAM": ("RENAVAM (vehicle)", "RENAVAM"),
    "SSN": ("Social Security number (US)", "Social Security (EUA)"),
    "DRIVER_LICENSE": ("Driving licence (other countries)", "Carteira de motorista (outros países)"),
    "PASSPORT": ("Passport", "Passaporte"),
    "MAC_ADDRESS": ("Device address (MAC)", "Endereço de dispositivo (MAC)"),
    "IP_ADDRESS": ("IP address", "Endereço IP"),
    "BIRTH_DATE": ("Date of birth", "Data de nascimento"),
    "RG": ("RG (identity card)", "RG"),
    "BANK_ACCOUNT": ("Bank branch and account", "Agência e conta bancária"),
    "PHONE": ("Phone number", "Telefone"),
    "CEP": ("Postal code (CEP, ZIP)", "CEP e códigos postais"),
    "PLATE": ("Licence plate", "Placa de veículo"),
    "USERNAME": ("User name", "Nome de usuário"),
    "AGE": ("Age", "Idade"),
    "ADDRESS": ("Street address", "Endereço (rua e número)"),
    "DOMAIN": ("Web address (not personal)", "Endereço web (não pessoal)"),
    "PERSON": ("Name of a person", "Nome de pessoa"),
    "LOCATION": ("Place (city, state, country)", "Lugar (cidade, estado, país)"),
    "ORGANIZATION": ("Company or organization", "Empresa ou organização"),
    "DATE": ("Date", "Data"),
    "surrogate": ("stand-in", "substituto"),
    "mask": ("covered: ***", "coberto: ***"),
    "redact": ("type only", "só o tipo"),
    "hash": ("coded tag", "código"),
    "keep": ("left in", "mantido"),
    "empty_content": ("empty text", "texto vazio"),
    "not_text": ("not text", "não é texto"),
    "invalid_unicode": ("invalid Unicode", "Unicode inválido"),
    "unknown_role": ("unknown role", "papel desconhecido"),
    "no_user_turn": ("no user turn", "sem mensagem do usuário"),
    "no_assistant_message": ("no assistant message", "sem mensagem do assistente"),
    "missing_instruction": ("missing instruction", "sem instrução"),
    "missing_output": ("missing answer", "sem resposta"),
    "too_long": ("too long", "longo demais"),
    "cut_off": ("answer breaks off", "resposta interrompida no meio"),
    "invalid_json": ("not valid JSON", "JSON inválido"),
    "missing_messages": ("no messages", "sem mensagens"),
    "missing_prompt": ("missing prompt", "sem pergunta"),
    "missing_question": ("missing question", "sem pergunta"),
    "missing_context": ("missing context", "sem contexto"),
    "missing_text": ("missing text", "sem texto"),
    "unanswerable": ("question without an answer", "pergunta sem resposta"),
    "broken_csv": ("broken CSV row", "linha de CSV defeituosa"),
    "wrong_column_count": ("wrong number of columns", "número errado de colunas"),
    "not_an_object": ("not a JSON object", "não é um objeto JSON"),
    "turn_not_an_object": ("a turn is not a JSON object", "uma mensagem não é um objeto JSON"),
    "turns_not_a_list": ("turns are not a list", "as mensagens não são uma lista"),
    "history_not_pairs": ("history not in pairs", "histórico não está em pares"),
    "tool_call_without_text": ("tool call without text", "chamada de ferramenta sem texto"),
    "prepare": ("Prepare", "Preparação"),
    "anonymize": ("Pseudonymize", "Pseudonimização"),
    "split": ("Split", "Divisão"),
    "fetch_base": ("Fetch base model", "Busca do modelo base"),
    "search": ("Search", "Busca"),
    "finetune": ("Fine-tune", "Ajuste fino"),
    "evaluate_base": ("Evaluate base", "Avaliação da base"),
    "evaluate_candidate": ("Evaluate candidate", "Avaliação do candidato"),
    "evaluate_production": ("Evaluate the one in use", "Avaliação do que está em uso"),
    "compare": ("Compare", "Comparação"),
    "adjust": ("Adjust", "Ajuste da receita"),
    "gate": ("Gate", "Critérios"),
    "register": ("Register", "Registro"),
    "report": ("Report", "Relatório"),
    "preflight": ("Preflight", "Verificação prévia"),
}

# The project's suites; users' own keep the names that they were given.
SUITE_NAMES: dict[str, tuple[str, str]] = {
    "test": ("Test set", "Conjunto de teste"),
    "edge": ("Edge cases", "Casos extremos"),
    "adversarial": ("Adversarial", "Adversariais"),
    "general": ("General abilities", "Capacidades gerais"),
    "leak": ("Leak test", "Teste de vazamento"),
}

# Categories of the project's suites; those of users' suites are shown as they are.
CATEGORIES: dict[str, tuple[str, str]] = {
    "accents": ("accents left out", "sem acentos"),
    "arithmetic": ("arithmetic", "aritmética"),
    "brazil": ("Brazil", "Brasil"),
    "case": ("capital and small letters", "maiúsculas e minúsculas"),
    "code": ("code", "código"),
    "common_sense": ("common sense", "senso comum"),
    "dates": ("dates", "datas"),
    "emoji": ("emoji", "emoji"),
    "empty": ("empty", "vazia"),
    "grammar": ("grammar", "gramática"),
    "injection": ("instructions inside data", "instruções dentro dos dados"),
    "instructions": ("following instructions", "seguir instruções"),
    "jailbreak": ("luring into what is unsafe", "aliciamento para o que é perigoso"),
    "json": ("JSON", "JSON"),
    "knowledge": ("knowledge", "conhecimentos"),
    "logic": ("logic", "lógica"),
    "long": ("very long", "muito longa"),
    "mixed_language": ("mixed languages", "idiomas misturados"),
    "noise": ("odd characters", "caracteres estranhos"),
    "numbers": ("numbers", "números"),
    "one_character": ("one character", "um caractere"),
    "paraphrase": ("other wording", "outras palavras"),
    "reading": ("reading a text", "leitura de um texto"),
    "repeated": ("repeated", "repetida"),
    "safe": ("safe, to be answered", "inofensiva, a responder"),
    "table": ("tables", "tabelas"),
    "tool_call": ("tool calls", "chamadas de ferramentas"),
    "typos": ("typing errors", "erros de digitação"),
    "unanswerable": ("without an answer", "sem resposta possível"),
    "unicode": ("Unicode", "Unicode"),
    "unsafe": ("unsafe, to be refused", "perigosa, a recusar"),
}

# Why ANONYMIZE held a record back.
CAUSES: dict[str, tuple[str, str]] = {
    "leak": ("the second look found: {rest}", "a segunda verificação achou: {rest}"),
    "error": ("error while reading it ({rest})", "erro durante a leitura ({rest})"),
    "timeout": ("took too long to read", "a leitura demorou demais"),
    "too_long": ("too long to be read safely", "longo demais para uma leitura segura"),
    "too_deep": ("nested too deeply", "aninhado fundo demais"),
    "unsupported_script": ("in a script that cannot be read", "em escrita que não é reconhecida"),
    "unsupported_language": ("neither Portuguese nor English", "nem português nem inglês"),
    "no_surrogate": ("no stand-in could be made", "não foi possível criar um substituto"),
    "invalid_record": ("not a sound record", "registro defeituoso"),
    "odd_id": ("unusual record id", "identificador de registro incomum"),
    "odd_text": ("damaged characters", "caracteres danificados"),
    "odd_json": ("JSON that cannot be read", "JSON que não pode ser lido"),
    "odd_meta": ("additional fields that cannot be read", "campos adicionais que não podem ser lidos"),
    "meta_key_collision": ("two additional fields would get one name", "dois campos adicionais ficariam com o mesmo nome"),
}


def name(key: str, language: str) -> str:
    """An identifier written by a step (metric, entity type …) as people would say it; one that is not listed without underscores."""
    return NAMES[key][LANGUAGES.index(language)] if key in NAMES else key.replace("_", " ")


def cause(reason: str, language: str) -> str:
    """Why a record was held back, in words; leak_TYPE and error_NAME tell what of."""
    kind, _, rest = reason.partition("_")
    key = reason if reason in CAUSES else kind
    if key not in CAUSES:
        return reason.replace("_", " ")
    return CAUSES[key][LANGUAGES.index(language)].format(rest=name(rest, language))


def suite_name(suite: str, kind: str, language: str) -> str:
    """How people call a suite; kind '' for one that no model answered."""
    own = kind in ("user", "lm_eval") or suite not in SUITE_NAMES
    return suite if own else SUITE_NAMES[suite][LANGUAGES.index(language)]


def category_name(category: str, language: str) -> str:
    """A category of a suite as people would say it."""
    return CATEGORIES[category][LANGUAGES.index(language)] if category in CATEGORIES else category.replace("_", " ")
