process REPLAY {
    tag "${meta.id}"
    label 'model'

    input:
    val meta
    path base
    path prompts

    output:
    path 'replay.jsonl', emit: records

    script:
    """
    replay.py --base '${base}' --prompts '${prompts}' --threads ${task.cpus} ${task.ext.args ?: ''} --output replay.jsonl
    """

    stub:
    """
    touch replay.jsonl
    """
}
