/**
 * True in CI, where every case runs. Elsewhere long tests run a sample of their cases, so that all take three minutes.
 */
export const ALL = process.env.FDNIX_TEST_ALL === '1';

/** All cases or, outside CI, every `nth` case. Prints how many of `what` run. */
export function sampled<T>(cases: readonly T[], nth: number, what = 'cases'): readonly T[] {
  const taken = ALL ? cases : cases.filter((_, i) => i % nth === 0);
  if (taken.length < cases.length)
    console.log(`note: ${taken.length} of ${cases.length} ${what}, all of them with FDNIX_TEST_ALL=1, as in CI`);
  return taken;
}
