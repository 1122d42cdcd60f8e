import { random } from '../random.ts';
import type { Search } from '../search/open.ts';

type Kind = (name: string, version: string, purpose: string) => { title: string; body: string };

/** Forms of tickets about a package. */
const KINDS: readonly Kind[] = [
  (name, version) => ({
    title: `${name} ${version} crashes at start`,
    body: `After the last update \`${name}\` ends with a segmentation fault before it shows anything.`,
  }),
  (name, version) => ({
    title: `build failure: ${name}-${version}`,
    body: `error: builder for '/nix/store/…-${name}-${version}.drv' failed with exit code 2`,
  }),
  (name, version) => ({
    title: `Security advisory for ${name}`,
    body: `Versions of ${name} up to ${version} let a crafted file write outside its buffer. Please update ${name}.`,
  }),
  (name, _, purpose) => ({ title: `How do I use ${name}?`, body: `I read that it can help: ${purpose}` }),
  (_name, _version, purpose) => ({ title: 'Which program can do this?', body: `I am looking for this: ${purpose}` }),
];

const UNRELATED = [
  { title: 'Invoice of last month', body: 'Please send the invoice to our new address.' },
  { title: 'Password reset', body: 'I cannot log in to the customer portal since Monday.' },
];

/** Tickets about packages of an index; one in six is about none. The same index and seed give the same tickets. */
export async function sampleTickets(search: Search, count: number, seed: number): Promise<object[]> {
  const next = random(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!;
  const found = (await search.search('', { type: 'package', broken: false, limit: 1000, mode: 'lexical' })).filter(
    ({ packageName, description }) => description !== null && !packageName.includes('.'),
  );
  return Array.from({ length: count }, (_, i) => {
    const pkg = next() < 1 / 6 || found.length === 0 ? null : pick(found);
    const text = pkg ? pick(KINDS)(pkg.pname, pkg.version, pkg.description!) : pick(UNRELATED);
    return { id: `sample-${seed}-${i + 1}`, version: 1, ...text };
  });
}
