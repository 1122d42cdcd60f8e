#!/usr/bin/env bash
# Proposes a newer nixpkgs for the tools. GITHUB_OUTPUT gets `commit`, or nothing if nothing has moved.
set -euo pipefail
nix flake update nixpkgs
if git diff --quiet flake.lock; then
  echo "nixpkgs has not moved"
  exit 0
fi
revision=$(jq -er '.nodes.nixpkgs.locked.rev' flake.lock)
branch=nixpkgs-${revision:0:12}
git config user.name 'github-actions[bot]'
git config user.email '41898282+github-actions[bot]@users.noreply.github.com'
git switch --quiet --force-create "$branch"
git commit --quiet --message "flake: build the tools with nixpkgs ${revision:0:12}" -- flake.lock
git push --quiet --force origin "$branch"
gh pr view "$branch" > /dev/null 2>&1 ||
  gh pr create --head "$branch" --base main --title "Build the tools with nixpkgs ${revision:0:12}" --body "The monthly update."
echo "commit=$(git rev-parse HEAD)" >> "$GITHUB_OUTPUT"
