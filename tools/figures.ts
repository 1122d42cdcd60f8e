/** What is drawn of each bench's results. A figure is null, or lacks rows, where the results lack its numbers. */

export interface Row {
  label: string;
  value: number;
  /** The value as it is written beside the bar. */
  shown: string;
  /** Bars with one heading. */
  group?: string;
  /** Ours, as opposed to what it is compared with. */
  ours?: boolean;
}

export interface Figure {
  title: string;
  subtitle: string;
  rows: Row[];
}

export const FIGURES: readonly { name: string; bench: string; figure: (result: Result) => Figure | null }[] = [
  { name: 'pipeline', bench: 'pipeline', figure: pipeline },
  { name: 'embedding', bench: 'embed', figure: embedding },
  { name: 'extraction', bench: 'extract', figure: extraction },
  { name: 'extraction-memory', bench: 'extract', figure: extractionMemory },
  { name: 'growth', bench: 'growth', figure: growth },
  { name: 'growth-memory', bench: 'growth', figure: growthMemory },
  { name: 'growth-queries', bench: 'growth', figure: growthQueries },
  { name: 'quality', bench: 'quality', figure: quality },
  { name: 'queries', bench: 'search', figure: queries },
  { name: 'scan', bench: 'search', figure: scan },
];

/** A bench's JSON: every access may come to nothing. */
type Result = Record<string, unknown>;

