# Everything that fdnix makes with one package set. `indexed` is the nixpkgs to index, and `revision` is our own commit.
# `published` and `publishedPrograms` pin the contents of releases, and `programsList` what a channel lists beside a
# revision; all three are written by machine. `usageInputs` are the
# sources of texts about using software; without them the index has none. `optionInputs` are trees of modules, by the scope
# of their options; without them the index has the options of NixOS alone.
{
  pkgs,
  indexed,
  revision,
  published ? builtins.fromJSON (builtins.readFile ./published.json),
  usageInputs ? { },
  optionInputs ? { },
  publishedPrograms ? builtins.fromJSON (builtins.readFile ./published-programs.json),
  programsList ? builtins.fromJSON (builtins.readFile ./programs-list.json),
}:
let
  inherit (pkgs) lib;
  inherit (pkgs.stdenv.hostPlatform) isLinux;
  missing = lib.filter (name: !pkgs ? ${name}) [
    "importNpmLock"
    "nodejs_24"
    "nodejs-slim_24"
  ];
  callPackage =
    if missing == [ ] then
      lib.callPackageWith (pkgs // scope)
    else
      throw "fdnix needs nixpkgs 25.05 or newer: yours (${lib.version or "unknown"}) lacks ${toString missing}; update it, or drop inputs.fdnix.inputs.nixpkgs.follows";

  nixpkgsRevision = lib.optionalAttrs (indexed ? rev) { FDNIX_NIXPKGS_REV = indexed.rev; };
  wrap = callPackage ./wrap.nix { };

  scope = {
    inherit
      pkgs
      indexed
      revision
      published
      publishedPrograms
      programsList
      usageInputs
      optionInputs
      ;
    npm = callPackage ./npm.nix { };
  }
  // packages;

  packages = {
    default = packages.fdnix;
    # Evaluates the pinned nixpkgs as well, but fetches it on first use. Only `extract` has nixpkgs and Nix with it.
    fdnix = wrap {
      name = "fdnix";
      description = "Turns one pinned nixpkgs revision into an index that is searched by meaning and by name";
      manual = true;
      env =
        if indexed ? rev then
          { FDNIX_NIXPKGS = "github:NixOS/nixpkgs/${indexed.rev}"; } // nixpkgsRevision
        else
          { FDNIX_NIXPKGS = "${indexed}"; };
    };
    extract = wrap {
      name = "extract";
      description = "Extracts the metadata of every package of a nixpkgs revision";
      path = [ pkgs.nix ];
      env = {
        FDNIX_NIXPKGS = "${indexed}";
      }
      // nixpkgsRevision;
    };
    embed = wrap {
      name = "embed";
      description = "Embeds the packages that have no vector yet";
    };
    search = wrap {
      name = "search";
      description = "Searches nixpkgs by meaning and by name, with the index of the pinned revision";
      env.FDNIX_INDEX = "${packages.index}";
    };
    programs = callPackage ./programs.nix { };
    programs-from-source = callPackage ./programs-from-source.nix { };
    index = callPackage ./index.nix { };
    index-from-source = callPackage ./index-from-source.nix { };
    usage = callPackage ./usage.nix { };
    models = callPackage ./models.nix { };
    onnx-runtime = callPackage ./onnx.nix { };
    k8s = callPackage ./k8s.nix { };
  }
  // lib.optionalAttrs isLinux (
    images
    // {
      images = pkgs.linkFarm "fdnix-images" (
        lib.mapAttrs' (name: image: lib.nameValuePair "${name}.tar.gz" image) images
      );
    }
  );
  images = lib.getAttrs [
    "metadata-generator-image"
    "embedding-generator-image"
    "search-image"
  ] (callPackage ./images.nix { });
  run = callPackage ./apps.nix { images = lib.optionalAttrs isLinux images; };
in
{
  inherit packages;
  overlayed = packages.fdnix.overrideAttrs (old: {
    passthru = (old.passthru or { }) // removeAttrs packages [ "default" ];
  });
  inherit (run) apps tree;
  devShells = {
    default = callPackage ./shell.nix { };
    aws = callPackage ./shell.nix { localAws = run.apps.services.program; };
  };
}
