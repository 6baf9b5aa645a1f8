process PREFLIGHT {
    tag "${meta.id}"
    label 'light'

    input:
    val meta
    path inputs, stageAs: 'input/?/*'
    val hub_dataset
    tuple val(reference), path(staged, stageAs: 'base/*')
    path recipe, stageAs: 'recipe/*'
    val overrides
    path gate, stageAs: 'gate/*'
    path policy, stageAs: 'policy/*'
    path suites, stageAs: 'suites/*' // the user's own, or []
    path public_values, stageAs: 'public/*' // or []

    output:
    path 'preflight.json', emit: summary
    val true, emit: ready

    script:
    def source = hub_dataset ? "'${hub_dataset}'" : 'input/*/*'
    def own = suites ? "--suite-files ${(suites instanceof List ? suites : [suites]).collect { file -> "'${file}'" }.join(' ')}" : ''
    def known = public_values ? "--public-values '${public_values}'" : ''
    def base = staged ? "--staged '${staged}'" : ''
    """
    preflight.py --input ${source} ${task.ext.args ?: ''} \\
        --base-model '${reference}' ${base} --recipe '${recipe}' --overrides '${overrides}' \\
        --gate '${gate}' --policy '${policy}' ${own} ${known} --summary preflight.json
    """

    stub:
    """
    echo '{"step": "preflight", "checks": [], "estimates": {}}' > preflight.json
    """
}
