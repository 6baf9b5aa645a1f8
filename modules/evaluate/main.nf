process EVALUATE {
    tag "${meta.round ? "${meta.model} ${meta.round}" : meta.model}"
    label 'model'

    input:
    // meta: model (base, candidate or production); of a candidate round, of production version and quantization. adapter, finetune: or []
    tuple val(meta), path(adapter), path(finetune), path(base, stageAs: 'base')
    path test
    path train // what the leak test asks for
    path bundled, stageAs: 'bundled/*' // the project's suites
    path suites, stageAs: 'suites/*' // the user's own, or []
    path public_values // values that are no secrets, or []
    val cache // folder of earlier results, or ''

    output:
    tuple val(meta), path("evaluate-${meta.model}.json"), emit: summary
    tuple val(meta), path("examples-${meta.model}.parquet"), emit: examples

    script:
    def lora = adapter ? "--adapter '${adapter}'" : ''
    def trained = finetune ? "--finetune-summary '${finetune}'" : meta.version ? "--name ${meta.version} --quantization ${meta.quantization}" : ''
    def own = suites ? "--suite-files ${(suites instanceof List ? suites : [suites]).collect { file -> "'${file}'" }.join(' ')}" : ''
    def known = public_values ? "--public-values '${public_values}'" : ''
    def kept = cache && meta.model != 'candidate' ? "--cache '${cache}' --code ${meta.code}" : ''
    """
    evaluate_model.py --base '${base}' ${lora} ${trained} --model ${meta.model} --test '${test}' --train '${train}' --threads ${task.cpus} \\
        --suite-folder bundled ${own} ${known} ${kept} ${task.ext.args ?: ''} --examples examples-${meta.model}.parquet --summary evaluate-${meta.model}.json
    """

    stub:
    """
    touch examples-${meta.model}.parquet
    echo '{"step": "evaluate", "model": "${meta.model}"}' > evaluate-${meta.model}.json
    """
}
