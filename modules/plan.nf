// What the parameters come to: files found, names resolved, code digested. The only place that knows both params and workflows.
include { codeDigests } from './code'
include { inputFiles ; localModel ; named ; registryOf } from './inputs'
include { privateKey ; recipients } from './keys'
include { productionModel } from './production'
include { recipesOf } from './search'

// Everything that the steps take, with files found and names resolved.
def resolve(p) {
    def outdir = file(p.outdir)
    def registry = registryOf(p)
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
        max_rounds  : p.max_rounds,
        replay      : projectDir.resolve('conf/replay/prompts.jsonl'),
        bundled     : ['edge', 'general'].collect { name -> projectDir.resolve("conf/suites/${name}.jsonl") },
        suites      : p.suite_files ? inputFiles(p.suite_files) : [],
        public_values: p.public_values ? file(p.public_values) : [],
        evaluations : p.evaluation_cache == 'none' ? '' : (p.evaluation_cache ? file(p.evaluation_cache) : registry.resolve('evaluations')).toString(),
        production  : productionModel(registry, p.production, workflow.sessionId.toString()),
        policy      : named('anonymize', p.anonymize_policy),
        key         : p.anonymize_key ? [] : p.anonymize_key_file ? file(p.anonymize_key_file) : privateKey(),
        key_reference: p.anonymize_key ?: '',
        recipients  : p.reversal_map ? recipients(p) : '',
        erasures    : p.erasures ? file(p.erasures) : [],
        checkpoints : checkpoints(p, outdir),
        tracking_uri: p.tracking_uri == 'none' ? '' : p.tracking_uri ?: outdir.resolve('mlruns').toUriString(),
        registry    : registry.toUriString(),
        report_folder: outdir.resolve('report').toUriString()
    ]
}

// What --mode drift takes: its own inputs, and of the rest what ANONYMIZE needs.
def driftPlan(p) {
    def all = resolve(p)
    def hub = p.reference.startsWith('hf:')
    all.subMap(['id', 'code', 'inputs', 'hub_dataset', 'policy', 'key', 'key_reference', 'erasures']) + [
        reference    : hub ? [] : inputFiles(p.reference),
        hub_reference: hub ? p.reference : '',
        encoder      : [p.drift_model, p.drift_model in ['', 'none'] ? [] : localModel(p.drift_model)],
        page_folder  : file(p.outdir).resolve('drift').toUriString()
    ]
}

// Where interrupted trainings are kept: a folder on a file system, for they are locked and renamed there.
def checkpoints(p, outdir) {
    def folder = p.checkpoints == 'none' ? null : p.checkpoints ? file(p.checkpoints) : outdir.resolve('checkpoints')
    folder?.toUri()?.scheme == 'file' ? folder.toString() : ''
}
