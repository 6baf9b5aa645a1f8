process ADJUST {
    tag "round ${meta.round}"
    label 'light'

    input:
    val meta
    path gate
    path finetune
    path candidate
    path earlier, stageAs: 'earlier.json' // adjust.json of the round before, or []
    val max_rounds

    output:
    path 'adjust.json', emit: summary
    path 'next.yaml', emit: recipe, optional: true // only when another round follows

    script:
    def before = earlier ? "--earlier '${earlier}'" : ''
    """
    adjust.py --gate '${gate}' --finetune '${finetune}' --candidate '${candidate}' ${before} --max-rounds ${max_rounds} \\
        --recipe next.yaml --summary adjust.json
    """

    stub:
    """
    echo '{"step": "adjust", "next": false, "chosen": ${meta.round}, "stopped": "accepted"}' > adjust.json
    """
}
