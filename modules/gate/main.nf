process GATE {
    tag "${meta.id}"
    label 'light'

    input:
    val meta
    path base
    path candidate
    path finetune
    path production
    path comparisons
    path rules

    output:
    path 'gate.json', emit: summary

    script:
    // Neither is there before a model is in production, and a comparison only with examples of both sides.
    def against = production ? "--production '${production}'" : ''
    def files = (comparisons instanceof List ? comparisons : [comparisons]).collect { file -> "'${file}'" }.join(' ')
    def intervals = comparisons ? "--compare ${files}" : ''
    """
    gate.py --base '${base}' --candidate '${candidate}' --finetune '${finetune}' ${against} ${intervals} --rules '${rules}' \\
        --summary gate.json
    """

    stub:
    """
    echo '{"step": "gate", "verdict": "accepted", "reason": "A stub run decides nothing."}' > gate.json
    """
}
