// The pseudonymization key and those who may reverse it.

// Sentences about keys that exclude each other or are missing.
def keyProblems(p) {
    def two = p.anonymize_key && p.anonymize_key_file ? ['--anonymize_key and --anonymize_key_file exclude each other'] : []
    // Never shown: somebody may have named the private half.
    def people = p.reversal_map && !(recipients(p) ==~ /age1[0-9a-z]{58}(,age1[0-9a-z]{58})*/) ? ['--reversal_map needs --reversal_recipients: public age1... keys, or a file of them'] : []
    two + people
}

// Public age keys separated by commas, as given or out of a file.
def recipients(p) {
    def given = p.reversal_recipients ?: ''
    def lines = given && file(given).exists() ? file(given).readLines() : given.tokenize(',')
    lines*.trim().findAll { line -> line && !line.startsWith('#') }.join(',')
}

// The key when the user names none: random, in the work folder, so that -resume finds it and deleting that folder ends it.
def privateKey() {
    def key = workflow.workDir.resolve('llamaflow-anonymize.key')
    if (!key.exists()) {
        workflow.workDir.mkdirs()
        key.text = new java.security.SecureRandom().generateSeed(32).encodeHex().toString()
        key.setPermissions('rw-------')
    }
    key
}
