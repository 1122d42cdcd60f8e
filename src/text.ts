// Whole CSI and OSC sequences, so that no `[31m` stays behind. Malformed ones are left to CONTROLS below. Both halves
// stop at the next escape, so a megabyte of unfinished sequences costs one pass.
const SEQUENCES = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)/g;

// C0 except white space, DEL and C1; bidirectional marks, embeddings, overrides and isolates (CVE-2021-42574);
// invisible operators and fillers, annotations and tags. Joiners (U+200C, U+200D) stay, because Persian, Hindi and
// emoji need them.
const CONTROLS =
  /[\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/**
 * Untrusted text as one harmless line, without terminal escapes, control, bidirectional and invisible characters, and
 * lone surrogates. Line breaks and tabs become spaces. Linear in the length of the text.
 */
export function forTerminal(text: string): string {
  return forTerminalLines(text).replace(/[\n\t]+/g, ' ');
}

/**
 * A message without the secrets in the addresses that it names: users and passwords of URLs, and the values of
 * parameters whose names say that they are credentials.
 */
export function withoutSecrets(message: string): string {
  return message
    .replace(/\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#@]*@/gi, '$1***@')
    .replace(
      /([?&][\w-]{0,40}(?:token|secret|password|passwd|signature|credential|api[_-]?key)[\w-]{0,40}=)[^&\s#]+/gi,
      '$1***',
    );
}

/** The same for a text of several lines. Line breaks (as `\n`) and tabs are kept. */
export function forTerminalLines(text: string): string {
  return text
    .toWellFormed()
    .replace(SEQUENCES, '')
    .replace(/\r\n?|[\v\f\x85\u2028\u2029]/g, '\n')
    .replace(CONTROLS, '');
}
