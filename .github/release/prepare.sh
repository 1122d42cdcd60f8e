#!/usr/bin/env bash
# The first step towards a new index: moves the revision that is indexed, builds its index, compares it with the last one,
# signs it, and puts it into a draft release that nobody sees yet. Then it makes one commit with the lock and the pin, on a
# separate branch. Nothing is public before publish.sh.
#
#   INDEX_SIGNING_KEY   the text of the secret key, without a password
#   GITHUB_REPOSITORY   OWNER/NAME; GITHUB_OUTPUT gets `revision`, `branch` and `commit`, or nothing if nothing has moved
set -euo pipefail
channel=${CHANNEL:-nixos-unstable}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

count() { # INDEX
  nix run .#fdnix -- status --index "$(realpath "$1")" --json || [ $? = 1 ] # there is no store here
}

# The current index is fetched if it has been published, else built.
nix build --print-build-logs --out-link "$out/before" .#index
nix flake update nixpkgs-indexed
if git diff --quiet flake.lock; then
  echo "the channel has not moved"
  exit 0
fi
revision=$(jq -er '.nodes."nixpkgs-indexed".locked.rev' flake.lock)
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
git commit --quiet --message "flake: index nixpkgs ${revision:0:12}" -- flake.lock nix/published.json
git push --quiet --force origin "$branch"
{
  echo "revision=$revision"
  echo "branch=$branch"
  echo "commit=$(git rev-parse HEAD)"
} >> "$GITHUB_OUTPUT"
mkdir -p assets && cp "$out"/assets/* assets/ # for the attestation
