/** Numbers and texts that parsers get wrong. */
const VALUES: readonly unknown[] = [
  ...[null, true, 0, -1, 1.5, 2 ** 31, 2 ** 53, -(2 ** 31), 1e308, '', ' ', '\0', '__proto__', 'constructor'],
  ...['a'.repeat(5000), '\ud800', '\u202e', '../../x', '${x}', '"', '1e999', [], {}, [[]], [null], { a: null }],
];
const BYTES: readonly Buffer[] = ['\0', '\xff\xff\xff\xff', '\x7f\xff\xff\xff', '"', '{', ']', '\n', '\r\n', '%', '\x1b['].map(
  text => Buffer.from(text, 'latin1'),
); // biome-ignore format: one list

type Next = () => number;
const below = (next: Next, end: number) => Math.floor(next() * end);
const pick = <T>(next: Next, values: readonly T[]): T => values[below(next, values.length)]!;

/** Bytes with one to eight of them flipped, cut out, doubled, overwritten or put in. */
export function mutateBytes(bytes: Buffer, next: Next): Buffer {
  let result = Buffer.from(bytes);
  for (let n = 1 + below(next, 8); n > 0; n--) {
    const at = below(next, result.length + 1);
    const length = below(next, Math.min(64, result.length - at) + 1);
    const [before, piece, after] = [
      result.subarray(0, at),
      result.subarray(at, at + length),
      result.subarray(at + length),
    ];
    switch (below(next, 6)) {
      case 0:
        if (at < result.length) result[at]! ^= 1 << below(next, 8);
        break;
      case 1:
        result = Buffer.concat([before, after]);
        break;
      case 2:
        result = Buffer.concat([before, piece, piece, after]);
        break;
      case 3:
        result = Buffer.concat([before, pick(next, BYTES), after]);
        break;
      case 4:
        result = Buffer.concat([before, pick(next, BYTES), result.subarray(Math.min(result.length, at + 4))]);
        break;
      default:
        if (below(next, 4) === 0) result = Buffer.from(before);
    }
  }
  return result;
}

/** The same JSON with one to three of its values replaced, removed or doubled; text that is none as bytes. */
export function mutateJson(bytes: Buffer, next: Next): Buffer {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    return mutateBytes(bytes, next);
  }
  const root = { value };
  for (let n = 1 + below(next, 3); n > 0; n--) {
    const places: [Record<string, unknown>, string][] = [];
    const visit = (node: Record<string, unknown>) => {
      for (const [key, child] of Object.entries(node)) {
        places.push([node, key]);
        if (typeof child === 'object' && child !== null) visit(child as Record<string, unknown>);
      }
    };
    visit(root);
    if (places.length === 0) break;
    const [parent, key] = pick(next, places);
    const action = below(next, 5);
    if (action === 0) delete parent[key];
    else if (action === 1) parent[key] = [parent[key], structuredClone(parent[key])];
    else if (action === 2 && !Array.isArray(parent)) parent[String(pick(next, VALUES))] = structuredClone(parent[key]);
    else parent[key] = structuredClone(pick(next, VALUES));
  }
  return Buffer.from(JSON.stringify(root.value) ?? '');
}

/** Lines of JSON: one of them changed, lost, doubled or out of place. */
export function mutateLines(bytes: Buffer, next: Next): Buffer {
  const lines = bytes.toString().split('\n');
  const at = below(next, lines.length);
  const action = below(next, 4);
  if (action === 0) lines.splice(at, 1);
  else if (action === 1) lines.splice(below(next, lines.length), 0, lines[at]!);
  else lines[at] = (action === 2 ? mutateJson : mutateBytes)(Buffer.from(lines[at]!), next).toString();
  return Buffer.from(lines.join('\n'));
}
