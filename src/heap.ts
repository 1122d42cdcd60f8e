import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Both halves of V8's new space together, in bytes. A quarter of its default costs no CPU; an eighth costs a tenth. */
const NEW_SPACE = 32 << 20;

/**
 * Has V8 collect garbage before it asks for more memory, for streams that hold little and drop much: by default new space
 * doubles to 128 MiB while there is room. An unchanged extraction from DynamoDB had 163 MB for 10,000 packages and 307 MB
 * for 115,000; with this 163 and 165 MB, in the same time.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--heap-growing-percent=100');
  // The size that new space stops at can only be given when the process starts; whether it grows, at any time.
  const timer = setInterval(() => {
    const newSpace = getHeapSpaceStatistics().find(space => space.space_name === 'new_space');
    if (newSpace && newSpace.space_size < NEW_SPACE) return;
    setFlagsFromString('--semi-space-growth-factor=1');
    clearInterval(timer);
  }, 20).unref();
}
