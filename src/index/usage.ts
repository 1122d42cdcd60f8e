import type { Blobs } from '../blobs/blobs.ts';
import type { Package } from '../package.ts';
import { type UsageSource, type UsageText, type UsageTexts, usageText } from '../usage/usage.ts';
import type { Model } from '../vectors/format.ts';
import { loadUsageVectors, usageId } from '../vectors/usage.ts';
import { nameKey } from './keys.ts';
import { homepageKey, setAndLeaf } from './variants.ts';

/** A source in the index's meta: how many of its texts are used, and for how many documents. */
export interface UsageCredit extends UsageSource {
  texts: number;
  used: number;
}

/** A usage text about a document, and the index of its source among the credits. */
interface Attached {
  source: number;
  text: UsageText;
}

export interface MappedUsage {
  credits: UsageCredit[];
  /** By document, in order. */
  documents: ReadonlyMap<number, readonly Attached[]>;
  /** All sentences of a document, for its words. */
  sentences: ReadonlyMap<number, readonly string[]>;
  /** What may be shown beside its credit. */
  quotable: { doc: number; source: number; sentences: readonly string[] }[];
}

type Named = Pick<Package, 'type' | 'packageName' | 'pname' | 'mainProgram' | 'homepage'>;

/**
 * The weight of the vector of usage texts against the document's own, both of unit length. The sum is not normalised
 * again. Measured: .2 gives the best nDCG@10 on the intent queries of dev, and loses nothing elsewhere.
 */
const USAGE_SHARE = 0.2;

/**
 * Finds the package that each text is about: the top-level attribute with its name, else the package with that main
 * program, else the package with that pname. Names are compared without their spelling. Of several packages, one with
 * the same homepage wins, then one at top level. In a package set the name alone is not enough (`sort` is not
 * haskellPackages.sort): the main program or the homepage must agree too. The text belongs only to the canonical
 * variant (`groups`), so that no variant outranks it.
 */
export function mapUsage(
  packages: readonly Named[],
  groups: ArrayLike<number>,
  usage: readonly UsageTexts[],
): MappedUsage {
  const tiers = nameTiers(packages, usage);
  const attached = new Map<number, Attached[]>();
  const credits = usage.map(({ source, texts }, i) => {
    let used = 0;
    for (const text of texts) {
      const doc = documentOf(text, packages, tiers);
      if (doc === null) continue;
      used++;
      const canonical = groups[doc]!;
      const others = attached.get(canonical);
      if (others) others.push({ source: i, text });
      else attached.set(canonical, [{ source: i, text }]);
    }
    return { ...source, texts: texts.length, used };
  });
  const documents = new Map([...attached].sort(([a], [b]) => a - b));
  return {
    credits,
    documents,
    sentences: new Map([...documents].map(([doc, texts]) => [doc, texts.flatMap(({ text }) => text.sentences)])),
    quotable: [...documents].flatMap(([doc, texts]) =>
      texts
        .filter(({ source }) => mayQuote(credits[source]!.licence))
        .map(({ source, text }) => ({ doc, source, sentences: text.sentences })),
    ),
  };
}

type Tier = ReadonlyMap<string, readonly number[]>;

/** The documents whose names the texts have, by top-level attribute, by main program, and by pname. */
function nameTiers(packages: readonly Named[], usage: readonly UsageTexts[]): Tier[] {
  const asked = new Set(usage.flatMap(({ texts }) => texts.flatMap(({ names }) => names.map(nameKey))));
  const [attributes, programs, names] = [0, 1, 2].map(() => new Map<string, number[]>()) as Map<string, number[]>[];
  const add = (tier: Map<string, number[]>, name: string | null, doc: number) => {
    const key = name ? nameKey(name) : '';
    if (key === '' || !asked.has(key)) return;
    const docs = tier.get(key);
    if (docs) docs.push(doc);
    else tier.set(key, [doc]);
  };
  packages.forEach((pkg, doc) => {
    if (pkg.type === 'option') return;
    const [set, leaf] = setAndLeaf(pkg.packageName);
    if (set === '') add(attributes!, leaf, doc);
    add(programs!, pkg.mainProgram, doc);
    add(names!, pkg.pname, doc);
  });
  return [attributes!, programs!, names!];
}

function documentOf(text: UsageText, packages: readonly Named[], tiers: readonly Tier[]): number | null {
  const pages = new Set(text.homepages.map(homepageKey));
  const keys = text.names.map(nameKey).filter(Boolean);
  let best: { doc: number; rank: number[] } | null = null;
  tiers.forEach((tier, level) => {
    for (const [i, key] of keys.entries())
      for (const doc of tier.get(key) ?? []) {
        const { packageName, mainProgram, homepage } = packages[doc]!;
        const isProgram = mainProgram !== null && nameKey(mainProgram) === key;
        const isTop = setAndLeaf(packageName)[0] === '';
        const samePage = homepage !== null && pages.has(homepageKey(homepage));
        if (!isTop && !isProgram && !samePage) continue;
        const rank = [samePage ? 0 : 1, i, level, isTop ? 0 : 1, isProgram ? 0 : 1, packageName.length];
        if (!best || isBefore(rank, best.rank)) best = { doc, rank };
      }
  });
  return (best as { doc: number } | null)?.doc ?? null;
}

function isBefore(a: readonly number[], b: readonly number[]): boolean {
  const i = a.findIndex((x, i) => x !== b[i]);
  return i >= 0 && a[i]! < b[i]!;
}

/**
 * The vectors that are added to those of documents: the unit vector of all usage texts of a document, times {@link
 * USAGE_SHARE}. `pending` counts texts that have no vector by this model yet.
 */
export async function usageShares(
  { documents }: MappedUsage,
  model: Model,
  blobs: Blobs,
  signal?: AbortSignal,
): Promise<{ vectors: ReadonlyMap<number, Float32Array>; pending: number }> {
  const shares = new Map<number, Float32Array>();
  let pending = 0;
  const vectors = documents.size > 0 ? await loadUsageVectors(blobs, model, signal) : new Map<string, Float32Array>();
  for (const [doc, texts] of documents) {
    const sum = new Float32Array(model.dimension);
    for (const { text } of texts) {
      const vector = vectors.get(usageId(usageText(text)));
      if (!vector) pending++;
      else for (let i = 0; i < sum.length; i++) sum[i]! += vector[i]!;
    }
    const norm = Math.sqrt(sum.reduce((square, x) => square + x * x, 0));
    if (norm > 0)
      shares.set(
        doc,
        sum.map(x => (x / norm) * USAGE_SHARE),
      );
  }
  return { vectors: shares, pending };
}

/** Licences that allow quoting a sentence with its credit. Without a known licence only stems of its words are kept. */
export function mayQuote(licence: string | null): boolean {
  return (
    licence !== null && /^(?:CC0-|CC-BY-[\d.]+$|CC-BY-SA-|MIT|Apache-2|BSD-|ISC|FSFAP|0BSD|Unlicense)/.test(licence)
  );
}
