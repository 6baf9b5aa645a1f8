process ANONYMIZE {
    tag "${shard.simpleName}"
    label 'light'

    input:
    val meta
    path shard
    path policy
    path key          // or [] where the reference names it
    val key_reference // env:NAME or vault:…: the secret itself is in no command line and no file
    val recipients    // public age keys; '' makes no reversal map
    path erasures     // or []

    output:
    path "pseudonymized/${shard.name}", emit: shard
    path "audit-${shard.simpleName}.jsonl", emit: audit
    path "quarantine-${shard.simpleName}.jsonl", emit: quarantine
    path "anonymize-${shard.simpleName}.json", emit: summary
    path "reversal-${shard.simpleName}.jsonl.zst.age", emit: reversal, optional: true

    script:
    def secret = key_reference ? "--key '${key_reference}'" : "--key-file '${key}'"
    def map = recipients ? "--reversal-map 'reversal-${shard.simpleName}.jsonl.zst.age' --reversal-recipients '${recipients}'" : ''
    def erased = erasures ? "--erasures '${erasures}'" : ''
    """
    mkdir pseudonymized
    anonymize.py --input '${shard}' --policy '${policy}' ${secret} ${map} ${erased} ${task.ext.args ?: ''} \\
        --output 'pseudonymized/${shard.name}' --audit 'audit-${shard.simpleName}.jsonl' \\
        --quarantine 'quarantine-${shard.simpleName}.jsonl' --summary 'anonymize-${shard.simpleName}.json'
    """

    stub:
    """
    mkdir pseudonymized && touch 'pseudonymized/${shard.name}'
    touch 'audit-${shard.simpleName}.jsonl' 'quarantine-${shard.simpleName}.jsonl'
    echo '{"step": "anonymize", "shard": "${shard.simpleName}"}' > 'anonymize-${shard.simpleName}.json'
    """
}
