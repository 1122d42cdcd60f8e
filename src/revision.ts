/** Whether a revision is a commit of nixpkgs: a whole hash, or the beginning of one as in the names of channels. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$|^[0-9a-f]{11,12}$/.test(revision);
}

/** The beginning of the commit in the name of a channel's release, as in `nixos-26.11pre123456.abcdef012345`. */
export function commitIn(address: string): string | null {
  return /(?:^|\/)(?:nixos|nixpkgs)-[\w.-]*?\d\.([0-9a-f]{11,12})(?=[/.?]|$)/.exec(address)?.[1] ?? null;
}

/** A revision for people. One that is known only by its contents, such as a file of unknown origin, has no name. */
export function revisionName(revision: string): string {
  const [, version, hash] = /^(?:(.+)-)?(sha256-[0-9a-f]+)$/.exec(revision) ?? [];
  if (hash === undefined) return revision;
  return `${version === undefined ? '' : `${version}, `}unknown revision`;
}
