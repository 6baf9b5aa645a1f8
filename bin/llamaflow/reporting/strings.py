"""Every fixed word and sentence of the report, English and Brazilian Portuguese."""

from __future__ import annotations

from types import SimpleNamespace

from .gate_strings import GATE
from .leak_strings import LEAK_TEXT
from .names import LANGUAGES
from .privacy_strings import PRIVACY
from .resources_strings import RESOURCES
from .rounds_strings import ROUNDS
from .search_strings import SEARCH
from .suites_strings import SUITES

TEXT: dict[str, tuple[str, str]] = {
    **GATE,
    **SUITES,
    **LEAK_TEXT,
    **ROUNDS,
    **RESOURCES,
    **PRIVACY,
    **SEARCH,
    "html_lang": ("en", "pt-BR"),
    "title": ("Training report", "Relatório de treinamento"),
    "skip": ("Skip to the content", "Ir para o conteúdo"),
    "sections": ("Sections of this report", "Seções deste relatório"),
    "footer": (
        "Written by LlamaFlow from the summaries of each step. This file is complete in itself: it loads nothing from the network.",
        "Escrito pelo LlamaFlow a partir dos resumos de cada etapa. Este arquivo é completo em si mesmo: não carrega nada da rede.",
    ),
    # Verdict
    "accepted": ("Accepted", "Aprovado"),
    "rejected": ("Rejected", "Reprovado"),
    "needs_review": ("Needs review", "Requer revisão"),
    "next_accepted": ("Registered and ready to use as version {version}.", "Registrado e pronto para uso como versão {version}."),
    "next_unregistered": ("No version was registered.", "Nenhuma versão foi registrada."),
    "next_rejected": (
        "The adapter is kept as an experiment; it does not replace what is in use.",
        "O adaptador fica guardado como experimento; ele não substitui o que está em uso.",
    ),
    "next_needs_review": (
        "A person has to read the rules and the examples below and decide.",
        "Uma pessoa precisa ler as regras e os exemplos abaixo e decidir.",
    ),
    "rules_held": ("{passed} of {total} rules hold", "{passed} de {total} regras cumpridas"),
    "version": ("Version", "Versão"),
    "not_registered": ("not registered", "não registrado"),
    "tile_training": ("Training records", "Registros de treino"),
    "tile_training_note": ("of {count} found", "de {count} encontrados"),
    "tile_pii": ("Personal data replaced", "Dados pessoais substituídos"),
    "tile_pii_note": ("in {count} records", "em {count} registros"),
    "tile_time": ("Training time", "Tempo de treinamento"),
    "was": ("base {value}", "base {value}"),
    # Metrics
    "metrics": ("What changed", "O que mudou"),
    "metrics_lead": (
        "The base model and the fine-tuned candidate on the same {examples} test conversations ({generated} answers generated).",
        "O modelo base e o candidato ajustado nas mesmas {examples} conversas de teste ({generated} respostas geradas).",
    ),
    "metric": ("Metric", "Métrica"),
    "base": ("Base", "Base"),
    "candidate": ("Candidate", "Candidato"),
    "difference": ("Difference", "Diferença"),
    "result": ("Result", "Resultado"),
    "better": ("better", "melhor"),
    "worse": ("worse", "pior"),
    "equal": ("equal", "igual"),
    "unknown": ("not comparable", "não comparável"),
    "overlap": ("intervals overlap", "intervalos se sobrepõem"),
    "best_at": ("best at {value}", "melhor em {value}"),
    "lower": ("lower is better", "menor é melhor"),
    "higher": ("higher is better", "maior é melhor"),
    "interval_note": (
        "Small figures are 95% bootstrap intervals over examples. Where the two intervals overlap, the difference may be chance.",
        "Os números pequenos são intervalos bootstrap de 95% sobre os exemplos. Se os intervalos se sobrepõem, a diferença pode ser acaso.",
    ),
    "settings": ("How these numbers were measured", "Como estes números foram medidos"),
    "settings_differ": (
        "base and candidate were measured with different settings",
        "base e candidato foram medidos com configurações diferentes",
    ),
    "no_metrics": ("No metric was measured.", "Nenhuma métrica foi medida."),
    # Training
    "training": ("Training", "Treinamento"),
    "loss_curve": ("Loss curve", "Curva de perda"),
    "loss_axis": ("Loss (nats per token)", "Perda (nats por token)"),
    "step_axis": ("Optimizer step", "Passo do otimizador"),
    "train_loss": ("Training", "Treino"),
    "validation_loss": ("Validation", "Validação"),
    "validation_loss_long": ("Validation loss", "Perda de validação"),
    "best": ("best", "melhor"),
    "best_step": ("Best step", "Melhor passo"),
    "learning_rate": ("Learning rate", "Taxa de aprendizado"),
    "grad_norm": ("Gradient norm", "Norma do gradiente"),
    "curve_table": ("The curve as a table", "A curva em tabela"),
    "curve_summary": (
        "Validation loss went from {start} to {end} in {steps} steps; the best step is {best}.",
        "A perda de validação foi de {start} para {end} em {steps} passos; o melhor passo é {best}.",
    ),
    "no_curve": ("There is no point to draw.", "Não há ponto a desenhar."),
    "epoch": ("Epoch", "Época"),
    "tokens": ("Tokens", "Tokens"),
    "step": ("Step", "Etapa"),
    "step_no": ("Step", "Passo"),
    "method": ("Method", "Método"),
    "trainable": ("Trainable parameters", "Parâmetros treináveis"),
    "of_total": ("{share} of {total}", "{share} de {total}"),
    "examples_used": ("Training examples", "Exemplos de treino"),
    "truncated": ("{truncated} truncated, {dropped} dropped", "{truncated} truncados, {dropped} descartados"),
    "steps_epochs": ("Steps", "Passos"),
    "epochs_note": ("{epochs} epochs", "{epochs} épocas"),
    "tokens_seen": ("Tokens seen", "Tokens vistos"),
    "supervised_note": ("{count} supervised", "{count} supervisionados"),
    "packing": ("Packing efficiency", "Eficiência de empacotamento"),
    "stopped": ("Training ended by", "Treino encerrado por"),
    # Data
    "data": ("Data", "Dados"),
    "funnel": ("From found to trained", "Do encontrado ao treinado"),
    "found": ("Found", "Encontrados"),
    "after_rejects": ("After rejects", "Após rejeições"),
    "after_exact": ("After exact duplicates", "Após duplicatas exatas"),
    "after_near": ("After near duplicates", "Após quase duplicatas"),
    "pseudonymized_stage": ("Pseudonymized", "Pseudonimizados"),
    "after_split": ("Distinct once pseudonymized", "Distintos após a pseudonimização"),
    "after_erased": ("After erasures", "Após eliminações"),
    "after_contamination": ("Not met by your own test set", "Sem repetição do seu conjunto de teste"),
    "after_similar": ("Not similar to a held-out record", "Sem semelhança com registros reservados"),
    "of_found": ("of found", "do encontrado"),
    "stage": ("Stage", "Estágio"),
    "records": ("Records", "Registros"),
    "removed": ("Removed", "Removidos"),
    "words": ("Words", "Palavras"),
    "lengths": ("How long records are", "Quão longos são os registros"),
    "lengths_note": (
        "Words between white space over all turns, of the prepared records; tokens of the training records before anything is cut. 5% of "
        "records are shorter than the column 5% says, half are shorter than the median. {truncated} training records were cut behind their "
        "last whole answer and {dropped} dropped because no whole answer fits; {share} of the tokens trained on are learned.",
        "Palavras entre espaços em todas as mensagens, dos registros preparados; tokens dos registros de treino antes de qualquer corte. "
        "5% dos registros são menores do que diz a coluna 5%, metade é menor que a mediana. {truncated} registros de treino foram cortados "
        "depois da última resposta inteira e {dropped} descartados porque nenhuma resposta inteira cabe; {share} dos tokens usados no "
        "treino são aprendidos.",
    ),
    "measured": ("Measured", "Medida"),
    "mean": ("Mean", "Média"),
    "median": ("Median", "Mediana"),
    "longest": ("Longest", "Maior"),
    "mask_link": ("See which tokens are learned", "Veja quais tokens são aprendidos"),
    "own_test": ("Your own test set", "Seu próprio conjunto de teste"),
    "own_test_records": ("Test records", "Registros de teste"),
    "met_exact": ("Training records with equal text", "Registros de treino com texto igual"),
    "met_near": ("Nearly equal", "Quase iguais"),
    "met_overlap": ("13 words in a row in common", "13 palavras seguidas em comum"),
    "met_records": ("Dropped from training", "Retirados do treino"),
    "own_test_note": (
        "A training record that holds what the test asks would make the result look better than it is. One record may count in "
        "several columns.",
        "Um registro de treino que contém o que o teste pergunta faria o resultado parecer melhor do que é. Um registro pode contar em "
        "várias colunas.",
    ),
    "similar_note": (
        "{count} record was dropped because it nearly repeats one of another set (similarity of {threshold} or more): "
        "{train} from train, {validation} from validation.|"
        "{count} records were dropped because they nearly repeat one of another set (similarity of {threshold} or more): "
        "{train} from train, {validation} from validation.",
        "{count} registro foi descartado porque quase repete um de outro conjunto (semelhança de {threshold} ou mais): "
        "{train} do treino, {validation} da validação.|"
        "{count} registros foram descartados porque quase repetem um de outro conjunto (semelhança de {threshold} ou mais): "
        "{train} do treino, {validation} da validação.",
    ),
    "strata": ("Where each set comes from", "De onde vem cada conjunto"),
    "strata_note": (
        "Every language and file is divided alike; the largest deviation from the share asked for is {deviation}, in groups of 30 records "
        "or more.",
        "Cada idioma e arquivo é dividido da mesma forma; o maior desvio da parcela pedida é {deviation}, em grupos de 30 registros "
        "ou mais.",
    ),
    "group": ("Group", "Grupo"),
    "language": ("Language", "Idioma"),
    "sets": ("Train, validation, test", "Treino, validação, teste"),
    "set": ("Set", "Conjunto"),
    "share": ("Share", "Parcela"),
    "languages": ("Languages", "Idiomas"),
    "train_set": ("Train", "Treino"),
    "validation_set": ("Validation", "Validação"),
    "test_set": ("Test", "Teste"),
    "input_files": ("Input files", "Arquivos de entrada"),
    "file": ("File", "Arquivo"),
    "format": ("Format", "Formato"),
    "named_by_user": ("named by the user", "informado pelo usuário"),
    "detected": ("detected", "detectado"),
    "size": ("Size", "Tamanho"),
    "rejected_records": ("Rejected", "Rejeitados"),
    "reject_reasons": ("Why records were rejected", "Por que registros foram rejeitados"),
    "reason": ("Reason", "Motivo"),
    "none_rejected": ("No record was rejected.", "Nenhum registro foi rejeitado."),
    "more_rows": ("and {count} more", "e mais {count}"),
    # Examples
    "examples": ("Examples side by side", "Exemplos lado a lado"),
    "examples_lead": (
        "The same question, the expected answer and what each model wrote. Texts are pseudonymized.",
        "A mesma pergunta, a resposta esperada e o que cada modelo escreveu. Os textos estão pseudonimizados.",
    ),
    "prompt": ("Prompt", "Pergunta"),
    "reference": ("Reference", "Referência"),
    "base_answer": ("Base model", "Modelo base"),
    "candidate_answer": ("Candidate", "Candidato"),
    "not_generated": ("not generated", "não gerada"),
    "empty_answer": ("(empty answer)", "(resposta vazia)"),
    "more_examples": ("{count} more examples", "Mais {count} exemplos"),
    "no_examples": ("No answers were generated.", "Nenhuma resposta foi gerada."),
    "example": ("Example", "Exemplo"),
    # Lineage
    "lineage": ("Lineage", "Linhagem"),
    "lineage_lead": (
        "Everything needed to repeat this run and to prove what the model was made of.",
        "Tudo o que é preciso para repetir esta execução e provar do que o modelo foi feito.",
    ),
    "digests": ("Digests", "Resumos criptográficos"),
    "recipe": ("Recipe", "Receita"),
    "versions": ("Software versions", "Versões de software"),
    "base_model": ("Base model", "Modelo base"),
    "base_digest": ("Base model", "Modelo base"),
    "trained_from": ("Base model, as trained from", "Modelo base, como usado no treino"),
    "prepared_digest": ("Prepared data", "Dados preparados"),
    "split_digest": ("Pseudonymized sets", "Conjuntos pseudonimizados"),
    "training_digest": ("Training data", "Dados de treino"),
    "evaluation_digest": ("Test data", "Dados de teste"),
    "adapter_digest": ("Adapter", "Adaptador"),
    "policy_digest": ("Privacy policy", "Política de privacidade"),
    "gate_digest": ("Gate rules", "Regras de aprovação"),
    "seed": ("Seed", "Semente"),
    "registry": ("Registry", "Registro de modelos"),
    "adapter_path": ("Adapter", "Adaptador"),
    "base_path": ("Base model folder", "Pasta do modelo base"),
    "kind": ("Kind", "Tipo"),
    "kind_model": ("fine-tuned model", "modelo ajustado"),
    "kind_experiment": ("experiment", "experimento"),
    "registered_before": ("this very adapter was registered before", "este mesmo adaptador já estava registrado"),
    "tracking": ("Tracking", "Rastreamento"),
    "run_id": ("Run id", "Id da execução"),
    "source": ("Source", "Origem"),
    "architecture": ("Architecture", "Arquitetura"),
    "parameters": ("Parameters", "Parâmetros"),
    "context": ("Context length", "Tamanho do contexto"),
    "vocabulary": ("Vocabulary", "Vocabulário"),
    "dtype": ("Number type", "Tipo numérico"),
    "license": ("License", "Licença"),
    "name": ("Name", "Nome"),
    # Preflight and warnings
    "preflight": ("Checks before the start", "Verificações antes do início"),
    "check": ("Check", "Verificação"),
    "detail": ("Detail", "Detalhe"),
    "estimates": ("Estimates", "Estimativas"),
    "warnings": ("Warnings", "Alertas"),
    "no_warnings": ("No step had anything to warn about.", "Nenhuma etapa emitiu alertas."),
    "times": ("{count} times", "{count} vezes"),
    # Contradictions that the report itself finds
    "odd_test_sets": (
        "Base and candidate were evaluated on different test data; their numbers cannot be compared.",
        "Base e candidato foram avaliados com dados de teste diferentes; seus números não podem ser comparados.",
    ),
    "odd_base": (
        "The adapter was trained on another base model than the one described here (the digests differ).",
        "O adaptador foi treinado com um modelo base diferente do descrito aqui (os resumos criptográficos diferem).",
    ),
    "odd_verdict": (
        "The registry noted the verdict “{registered}”, the gate decided “{gate}”.",
        "O registro anotou a decisão “{registered}”, o critério decidiu “{gate}”.",
    ),
    "odd_version": ("The model was accepted but no version was registered.", "O modelo foi aprovado, mas nenhuma versão foi registrada."),
    "odd_prepare": (
        "PREPARE found {found} records but accounts for {sum}.",
        "PREPARE encontrou {found} registros, mas presta contas de {sum}.",
    ),
    "odd_anonymize": (
        "PREPARE kept {kept} records but ANONYMIZE accounts for {sum}.",
        "PREPARE manteve {kept} registros, mas ANONYMIZE presta contas de {sum}.",
    ),
    "odd_split": (
        "ANONYMIZE passed on {records} records but SPLIT accounts for {sum}.",
        "ANONYMIZE entregou {records} registros, mas SPLIT presta contas de {sum}.",
    ),
    "odd_trained": (
        "SPLIT made {train} training records but FINETUNE accounts for {sum}.",
        "SPLIT formou {train} registros de treino, mas FINETUNE presta contas de {sum}.",
    ),
    "odd_held": (
        "{held} records were held back but {sum} reasons were given.",
        "{held} registros ficaram retidos, mas {sum} motivos foram informados.",
    ),
    "odd_proof": (
        "ANONYMIZE counts {leaks} values left over in all but {sum} by type.",
        "ANONYMIZE conta {leaks} valores restantes no total, mas {sum} por tipo.",
    ),
    "odd_touched": (
        "More records are said to hold personal data than went on.",
        "Constam mais registros com dados pessoais do que registros que seguiram.",
    ),
    "odd_kept": (
        "The policy leaves in what can identify a person: {types}.",
        "A política mantém o que pode identificar uma pessoa: {types}.",
    ),
    "odd_policy": (
        "The shards were pseudonymized with different policies or keys.",
        "Os fragmentos foram pseudonimizados com políticas ou chaves diferentes.",
    ),
    "odd_leaks": (
        "The second look found {count} identifiers in the pseudonymized data. Treat data and adapter as holding personal data.",
        "A segunda verificação achou {count} identificadores nos dados pseudonimizados. Trate dados e adaptador como dados pessoais.",
    ),
    "odd_compare": (
        "COMPARE and EVALUATE have different numbers for {metrics}.",
        "COMPARE e EVALUATE têm números diferentes para {metrics}.",
    ),
    "odd_suites": (
        "The models answered different items of {suites}; those numbers cannot be compared.",
        "Os modelos responderam itens diferentes de {suites}; esses números não podem ser comparados.",
    ),
    "odd_round": (
        "ADJUST chose round {number}, which was {noted}, but the gate shown here decided {gate}.",
        "ADJUST escolheu a rodada {number}, com decisão {noted}, mas os critérios mostrados aqui decidiram {gate}.",
    ),
    "odd_curve": (
        "{count} values of the loss curve are not finite numbers and are not drawn.",
        "{count} valores da curva de perda não são números finitos e não foram desenhados.",
    ),
    # Closing text
    "t_records": ("Records", "Registros"),
    "t_found": ("{count} found", "{count} encontrados"),
    "t_kept": ("{count} kept", "{count} mantidos"),
    "t_rejected": ("{count} rejected", "{count} rejeitados"),
    "t_duplicates": ("{exact} exact + {near} near duplicates", "{exact} duplicatas exatas + {near} quase duplicatas"),
    "t_personal": ("Personal data", "Dados pessoais"),
    "t_replaced": ("{count} replaced in {records} records", "{count} substituídos em {records} registros"),
    "t_quarantined": ("{count} held back|{count} held back", "{count} retido|{count} retidos"),
    "t_erased": ("{count} erased on request|{count} erased on request", "{count} eliminado a pedido|{count} eliminados a pedido"),
    "t_proof": ("Privacy check", "Verificação"),
    "t_leaks": ("{count} left over", "{count} restantes"),
    "t_clean": ("nothing left over", "nada restante"),
    "t_sure": ("{low} to {high} in {per} records, 95% confidence", "{low} a {high} em cada {per} registros, 95% de confiança"),
    "t_planted": ("{found} of {planted} planted found", "{found} de {planted} plantados achados"),
    "t_status": ("pseudonymized with key {key}", "pseudonimizado com a chave {key}"),
    "t_reversible": ("reversal map written", "mapa de reversão gravado"),
    "t_not_reversible": ("no reversal map", "sem mapa de reversão"),
    "t_none": ("none found", "nenhum encontrado"),
    "t_sets": ("Sets", "Conjuntos"),
    "t_split": ("{train} train, {validation} validation, {test} test", "{train} treino, {validation} validação, {test} teste"),
    "t_loss": ("Loss", "Perda"),
    "t_loss_text": (
        "{start} → {end} on validation, best at step {best} of {steps}",
        "{start} → {end} na validação, melhor no passo {best} de {steps}",
    ),
    "t_why": ("Why", "Motivo"),
    "t_model": ("Model", "Modelo"),
    "t_registered": ("registered as {version}", "registrado como {version}"),
    "t_adapter": ("Adapter", "Adaptador"),
    "t_report": ("Report", "Relatório"),
    "t_warnings": ("Warnings", "Alertas"),
    "t_warnings_text": ("{count}, listed in the report", "{count}, listados no relatório"),
}


def words(language: str) -> SimpleNamespace:
    """All fixed texts in one language, as attributes; raises ValueError for a language that is not offered."""
    column = LANGUAGES.index(language)
    return SimpleNamespace(**{key: pair[column] for key, pair in TEXT.items()})
