/** How many characters of foreign output are kept: enough for Nix's own message at the end. */
const KEPT = 1 << 16;

/**
 * Separates the lines with a prefix from all others in a stream of text. `hear` gets the text after the prefix. Of the
 * other lines only the end is kept. Time is linear in the text and memory is bounded, however much a package prints and
 * however long its lines are.
 */
export function createEar(prefix: string, hear: (text: string) => void) {
  let line: string[] = [];
  let length = 0;
  let head = '';
  let others = '';

  const keep = (text: string) => {
    others += text;
    if (others.length > 8 * KEPT) others = others.slice(-KEPT);
  };
  const add = (part: string) => {
    if (part === '') return;
    line.push(part);
    length += part.length;
    if (head.length < prefix.length) head = (head + part).slice(0, prefix.length);
    // A line that is not ours may never end.
    if (length <= KEPT || head === prefix) return;
    keep(line.join(''));
    line = [];
    length = 0;
  };

  return {
    push(chunk: string): void {
      let from = 0;
      for (let end = chunk.indexOf('\n'); end >= 0; end = chunk.indexOf('\n', from)) {
        add(chunk.slice(from, end));
        const whole = line.join('');
        const ours = head === prefix;
        line = [];
        length = 0;
        head = '';
        from = end + 1;
        if (ours) hear(whole.slice(prefix.length));
        else keep(`${whole}\n`);
      }
      add(chunk.slice(from));
    },
    /** The end of all other output, at most {@link KEPT} characters. */
    others: () => (others + line.join('')).slice(-KEPT),
  };
}
