process FETCH_BASE {
    tag "${reference}"
    label 'light'

    input:
    val meta
    tuple val(reference), path(staged, stageAs: 'base_source/*')

    output:
    path 'base', emit: model
    path 'fetch_base.json', emit: summary

    script:
    def base = staged ? "--staged '${staged}'" : ''
    """
    fetch_base.py --base-model '${reference}' ${base} ${task.ext.args ?: ''} --output base --summary fetch_base.json
    """

    stub:
    """
    mkdir base && echo '{}' > base/config.json
    echo '{"step": "fetch_base", "name": "stub", "source": "${reference}"}' > fetch_base.json
    """
}
