process EXPORT {
    tag "${meta.id}"
    label 'model'

    input:
    val meta
    path adapter
    path base
    path finetune
    val formats // merged, gguf-bf16, gguf-f16, gguf-q8_0: one or more, separated by commas

    output:
    path 'exported', emit: models
    path 'export.json', emit: summary

    script:
    """
    export.py --base '${base}' --adapter '${adapter}' --finetune-summary '${finetune}' --formats '${formats}' \\
        --threads ${task.cpus} ${task.ext.args ?: ''} --output exported --summary export.json
    """

    stub:
    """
    mkdir exported && touch exported/model.gguf
    echo '{"step": "export", "models": []}' > export.json
    """
}
