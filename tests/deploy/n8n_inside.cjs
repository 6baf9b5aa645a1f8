// What an installed n8n says about our flows. Standard input: [[place, expression], ...]; argument: folder with node_modules/n8n in it.
// Prints {"versions": {type: [versions]}, "parsed": number, "refused": [[place, why]]}.
const { createRequire } = require('node:module');
const { readFileSync, realpathSync } = require('node:fs');
const { join } = require('node:path');

const n8n = createRequire(realpathSync(join(process.argv[2], 'node_modules', 'n8n', 'package.json')));
const workflow = createRequire(n8n.resolve('n8n-workflow'));

const versions = {};
for (const type of JSON.parse(readFileSync(n8n.resolve('n8n-nodes-base/dist/types/nodes.json'), 'utf8'))) {
	const name = `n8n-nodes-base.${type.name}`;
	versions[name] = [...new Set([...(versions[name] ?? []), ...[type.version].flat()])].sort((a, b) => a - b);
}

const { Tournament } = workflow('@n8n/tournament');
const tournament = new Tournament((error) => {
	throw error;
});
const refused = [];
const all = JSON.parse(readFileSync(0, 'utf8'));
for (const [place, code] of all) {
	try {
		tournament.getExpressionCode(`{{ ${code} }}`);
	} catch (error) {
		refused.push([place, error.message]);
	}
}
console.log(JSON.stringify({ versions, parsed: all.length, refused }));
