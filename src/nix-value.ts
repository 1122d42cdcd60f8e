/**
 * An example or default of an option if it is one complete value (its brackets, strings and comments are closed), else
 * null. It gets parentheses if it has a semicolon of its own, as `let` and `with` have.
 */
export function nixValue(text: string): string | null {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed.includes('\0')) return null;
  const shape = readNix(trimmed);
  if (shape === null) return null;
  const ended = shape.comment ? `${trimmed}\n` : trimmed;
  return shape.semicolon ? `(${ended})` : ended;
}

const CLOSES: Record<string, string> = { '{': '}', '[': ']', '(': ')', '${': '}' };

/**
 * Walks over the brackets, strings and comments of a Nix expression. Returns null if one is not closed or was not
 * opened, and if a quote or a comment might belong to an identifier, a path or a URI, which only Nix's whole lexer can
 * tell.
 */
function readNix(text: string): { semicolon: boolean; comment: boolean } | null {
  const open: string[] = []; // what closes each bracket, and `"` or `''` for each string
  let [semicolon, comment] = [false, false];
  for (let at = 0; at < text.length; ) {
    const inside = open.at(-1);
    const rule = inside === '"' ? IN_STRING : inside === "''" ? IN_INDENTED : OUTSIDE;
    rule.lastIndex = at;
    const [sign] = rule.exec(text)!;
    const begins = at === 0 || /[\s[({;]/.test(text[at - 1]!);
    at += sign.length;
    comment = false;
    if (rule !== OUTSIDE) {
      if (sign === inside) open.pop();
      else if (sign === '${') open.push('}');
    } else if (sign in CLOSES) open.push(CLOSES[sign]!);
    else if (sign === '"') open.push(sign);
    else if (/^[\])}]$/.test(sign)) {
      if (open.pop() !== sign) return null;
    } else if (sign === ';') semicolon ||= open.length === 0;
    else if (sign === '#') {
      comment = true;
      while (at < text.length && !/[\r\n]/.test(text[at]!)) at++;
    } else if (sign === "''" || sign === '/*') {
      if (!begins) return null;
      const end = text.indexOf('*/', at);
      if (sign === "''") open.push(sign);
      else if (end < 0) return null;
      else at = end + 2;
    } else if (sign === "'" || NO_TEXT.test(sign)) return null;
  }
  return open.length === 0 ? { semicolon, comment } : null;
}
/** What nixpkgs' `lib.generators.toPretty` writes for a value that has no text in Nix. */
const NO_TEXT = /<(?:derivation |function\b|primop\b)/;
/** One token at a place, as far as brackets, strings and comments are concerned. */
const OUTSIDE = /\$\{|''|\/\*|[[\](){}"#;]|[^$'/[\](){}"#;]+|./suy;
const IN_STRING = /\$\{|"|\\.|\$\$|[^$"\\]+|./suy;
const IN_INDENTED = /\$\{|''(?:\$|'|\\.)|''|\$\$|[^$']+|./suy;