/** The number at `path`, or null. */
export function number(result: unknown, ...path: string[]): number | null {
  let value = result;
  for (const key of path) value = (value as Result | null | undefined)?.[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function row(label: string, value: number | null, shown: (value: number) => string, more: Partial<Row> = {}): Row[] {
  return value === null ? [] : [{ label, value, shown: shown(value), ...more }];
}

const seconds = (value: number) => `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
const rate = (value: number) => `${Math.round(value).toLocaleString('en')}/s`;

function pipeline(result: Result): Figure {
  const step = (name: string) => {
    const peak = number(result, 'steps', name, 'peakMiB');
    const memory = peak === null ? '' : ` · ${Math.round(peak)} MiB`;
    return row(name, number(result, 'steps', name, 'wallSeconds'), value => seconds(value) + memory, { ours: true });
  };
  const packages = number(result, 'packages');
  return {
    title: 'From a release to a search index',
    subtitle: `${packages === null ? '' : `${packages.toLocaleString('en')} packages: `}wall time and peak memory of each step`,
    rows: [
      ...step('extract'),
      ...step('embed'),
      ...step('index'),
      ...row('extract again, unchanged', number(result, 'secondExtract', 'wallSeconds'), seconds, { ours: true }),
    ],
  };
}

function embedding(result: Result): Figure {
  const perSecond = (...path: string[]) => {
    const [texts, time] = [number(result, ...path, 'texts'), number(result, ...path, 'wallSeconds')];
    return texts === null || time === null || time === 0 ? null : texts / time;
  };
  return {
    title: 'Texts embedded in a second',
    subtitle: 'one thread, higher is better; the library tokenises only',
    rows: [
      ...row('model2vec, 256 dimensions', perSecond('model2vec'), rate, { ours: true }),
      ...row('static:fdnix, whole records', perSecond('static'), rate, { ours: true }),
      ...row('@huggingface/tokenizers', perSecond('huggingfaceTokenizersAlone'), rate),
    ],
  };
}

const CONTENDERS = ['fdnix', 'fdnix --jobs 1', 'nix-env', 'nix-eval-jobs'];

function contenders(result: Result, field: string, shown: (value: number) => string): Row[] {
  return CONTENDERS.flatMap(name =>
    row(name, number(result, name, field, 'median'), shown, { ours: name.startsWith('fdnix') }),
  );
}

/** Of two runs the bench's middle one is the higher: no median. */
function shownRun(result: Result): string {
  return (number(result, 'repeats') ?? 3) === 2 ? 'the higher of two runs' : 'medians';
}

function extraction(result: Result): Figure {
  return {
    title: 'Evaluating a nixpkgs',
    subtitle: `wall time, lower is better; all in turns on one machine, ${shownRun(result)}`,
    rows: contenders(result, 'wallSeconds', seconds),
  };
}

function extractionMemory(result: Result): Figure {
  return {
    title: 'Memory for evaluating a nixpkgs',
    subtitle: `highest sum of resident memory of all processes, lower is better; ${shownRun(result)}`,
    rows: contenders(result, 'peakMiB', value => `${Math.round(value).toLocaleString('en')} MiB`),
  };
}

const STAGES = ['extract', 'embed', 'index'] as const;

/** One bar for each size below each heading: `value` of a size by heading. */
function bySize<T extends string>(
  { sizes }: Result,
  headings: readonly T[],
  value: (size: Result, heading: T) => number | null,
  shown: (value: number) => string,
): Row[] {
  const found = Array.isArray(sizes) ? (sizes as Result[]) : [];
  return headings.flatMap(group =>
    found.flatMap(size => {
      const packages = number(size, 'packages');
      const label = packages === null ? '' : `${packages.toLocaleString('en')} packages`;
      return row(label, value(size, group), shown, { group, ours: true });
    }),
  );
}

function growth(result: Result): Figure {
  const each = (size: Result, stage: string) => {
    const [seconds, packages] = [number(size, 'steps', stage, 'cpuSeconds'), number(size, 'packages')];
    return seconds === null || packages === null ? null : (1e6 * seconds) / packages;
  };
  return {
    title: 'CPU time for one package as nixpkgs grows',
    subtitle: 'microseconds of all threads; bars of one length mean that the whole grows in proportion',
    rows: bySize(result, STAGES, each, value => `${Math.round(value)} µs`),
  };
}

function growthMemory(result: Result): Figure {
  const stages = [...STAGES, 'search'] as const;
  const peak = (size: Result, stage: string) =>
    stage === 'search' ? number(size, 'query', 'peakMiB') : number(size, 'steps', stage, 'peakMiB');
  return {
    title: 'Memory as nixpkgs grows',
    subtitle: 'highest sum of resident memory of all processes, lower is better',
    rows: bySize(result, stages, peak, value => `${Math.round(value).toLocaleString('en')} MiB`),
  };
}

function growthQueries(result: Result): Figure {
  const shares = { median: 'p50', '95th percentile': 'p95' };
  return {
    title: 'One query, warm, as nixpkgs grows',
    subtitle: 'the labelled queries, words and meaning, one thread, lower is better',
    rows: bySize(
      result,
      ['median', '95th percentile'] as const,
      (size, share) => number(size, 'query', shares[share]),
      milliseconds,
    ),
  };
}

function quality({ scores }: Result): Figure {
  const found = Array.isArray(scores) ? (scores as Result[]) : [];
  return {
    title: 'Ranking quality',
    subtitle:
      'nDCG@10 of the labelled queries by set, higher is better; of the Debian texts the model has seen eight in ten',
    rows: found.flatMap(score =>
      row(String(score.system ?? score.mode), number(score, 'nDCG@10'), value => value.toFixed(3), {
        group: `${score.set}, ${score.queries} queries`,
        ours: score.system === 'both' || score.system === 'both, usage' || score.mode === 'hybrid',
      }),
    ),
  };
}

const milliseconds = (value: number) => `${value < 10 ? value.toFixed(2) : Math.round(value)} ms`;

function latencies(
  result: Result,
  contenders: readonly (readonly [label: string, ours: boolean, ...path: string[]])[],
) {
  return (['p50', 'p95'] as const).flatMap(share =>
    contenders.flatMap(([label, ours, ...path]) =>
      row(label, number(result, ...path, share), milliseconds, {
        group: share === 'p50' ? 'median' : '95th percentile',
        ours,
      }),
    ),
  );
}

function queries(result: Result): Figure {
  const packages = number(result, 'packages');
  return {
    title: 'One query, warm',
    subtitle: `the labelled queries${packages === null ? '' : ` over ${packages.toLocaleString('en')} packages`}, one thread, lower is better`,
    rows: latencies(result, [
      ['fdnix, words and meaning', true, 'hybrid'],
      ['fdnix, words', true, 'lexical'],
      ['MiniSearch, prefix and fuzzy', false, 'minisearch'],
    ]),
  };
}

function scan(result: Result): Figure {
  const rows = ['256', '1024'].flatMap(dimension => {
    const [first, ...others] = latencies(result, [
      ['fdnix, int8 in WebAssembly', true, 'vectors', dimension, 'scan'],
      ['float32 in JavaScript', false, 'vectors', dimension, 'exactFloat32InJavaScript'],
      ['sqlite-vec, float32', false, 'vectors', dimension, 'sqliteVec'],
    ]).filter(({ group }) => group === 'median');
    const recall = number(result, 'vectors', dimension, 'recallAt10');
    const group = `${dimension} dimensions${recall === null ? '' : `, recall@10 ${recall.toFixed(3)}`}`;
    return first ? [first, ...others].map(found => ({ ...found, group })) : [];
  });
  return {
    title: 'All vectors compared with a query',
    subtitle: 'median of one thread, lower is better',
    rows,
  };
}
