// Publishes flows of a running n8n over its own API: a second for what takes its command line half a minute.
//
//   N8N_URL=… N8N_OWNER_EMAIL=… N8N_OWNER_PASSWORD=… node tests/rigs/n8n/publish.mjs FOLDER

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const { N8N_URL: url, N8N_OWNER_EMAIL: emailOrLdapLoginId, N8N_OWNER_PASSWORD: password } = process.env;

async function call(path, body) {
	const answer = await fetch(`${url}/rest${path}`, {
		method: body ? 'POST' : 'GET',
		headers: { 'Content-Type': 'application/json', cookie },
		body: body && JSON.stringify(body),
	});
	if (!answer.ok) throw new Error(`${path}: ${answer.status} ${(await answer.text()).slice(0, 300)}`);
	cookie ||= answer.headers.getSetCookie().map((one) => one.split(';')[0]).join('; ');
	return (await answer.json()).data;
}

let cookie = '';
await call('/login', { emailOrLdapLoginId, password });
let left = readdirSync(process.argv[2]).filter((name) => name.endsWith('.json'));
while (left.length) {
	// One that calls another flow is refused until that one is published.
	const refused = [];
	for (const name of left) {
		const { id } = JSON.parse(readFileSync(join(process.argv[2], name), 'utf8'));
		try {
			await call(`/workflows/${id}/activate`, { versionId: (await call(`/workflows/${id}`)).versionId });
		} catch (error) {
			refused.push([name, error]);
		}
	}
	if (refused.length === left.length) throw refused[0][1];
	left = refused.map(([name]) => name);
}
