/**
 * Scores answers against labelled queries. An item is one answer, whatever attributes stand for it; unless the query is
 * strict, attributes that differ only in the version of their set are the same (python313Packages.x, python314Packages.x).
 * The first hit of an item scores its grade; later ones score nothing and still take up a place.
 */
export interface Query {
  id: string;
  set: string;
  category: string;
  query: string;
  relevant: { attrs: string[]; grade?: number }[];
  strict?: boolean;
}

export interface Score {
  /** Items found among the first k, of those that could be: min(k, items). */
  recall1: number;
  recall5: number;
  /** 1 if the first three hold an expected item: one of grade 2 or 3, or any item if the labels have no grades. */
  success3: number;
  /** 1 if the first ten hold any item. */
  success: number;
  /** Of the first ten: the reciprocal of the first item's place, and the discounted gain with linear grades. */
  mrr: number;
  ndcg: number;
}

/** Families of sets, as the labels were made with them. */
const FAMILIES: readonly [RegExp, string][] = [
  [/^python(3|3\d+)?Packages\./, 'python3Packages.'],
  [/^perl(5|5\d+)?Packages\./, 'perlPackages.'],
  [/^(ocaml-ng\.)?ocamlPackages(_\w+)?\./, 'ocamlPackages.'],
  [/^rubyPackages(_\w+)?\./, 'rubyPackages.'],
  [/^lua(5\d|5_\d|jit)?Packages\./, 'luaPackages.'],
  [/^php\d*(Extensions|Packages)\./, 'php$1.'],
  [/^(linuxPackages(_\w+)?|linuxKernel\.packages\.\w+)\./, 'linuxPackages.'],
  [/^postgresql\d*(JIT)?Packages\./, 'postgresqlPackages.'],
  [/^chickenPackages(_\d)?\./, 'chickenPackages.'],
  [/^(haskellPackages|haskell\.packages\.\w+)\./, 'haskellPackages.'],
  [/^(beam(Minimal)?\d*Packages|beam(_minimal)?\.packages\.\w+)\./, 'beamPackages.'],
  [/^coqPackages(_\w+)?\./, 'coqPackages.'],
  [/^qt6Packages\./, 'qt6.'],
  [/^libsForQt5\./, 'qt5.'],
];

function family(attr: string): string {
  for (const [set, name] of FAMILIES) if (set.test(attr)) return attr.replace(set, name);
  return attr;
}

export function score(query: Query, results: readonly string[]): Score {
  const key = query.strict ? (attr: string) => attr : family;
  const items = new Map<string, number>();
  query.relevant.forEach(({ attrs }, item) => {
    for (const attr of attrs) if (!items.has(key(attr))) items.set(key(attr), item);
  });
  const gains = query.relevant.map(({ grade }) => grade ?? 1);
  const discount = (place: number) => 1 / Math.log2(place + 2);
  const found = new Map<number, number>();
  results.slice(0, 10).forEach((attr, place) => {
    const item = items.get(key(attr));
    if (item !== undefined && !found.has(item)) found.set(item, place);
  });
  const gained = [...found].reduce((sum, [item, place]) => sum + gains[item]! * discount(place), 0);
  const best = [...gains].sort((a, b) => b - a).slice(0, 10);
  const ideal = best.reduce((sum, gain, place) => sum + gain * discount(place), 0);
  const places = [...found.values()];
  const recall = (k: number) => places.filter(place => place < k).length / Math.min(k, gains.length);
  return {
    recall1: recall(1),
    recall5: recall(5),
    success3: [...found].some(([item, place]) => place < 3 && gains[item]! >= Math.min(2, best[0] ?? 0)) ? 1 : 0,
    success: places.length > 0 ? 1 : 0,
    mrr: places.length > 0 ? 1 / (Math.min(...places) + 1) : 0,
    ndcg: ideal > 0 ? gained / ideal : 0,
  };
}

/** The means over each set, by name of the set; over each category too where it says more, as in `everyday`. */
export function bySet(
  queries: readonly Query[],
  answers: ReadonlyMap<string, readonly string[]>,
): Map<string, Score & { count: number }> {
  const sets = new Map<string, Score & { count: number }>();
  for (const query of queries) {
    const one = score(query, answers.get(query.id) ?? []);
    for (const name of query.set === 'everyday' ? [query.set, `${query.set}: ${query.category}`] : [query.set]) {
      const sum = sets.get(name) ?? { count: 0, recall1: 0, recall5: 0, success3: 0, success: 0, mrr: 0, ndcg: 0 };
      for (const name of Object.keys(one) as (keyof Score)[]) sum[name] += one[name];
      sum.count++;
      sets.set(name, sum);
    }
  }
  for (const sum of sets.values())
    for (const name of ['recall1', 'recall5', 'success3', 'success', 'mrr', 'ndcg'] as const) sum[name] /= sum.count;
  return new Map([...sets].sort(([a], [b]) => (a < b ? -1 : 1)));
}
