// One round: train, score, compare, decide, and say whether and how another one follows.
include { REPLAY } from './replay/main'
include { FINETUNE } from './finetune/main'
include { EVALUATE } from './evaluate/main'
include { COMPARE } from './compare/main'
include { GATE } from './gate/main'
include { ADJUST } from './adjust/main'

workflow ROUND {
    take:
    plan       // as LLAMAFLOW takes it
    number     // 1, 2, …
    recipe     // what FINETUNE takes; none when the round before was the last
    model      // [base, its summary]
    data       // [train, validation, test]
    reference  // [evaluate-base.json, examples-base.parquet]
    production // the same of the model in production, or [[], []]
    before     // adjust.json of the round before, or []

    main:
    // Against forgetting: answers of the base model, made when a recipe asks for them.
    def recipes = recipe.branch { _meta, file, _overrides, _seed, _state ->
        replaying: replays(file)
        plain: true
    }
    REPLAY(recipes.replaying.map { _parts -> [id: plan.id, code: plan.code.replay] }, model.map { base, _json -> base }, plan.replay)
    def training = recipes.plain.map { parts -> parts + [[]] }.mix(recipes.replaying.combine(REPLAY.out.records))

    FINETUNE(
        training.map { meta, file, overrides, seed, state, replay -> [meta + [round: number], file, overrides, seed, state, replay] },
        model.map { base, _json -> base }, model.map { _base, json -> json }, data.map { train, _validation, _test -> train },
        data.map { _train, validation, _test -> validation }, plan.tracking_uri, plan.checkpoints
    )
    def trained = FINETUNE.out.adapter.combine(FINETUNE.out.summary)

    EVALUATE(
        trained.combine(model).map { adapter, json, base, _base_json -> [named(plan, 'evaluate_model', number) + [model: 'candidate'], adapter, json, base] },
        data.map { _train, _validation, test -> test }, data.map { train, _validation, _test -> train }, plan.bundled, plan.suites,
        plan.public_values, ''
    )
    def scores = EVALUATE.out.summary.map { _meta, json -> json }
    def examples = EVALUATE.out.examples.map { _meta, table -> table }

    // Beside the base, and beside the model in production where there is one.
    def others = reference.map { _json, table -> ['base', table] }.mix(production.flatMap { _json, table -> table ? [['production', table]] : [] })
    COMPARE(others.combine(examples).map { name, table, ours -> [named(plan, 'compare', number) + [reference: name], table, ours] })
    def compared = COMPARE.out.summary.map { _meta, json -> json }.toSortedList { a, b -> a.name <=> b.name }

    GATE(
        named(plan, 'gate', number), reference.map { json, _table -> json }, scores, FINETUNE.out.summary,
        production.map { json, _table -> json }, compared, plan.gate
    )
    ADJUST(named(plan, 'adjust', number), GATE.out.summary, FINETUNE.out.summary, scores, before, plan.max_rounds)

    emit:
    // [number, adapter, finetune.json, evaluate-candidate.json, examples, [compare-*.json], gate.json]
    result = trained.combine(scores).combine(examples).combine(compared.map { files -> [files] }).combine(GATE.out.summary)
        .map { adapter, finetune, evaluate, table, compares, gate -> [number, adapter, finetune, evaluate, table, compares, gate] }
    story = ADJUST.out.summary
    next = ADJUST.out.recipe.map { file -> [named(plan, 'finetune', number), file, '{}', plan.seed, []] }
}

def named(plan, step, number) {
    [id: plan.id, code: plan.code[step], round: number]
}

// Whether a recipe asks for replay; one that is not as it should be is told better by FINETUNE.
def replays(recipe) {
    try {
        def content = new groovy.yaml.YamlSlurper().parseText(recipe.text)
        return content instanceof Map && content.replay_share instanceof Number && content.replay_share > 0
    }
    catch (Exception _e) {
        return false
    }
}
