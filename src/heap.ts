import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Both halves of V8's new space together, in bytes: 1 MiB each cost a third more CPU, 8 MiB each a twentieth. */
const NEW_SPACE = 16 << 20;

/**
 * Has V8 collect garbage before it asks for more memory, for streams that hold little and drop much: by default new space
 * doubles to 128 MiB while there is room, and old space to several times of what is in use.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--heap-growing-percent=50');
  // The size that new space stops at can only be given when the process starts; that it grows, at any time.
  const timer = setInterval(() => {
    const newSpace = getHeapSpaceStatistics().find(space => space.space_name === 'new_space');
    if (newSpace && newSpace.space_size < NEW_SPACE) return;
    setFlagsFromString('--semi-space-growth-factor=1');
    clearInterval(timer);
  }, 20).unref();
}
