#!/usr/bin/env bash
# The second step, on a machine of another architecture that has the commit of prepare.sh: builds the index anew and compares
# its hash with the pin, then the draft's asset with the pin as well. BRANCH is the name of the release.
set -euo pipefail
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
sri() { printf 'sha256-%s' "$(openssl dgst -sha256 -binary "$1" | base64 -w 0)"; }

revision=$(jq -er '.nodes."nixpkgs-indexed".locked.rev' flake.lock)
pin() { jq -er --arg revision "$revision" --arg field "$1" '.[$revision][$field]' nix/published.json; }

nix build --print-build-logs --out-link "$out/index" .#index-from-source
built=$(sri "$(realpath "$out/index")")
[ "$built" = "$(pin unpackedHash)" ] || { echo "built here: $built; pinned: $(pin unpackedHash)" >&2; exit 1; }

asset=$(basename "$(pin url)")
gh release download "$BRANCH" --pattern "$asset" --dir "$out"
[ "$(sri "$out/$asset")" = "$(pin hash)" ] || { echo "$asset in the draft is not what is pinned" >&2; exit 1; }
echo "$revision: built again on $(uname -m), the same bytes: $built"
