process FINETUNE {
    tag "${meta.id}"
    label 'model'

    input:
    val meta
    path base
    path base_summary
    path train
    path validation
    path recipe
    val overrides
    val tracking_uri

    output:
    path 'adapter', emit: adapter
    path 'finetune.json', emit: summary
    path 'mask_report.html', emit: masks

    script:
    """
    finetune.py --base '${base}' --base-summary '${base_summary}' --train '${train}' --validation '${validation}' \\
        --recipe '${recipe}' --overrides '${overrides}' --threads ${task.cpus} ${task.ext.args ?: ''} \\
        --tracking-uri '${tracking_uri}' --run-name '${meta.id}' --adapter adapter --summary finetune.json \\
        --mask-report mask_report.html
    """

    stub:
    """
    mkdir adapter && touch adapter/adapter_model.safetensors && echo '{}' > adapter/adapter_config.json
    echo '{"step": "finetune"}' > finetune.json
    touch mask_report.html
    """
}
