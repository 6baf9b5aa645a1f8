// Rounds of training until the gate accepts, and the one whose model goes on.
include { ROUND as ROUND_1 ; ROUND as ROUND_2 ; ROUND as ROUND_3 ; ROUND as ROUND_4 } from './round'

workflow ROUNDS {
    take:
    plan       // as LLAMAFLOW takes it; its max_rounds is at most 4
    recipe     // what FINETUNE takes in the first round
    model      // [base, its summary]
    data       // [train, validation, test]
    reference  // [evaluate-base.json, examples-base.parquet]
    production // the same of the model in production, or [[], []]

    main:
    // Each but the first trains what ADJUST of the one before says; a round without a recipe has no task.
    ROUND_1(plan, 1, recipe, model, data, reference, production, [])
    ROUND_2(plan, 2, ROUND_1.out.next, model, data, reference, production, ROUND_1.out.story)
    ROUND_3(plan, 3, ROUND_2.out.next, model, data, reference, production, ROUND_2.out.story)
    ROUND_4(plan, 4, ROUND_3.out.next, model, data, reference, production, ROUND_3.out.story)

    def results = ROUND_1.out.result.mix(ROUND_2.out.result, ROUND_3.out.result, ROUND_4.out.result)
    def ended = ROUND_1.out.story.mix(ROUND_2.out.story, ROUND_3.out.story, ROUND_4.out.story).filter { json -> !told(json).next }.first()
    def chosen = ended.combine(results).filter { result -> result[1] == told(result[0]).chosen }.first()

    emit:
    adapter = chosen.map { result -> result[2] }
    finetune = chosen.map { result -> result[3] }
    evaluation = chosen.map { result -> result[4] }
    examples = chosen.map { result -> result[5] }
    compared = chosen.map { result -> result[6] }
    verdict = chosen.map { result -> result[7] }
    story = ended
}

def told(json) {
    new groovy.json.JsonSlurper().parseText(json.text)
}
