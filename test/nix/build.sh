#!/usr/bin/env bash
# Builds the outputs of the flake over the small nixpkgs of the tests, twice, in two stores that share nothing. Compares
# them, checks the images and runs the programs inside them.
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
  "${nix[@]}" path-info --json --recursive "$@" |
    jq -r 'if type == "array" then .[] else to_entries[] | .value + {path: .key} end | "\(.path) \(.narHash)"' | sort
}
readarray -t outputs < "$dir/first"
hashes "${outputs[@]}" > "$dir/first.hashes"
hashes --store "$dir/store" "${outputs[@]}" > "$dir/second.hashes"
diff "$dir/first.hashes" "$dir/second.hashes"
echo "the same NAR hashes: ${#outputs[@]} outputs, $(wc -l < "$dir/first.hashes") paths with what they refer to"

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

# Starts the image as a runtime does: with its user and environment, as process 1, with a root that is read-only except /tmp,
# and in a network with only the loopback device.
inside() { # NAME [VARIABLE=VALUE...] -- COMMAND...
  local name=$1 environment entry; shift
  readarray -t environment < <(jq -r '.config.Env[]' "$dir/$name.config")
  readarray -t entry < <(jq -r '.config.Entrypoint[]' "$dir/$name.config")
  while [ "$1" != -- ]; do environment+=("$1"); shift; done; shift
  exec "${run[@]}" unshare --mount --pid --net --fork --kill-child bash -c '
    root=$1 variables=$2; shift 2
    ip link set lo up
    mkdir -p "$root/proc" "$root/dev"
    mount --bind "$root" "$root"; mount -o remount,bind,ro "$root"
    mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"; mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    if [ -n "${BEFORE:-}" ]; then $BEFORE & sleep 1; fi
    exec env -i "${@:1:variables}" "$(command -v chroot)" --userspec=65532:65532 "$root" "${@:variables + 1}"
  ' _ "$dir/$name.bundle/rootfs" "${#environment[@]}" "${environment[@]}" "${entry[@]}" "$@"
}
# Runs a command in the network of the process that `inside` started. The variable BEFORE has a command to start first.
beside() { "${run[@]}" nsenter --net="/proc/$(pgrep --parent "$pid" | head -1)/ns/net" "$@"; }
# Process 1 stops by itself when it is told to.
stop() {
  local status=0
  kill -TERM "$(pgrep --parent "$pid" | head -1)"
  wait "$pid" || status=$?
  echo "stopped by SIGTERM with status $status"
}

say "the metadata image extracts the nixpkgs inside, without a network"
(inside metadata-generator -- extract --output=-) > "$dir/packages.jsonl" || [ $? = 3 ]
wc -l < "$dir/packages.jsonl"
jq -cen 'first(inputs | select(.packageName == "hello")) | {packageName, version, description}' "$dir/packages.jsonl"

say "the search image serves the index inside"
(inside search -- serve --host 127.0.0.1 --port 8080) & pid=$!
for _ in {1..50}; do beside curl --silent --fail 'http://127.0.0.1:8080/api/v1/search?q=hello&limit=1' > "$dir/hit.json" 2> /dev/null && break; sleep 0.2; done
jq -ce '[.. | .packageName? // empty][0]' "$dir/hit.json"
stop

say "the search image answers Lambda's runtime"
cat > "$dir/runtime.mjs" <<'RUNTIME'
import { createServer } from 'node:http';
const event = { version: '2.0', rawPath: '/api/v1/search', rawQueryString: 'q=hello&limit=1', headers: {}, requestContext: { http: { method: 'GET' } } };
let asked = 0;
createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray()).toString();
  if (request.url.endsWith('/next')) {
    if (asked++ === 0) response.setHeader('lambda-runtime-aws-request-id', 'one').end(JSON.stringify(event));
    return; // and no other event
  }
  response.end();
  console.log(JSON.stringify({ url: request.url, ...JSON.parse(body) }));
}).listen(9001, '127.0.0.1');
RUNTIME
: > "$dir/lambda.json"
export BEFORE="$(jq -r '.config.Entrypoint[0]' "$dir/search.config") $dir/runtime.mjs"
(inside search AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001 -- serve) > "$dir/lambda.json" & pid=$!
for _ in {1..50}; do [ ! -s "$dir/lambda.json" ] || break; sleep 0.2; done
jq -ce 'select(.url | endswith("/one/response")) | {statusCode, packageName: [.body | fromjson | .. | .packageName? // empty][0]}' "$dir/lambda.json"
stop
