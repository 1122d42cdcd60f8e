/** True in CI: every case of what takes minutes. Elsewhere a sample of them, so that a change is tested in three. */
export const ALL = process.env.FDNIX_TEST_ALL === '1';

/** All of the cases or, outside CI, every `nth`; says how many of `what` are left out. */
export function sampled<T>(cases: readonly T[], nth: number, what = 'cases'): readonly T[] {
  const taken = ALL ? cases : cases.filter((_, i) => i % nth === 0);
  if (taken.length < cases.length)
    console.log(`note: ${taken.length} of ${cases.length} ${what}, all of them with FDNIX_TEST_ALL=1, as in CI`);
  return taken;
}
