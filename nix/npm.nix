# node_modules from package-lock.json: every package by its integrity in the lockfile, and only those for the host's
# platform. importNpmLock alone fetches the optional packages of all platforms (27 tarballs, 106 MB, for esbuild alone).
{
  lib,
  stdenvNoCC,
  importNpmLock,
  nodejs_24,
}:
let
  inherit (stdenvNoCC.hostPlatform) node isMusl isLinux;
  package = lib.importJSON ../package.json;
  lock = lib.importJSON ../package-lock.json;

  # npm's rule: an entry with "!" excludes; if there are other entries, one of them must match.
  matches =
    wanted: have:
    let
      positive = lib.filter (x: !lib.hasPrefix "!" x) wanted;
    in
    !lib.elem "!${have}" wanted && (positive == [ ] || lib.elem have positive);
  here =
    entry:
    !(entry.optional or false)
    || (
      matches (entry.os or [ ]) node.platform
      && matches (entry.cpu or [ ]) node.arch
      && (!isLinux || matches (entry.libc or [ ]) (if isMusl then "musl" else "glibc"))
    );

  modules =
    {
      name,
      devDependencies,
      keep,
    }:
    let
      # Only the parts of package.json that npm reads, so that a new script there does not cause a new installation.
      root = {
        inherit (package) name version dependencies;
        inherit devDependencies;
      };
    in
    importNpmLock.buildNodeModules {
      package = root;
      packageLock = lock // {
        packages = lib.filterAttrs (path: entry: path == "" || (here entry && keep path entry)) lock.packages // {
          "" = root;
        };
      };
      nodejs = nodejs_24;
      derivationArgs = {
        pname = name;
        npmRebuildFlags = [ "--ignore-scripts" ]; # esbuild and the others ship their binaries inside their packages
        dontFixup = true;
      };
    };
in
{
  # The packages of the bundle, and esbuild.
  forBuild = modules {
    name = "fdnix-build-modules";
    devDependencies = { inherit (package.devDependencies) esbuild; };
    keep = path: entry: !(entry.dev or entry.devOptional or false) || lib.hasInfix "esbuild" path;
  };
  # All packages, for tests and local services.
  forTests = modules {
    name = "fdnix-test-modules";
    inherit (package) devDependencies;
    keep = _: _: true;
  };
}
