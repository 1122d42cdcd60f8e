/**
 * Finds line numbers in a large generated file (hackage-packages.nix has 16 MB) in one pass, because Nix would read the
 * file again for every package. It knows literals such as `pname = "…"` and `version = "…"`, and the definitions around
 * each of them.
 */
/** nixpkgs takes the position of one of these attributes as that of the package. The builder decides which one. */
export const POSITION_ATTRS = ['description', 'version', 'pname', 'name'] as const;
const WANTED = new Set<string>(POSITION_ATTRS);

interface Definition {
  line: number;
  /** The names of the definitions around it, outermost first, such as `['alexandria']`. */
  within: string[];
  /** The number of the attribute set that it stands in. */
  set: number;
}

export interface Definitions {
  /**
   * The line of `attr = "value"` that belongs to a package called `name` in its set, or null if the text does not
   * settle it (computed values, aliases, ambiguity). With `pname`, the package may also be defined under another name.
   */
  line(attr: string, value: string, name: string, pname: string | null): number | null;
}

/** Reads Nix source. It never throws: text that is not Nix gives fewer lines or none. */
export function readDefinitions(source: string): Definitions {
  const literals = new Map<string, Definition[]>();
  const pnames = new Map<number, string>();
  scan(source, (attr, value, definition) => {
    push(literals, `${attr}=${value}`, definition);
    if (attr === 'pname') pnames.set(definition.set, value);
  });
  // Thousands of packages may share a version. Each value gets an index of its own when it is first looked up.
  const indexes = new Map<string, ReturnType<typeof indexDefinitions>>();
  return {
    line(attr, value, name, pname) {
      const key = `${attr}=${value}`;
      const found = literals.get(key) ?? [];
      if (attr === 'description' && found.length === 1 && pname !== null) return found[0]!.line;
      let index = indexes.get(key);
      if (!index) {
        index = indexDefinitions(found, pnames);
        indexes.set(key, index);
      }
      const { innermost, around, siblings } = index;
      const single = (candidates: Definition[] | undefined) => (candidates?.length === 1 ? candidates[0]!.line : null);
      if (pname === null) return single(innermost.get(name));
      // A builder may have put something before the name: perl5.42.0-Moose, sbcl-alexandria.
      const endings = [...pname.matchAll(/(?<=^|-)/g)].map(({ index }) => pname.slice(index));
      return (
        single(innermost.get(name)) ??
        single(around.get(name)) ??
        single(endings.flatMap(ending => siblings.get(ending) ?? []))
      );
    },
  };
}

/** Equal literals: by the definition right around them, by any definition around them, and by the pname beside them. */
function indexDefinitions(found: readonly Definition[], pnames: ReadonlyMap<number, string>) {
  const [innermost, around, siblings] = [1, 2, 3].map(() => new Map<string, Definition[]>());
  for (const definition of found) {
    const { within, set } = definition;
    if (within.length > 0) push(innermost!, within.at(-1)!, definition);
    for (const name of new Set(within)) push(around!, name, definition);
    if (pnames.has(set)) push(siblings!, pnames.get(set)!, definition);
  }
  return { innermost: innermost!, around: around!, siblings: siblings! };
}

function push<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
}

interface Frame {
  close: string;
  name: string | null;
  set: number;
}

