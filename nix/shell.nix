# The tools of developers and of the workflows, if this platform has them. With `localAws`, the program of the local AWS
# emulators, the shell starts it and stops it when it ends.
{
  lib,
  mkShellNoCC,
  nodejs_24,
  nix,
  git,
  jq,
  curl,
  gh,
  minisign,
  openssl,
  shellcheck,
  pkgs,
  localAws ? null,
}:
mkShellNoCC {
  name = "fdnix";
  packages = [
    nodejs_24
    nix
    git
    jq
    curl # .github/release
    gh
    minisign
    openssl
    shellcheck
  ]
  ++ lib.filter (package: lib.meta.availableOn pkgs.stdenv.hostPlatform package && !package.meta.broken) [
    pkgs.awscli2 # docs/operations.md
    pkgs.skopeo # test/nix/build.sh
    pkgs.umoci
  ];
  shellHook = ''
    [ -d node_modules ] || echo "npm ci installs the dependencies; npm test and npm run check are what CI runs" >&2
  ''
  + lib.optionalString (localAws != null) ''
    fdnix_services=${lib.escapeShellArg localAws}
    ${builtins.readFile ./local-aws.sh}
  '';
}
