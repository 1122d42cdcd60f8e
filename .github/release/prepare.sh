#!/usr/bin/env bash
# The first step towards a new index: moves the revision that is indexed to the newest release of the channel, pins the
# list of programs of that release, moves the modules whose options are indexed, builds the index, compares it with the last one,
# signs it, and puts it into a draft release that nobody sees yet. Then it makes one commit with the lock and the pin, on a
# separate branch. Nothing is public before publish.sh.
#
#   INDEX_SIGNING_KEY   the text of the secret key, without a password
#   GITHUB_REPOSITORY   OWNER/NAME; GITHUB_OUTPUT gets `revision`, `branch` and `commit`, or nothing if nothing has moved
set -euo pipefail
channel=${CHANNEL:-nixos-unstable} channels=${CHANNELS:-https://channels.nixos.org}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

count() { # INDEX
  nix run .#fdnix -- status --index "$(realpath "$1")" --json || [ $? = 1 ] # there is no store here
}

sri() { printf 'sha256-%s' "$(openssl dgst -sha256 -binary "$1" | base64 -w 0)"; }
get() { curl --fail --silent --show-error --location --retry 3 "$@"; }

# The channel leads to the directory of its newest release, which has the commit and the list of programs.
newest=$(get --output "$out/git-revision" --write-out '%{url_effective}' "$channels/$channel/git-revision")
revision=$(cat "$out/git-revision")
[[ $revision =~ ^[0-9a-f]{40}$ ]] || { echo "$newest is no commit" >&2; exit 1; }
if [ "$revision" = "$(jq -er '.nodes."nixpkgs-indexed".locked.rev' flake.lock)" ]; then
  echo "the channel has not moved"
  exit 0
fi

# The current index is fetched if it has been published, else built.
nix build --print-build-logs --out-link "$out/before" .#index
# The input takes the commit of that release. `nix flake update` would take the head of the branch, which may be another one.
nix flake prefetch --json "github:NixOS/nixpkgs/$revision" > "$out/nixpkgs.json"
locked=$(jq --sort-keys --slurpfile nixpkgs "$out/nixpkgs.json" '.nodes."nixpkgs-indexed".locked += ($nixpkgs[0] |
  {lastModified: .locked.lastModified, narHash: .hash, rev: .locked.rev})' flake.lock)
printf '%s\n' "$locked" > flake.lock
nix flake update home-manager nix-darwin
list=${newest%git-revision}nixexprs.tar.xz
get --output "$out/nixexprs.tar.xz" "$list"
lists=$(jq --sort-keys --arg revision "$revision" --arg url "$list" --arg hash "$(sri "$out/nixexprs.tar.xz")" \
  '.[$revision] = {url: $url, hash: $hash}' nix/programs-list.json)
printf '%s\n' "$lists" > nix/programs-list.json
branch=index-${revision:0:12}
nix build --print-build-logs --out-link "$out/after" .#index-from-source

count "$out/before" > "$out/before.json"
count "$out/after" > "$out/after.json"
jq --raw-output --null-input --from-file .github/release/compare.jq \
  --slurpfile before "$out/before.json" --slurpfile after "$out/after.json" > "$out/counts.md"
cat "$out/counts.md"

(umask 077 && printf '%s\n' "$INDEX_SIGNING_KEY" > "$out/key")
mkdir "$out/old" "$out/assets"
# The manifest of the latest release. Before the first release there is none.
if gh release view > /dev/null 2>&1; then gh release download --pattern manifest.json --dir "$out/old"; fi
node tools/release-index.ts "$(realpath "$out/after")" --channel "$channel" --pinned --key "$out/key" \
  --url "https://github.com/$GITHUB_REPOSITORY/releases/download/$branch" \
  --manifest "$out/old/manifest.json" --out "$out/assets" --published nix/published.json
node tools/sbom.ts > "$out/assets/sbom.json"
(cd "$out/assets" && sha256sum -- * > SHA256SUMS)

# An attempt that broke off may have left an incomplete draft.
if gh release view "$branch" > /dev/null 2>&1; then
  [ "$(gh release view "$branch" --json isDraft --jq .isDraft)" = true ] || { echo "$branch is published already" >&2; exit 1; }
  gh release delete "$branch" --yes
fi
gh release create "$branch" --draft --title "Index of nixpkgs ${revision:0:12}" --notes-file "$out/counts.md" "$out"/assets/*

git config user.name 'github-actions[bot]'
git config user.email '41898282+github-actions[bot]@users.noreply.github.com'
git switch --quiet --force-create "$branch"
git commit --quiet --message "flake: index nixpkgs ${revision:0:12}" -- flake.lock nix/published.json nix/programs-list.json
git push --quiet --force origin "$branch"
{
  echo "revision=$revision"
  echo "branch=$branch"
  echo "commit=$(git rev-parse HEAD)"
} >> "$GITHUB_OUTPUT"
mkdir -p assets && cp "$out"/assets/* assets/ # for the attestation
