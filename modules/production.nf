// The model in production, beside which a candidate has to hold its own.

// [meta: [version, quantization], adapter, base] of a registered version, or null: by name, else the newest that this session did not make.
def productionModel(registry, wanted, session) {
    if (wanted == 'none') {
        return null
    }
    def folder = registry.resolve('models/fine-tuned')
    def versions = folder.exists() ? folder.listFiles().findAll { path -> path.name ==~ /v\d+\.\d+\.\d+/ } : []
    // This session's own version is the candidate itself: with it a resumed run would not be what it was.
    def others = versions.findAll { path -> !folder.resolve("${path.name}.withdrawn.json").exists() }.findAll { path -> wanted ? path.name == wanted : metadataOf(path).session != session }
    def newest = others.toSorted { path -> path.name.substring(1).tokenize('.').collect { part -> part.padLeft(9, '0') }.join('.') }
    def chosen = newest ? newest.last() : null
    def base = chosen ? file(new groovy.json.JsonSlurper().parseText(chosen.resolve('adapter_config.json').text).base_model_name_or_path) : null
    base?.exists() ? [meta: [version: chosen.name, quantization: metadataOf(chosen).recipe?.quantization ?: 'none'], adapter: chosen, base: base] : null
}

// A sentence for people when --production names what is not there.
def productionProblems(registry, wanted) {
    def named = wanted && wanted != 'none'
    named && !productionModel(registry, wanted, '') ? ["--production ${wanted} is no version in ${registry}/models/fine-tuned whose base model is there, too"] : []
}

def metadataOf(version) {
    new groovy.json.JsonSlurper().parseText(version.resolve('metadata.json').text)
}
