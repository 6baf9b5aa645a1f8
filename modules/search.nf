// Search by successive halving: all trials train a small share of their steps, the better ones go on from their states.
include { PLAN_SEARCH } from './search/plan/main'
include { RUNG as RUNG_1 ; RUNG as RUNG_2 ; RUNG as RUNG_3 } from './search/rung'

workflow SEARCH {
    take:
    plan         // as LLAMAFLOW takes it; its search is the search file, its search_recipes the files that this names
    ready        // PREFLIGHT's word
    base
    base_summary
    train
    validation

    main:
    PLAN_SEARCH(
        ready.map { _ready -> [id: plan.id, code: plan.code.plan_search] }, plan.search, plan.search_recipes, plan.overrides, plan.seed
    )
    def recipes = PLAN_SEARCH.out.recipes.flatten().map { recipe -> [recipe.baseName, recipe] }
    def untrained = recipes.map { trial, _recipe -> [trial, []] }

    // How many rungs there are says the search file; those behind the winner get no trial.
    RUNG_1(plan, 1, PLAN_SEARCH.out.summary, recipes, untrained, base, base_summary, train, validation)
    RUNG_2(plan, 2, RUNG_1.out.search, recipes, RUNG_1.out.states, base, base_summary, train, validation)
    RUNG_3(plan, 3, RUNG_2.out.search, recipes, RUNG_2.out.states, base, base_summary, train, validation)

    emit:
    // What FINETUNE takes: the winner goes on from its state.
    winner = RUNG_1.out.winner.mix(RUNG_2.out.winner, RUNG_3.out.winner)
        .map { trial, search, seed, recipe, state -> [[id: plan.id, code: plan.code.finetune, search: search, trial: trial], recipe, '{}', seed, state] }
        .first()
    summary = RUNG_1.out.summary.mix(RUNG_2.out.summary, RUNG_3.out.summary).first()
}

// Names and files in a search file's `recipes`; none where the file is not as it should be, which PLAN_SEARCH tells better.
def recipesOf(search) {
    try {
        def content = new groovy.yaml.YamlSlurper().parseText(search.text)
        return content instanceof Map && content.recipes instanceof List ? content.recipes.collect { name -> "${name}".toString() } : []
    }
    catch (Exception _e) {
        return []
    }
}
