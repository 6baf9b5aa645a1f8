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

    output:
    path 'preflight.json', emit: summary
    val true, emit: ready

    script:
    def source = hub_dataset ? "'${hub_dataset}'" : 'input/*/*'
    def base = staged ? "--staged '${staged}'" : ''
    """
    preflight.py --input ${source} ${task.ext.args ?: ''} \\
        --base-model '${reference}' ${base} --recipe '${recipe}' --overrides '${overrides}' \\
        --gate '${gate}' --policy '${policy}' --summary preflight.json
    """

    stub:
    """
    echo '{"step": "preflight", "checks": [], "estimates": {}}' > preflight.json
    """
}
