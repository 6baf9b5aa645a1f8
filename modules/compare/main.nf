process COMPARE {
    tag "${meta.reference}"
    label 'light'

    input:
    tuple val(meta), path(reference, stageAs: 'reference.parquet'), path(candidates, stageAs: 'candidate-?.parquet')

    output:
    tuple val(meta), path("compare-${meta.reference}.json"), emit: summary

    script:
    def seeds = (candidates instanceof List ? candidates : [candidates]).collect { file -> "'${file}'" }.join(' ')
    """
    compare.py --reference '${meta.reference}=${reference}' --candidate ${seeds} ${task.ext.args ?: ''} \\
        --summary compare-${meta.reference}.json
    """

    stub:
    """
    echo '{"step": "compare", "reference": "${meta.reference}"}' > compare-${meta.reference}.json
    """
}
