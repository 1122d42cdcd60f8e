/**
 * The public keys, as minisign prints them, whose signatures this version of fdnix believes. A release is signed with one of
 * them; a new key is listed here one release before it signs, so that nobody is left behind (docs/releases.md). The list
 * is empty until the project has published its first index: until then `--key` or `FDNIX_RELEASES_KEY` names one.
 */
export const PINNED: readonly string[] = [];
