#!/usr/bin/env bash
# Compares a tag with the version in package.json, and demands a dated section of the changelog for it.
set -euo pipefail
tag=${1:?usage: version.sh TAG}
version=$(jq -er .version package.json)
[ "$tag" = "v$version" ] || { echo "the tag is $tag and package.json has $version" >&2; exit 1; }
grep -Eq "^## ${version//./\\.} \([0-9]{4}-[0-9]{2}-[0-9]{2}\)$" CHANGELOG.md || {
  echo "CHANGELOG.md has no section '## $version (YYYY-MM-DD)'" >&2
  exit 1
}
