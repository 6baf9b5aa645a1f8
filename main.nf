#!/usr/bin/env nextflow
// LlamaFlow: records in, a gated and registered LoRA adapter out.
//   nextflow run . --input records.jsonl            nextflow run . --help

include { LLAMAFLOW } from './modules/llamaflow'
include { recipesOf } from './modules/search'
include { castParams ; helpText ; paramProblems ; readSchema } from './modules/params'
include { codeDigests } from './modules/code'
include { keyProblems ; privateKey ; recipients } from './modules/keys'

workflow {
    main:
    def schema = readSchema(projectDir.resolve('nextflow_schema.json'))
    if ("${params.help}".toBoolean()) {
        println helpText(schema)
    }
    else {
        def problems = paramProblems(schema, params)
        stopOn(problems)
        def p = castParams(schema, params)
        stopOn(missingFiles(p))
        LLAMAFLOW(resolve(p))
    }

    workflow.onComplete = {
        def summary = file("${params.outdir}/report/summary.txt")
        if (workflow.success && summary.exists() && !"${params.help}".toBoolean()) {
            println "\n${summary.text}"
        }
        if (!workflow.success && workflow.exitStatus) {
            println "\nLlamaFlow stopped; -resume goes on where it was.\n${advice(workflow.errorReport ?: '')}"
            exitWith(workflow.exitStatus)
        }
    }
}

// Everything that the steps take, with files found and names resolved.
def resolve(p) {
    def outdir = file(p.outdir)
    def recipe_names = ['method', 'quantization', 'lora_rank', 'lora_alpha', 'lora_dropout', 'lora_plus_ratio', 'learning_rate', 'epochs', 'max_steps',
        'max_length', 'pack_length', 'batch_size', 'micro_batch_size', 'neftune_alpha', 'early_stopping', 'precision', 'gradient_checkpointing', 'compile', 'sharding']
    def overrides = p.findAll { name, value -> name in recipe_names && value != null }
    [
        id          : p.run_name,
        code        : codeDigests(projectDir),
        inputs      : p.input.startsWith('hf:') ? [] : inputFiles(p.input),
        hub_dataset : p.input.startsWith('hf:') ? p.input : '',
        tests       : p.test_input && !p.test_input.startsWith('hf:') ? inputFiles(p.test_input) : [],
        hub_tests   : p.test_input?.startsWith('hf:') ? p.test_input : '',
        base        : [p.base_model, localModel(p.base_model)],
        recipe      : named('recipes', p.recipe),
        overrides   : new groovy.json.JsonBuilder(overrides).toString(),
        seed        : p.seed,
        search      : p.search ? named('search', p.search) : [],
        search_recipes: p.search ? recipesOf(named('search', p.search)).collect { name -> named('recipes', name) } ?: [named('recipes', p.recipe)] : [],
        export      : p.export,
        gate        : named('gates', p.gate),
        policy      : named('anonymize', p.anonymize_policy),
        key         : p.anonymize_key ? [] : p.anonymize_key_file ? file(p.anonymize_key_file) : privateKey(),
        key_reference: p.anonymize_key ?: '',
        recipients  : p.reversal_map ? recipients(p) : '',
        erasures    : p.erasures ? file(p.erasures) : [],
        checkpoints : checkpoints(p, outdir),
        tracking_uri: p.tracking_uri == 'none' ? '' : p.tracking_uri ?: outdir.resolve('mlruns').toUriString(),
        registry    : (p.registry ? file(p.registry) : outdir.resolve('registry')).toUriString(),
        report_folder: outdir.resolve('report').toUriString()
    ]
}

// Where interrupted trainings are kept: a folder on a file system, for they are locked and renamed there.
def checkpoints(p, outdir) {
    def folder = p.checkpoints == 'none' ? null : p.checkpoints ? file(p.checkpoints) : outdir.resolve('checkpoints')
    folder?.toUri()?.scheme == 'file' ? folder.toString() : ''
}

// Sentences about files that parameters name and that are not there: all at once, before any task.
def missingFiles(p) {
    def named_files = ['anonymize_key_file', 'erasures'].findAll { name -> p[name] && !file(p[name]).exists() }.collect { name -> "--${name} ${p[name]} does not exist" }
    def confs = [recipe: 'recipes', gate: 'gates', anonymize_policy: 'anonymize', search: 'search'].findAll { name, folder -> p[name] && !named(folder, p[name]).exists() }
        .collect { name, folder -> "--${name} ${p[name]} is neither in conf/${folder} nor a file" }
    def inputs = ['input', 'test_input'].findAll { name -> p[name] && !p[name].startsWith('hf:') }
        .collectMany { name -> separate(p[name]).findAll { one -> !inputFiles(one) || !inputFiles(one).every { path -> path.exists() } }.collect { one -> "--${name} ${one} does not exist" } }
    def searched = p.search && named('search', p.search).exists() ? recipesOf(named('search', p.search)).findAll { name -> !named('recipes', name).exists() }
        .collect { name -> "--search ${p.search} names the recipe ${name}, which is neither in conf/recipes nor a file" } : []
    inputs + named_files + keyProblems(p) + confs + searched + unwritable(file(p.outdir)) + unseen(p)
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

// The sentences that a step wrote for people, out of Nextflow's report.
def advice(report) {
    report.readLines().findAll { line -> line =~ /^\s*(error|at|why|fix): / }*.trim().unique().join('\n')
}

def stopOn(problems) {
    if (problems) {
        exitWith(2)
        error("${problems.join('\n')}\nSee --help.")
    }
}

// Nextflow ends with 1 whatever happened; our callers tell bad input (2) from failed closed (3) by the code.
def exitWith(code) {
    Runtime.runtime.addShutdownHook(new Thread({ Thread.sleep(500); Runtime.runtime.halt(code) } as Runnable))
}
