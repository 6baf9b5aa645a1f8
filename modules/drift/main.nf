process DRIFT {
    tag "${meta.id}"
    label 'light'

    input:
    val meta
    path reference, stageAs: 'reference/*'
    path reference_prepare, stageAs: 'reference.prepare.json'
    path reference_anonymize, stageAs: 'reference/*'
    path production, stageAs: 'production/*'
    path production_prepare, stageAs: 'production.prepare.json'
    path production_anonymize, stageAs: 'production/*'
    tuple val(encoder), path(encoder_folder, stageAs: 'encoder') // the second or [] where the first is no folder
    val page_folder

    output:
    path 'drift.json', emit: summary
    path 'drift.html', emit: html
    path 'summary.txt', emit: text

    script:
    """
    drift.py --reference reference/*.jsonl.zst --reference-prepare reference.prepare.json --reference-anonymize reference/*.json \\
        --production production/*.jsonl.zst --production-prepare production.prepare.json --production-anonymize production/*.json \\
        --model '${encoder_folder ? 'encoder' : encoder}' --run-name '${meta.id}' --outdir-hint '${page_folder}' ${task.ext.args ?: ''} \\
        --summary drift.json --report drift.html --text summary.txt
    """

    stub:
    """
    echo '{"step": "drift", "verdict": "no_drift"}' > drift.json
    echo '<!doctype html><title>stub</title>' > drift.html
    echo 'Verdict  no drift (stub run: nothing was compared)' > summary.txt
    """
}
