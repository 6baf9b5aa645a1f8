process SPLIT {
    tag "${meta.id}"
    label 'light'

    input:
    val meta
    path shards

    output:
    path 'train.jsonl', emit: train
    path 'validation.jsonl', emit: validation
    path 'test.jsonl', emit: test
    path 'split.json', emit: summary

    script:
    """
    split.py --shards ${shards} ${task.ext.args ?: ''} --outdir . --summary split.json
    """

    stub:
    """
    touch train.jsonl validation.jsonl test.jsonl
    echo '{"step": "split"}' > split.json
    """
}
