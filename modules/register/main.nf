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
    path gate
    val registry

    output:
    path 'register.json', emit: summary

    script:
    """
    register.py --adapter '${adapter}' --base '${base}' --base-summary '${base_summary}' --split '${split}' \\
        --finetune '${finetune}' --evaluate ${evaluations} --gate '${gate}' --registry '${registry}' \\
        --run-name '${meta.id}' --summary register.json
    """

    stub:
    """
    echo '{"step": "register", "version": "v0.0.0"}' > register.json
    """
}
