// Production beside a reference: both go through the same boundary as training data, then they are compared.
include { PREPARE as PREPARE_REFERENCE ; PREPARE as PREPARE_PRODUCTION } from './prepare/main'
include { ANONYMIZE as ANONYMIZE_REFERENCE ; ANONYMIZE as ANONYMIZE_PRODUCTION } from './anonymize/main'
include { DRIFT } from './drift/main'

workflow WATCH_DRIFT {
    take:
    plan // map: id, digest of each step's code, inputs, reference, and what ANONYMIZE takes

    main:
    def prepared = [id: plan.id, code: plan.code.prepare] // first: 24.10 takes a later `def` from `plan` for a second declaration of it
    def anonymized = [id: plan.id, code: plan.code.anonymize]

    // A reference that is pseudonymized already goes the same way: nothing has to be believed of it, and both sides are treated alike.
    PREPARE_REFERENCE(prepared, plan.reference, plan.hub_reference, [], '')
    PREPARE_PRODUCTION(prepared, plan.inputs, plan.hub_dataset, [], '')
    ANONYMIZE_REFERENCE(anonymized, PREPARE_REFERENCE.out.shards.flatten(), plan.policy, plan.key, plan.key_reference, '', plan.erasures)
    ANONYMIZE_PRODUCTION(anonymized, PREPARE_PRODUCTION.out.shards.flatten(), plan.policy, plan.key, plan.key_reference, '', plan.erasures)

    DRIFT(
        [id: plan.id, code: plan.code.drift],
        byName(ANONYMIZE_REFERENCE.out.shard), PREPARE_REFERENCE.out.summary, byName(ANONYMIZE_REFERENCE.out.summary),
        byName(ANONYMIZE_PRODUCTION.out.shard), PREPARE_PRODUCTION.out.summary, byName(ANONYMIZE_PRODUCTION.out.summary),
        plan.encoder, plan.page_folder
    )

    emit:
    summary = DRIFT.out.summary
}

// All items as one list by name: in the order of completion the same files would not hit the cache.
def byName(items) {
    items.toSortedList { a, b -> a.name <=> b.name }
}
