#!/usr/bin/env node
// Imports LlamaFlow's credentials and flows into n8n and publishes them; n8n must not be running. Repeating it changes nothing twice.
//
//   node deploy/n8n/import.mjs [--unpublished] [FOLDER OF FLOWS]     default: flows/ beside this file
//
// By environment, like n8n's own settings (DB_TYPE, N8N_ENCRYPTION_KEY, ...). Without a secret its credential is left as it is in n8n.
//   N8N                       command, default: n8n
//   LLAMAFLOW_URL             the gateway's address, into each Settings node that has gateway_url
//   LLAMAFLOW_API_KEY         key of the gateway (lf_...), or LLAMAFLOW_API_KEY_FILE: a file that holds it
//   LLAMAFLOW_CALLERS_TOKEN   what callers of the webhooks send as X-LlamaFlow-Token
//   LLAMAFLOW_APPROVERS       user:password of the approval form
//   LLAMAFLOW_NOTIFY_URL, LLAMAFLOW_NOTIFY_TOKEN   where messages go, and their header "Authorization: Bearer TOKEN"
//   LLAMAFLOW_N8N_FILES       folder that n8n may write to (N8N_RESTRICT_FILE_ACCESS_TO), default: ~/.n8n-files

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const env = process.env;
const unpublished = process.argv.includes('--unpublished'); // publishing is for the editor or the API, then
const folder = process.argv.slice(2).find((word) => !word.startsWith('--')) ?? join(dirname(fileURLToPath(import.meta.url)), 'flows');

function n8n(...args) {
	const { status, stdout, stderr, error } = spawnSync(env.N8N ?? 'n8n', args, { encoding: 'utf8' });
	if (error || status !== 0) {
		console.error(`n8n ${args[0]}: ${error?.message ?? (stderr || stdout).trim().split('\n').slice(-3).join(' ')}`);
		process.exit(1);
	}
}

/** Credentials whose secret is at hand. A header goes only to the host it is meant for. */
function credentials() {
	const key = env.LLAMAFLOW_API_KEY ?? (env.LLAMAFLOW_API_KEY_FILE && readFileSync(env.LLAMAFLOW_API_KEY_FILE, 'utf8').trim());
	const header = (id, name, header, value, address) => ({
		id,
		name,
		type: 'httpHeaderAuth',
		data: {
			name: header,
			value,
			...(address ? { allowedHttpRequestDomains: 'domains', allowedDomains: new URL(address).hostname } : { allowedHttpRequestDomains: 'none' }),
		},
	});
	const [user, ...password] = (env.LLAMAFLOW_APPROVERS ?? '').split(':');
	return [
		key && header('llamaflow-gateway', 'LlamaFlow gateway', 'Authorization', `Bearer ${key}`, env.LLAMAFLOW_URL ?? 'http://127.0.0.1:8000'),
		env.LLAMAFLOW_CALLERS_TOKEN && header('llamaflow-callers', 'LlamaFlow callers', 'X-LlamaFlow-Token', env.LLAMAFLOW_CALLERS_TOKEN),
		env.LLAMAFLOW_NOTIFY_TOKEN &&
			header('llamaflow-notifications', 'LlamaFlow notifications', 'Authorization', `Bearer ${env.LLAMAFLOW_NOTIFY_TOKEN}`, env.LLAMAFLOW_NOTIFY_URL ?? 'http://127.0.0.1'),
		user && { id: 'llamaflow-approvers', name: 'LlamaFlow approvers', type: 'httpBasicAuth', data: { user, password: password.join(':'), allowedHttpRequestDomains: 'none' } },
	].filter(Boolean);
}

/** A flow with this installation's addresses in its Settings node. */
function settled(flow) {
	const values = { gateway_url: env.LLAMAFLOW_URL?.replace(/\/+$/, ''), notify_url: env.LLAMAFLOW_NOTIFY_URL, folder: env.LLAMAFLOW_N8N_FILES ?? join(homedir(), '.n8n-files') };
	for (const row of flow.nodes.find((node) => node.name === 'Settings')?.parameters.assignments.assignments ?? []) {
		row.value = values[row.name] ?? row.value;
	}
	return flow;
}

const flows = readdirSync(folder)
	.filter((name) => name.endsWith('.json'))
	.map((name) => settled(JSON.parse(readFileSync(join(folder, name), 'utf8'))));
const scratch = mkdtempSync(join(tmpdir(), 'llamaflow-n8n-')); // mode 0700: the credentials lie in it for a moment, in clear
try {
	const secrets = credentials();
	if (secrets.length) {
		writeFileSync(join(scratch, 'credentials.json'), JSON.stringify(secrets), { mode: 0o600 });
		n8n('import:credentials', `--input=${join(scratch, 'credentials.json')}`);
	}
	mkdirSync(join(scratch, 'flows'));
	for (const flow of flows) writeFileSync(join(scratch, 'flows', `${flow.id}.json`), JSON.stringify(flow));
	n8n('import:workflow', '--separate', `--input=${join(scratch, 'flows')}`);
} finally {
	rmSync(scratch, { recursive: true, force: true });
}
if (!unpublished) for (const flow of flows) n8n('publish:workflow', `--id=${flow.id}`);
console.log(`${flows.length} flows imported${unpublished ? '' : ' and published'}`);
