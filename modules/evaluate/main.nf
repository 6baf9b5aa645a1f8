process EVALUATE {
    tag "${meta.model}"
    label 'model'

    input:
    tuple val(meta), path(adapter), path(finetune)
    path base
    path test

    output:
    tuple val(meta), path("evaluate-${meta.model}.json"), emit: summary
    path "predictions-${meta.model}.jsonl", emit: predictions

    script:
    def lora = adapter ? "--adapter '${adapter}' --finetune-summary '${finetune}'" : ''
    """
    evaluate_model.py --base '${base}' ${lora} --model ${meta.model} --test '${test}' --threads ${task.cpus} \\
        ${task.ext.args ?: ''} --predictions predictions-${meta.model}.jsonl --summary evaluate-${meta.model}.json
    """

    stub:
    """
    touch predictions-${meta.model}.jsonl
    echo '{"step": "evaluate", "model": "${meta.model}"}' > evaluate-${meta.model}.json
    """
}
