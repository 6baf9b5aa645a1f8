process PREPARE {
    tag "${meta.id}"
    label 'light'

    input:
    val meta
    path inputs, stageAs: 'input/?/*'
    val hub_dataset
    path tests, stageAs: 'test/?/*'
    val hub_tests

    output:
    path 'shards/*.jsonl.zst', emit: shards
    path 'rejected.jsonl', emit: rejected
    path 'prepare.json', emit: summary

    script:
    def source = hub_dataset ? "'${hub_dataset}'" : 'input/*/*'
    def own = hub_tests ? "--test-input '${hub_tests}'" : tests ? '--test-input test/*/*' : ''
    """
    prepare.py --input ${source} ${own} ${task.ext.args ?: ''} \\
        --shards-dir shards --rejected rejected.jsonl --summary prepare.json
    """

    stub:
    """
    mkdir shards && touch shards/shard-00000.jsonl.zst shards/shard-00001.jsonl.zst rejected.jsonl
    echo '{"step": "prepare"}' > prepare.json
    """
}
