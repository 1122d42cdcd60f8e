import { environment, now } from '../../config.ts';
import { EXIT } from '../../errors.ts';
import { ageInDays } from '../../index/age.ts';
import { isCommit } from '../../revision.ts';
import type { Search } from '../../search/open.ts';
import { command } from '../command.ts';
import type { Detail } from '../detail.ts';
import { openIndexed } from '../open.ts';
import { detailOf } from '../show.ts';
import { perform } from './actions.ts';
import { openScreen } from './screen.ts';
import { type Effect, EMPTY, type Key, press, type State } from './state.ts';
import { draw, listRows } from './view.ts';

/** How many hits one can scroll through. */
const LIMIT = 50;

/** `fdnix` alone: shows hits as you type and the details of one; keys run, try, copy and open it. */
export default command({
  usage: '$0',
  options: {},
  examples: [],
  async run(args, { config, signal }) {
    const search = await openIndexed(args, config);
    const screen = openScreen(process.stdin, process.stdout);
    try {
      screen.enter();
      return await converse(search, screen, signal);
    } finally {
      screen.close();
      await search.close();
    }
  },
});

/** Runs until the user leaves. Returns the exit status. */
function converse(search: Search, screen: ReturnType<typeof openScreen>, signal: AbortSignal): Promise<number> {
  const color = !environment().noColor;
  const about = aboutIndex(search);
  let state: State = EMPTY;
  let detail: Detail | null = null;
  let searching: Promise<void> | null = null;
  let acting = false;

  const show = () => {
    const hit = state.hits[state.chosen];
    if (hit?.packageName !== detail?.package.packageName) detail = hit ? detailOf(search, hit.packageName) : null;
    screen.show(draw(state, detail, about, screen.size, color));
  };
  /** One search runs at a time, and the last query is always searched. Keys that arrive together cause one search. */
  const refresh = async () => {
    await new Promise(setImmediate);
    for (let asked: string | null = null; asked !== state.query; ) {
      asked = state.query;
      const hits = asked.trim() === '' ? [] : await search.search(asked, { limit: LIMIT });
      if (asked === state.query) state = { ...state, hits, chosen: 0, scroll: 0 };
    }
    searching = null;
    show();
  };

  return new Promise((resolve, reject) => {
    const on = (effect: Effect) => {
      if (effect === 'quit') return resolve(EXIT.ok);
      if (effect === 'interrupt') return resolve(EXIT.interrupted);
      if (effect === 'suspend') return suspend();
      if (!detail || acting) return;
      acting = true;
      perform(effect, detail, screen)
        .then(message => {
          acting = false;
          state = { ...state, message };
          show();
        })
        .catch(reject);
    };
    /** After Ctrl-Z the shell has the terminal until `fg`. */
    const suspend = () => {
      screen.leave();
      process.once('SIGCONT', () => {
        screen.enter();
        show();
      });
      process.kill(0, 'SIGTSTP');
    };
    const onKey = (key: Key) => {
      if (acting) return;
      const { query } = state;
      const pressed = press(state, key, listRows(screen.size));
      state = pressed.state;
      show();
      if (pressed.effect) on(pressed.effect);
      if (state.query !== query) {
        searching ??= refresh();
        searching.catch(reject);
      }
    };
    screen.listen(onKey, show);
    signal.addEventListener('abort', () => resolve(EXIT.interrupted), { once: true });
    show();
  });
}

function aboutIndex({ info }: Search): string {
  const days = ageInDays(info.created, now());
  const age = days === null || days < 1 ? '' : `, ${days} day${days === 1 ? '' : 's'} old`;
  const revision = isCommit(info.revision) ? info.revision.slice(0, 12) : 'unknown revision';
  const options = info.options > 0 ? ` and ${info.options} options` : '';
  return `${info.packages} packages${options} of nixpkgs, ${revision}${age}`;
}
