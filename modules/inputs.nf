// Files that parameters name: found, and told all at once where they are not there.
include { keyProblems } from './keys'
include { productionProblems } from './production'
include { recipesOf } from './search'

// Sentences about files that parameters name and that are not there: all at once, before any task.
def missingFiles(p) {
    def named_files = ['anonymize_key_file', 'erasures', 'public_values'].findAll { name -> p[name] && !file(p[name]).exists() }.collect { name -> "--${name} ${p[name]} does not exist" }
    def confs = [recipe: 'recipes', gate: 'gates', anonymize_policy: 'anonymize', search: 'search'].findAll { name, folder -> p[name] && !named(folder, p[name]).exists() }
        .collect { name, folder -> "--${name} ${p[name]} is neither in conf/${folder} nor a file" }
    def unpaired = p.mode == 'drift' && !p.reference ? ['--mode drift needs --reference: the records that --input is compared with'] : []
    def inputs = ['input', 'test_input', 'suite_files', 'reference'].findAll { name -> p[name] && !p[name].startsWith('hf:') }
        .collectMany { name -> separate(p[name]).findAll { one -> !inputFiles(one) || !inputFiles(one).every { path -> path.exists() } }.collect { one -> "--${name} ${one} does not exist" } }
    def searched = p.search && named('search', p.search).exists() ? recipesOf(named('search', p.search)).findAll { name -> !named('recipes', name).exists() }
        .collect { name -> "--search ${p.search} names the recipe ${name}, which is neither in conf/recipes nor a file" } : []
    def taken = p.drift_exit_code in [1, 2, 3] ? ["--drift_exit_code ${p.drift_exit_code} means something else already: see docs/drift.md"] : []
    unpaired + taken + inputs + named_files + keyProblems(p) + confs + searched + productionProblems(registryOf(p), p.production) + unwritable(file(p.outdir)) + unseen(p)
}

def unwritable(outdir) {
    try {
        outdir.mkdirs()
        def probe = outdir.resolve(".llamaflow-${java.util.UUID.randomUUID()}")
        probe.text = ''
        probe.delete()
        return []
    }
    catch (Exception e) {
        return ["--outdir ${outdir} cannot be written: ${e.class.simpleName}; choose a folder that is yours"]
    }
}

// Containers see the launch folder and what is staged for a task, nothing else.
def unseen(p) {
    def written = [outdir: p.outdir, registry: p.registry].findAll { _name, path -> path && !file(path).startsWith(workflow.launchDir) }
    workflow.containerEngine ? written.collect { name, path -> "--${name} ${path} is outside ${workflow.launchDir}, which is all that containers see: choose a folder in it" } : []
}

def inputFiles(text) {
    separate(text).collectMany { one -> [file(one, type: 'any')].flatten() }
}

// Several inputs are separated by commas; those within the braces of a glob belong to it.
def separate(text) {
    text.split(/,(?![^{}]*\})/).toList()*.trim()
}

// A name in conf/<folder>, or a file of the user's.
def named(folder, name) {
    def ours = projectDir.resolve("conf/${folder}/${name}.yaml")
    ours.exists() ? ours : file(name)
}

def localModel(reference) {
    reference.contains(':') ? [] : file(reference).exists() ? file(reference) : []
}

def registryOf(p) {
    p.registry ? file(p.registry) : file(p.outdir).resolve('registry')
}
