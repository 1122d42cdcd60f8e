#!/usr/bin/env bash
# Releases VERSION with everything in assets/, and proposes the pin of the programs' tarball, which is public by then:
# programs.sh VERSION TARBALL. The pin's key is a hash of the sources, which the commit with the pin does not change.
set -euo pipefail
version=$1 tarball=$2
sri() { printf 'sha256-%s' "$(openssl dgst -sha256 -binary "$1" | base64 -w 0)"; }

gh release create "v$version" --verify-tag --latest=false --title "fdnix $version" --notes "See CHANGELOG.md." assets/*

key=$(nix eval --raw .#programs-from-source.key)
unpacked=$(nix hash path "$(nix build --no-link --print-out-paths .#programs-from-source)")
url=https://github.com/$GITHUB_REPOSITORY/releases/download/v$version/$(basename "$tarball")
pins=$(jq --sort-keys --arg key "$key" --arg url "$url" --arg hash "$(sri "$tarball")" --arg unpacked "$unpacked" \
  '.[$key] = {url: $url, hash: $hash, unpackedHash: $unpacked}' nix/published-programs.json)
printf '%s\n' "$pins" > nix/published-programs.json

branch=programs-$version
git config user.name 'github-actions[bot]'
git config user.email '41898282+github-actions[bot]@users.noreply.github.com'
git switch --quiet --force-create "$branch"
git commit --quiet --message "flake: the programs of $version" -- nix/published-programs.json
git push --quiet --force origin "$branch"
gh pr create --head "$branch" --base main --title "The programs of $version, fetched" --body "The tarball is part of the release."
