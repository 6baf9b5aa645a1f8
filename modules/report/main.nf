process REPORT {
    tag "${meta.id}"
    label 'light'

    input:
    val meta
    path preflight
    path prepare
    path anonymize
    path split
    path base
    path finetune
    path evaluations // of base, candidate and, where there is one, production
    path compared
    path gate
    path story
    path register
    path search // or [] where none was made
    val report_folder

    output:
    path 'report.html', emit: html
    path 'summary.txt', emit: text
    path 'report.json', emit: summary

    script:
    def sides = evaluations.findAll { file -> file.name != 'evaluate-production.json' }.join(' ')
    def deployed = evaluations.any { file -> file.name == 'evaluate-production.json' } ? '--production evaluate-production.json' : ''
    """
    report.py --preflight '${preflight}' --prepare '${prepare}' --anonymize ${anonymize} --split '${split}' \\
        --base-model '${base}' --finetune '${finetune}' --evaluate ${sides} ${deployed} --compare ${compared} --gate '${gate}' --adjust '${story}' \\
        --register '${register}' ${search ? "--search '${search}'" : ''} --outdir-hint '${report_folder}' ${task.ext.args ?: ''} \\
        --report report.html --text summary.txt --summary report.json
    """

    stub:
    """
    echo '<!doctype html><title>stub</title>' > report.html
    echo 'verdict  accepted (stub run: nothing was trained)' > summary.txt
    echo '{"step": "report", "verdict": "accepted"}' > report.json
    """
}
