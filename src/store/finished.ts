import { Refused } from '../errors.ts';
import type { Store } from './store.ts';

/**
 * Refuses a store whose extraction is unfinished, because it holds a mixture of two revisions. With `run`, the
 * extraction that finished last must be that execution's own, because another one may have changed the store meanwhile.
 */
export async function demandFinished(store: Store, run: string | null, signal?: AbortSignal): Promise<void> {
  const begun = [await store.beginning('extract', signal), await store.beginning('options', signal)];
  for (const one of begun)
    if (one && !one.isFinished)
      throw new Refused(
        `${store.name} is unfinished: the extraction of ${one.revision} that began at ${one.started} did not come to its end. Run 'fdnix extract' again first`,
      );
  if (run !== null && !begun.some(one => one?.run === run))
    throw new Refused(
      `${store.name} was last extracted into by ${begun[0]?.run ?? 'another run'}, not by ${run}: does something else extract into it? Start again with the extraction`,
    );
}
