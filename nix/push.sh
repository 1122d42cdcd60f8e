# Copies images to a registry. IMAGES lists them, one a line: the name, then a program that writes the image as a tar.
# Each image gets a tag made from its contents (VERSION-DIGEST), so a tag never means two images, and a registry with
# immutable tags accepts every push. An image that is already there is not sent again.

usage() {
  cat << 'END'
usage: nix run .#push -- [--login] REPO [TAG] > images.json
  REPO     a registry and path such as ghcr.io/me, or oci:DIR for a local layout
  TAG      one more tag for each image; the first is the version and the start of the digest
  --login  log in to the registry of an AWS account (ACCOUNT.dkr.ecr.REGION.amazonaws.com) with the credentials of awscli
prints   {"NAME": {"digest", "tag", "architecture", "revision"}, …}, which 'deploy --images' takes
END
}

# Exit statuses are those of every command: 2 wrong usage, 4 refused, 5 broken off.
fail() {
  echo "push: $2" >&2
  exit "$1"
}

login=
[ "${1-}" != --login ] || { login=1; shift; }
case "${1-}" in
  -h | --help) usage; exit 0 ;;
  "" | -*) usage >&2; exit 2 ;;
  oci:*) directory=${1#oci:} ;;
  *) directory='' ;;
esac
[ $# -le 2 ] || { usage >&2; exit 2; }
repo=$1
alias=${2-}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if [ -n "$login" ]; then
  host=${repo%%/*}
  # Any other host must not get these credentials.
  [[ $host =~ ^[0-9]{12}\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?$ ]] ||
    fail 2 "--login is for the registry of an AWS account: for $host use 'skopeo login'"
  export REGISTRY_AUTH_FILE=$scratch/auth.json
  aws ecr get-login-password --region "${BASH_REMATCH[1]}" > "$scratch/password" ||
    fail 5 "awscli gives no password for $host: check the credentials with 'aws sts get-caller-identity'"
  skopeo login --username AWS --password-stdin "$host" < "$scratch/password" >&2 || fail 5 "$host refuses the login"
fi

list='{}'
while read -r name stream <&3; do
  image=$scratch/$name
  # The registry gets exactly these bytes, so the digest is known before anything is sent.
  "$stream" > "$image.tar" 2> "$scratch/log" || fail 5 "$name cannot be made: $(tail -n 1 "$scratch/log")"
  skopeo --insecure-policy copy --quiet --format v2s2 --dest-compress "docker-archive:$image.tar" "dir:$image" >&2 ||
    fail 5 "$name is no image that skopeo reads"
  rm "$image.tar"
  digest=sha256:$(sha256sum "$image/manifest.json" | cut -d ' ' -f 1)
  config=$image/$(jq -er '.config.digest | ltrimstr("sha256:")' "$image/manifest.json")
  version=$(jq -r '.config.Labels["org.opencontainers.image.version"] // "0"' "$config")
  tag=$version-${digest:7:12}

  if [ -n "$directory" ]; then
    mkdir -p "$directory"
    skopeo --insecure-policy copy --quiet --digestfile "$scratch/digest" "dir:$image" "oci:$directory/$name:$tag" >&2
    digest=$(cat "$scratch/digest")
  else
    for one in "$tag" ${alias:+"$alias"}; do
      there=$(skopeo inspect --raw "docker://$repo/$name:$one" 2> "$scratch/log" | sha256sum | cut -d ' ' -f 1) || there=
      if [ "sha256:$there" = "$digest" ]; then
        echo "$name:$one is there already" >&2
        continue
      fi
      skopeo --insecure-policy copy --quiet --preserve-digests "dir:$image" "docker://$repo/$name:$one" >&2 ||
        fail "$([ -n "$there" ] && echo 4 || echo 5)" "$repo/$name:$one was not pushed: where its tags are immutable and it is another image, give another TAG or none"
      echo "$name:$one pushed" >&2
    done
  fi
  jq -c --arg digest "$digest" --arg tag "$tag" \
    '{$digest, $tag, architecture, revision: (.config.Labels["fdnix.nixpkgs.revision"] // null)}
     | with_entries(select(.value != null))' "$config" > "$image.json"
  list=$(jq -c --arg name "$name" --slurpfile image "$image.json" '. + {($name): $image[0]}' <<< "$list")
  rm -rf "$image"
done 3<<< "$IMAGES"
echo "$list"
