# Stand-in for nixpkgs' package set: builders that instantiate a derivation with the right inputs, and nothing to build.
{ lib, system }:
let
  isLinux = lib.hasInfix "linux" system;
  hostPlatform = {
    inherit system isLinux;
    isDarwin = !isLinux;
    isMusl = false;
    node = {
      platform = if isLinux then "linux" else "darwin";
      arch = if lib.hasPrefix "x86_64" system then "x64" else "arm64";
    };
  };
  plain = value: !builtins.isAttrs value && !builtins.isFunction value && value != null;
  mkDerivation =
    args:
    let
      drv = derivation (
        lib.filterAttrs (_: plain) args
        // {
          inherit system;
          name = args.name or "${args.pname}-${args.version}";
          builder = "/bin/sh";
          inputs = map toString (args.nativeBuildInputs or [ ] ++ args.packages or [ ]);
        }
      );
    in
    drv
    // (args.passthru or { })
    // {
      version = args.version or "";
      meta = args.meta or { };
      passthru = args.passthru or { };
      overrideAttrs = change: mkDerivation (args // (if builtins.isFunction change then change args else change));
    };
  package =
    name:
    mkDerivation {
      inherit name;
      meta = {
        mainProgram = name;
        broken = false;
      };
    };
  runCommand =
    name: args: script:
    mkDerivation (args // (args.env or { }) // { inherit name script; });
in
{
  inherit lib runCommand;
  stdenv = { inherit hostPlatform; };
  stdenvNoCC = { inherit hostPlatform mkDerivation; };
  writeText = name: text: runCommand name { inherit text; } "";
  linkFarm =
    name: entries: runCommand name { } (toString (lib.mapAttrsToList (key: path: "${key}=${path}") entries));
  # As in nixpkgs, a list of inputs or a fixup leaves the path of the output to the hash alone.
  fetchurl =
    args@{ url, hash, ... }:
    mkDerivation (
      removeAttrs args [ "hash" ]
      // {
        outputHash = hash;
        outputHashMode = if args.recursiveHash or false then "recursive" else "flat";
      }
    );
  writeShellApplication =
    { name, text, runtimeInputs ? [ ] }:
    runCommand name {
      nativeBuildInputs = runtimeInputs;
      meta.mainProgram = name;
    } text;
  mkShellNoCC = mkDerivation;
  dockerTools.buildLayeredImage =
    args:
    let
      image = runCommand "${args.name}.tar.gz" { } (builtins.toJSON args.config);
    in
    image
    // rec {
      stream = image;
      passthru = { inherit stream; };
      imageName = args.name;
      imageTag = args.tag;
    };
  importNpmLock.buildNodeModules =
    { packageLock, ... }:
    runCommand "node-modules" { passthru = { inherit packageLock; }; } (builtins.toJSON packageLock);
  testers.runNixOSTest = { name, testScript, ... }: runCommand "vm-test-${name}" { } testScript;
}
// lib.genAttrs [
  "awscli2"
  "coreutils"
  "cacert"
  "curl"
  "gh"
  "git"
  "jq"
  "makeWrapper"
  "minisign"
  "nix"
  "nixfmt-tree"
  "nodejs_24"
  "nodejs-slim_24"
  "openssl"
  "patchelf"
  "shellcheck"
  "skopeo"
  "systemd"
  "umoci"
  "zstd"
] package
