// The whole flow: composes the steps and nothing else.
include { PREFLIGHT } from './preflight/main'
include { FETCH_BASE } from './fetch_base/main'
include { PREPARE } from './prepare/main'
include { ANONYMIZE } from './anonymize/main'
include { SPLIT } from './split/main'
include { SEARCH } from './search'
include { EVALUATE } from './evaluate/main'
include { ROUNDS } from './rounds'
include { REGISTER } from './register/main'
include { EXPORT } from './export/main'
include { REPORT } from './report/main'

workflow LLAMAFLOW {
    take:
    plan // map: id, digest of each step's code, and every resolved file and value that the steps take

    main:
    def scored = meta(plan, 'evaluate_model') // first: 24.10 takes a later `def` from `plan` for a second declaration of it

    PREFLIGHT(
        meta(plan, 'preflight'), plan.inputs, plan.hub_dataset, plan.base, plan.recipe, plan.overrides, plan.gate, plan.policy, plan.suites,
        plan.public_values
    )
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
    // The base model, and the one in production where there is one, are scored once, while the first candidate trains.
    def model = FETCH_BASE.out.model.combine(FETCH_BASE.out.summary).first() // first: a value, which every round can read
    def untrained = FETCH_BASE.out.model.map { base -> [scored + [model: 'base'], [], [], base] }
    def deployed = plan.production ? channel.of([scored + [model: 'production'] + plan.production.meta, plan.production.adapter, [], plan.production.base]) : channel.empty()
    EVALUATE(untrained.mix(deployed), SPLIT.out.test, SPLIT.out.train, plan.bundled, plan.suites, plan.public_values, plan.evaluations)
    def known = EVALUATE.out.summary.join(EVALUATE.out.examples)
    def reference = known.filter { m, _json, _table -> m.model == 'base' }.map { _m, json, table -> [json, table] }.first()
    def production = plan.production ? known.filter { m, _json, _table -> m.model == 'production' }.map { _m, json, table -> [json, table] }.first() : channel.value([[], []])

    def data = SPLIT.out.train.combine(SPLIT.out.validation).combine(SPLIT.out.test).first()
    ROUNDS(plan, recipe, model, data, reference, production)
    def evaluations = sorted(EVALUATE.out.summary.map { _m, json -> json }.mix(ROUNDS.out.evaluation))

    REGISTER(
        meta(plan, 'register'), ROUNDS.out.adapter, FETCH_BASE.out.model, FETCH_BASE.out.summary, SPLIT.out.summary, ROUNDS.out.finetune,
        evaluations, ROUNDS.out.examples, ROUNDS.out.compared, ROUNDS.out.verdict, ROUNDS.out.story, plan.registry
    )

    // On request, and only what the gate has let through.
    def accepted = ROUNDS.out.verdict.filter { json -> plan.export && new groovy.json.JsonSlurper().parseText(json.text).verdict == 'accepted' }
    EXPORT(accepted.map { _json -> meta(plan, 'export') }, ROUNDS.out.adapter, FETCH_BASE.out.model, ROUNDS.out.finetune, plan.export)

    REPORT(
        meta(plan, 'report'), PREFLIGHT.out.summary, PREPARE.out.summary, sorted(ANONYMIZE.out.summary), SPLIT.out.summary,
        FETCH_BASE.out.summary, ROUNDS.out.finetune, evaluations, ROUNDS.out.compared, ROUNDS.out.verdict, ROUNDS.out.story,
        REGISTER.out.summary, searched, plan.report_folder
    )

    emit:
    verdict = ROUNDS.out.verdict
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
