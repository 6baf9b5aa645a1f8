// Parameters against nextflow_schema.json, the single truth: help, check, cast. Pure functions, no processes.

// All properties of the schema by name.
def schemaProperties(schema) {
    schema['$defs'].values().collectEntries { group -> group.properties }
}

def readSchema(path) {
    new groovy.json.JsonSlurper().parseText(path.text)
}

def helpText(schema) {
    def groups = schema['$defs'].values().collect { group ->
        def width = group.properties.keySet()*.size().max() + 4
        def rows = group.properties.collect { name, p ->
            def about = p['enum'] ? " (${p['enum'].join(', ')})" : ''
            def standard = p.containsKey('default') && p['default'] != '' ? " [default: ${p['default']}]" : ''
            def must = group.required?.contains(name) ? ' [required]' : ''
            def flag = "--${name}".padRight(width)
            "  ${flag} ${p.type.padRight(8)} ${p.description}${about}${standard}${must}"
        }
        "${group.title}\n${rows.join('\n')}"
    }
    "LlamaFlow: ${schema.description}\n\n  nextflow run . --input records.jsonl [-profile gpu,slurm] [-params-file params.yaml] [-resume]\n  nextflow run . --mode drift --input production.jsonl --reference reference.jsonl\n\n${groups.join('\n\n')}\n"
}

// Sentences about every parameter that is unknown, missing, of the wrong type or out of bounds.
def paramProblems(schema, given) {
    def known = schemaProperties(schema)
    def required = schema['$defs'].values().collectMany { group -> group.required ?: [] }
    // Nextflow adds a camelCase twin of each kebab-case name: one report is enough.
    def twins = given.keySet().findAll { name -> name.contains('-') }.collect { name -> camelCase(name) }
    def unknown = given.keySet().findAll { name -> !known.containsKey(name) && !twins.contains(name) }
    def missing = required.findAll { name -> given[name] == null || "${given[name]}" == '' }
    unknown.collect { name -> "unknown parameter --${name}: did you mean --${nearest(name, known.keySet())}?" } +
        missing.collect { name -> "missing parameter --${name}: ${known[name].description}" } +
        given.findAll { name, value -> known.containsKey(name) && value != null }
            .collectMany { name, value -> valueProblems(name, known[name], value) }
}

def valueProblems(name, property, value) {
    def text = "${value}".toString()
    def ok = [
        integer: text ==~ /[+-]?\d{1,9}/,
        number : text ==~ /[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?/,
        boolean: text in ['true', 'false'],
        string : !(value instanceof Map || value instanceof List)
    ][property.type]
    if (!ok) {
        return ["--${name} has to be ${property.type == 'integer' ? 'an integer' : "a ${property.type}"}, not '${text}'"]
    }
    if (property['enum'] && !(text in property['enum'])) {
        return ["--${name} is one of ${property['enum'].join(', ')}, not '${text}': did you mean ${nearest(text, property['enum'])}?"]
    }
    if (property.pattern && !(text ==~ property.pattern)) {
        return ["--${name} '${text}' holds a character that is not allowed here (${property.pattern})"]
    }
    def low = property.minimum != null && text.toBigDecimal() < property.minimum ? ["--${name} has to be at least ${property.minimum}, not ${text}"] : []
    def high = property.maximum != null && text.toBigDecimal() > property.maximum ? ["--${name} has to be at most ${property.maximum}, not ${text}"] : []
    low + high
}

// Values of the schema's types: under the strict parser the command line gives strings.
def castParams(schema, given) {
    schemaProperties(schema).collectEntries { name, property ->
        def value = given[name]
        def text = "${value}".toString()
        def cast = value == null ? null
            : property.type == 'integer' ? text.toInteger()
            : property.type == 'number' ? text.toBigDecimal()
            : property.type == 'boolean' ? text.toBoolean()
            : text
        [name, cast]
    }
}

def camelCase(name) {
    def words = name.tokenize('-')
    words.head() + words.tail().collect { word -> word.capitalize() }.join('')
}

def nearest(word, candidates) {
    candidates.min { candidate -> editDistance(word.toString().toLowerCase(), candidate.toString().toLowerCase()) }
}

// Levenshtein distance, a row at a time.
def editDistance(a, b) {
    if (!a || !b) {
        return a.size() + b.size()
    }
    (1..a.size()).inject((0..b.size()).toList()) { row, i ->
        (1..b.size()).inject([i]) { next, j ->
            next + [[next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)].min()]
        }
    }[-1]
}
