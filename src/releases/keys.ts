/**
 * Public keys in minisign's form. This version of fdnix accepts signatures by any of them. A release is signed with one
 * of them. A new key is listed here one release before it signs, so that no version is left behind (docs/releases.md).
 * The list is empty until the project has published its first index; until then `--key` or `FDNIX_RELEASES_KEY` names a
 * key.
 */
export const PINNED: readonly string[] = [];
