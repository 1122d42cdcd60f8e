#!/usr/bin/env bash
# Makes one manifest list for each image from the images of two architectures: images.sh REPOSITORY VERSION FILE FILE. The
# files are the output of `nix run .#push` for amd64 and for arm64. Prints the digests of the lists as JSON.
set -euo pipefail
repository=$1 version=$2 amd64=$3 arm64=$4
for name in $(jq -r 'keys[]' "$amd64"); do
  docker buildx imagetools create --tag "$repository/$name:$version" \
    "$repository/$name@$(jq -er --arg name "$name" '.[$name].digest' "$amd64")" \
    "$repository/$name@$(jq -er --arg name "$name" '.[$name].digest' "$arm64")" >&2
  digest=$(docker buildx imagetools inspect "$repository/$name:$version" --format '{{json .Manifest.Digest}}' | jq -er .)
  jq -n --arg name "$name" --arg digest "$digest" '{($name): $digest}'
done | jq -s add
