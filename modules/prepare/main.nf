process PREPARE {
    tag "${meta.id}"
    label 'light'

    input:
    val meta
    path inputs, stageAs: 'input/?/*'
    val hub_dataset

    output:
    path 'shards/*.jsonl.zst', emit: shards
    path 'rejected.jsonl', emit: rejected
    path 'prepare.json', emit: summary

    script:
    def source = hub_dataset ? "'${hub_dataset}'" : 'input/*/*'
    """
    prepare.py --input ${source} ${task.ext.args ?: ''} \\
        --shards-dir shards --rejected rejected.jsonl --summary prepare.json
    """

    stub:
    """
    mkdir shards && touch shards/shard-00000.jsonl.zst shards/shard-00001.jsonl.zst rejected.jsonl
    echo '{"step": "prepare"}' > prepare.json
    """
}
