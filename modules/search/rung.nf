// One rung: every trial that is in the race trains as far as its share, then the better ones are kept.
include { FINETUNE as TRIAL } from '../finetune/main'
include { SELECT_TRIALS } from './select/main'

workflow RUNG {
    take:
    plan         // as LLAMAFLOW takes it
    number       // 1, 2, …
    before       // the search as the rung before left it: one file, or none
    recipes      // [trial, recipe] of every trial of the search
    earlier      // [trial, state] of every trial of the rung before; the first rung's states are []
    base
    base_summary
    train
    validation

    main:
    def open = before.flatMap { json -> read(json).winner ? [] : [json] } // flatMap: a channel without an item starts no task
    TRIAL(
        open.flatMap { json -> racing(plan, number, read(json)) }.join(recipes).join(earlier)
            .map { _trial, meta, seed, recipe, state -> [meta, recipe, '{}', seed, state, []] },
        base, base_summary, train, validation, plan.tracking_uri, plan.checkpoints
    )
    // By name: in the order of completion the same summaries would not hit the cache.
    def results = TRIAL.out.result.map { meta, json -> [meta.trial, json] }.toSortedList { a, b -> a[0] <=> b[0] }
    SELECT_TRIALS(
        open.map { json -> [[id: "${plan.id}-rung-${number}".toString(), rung: number, code: plan.code.select_trials], json] },
        results.map { pairs -> pairs.collect { trial, _json -> trial } },
        results.map { pairs -> pairs.collect { _trial, json -> json } }
    )
    def reached = TRIAL.out.state.map { meta, state -> [meta.trial, state] }
    def won = SELECT_TRIALS.out.summary.flatMap { json -> winner(read(json)) }

    emit:
    search = SELECT_TRIALS.out.race
    summary = SELECT_TRIALS.out.summary
    states = reached
    winner = won.join(recipes).join(reached) // [trial, search, seed, recipe, state]: one or none
}

// [trial, meta, seed] of those that train in this rung.
def racing(plan, number, search) {
    search.trials.findAll { trial -> trial.kept }.collect { trial ->
        def meta = [
            id: "${plan.id}-${trial.id}".toString(), code: plan.code.finetune, search: search.name,
            trial: trial.id, rung: number, stop_at: search.rungs[number - 1].share
        ]
        [trial.id, meta, trial.seed]
    }
}

// [trial, search, seed] of the one that is left, or nothing.
def winner(search) {
    search.trials.findAll { trial -> trial.id == search.winner }.collect { trial -> [trial.id, search.name, trial.seed] }
}

def read(json) {
    new groovy.json.JsonSlurper().parseText(json.text)
}
