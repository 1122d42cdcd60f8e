# What a developer needs. AWS's and Kubernetes' tools where this platform has them.
{
  lib,
  mkShellNoCC,
  nodejs_24,
  nix,
  git,
  jq,
  pkgs,
}:
mkShellNoCC {
  name = "fdnix";
  packages = [
    nodejs_24
    nix
    git
    jq
  ]
  ++ lib.filter (package: lib.meta.availableOn pkgs.stdenv.hostPlatform package && !package.meta.broken) [
    pkgs.awscli2
    pkgs.kubectl
    pkgs.localstack
    pkgs.skopeo
  ];
  shellHook = ''
    [ -d node_modules ] || echo "npm ci installs the dependencies; npm test and npm run check are what CI runs" >&2
  '';
}
