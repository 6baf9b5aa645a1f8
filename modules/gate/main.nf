process GATE {
    tag "${meta.id}"
    label 'light'

    input:
    val meta
    path base
    path candidate
    path finetune
    path rules

    output:
    path 'gate.json', emit: summary

    script:
    """
    gate.py --base '${base}' --candidate '${candidate}' --finetune '${finetune}' --rules '${rules}' --summary gate.json
    """

    stub:
    """
    echo '{"step": "gate", "verdict": "accepted", "reason": "A stub run decides nothing."}' > gate.json
    """
}
