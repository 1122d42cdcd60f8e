/**
 * Headers of the page. `etag` identifies this page and is not a header itself. Only the page's own inline script and
 * style may run, which are named by their digests, and the page may connect only to its own origin.
 */
export async function headersOfPage(page: string): Promise<Record<string, string>> {
  const digests = async (tag: string) => {
    const elements = page.matchAll(new RegExp(`<${tag}[^>]*>([^]*?)</${tag}>`, 'g'));
    const sums = await Promise.all([...elements].map(([, text]) => digestOf(text!)));
    return sums.map(sum => `'sha256-${sum}'`).join(' ');
  };
  const policy = [
    "default-src 'none'",
    `script-src ${await digests('script')}`,
    `style-src ${await digests('style')}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ];
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy.join('; '),
    'cross-origin-opener-policy': 'same-origin',
    'cache-control': 'no-cache',
    etag: (await digestOf(page)).slice(0, 22).replace(/[+/]/g, '_'),
  };
}

/** The SHA-256 of a text, in Base64. */
export async function digestOf(text: string): Promise<string> {
  const sum = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return btoa(String.fromCharCode(...new Uint8Array(sum)));
}
