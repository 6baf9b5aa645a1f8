process SELECT_TRIALS {
    tag "${meta.id}"
    label 'light'

    input:
    tuple val(meta), path(search, stageAs: 'before.json')
    val ids
    path summaries, stageAs: 'trials/?/*' // finetune.json of each id, in the same order

    output:
    path "rung-${meta.rung}.json", emit: race
    path 'search.json', emit: summary, optional: true // once there is a winner

    script:
    def files = summaries instanceof List ? summaries : [summaries]
    def trials = [ids, files].transpose().collect { id, file -> "--trial '${id}=${file}'" }.join(' ')
    """
    select_trials.py --search ${search} ${trials} --race 'rung-${meta.rung}.json' --summary search.json
    """

    stub: // all but the last stay, until one is left
    def kept = ids.take(ids.size() - 1)
    def trials = kept.collect { id -> "{\"id\": \"${id}\", \"seed\": 17, \"kept\": true}" }.join(', ')
    """
    echo '{"step": "search", "name": "stub", "winner": "${kept.size() == 1 ? kept[0] : ''}", "rungs": [{"share": 0.3}, {"share": 0.6}],
        "trials": [${trials}]}' > rung-${meta.rung}.json
    ${kept.size() == 1 ? "cp rung-${meta.rung}.json search.json" : ''}
    """
}
