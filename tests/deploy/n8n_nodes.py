"""Node types that the flows use and the versions of each that n8n 2.41.1 knows; test_n8n_rig.py compares it with the real one."""

NODES: dict[str, set[float]] = {
    "n8n-nodes-base.convertToFile": {1, 1.1},
    "n8n-nodes-base.errorTrigger": {1},
    "n8n-nodes-base.executeCommand": {1},
    "n8n-nodes-base.executeWorkflow": {1, 1.1, 1.2, 1.3, 1.4},
    "n8n-nodes-base.executeWorkflowTrigger": {1, 1.1, 1.2},
    "n8n-nodes-base.filter": {1, 2, 2.1, 2.2, 2.3},
    "n8n-nodes-base.httpRequest": {1, 2, 3, 4, 4.1, 4.2, 4.3, 4.4, 4.5},
    "n8n-nodes-base.if": {1, 2, 2.1, 2.2, 2.3},
    "n8n-nodes-base.noOp": {1},
    "n8n-nodes-base.readWriteFile": {1, 1.1},
    "n8n-nodes-base.removeDuplicates": {1, 1.1, 2},
    "n8n-nodes-base.respondToWebhook": {1, 1.1, 1.2, 1.3, 1.4, 1.5},
    "n8n-nodes-base.scheduleTrigger": {1, 1.1, 1.2, 1.3, 1.4},
    "n8n-nodes-base.set": {1, 2, 3, 3.1, 3.2, 3.3, 3.4, 3.5},
    "n8n-nodes-base.splitOut": {1},
    "n8n-nodes-base.stickyNote": {1},
    "n8n-nodes-base.stopAndError": {1},
    "n8n-nodes-base.switch": {1, 2, 3, 3.1, 3.2, 3.3, 3.4},
    "n8n-nodes-base.wait": {1, 1.1},
    "n8n-nodes-base.webhook": {1, 1.1, 2, 2.1},
}
