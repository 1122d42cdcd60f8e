import { mapUsage } from '../index/usage.ts';
import type { UsageSource, UsageText, UsageTexts } from '../usage/usage.ts';
import { bucketOf } from './buckets.ts';
import { namesOf, type Software } from './corpus.ts';
import { namesIn, type PairMaker, without } from './pairs.ts';

/** A usage text about one software of nixpkgs. */
export interface UsedFor {
  /** Its index in the list of software. */
  software: number;
  text: UsageText;
}

/** How much of one source was used. */
interface UsageFacts extends UsageSource {
  texts: number;
  leftOut: number;
}

/**
 * The texts about software of nixpkgs. A source without a licence is left out whole. AppStream comes from Debian, so
 * those of its texts are left out whose names or whose software lie in a bucket of `leaveOut`.
 */
export function findUses(
  usage: readonly UsageTexts[],
  nixpkgs: readonly Software[],
  leaveOut: ReadonlySet<number>,
): { uses: UsedFor[]; facts: UsageFacts[] } {
  const licensed = usage.filter(({ source }) => source.licence !== null);
  const named = nixpkgs.map(software => ({ ...software, type: 'package' as const }));
  const { documents } = mapUsage(named, Uint32Array.from(nixpkgs.keys()), licensed);
  const facts = licensed.map(({ source }): UsageFacts => ({ ...source, texts: 0, leftOut: 0 }));
  const uses: UsedFor[] = [];
  for (const [software, attached] of documents)
    for (const { source, text } of attached) {
      const fact = facts[source]!;
      const reserved = [...text.names, nixpkgs[software]!.pname].some(name => leaveOut.has(bucketOf(name)));
      if (reserved && fact.name.startsWith('AppStream')) fact.leftOut++;
      else {
        fact.texts++;
        uses.push({ software, text });
      }
    }
  return { uses, facts };
}

/** Pairs of a usage text, without the name of the software, and nixpkgs' text about the same software. */
export function pairUses(uses: readonly UsedFor[], nixpkgs: readonly Software[], maker: PairMaker): void {
  const { pair, query, document } = maker;
  for (const { software: place, text } of uses) {
    const software = nixpkgs[place]!;
    const group = maker.groupOf(software.pname.toLowerCase());
    const own = namesIn(software.pname, ...text.names);
    const whole = document(namesOf(software), software.description, software.longDescription);
    const sentences = text.sentences.map(sentence => without(own, sentence));
    for (const [i, sentence] of sentences.slice(0, 8).entries()) {
      pair('usage: sentence, nixpkgs', group, query(sentence), whole);
      const rest = sentences.filter((_, j) => j !== i).join(' ');
      pair('usage: sentence, rest', group, query(sentence), document('', software.description, rest));
    }
    pair('usage: text, nixpkgs', group, document('', sentences[0] ?? '', sentences.slice(1).join(' ')), whole);
  }
}
