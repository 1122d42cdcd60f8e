#!/usr/bin/env bash
# Pushes the images of this checkout to GHCR, and to the ECR of an AWS account if the repository's variables name one. It
# writes images.json and images-aws.json, which `deploy --images` takes.
#
#   TOKEN          of the workflow, for GHCR
#   AWS_ROLE       optional: the ARN of a role that trusts this repository's OIDC tokens
#   AWS_REGISTRY   with it: ACCOUNT.dkr.ecr.REGION.amazonaws.com
set -euo pipefail
skopeo login ghcr.io --username "$GITHUB_ACTOR" --password-stdin <<< "$TOKEN"
nix run --print-build-logs .#push -- "ghcr.io/${GITHUB_REPOSITORY_OWNER,,}" > images.json
if [ -z "${AWS_ROLE-}" ]; then
  echo "the variable AWS_ROLE is not set: nothing is pushed to ECR"
  exit 0
fi
: "${AWS_REGISTRY:?AWS_ROLE is set, and AWS_REGISTRY is not: set the variable to ACCOUNT.dkr.ecr.REGION.amazonaws.com}"
identity=$(mktemp)
trap 'rm -f "$identity"' EXIT
curl --fail --silent --show-error --header "Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" \
  "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=sts.amazonaws.com" | jq -er .value > "$identity"
# awscli itself exchanges the token.
export AWS_ROLE_ARN=$AWS_ROLE AWS_WEB_IDENTITY_TOKEN_FILE=$identity AWS_ROLE_SESSION_NAME=fdnix-images
nix run .#push -- --login "$AWS_REGISTRY" > images-aws.json
