#!/usr/bin/env bash
# Builds what the flake makes over the small nixpkgs of the tests, twice, in two stores that share nothing, compares, looks
# into the images and runs the programs inside them.
#
#   test/nix/build.sh [DIR]                    results and the second store go below DIR (default: a temporary directory)
#
#   NIX                 the command to call as nix, with prefix and flags if need be (default: nix)
#   NIXPKGS_OVERRIDE    a flake reference in place of the locked nixpkgs: path:/nix/store/…-source?narHash=…
#   RUN                 prefix for skopeo, umoci and unshare, where they live elsewhere (default: none)
#
# Needs root (for the container's user), skopeo and umoci. Without a cache the second store builds everything again.
set -euo pipefail
cd "$(dirname "$0")/../.."
dir=$(realpath -m "${1:-$(mktemp -d)}"); mkdir -p "$dir"
read -ra nix <<< "${NIX:-nix}"
read -ra run <<< "${RUN:-}"
overrides=()
if [ -n "${NIXPKGS_OVERRIDE:-}" ]; then
  overrides=(--override-input nixpkgs "$NIXPKGS_OVERRIDE" --override-input nixpkgs-indexed "$NIXPKGS_OVERRIDE" --no-write-lock-file)
fi
read -r system version <<< "$("${nix[@]}" eval --raw --impure --expr 'builtins.currentSystem + " " + builtins.nixVersion')"
what=(fdnix extract embed index images smoke)
attributes=("${what[@]/#/.#checks.$system.}")
say() { printf '\n== %s\n' "$*"; }

say "built by Nix $version for $system, in its own store"
time "${nix[@]}" build "${overrides[@]}" --no-link --print-out-paths "${attributes[@]}" | sort > "$dir/first"
cat "$dir/first"

say "built again in an empty store"
rm -rf "$dir/store"
time "${nix[@]}" build "${overrides[@]}" --store "$dir/store" --no-link --print-out-paths "${attributes[@]}" | sort > "$dir/second"
cmp "$dir/first" "$dir/second"
# Nix before 2.19 prints a list, later ones an object.
hashes() {
  "${nix[@]}" path-info --json "$@" |
    jq -r 'if type == "array" then .[] else to_entries[] | .value + {path: .key} end | "\(.path) \(.narHash)"' | sort
}
readarray -t outputs < "$dir/first"
hashes "${outputs[@]}" > "$dir/first.hashes"
hashes --store "$dir/store" "${outputs[@]}" > "$dir/second.hashes"
diff "$dir/first.hashes" "$dir/second.hashes"
echo "the same NAR hashes: $(wc -l < "$dir/first.hashes") outputs"

say "images"
images=$(grep -- '-fdnix-images$' "$dir/first")
for name in metadata-generator embedding-generator search; do
  archive=$images/$name-image.tar.gz
  layout=$dir/$name; rm -rf "$layout" "$layout.bundle"
  "${run[@]}" skopeo --insecure-policy copy --quiet "docker-archive:$archive" "oci:$layout:latest"
  "${run[@]}" skopeo inspect --config "oci:$layout:latest" > "$layout.config"
  "${run[@]}" skopeo inspect "oci:$layout:latest" > "$layout.inspect"
  "${run[@]}" umoci unpack --image "$layout:latest" "$layout.bundle" 2>/dev/null
  jq -r --slurpfile inspected "$layout.inspect" '
    "\($inspected[0].Digest)  \($inspected[0].LayersData | length) layers, \($inspected[0].LayersData | map(.Size) | add / 1e6 | round) MB compressed",
    "  user \(.config.User), entry point \(.config.Entrypoint | map(split("/") | last) | join(" ")) \(.config.Cmd | join(" "))",
    "  \(.config.Labels | tojson)"' "$layout.config"
  jq -e '.config.User == "65532:65532" and .created == "1970-01-01T00:00:01Z"
    and (.config.Labels | has("org.opencontainers.image.revision") and has("org.opencontainers.image.source"))
    and ([.history[].comment // "" | select(test("nodejs-slim|fdnix-programs"))] | length == 2)' "$layout.config" > /dev/null
done

# The image as a runtime starts it: its user and environment, process 1, root read-only but for /tmp, no network.
inside() { # NAME COMMAND...
  local name=$1; shift
  local environment entry
  readarray -t environment < <(jq -r '.config.Env[]' "$dir/$name.config")
  readarray -t entry < <(jq -r '.config.Entrypoint[]' "$dir/$name.config")
  "${run[@]}" unshare --mount --pid --net --fork --kill-child bash -c '
    root=$1 variables=$2; shift 2
    mkdir -p "$root/proc" "$root/dev"
    mount --bind "$root" "$root"; mount -o remount,bind,ro "$root"
    mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"; mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    exec env -i "${@:1:variables}" "$(command -v chroot)" --userspec=65532:65532 "$root" "${@:variables + 1}"
  ' _ "$dir/$name.bundle/rootfs" "${#environment[@]}" "${environment[@]}" "${entry[@]}" "$@"
}

say "the metadata image extracts the nixpkgs inside, without a network"
inside metadata-generator extract --output - > "$dir/packages.jsonl" || [ $? = 3 ]
wc -l "$dir/packages.jsonl"; head -c 200 "$dir/packages.jsonl"; echo
say "the search image answers"
inside search search hello --limit 3