const SPACE = /[ \n]*(?:(?:\s+|#[^\n]*|\/\*[\s\S]*?\*\/)+)?/y;
const WORD = /[A-Za-z_][\w'-]*/y;

function scan(source: string, literal: (attr: string, value: string, definition: Definition) => void): void {
  const frames: Frame[] = [{ close: '', name: null, set: 0 }];
  let sets = 0;
  let line = 1;
  let counted = 0;
  let at = 0;

  const lineAt = (offset: number): number => {
    for (let next = source.indexOf('\n', counted); next !== -1 && next < offset; next = source.indexOf('\n', counted)) {
      line++;
      counted = next + 1;
    }
    return line;
  };
  const skip = (pattern: RegExp, from: number): number => {
    pattern.lastIndex = from;
    return pattern.test(source) ? pattern.lastIndex : from;
  };
  /** Reads `a."b".c` at `at`, and the character after it. */
  const attrPath = (): { last: string; end: number } | null => {
    for (let end = at; ; end++) {
      const start = end;
      end = source[start] === '"' ? endOfString(source, start) : skip(WORD, start);
      if (end === start) return null;
      const last = source[start] === '"' ? unescapeString(source.slice(start + 1, end - 1)) : source.slice(start, end);
      if (source[end] === '.' && source[end + 1] !== '.') continue;
      return { last, end };
    }
  };

  while (at < source.length) {
    at = skip(SPACE, at);
    const char = source[at];
    const frame = frames.at(-1)!;
    if (char === undefined) return;
    if (char === '"' || isLetter(char)) {
      const start = at;
      const path = attrPath();
      at = path?.end ?? (char === '"' ? endOfString(source, at) : skip(WORD, at));
      const word = source.slice(start, at);
      if (word === 'let') frames.push({ close: 'in', name: null, set: frame.set });
      else if (word === 'in' && frame.close === 'in') frames.pop();
      const equals = skip(SPACE, at);
      if (path === null || source[equals] !== '=' || source[equals + 1] === '=') continue;
      at = skip(SPACE, equals + 1);
      if (WANTED.has(path.last) && source[at] === '"') {
        const end = endOfString(source, at);
        const text = source.slice(at + 1, end - 1);
        if (source[skip(SPACE, end)] === ';' && !/(?<!\\)\$\{/.test(text)) {
          const within = frames.map(outer => outer.name).filter(name => name !== null);
          literal(path.last, unescapeString(text), { line: lineAt(start), within, set: frame.set });
        }
        at = end;
      }
      frame.name = path.last;
    } else if (char === "'" && source[at + 1] === "'") at = endOfIndented(source, at);
    else {
      at++;
      if (char === '{') frames.push({ close: '}', name: null, set: ++sets });
      else if (char === ';') frame.name = null;
      else if (char === '}') {
        while (frames.length > 1 && frames.pop()!.close !== '}');
      }
    }
  }
}

const PLAIN = /(?:[^"\\$]|\\[\s\S]|\$(?!\{))*/y;

/** The offset after the string that begins at `start`. */
function endOfString(source: string, start: number): number {
  for (let at = start + 1; ; ) {
    PLAIN.lastIndex = at;
    PLAIN.test(source);
    at = PLAIN.lastIndex;
    if (source[at] !== '$') return Math.min(at + 1, source.length);
    at = endOfInterpolation(source, at + 2);
  }
}

/** The same for ''…'', in which ''', ''$ and ''\ are escapes. */
function endOfIndented(source: string, start: number): number {
  for (let at = start + 2; at < source.length; at++) {
    if (source.startsWith("''", at)) {
      const next = source[at + 2];
      if (next === "'" || next === '$') at += 2;
      else if (next === '\\') at += 3;
      else return at + 2;
    } else if (source.startsWith('${', at)) at = endOfInterpolation(source, at + 2) - 1;
  }
  return source.length;
}

function endOfInterpolation(source: string, start: number): number {
  let depth = 1;
  let at = start;
  while (at < source.length && depth > 0) {
    if (source[at] === '"') at = endOfString(source, at);
    else if (source.startsWith("''", at)) at = endOfIndented(source, at);
    else {
      if (source[at] === '{') depth++;
      else if (source[at] === '}') depth--;
      at++;
    }
  }
  return at;
}

function isLetter(char: string): boolean {
  return (char >= 'a' && char <= 'z') || (char >= 'A' && char <= 'Z') || char === '_';
}

function unescapeString(text: string): string {
  return text.replace(/\\([\s\S])/g, (_, char: string) => ({ n: '\n', r: '\r', t: '\t' })[char] ?? char);
}
