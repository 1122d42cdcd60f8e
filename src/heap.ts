import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 collect garbage before it asks for more memory, for streams that hold little and drop much. By default an
 * unchanged extraction out of DynamoDB needs 181 MB for 10,000 packages and 317 MB for 115,000, of which 134 MB are
 * new space that grew because there was room; with this 159 and 180 MB, for 15 to 20 % more CPU.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=50');
}
