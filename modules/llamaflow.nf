// The whole flow: composes the steps and nothing else.
include { PREFLIGHT } from './preflight/main'
include { FETCH_BASE } from './fetch_base/main'
include { PREPARE } from './prepare/main'
include { ANONYMIZE } from './anonymize/main'
include { SPLIT } from './split/main'
include { SEARCH } from './search'
include { FINETUNE } from './finetune/main'
include { EVALUATE } from './evaluate/main'
include { GATE } from './gate/main'
include { REGISTER } from './register/main'
include { EXPORT } from './export/main'
include { REPORT } from './report/main'

workflow LLAMAFLOW {
    take:
    plan // map: id, digest of each step's code, and every resolved file and value that the steps take

    main:
    def scored = meta(plan, 'evaluate_model') // first: 24.10 takes a later `def` from `plan` for a second declaration of it

    PREFLIGHT(meta(plan, 'preflight'), plan.inputs, plan.hub_dataset, plan.base, plan.recipe, plan.overrides, plan.gate, plan.policy)
    def start = PREFLIGHT.out.ready // nothing long begins before; the map drops it again, so it is in no task's hash

    FETCH_BASE(start.map { _ready -> meta(plan, 'fetch_base') }, plan.base)
    PREPARE(start.map { _ready -> meta(plan, 'prepare') }, plan.inputs, plan.hub_dataset, plan.tests, plan.hub_tests)

    // One shard each: the last place that sees raw text.
    ANONYMIZE(meta(plan, 'anonymize'), PREPARE.out.shards.flatten(), plan.policy, plan.key, plan.key_reference, plan.recipients, plan.erasures)
    SPLIT(meta(plan, 'split'), sorted(ANONYMIZE.out.shard))

    // What to train: the one recipe, or the winner of a search, which goes on from the state that it has reached.
    def recipe = channel.value([meta(plan, 'finetune'), plan.recipe, plan.overrides, plan.seed, []])
    def searched = channel.value([])
    if (plan.search) {
        SEARCH(plan, start, FETCH_BASE.out.model, FETCH_BASE.out.summary, SPLIT.out.train, SPLIT.out.validation)
        recipe = SEARCH.out.winner
        searched = SEARCH.out.summary
    }
    FINETUNE(
        recipe, FETCH_BASE.out.model, FETCH_BASE.out.summary, SPLIT.out.train, SPLIT.out.validation, plan.tracking_uri, plan.checkpoints
    )

    // The base model is evaluated while the candidate trains: [meta with model, adapter and its summary or nothing].
    def untrained = channel.of([scored + [model: 'base'], [], []])
    def trained = FINETUNE.out.adapter.combine(FINETUNE.out.summary).map { adapter, json -> [scored + [model: 'candidate'], adapter, json] }
    EVALUATE(untrained.mix(trained), FETCH_BASE.out.model, SPLIT.out.test)
    def base = EVALUATE.out.summary.filter { m, _json -> m.model == 'base' }.map { _m, json -> json }
    def candidate = EVALUATE.out.summary.filter { m, _json -> m.model == 'candidate' }.map { _m, json -> json }
    def evaluations = sorted(EVALUATE.out.summary.map { _m, json -> json })

    GATE(meta(plan, 'gate'), base, candidate, FINETUNE.out.summary, plan.gate)

    REGISTER(
        meta(plan, 'register'), FINETUNE.out.adapter, FETCH_BASE.out.model, FETCH_BASE.out.summary, SPLIT.out.summary,
        FINETUNE.out.summary, evaluations, GATE.out.summary, plan.registry
    )

    // On request, and only what the gate has let through.
    def accepted = GATE.out.summary.filter { json -> plan.export && new groovy.json.JsonSlurper().parseText(json.text).verdict == 'accepted' }
    EXPORT(
        accepted.map { _json -> meta(plan, 'export') }, FINETUNE.out.adapter, FETCH_BASE.out.model, FINETUNE.out.summary, plan.export
    )

    REPORT(
        meta(plan, 'report'), PREFLIGHT.out.summary, PREPARE.out.summary, sorted(ANONYMIZE.out.summary), SPLIT.out.summary,
        FETCH_BASE.out.summary, FINETUNE.out.summary, evaluations, GATE.out.summary, REGISTER.out.summary, searched, plan.report_folder
    )

    emit:
    verdict = GATE.out.summary
    report = REPORT.out.html
    summary = REPORT.out.text
}

// A step's meta carries the digest of its own code, so that editing a helper reruns just what imports it.
def meta(plan, step) {
    [id: plan.id, code: plan.code[step]]
}

// All items as one list by name: in the order of completion the same files would not hit the cache.
def sorted(items) {
    items.toSortedList { a, b -> a.name <=> b.name }
}
