process ANONYMIZE {
    tag "${shard.simpleName}"
    label 'light'

    input:
    val meta
    path shard
    path policy
    path key

    output:
    path "pseudonymized/${shard.name}", emit: shard
    path "audit-${shard.simpleName}.jsonl", emit: audit
    path "quarantine-${shard.simpleName}.jsonl", emit: quarantine
    path "anonymize-${shard.simpleName}.json", emit: summary

    script:
    """
    mkdir pseudonymized
    anonymize.py --input '${shard}' --policy '${policy}' --key-file '${key}' ${task.ext.args ?: ''} \\
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
