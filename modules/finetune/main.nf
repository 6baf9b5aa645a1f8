process FINETUNE {
    tag "${meta.id}"
    label 'model'

    input:
    // meta: id, code; of a trial also search, trial, rung and stop_at. earlier: state of an earlier rung to go on from, or []
    // replay: answers of the base model to learn again, or []
    tuple val(meta), path(recipe), val(overrides), val(seed), path(earlier, stageAs: 'earlier'), path(replay)
    path base
    path base_summary
    path train
    path validation
    val tracking_uri
    val checkpoints // folder that all attempts see, or ''

    output:
    path 'adapter', emit: adapter
    path 'finetune.json', emit: summary
    tuple val(meta), path('finetune.json'), emit: result
    tuple val(meta), path('state'), emit: state, optional: true // of a trial that did not diverge
    path 'mask_report.html', emit: masks, optional: true // not of a trial

    script:
    def part = meta.rung ? "--stop-at ${meta.stop_at} --state-out state" : '--mask-report mask_report.html'
    def kept = checkpoints ? "--checkpoints '${checkpoints}'" : ''
    def from = earlier ? "--state-in '${earlier}'" : ''
    def again = replay ? "--replay '${replay}'" : ''
    def tags = meta.search ? "--tag 'search=${meta.search}' --tag 'trial=${meta.trial}' --tag 'rung=${meta.rung ?: 'final'}'" : ''
    """
    finetune.py --base '${base}' --base-summary '${base_summary}' --train '${train}' --validation '${validation}' \\
        --recipe '${recipe}' --overrides '${overrides}' --seed ${seed} --threads ${task.cpus} --processes ${task.accelerator?.request ?: 1} \\
        ${part} ${from} ${again} ${kept} ${task.ext.args ?: ''} \\
        --tracking-uri '${tracking_uri}' --run-name '${meta.id}' ${tags} --adapter adapter --summary finetune.json
    """

    stub:
    """
    mkdir adapter && touch adapter/adapter_model.safetensors && echo '{}' > adapter/adapter_config.json
    echo '{"step": "finetune"}' > finetune.json
    ${meta.rung ? 'mkdir state' : 'touch mask_report.html'}
    """
}
