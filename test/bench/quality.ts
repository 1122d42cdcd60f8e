/**
 * The scores of the labelled queries on a release, as JSON: `bin/node test/bench/quality.ts packages.json.br`. Which sets
 * there are, and what the Debian ones do not tell, is in docs/benchmarks.md.
 */
import { measure } from '../quality/quality.ts';

const [source] = process.argv.slice(2);
if (!source) throw new Error("give a release's packages.json[.br]");
const lines = (await measure(source)).trim().split('\n');
const [head, ...rows] = lines.filter(line => !line.startsWith('#')).map(line => line.split(/\s{2,}|\s(?=\d)/));
const scores = rows.map(row =>
  Object.fromEntries(head!.map((name, i) => [name, /^[\d.]+$/.test(row[i]!) ? Number(row[i]) : row[i]])),
);
console.log(JSON.stringify({ what: lines[0]!.replace(/^# /, ''), scores }));
