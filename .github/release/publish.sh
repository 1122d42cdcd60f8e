#!/usr/bin/env bash
# The last step, after COMMIT was verified and checked: makes the release BRANCH public, and at the same moment the manifest
# that names it. Then main gets the commit with the pin, so there is never a pin without its asset. If main has moved
# meanwhile, the commit becomes a pull request.
set -euo pipefail
gh release edit "$BRANCH" --draft=false --latest
if git push --quiet origin "$COMMIT:refs/heads/main"; then
  git push --quiet origin --delete "$BRANCH"
else
  gh pr create --head "$BRANCH" --base main --title "Index nixpkgs ${BRANCH#index-}" \
    --body "The index is published and verified; main has moved since."
fi
