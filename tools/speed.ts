/** The README's table of what takes how long: one row for each thing that a bench measured. */
import type { Outcome, Results } from '../test/bench/run.ts';
import { number } from './figures.ts';

type Cells = [what: string, figures: string];

/** The rows of a bench's results. A row is left out where one of its figures was not measured. */
const ROWS: Record<string, (result: Record<string, unknown>) => (Cells | null)[]> = {
  pipeline: result => {
    const steps = ['extract', 'embed', 'index'];
    const of = (step: string, field: string) => number(result, 'steps', step, field);
    const wall = steps.map(step => of(step, 'wallSeconds'));
    const peak = steps.map(step => of(step, 'peakMiB'));
    const again = number(result, 'secondExtract', 'wallSeconds');
    const size = number(result, 'bytes', 'index');
    const [version, search] = [
      number(result, 'startMilliseconds', '--version'),
      number(result, 'startMilliseconds', 'search rg'),
    ];
    return [
      row(
        'extract, embed and index a release',
        [...wall, ...peak],
        () => `${seconds(sum(wall))}, ${whole(Math.max(...known(peak)))} MiB at most`,
      ),
      row('extract the same release again', [again], () => `${seconds(again!)}, nothing is written`),
      row('the search index, without usage texts', [size], () => `one file of ${whole(size! / 1e6)} MB`),
      row(
        'one query from a cold start: `fdnix search rg`',
        [search, version],
        () => `${whole(search!)} ms; \`fdnix --version\` ${whole(version!)} ms`,
      ),
    ];
  },
  embed: result => {
    const [texts, wall] = [number(result, 'static', 'texts'), number(result, 'static', 'wallSeconds')];
    return [
      row(
        'embed with the shipped model, on one core',
        [texts, wall],
        () => `${whole(texts!)} packages in ${wall!.toFixed(1)} s`,
      ),
    ];
  },
  extract: result => {
    const evaluated = (name: string, label: string): Cells | null => {
      const of = (field: string, which: string) => number(result, name, field, which);
      const figures = [
        of('wallSeconds', 'min'),
        of('wallSeconds', 'max'),
        of('peakMiB', 'max'),
        number(result, name, 'packages'),
      ];
      const [low, high, peak, packages] = figures;
      return row(
        label,
        figures,
        () =>
          `${Math.round(low!)} to ${seconds(high!)}, ${whole(peak!)} MiB for all processes, ${whole(packages!)} packages`,
      );
    };
    const times = number(result, 'timesAsFastAsNixEnv', 'fdnix');
    const env = evaluated('nix-env', '`nix-env -qaP --json --meta` on it, in turns with these');
    return [
      evaluated('fdnix', 'evaluate a whole tree'),
      evaluated('fdnix --jobs 1', 'the same with one job'),
      env && times !== null ? [env[0], `${env[1]}: ${times} times as long`] : env,
    ];
  },
  search: result => {
    const of = (...path: string[]) => number(result, ...path);
    const hybrid = [of('hybrid', 'p50'), of('hybrid', 'p95'), of('hybrid', 'queries')];
    const wide = [
      of('vectors', '1024', 'hybridWithoutModel', 'p50'),
      of('vectors', '1024', 'hybridWithoutModel', 'p95'),
    ];
    const scan = [of('vectors', '256', 'scan', 'p50'), of('vectors', '256', 'recallAt10')];
    const others = [of('vectors', '256', 'exactFloat32InJavaScript', 'p50'), of('vectors', '256', 'sqliteVec', 'p50')];
    const nix = [of('nixSearch', 'evaluating', 'seconds'), of('nixSearch', 'cached', 'seconds')];
    const serve = [of('serve', 'queriesPerSecond'), of('serve', 'rssMB')];
    return [
      row(
        'one hybrid query, warm',
        [...hybrid, ...wide],
        () =>
          `${ms(hybrid[0]!)} at the median, ${ms(hybrid[1]!)} at the 95th percentile of ${whole(hybrid[2]!)} queries; with 1,024 dimensions ${ms(wide[0]!)} and ${ms(wide[1]!)}, without embedding them`,
      ),
      row(
        '`nix search` on the same tree',
        nix,
        () => `${seconds(nix[0]!)} while it evaluates, then ${nix[1]} s from its cache`,
      ),
      row(
        'scan of all vectors',
        [...scan, ...others],
        () =>
          `${ms(scan[0]!)}, recall@10 ${scan[1]!.toFixed(3).slice(1)}; exact in JavaScript ${ms(others[0]!)}, sqlite-vec ${ms(others[1]!)}`,
      ),
      row('`fdnix serve`', serve, () => `${whole(serve[0]!)} queries a second on two cores, ${whole(serve[1]!)} MB`),
    ];
  },
};

/** Rows of the table, each with the commit that was measured. */
export function speedRows({ benches }: Pick<Results, 'benches'>): string[][] {
  return Object.entries(ROWS).flatMap(([bench, rows]) => {
    const outcome: Outcome | undefined = benches[bench];
    const measured = outcome?.result ? rows(outcome.result).filter(cells => cells !== null) : [];
    return measured.map(cells => [...cells, `\`${outcome!.commit.slice(0, 7)}\``]);
  });
}

function row(what: string, figures: readonly (number | null)[], text: () => string): Cells | null {
  return figures.some(figure => figure === null) ? null : [what, text()];
}

const known = (figures: readonly (number | null)[]) => figures.filter(figure => figure !== null);
const sum = (figures: readonly (number | null)[]) => known(figures).reduce((a, b) => a + b, 0);
const whole = (value: number) => Math.round(value).toLocaleString('en');
const seconds = (value: number) => `${Math.round(value)} s`;
const ms = (value: number) => `${value.toFixed(1)} ms`;
