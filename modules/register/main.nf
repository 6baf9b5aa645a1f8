process REGISTER {
    tag "${meta.id}"
    label 'light'

    input:
    val meta
    path adapter
    path base
    path base_summary
    path split
    path finetune
    path evaluations
    path examples // answers of the candidate
    path compared
    path gate
    path story, stageAs: 'adjust.json'
    val registry

    output:
    path 'register.json', emit: summary
    // The round that was chosen: published from here, where it is known which one that is.
    path '{finetune,gate,adjust,evaluate-*,compare-*}.json', includeInputs: true, emit: papers
    path 'examples-candidate.parquet', includeInputs: true, emit: examples

    script:
    """
    register.py --adapter '${adapter}' --base '${base}' --base-summary '${base_summary}' --split '${split}' \\
        --finetune '${finetune}' --evaluate ${evaluations} --examples '${examples}' --gate '${gate}' --story '${story}' \\
        --registry '${registry}' --run-name '${meta.id}' --session ${workflow.sessionId} --summary register.json
    """

    stub:
    """
    echo '{"step": "register", "version": "v0.0.0"}' > register.json
    """
}
