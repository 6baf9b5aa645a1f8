#!/usr/bin/env nextflow
// LlamaFlow: records in, a gated and registered LoRA adapter out.
//   nextflow run . --input records.jsonl            nextflow run . --help

include { LLAMAFLOW } from './modules/llamaflow'
include { WATCH_DRIFT } from './modules/drift'
include { castParams ; helpText ; paramProblems ; readSchema } from './modules/params'
include { driftPlan ; resolve } from './modules/plan'
include { missingFiles } from './modules/inputs'

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
        if (p.mode == 'drift') {
            WATCH_DRIFT(driftPlan(p))
        }
        else {
            LLAMAFLOW(resolve(p))
        }
    }

    workflow.onComplete = {
        def drift = "${params.mode}" == 'drift'
        def summary = file("${params.outdir}/${drift ? 'drift' : 'report'}/summary.txt")
        if (workflow.success && summary.exists() && !"${params.help}".toBoolean()) {
            println "\n${summary.text}"
            if (drift && "${params.drift_exit_code}" != '0' && verdictOf(file("${params.outdir}/drift/drift.json")) == 'drift') {
                exitWith("${params.drift_exit_code}".toInteger())
            }
        }
        if (!workflow.success && workflow.exitStatus) {
            println "\nLlamaFlow stopped; -resume goes on where it was.\n${advice(workflow.errorReport ?: '')}"
            exitWith(workflow.exitStatus)
        }
    }
}

def verdictOf(summary) {
    summary.exists() ? new groovy.json.JsonSlurper().parseText(summary.text).verdict : ''
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
