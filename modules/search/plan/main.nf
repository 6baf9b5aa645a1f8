process PLAN_SEARCH {
    tag "${meta.id}"
    label 'light'

    input:
    val meta
    path search
    path recipes, stageAs: 'recipes/?/*' // in the order of the search file; two may have one name
    val overrides
    val seed

    output:
    path 'trials/*.yaml', emit: recipes
    path 'search.json', emit: summary

    script:
    def files = recipes instanceof List ? recipes : [recipes]
    """
    plan_search.py --search ${search} --recipes ${files.join(' ')} --overrides '${overrides}' \\
        --seed ${seed} --trials trials --summary search.json
    """

    stub:
    """
    mkdir trials && touch trials/trial-00.yaml trials/trial-01.yaml trials/trial-02.yaml
    echo '{"step": "search", "name": "stub", "winner": "", "rungs": [{"share": 0.3}, {"share": 0.6}], "trials": [
        {"id": "trial-00", "seed": 17, "kept": true}, {"id": "trial-01", "seed": 18, "kept": true},
        {"id": "trial-02", "seed": 19, "kept": true}]}' > search.json
    """
}
