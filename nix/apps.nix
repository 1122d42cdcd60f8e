# `nix run .#NAME`: the programs, and tools for developers and operators.
{
  lib,
  stdenvNoCC,
  runCommand,
  writeShellApplication,
  coreutils,
  jq,
  skopeo,
  awscli2,
  nodejs_24,
  npm,
  indexed,
  images,
  fdnix,
  extract,
  embed,
  search,
}:
let
  # The checkout with all dependencies, for tests, emulators and deployment, which are not part of the programs.
  tree = runCommand "fdnix-tree" { } ''
    cp -r ${
      lib.fileset.toSource {
        root = ../.;
        fileset = ../.;
      }
    } $out
    chmod u+w $out
    ln -s ${npm.forTests}/node_modules $out/node_modules
  '';

  app =
    {
      name,
      description,
      text,
      runtimeInputs ? [ ],
    }:
    {
      type = "app";
      program = lib.getExe (writeShellApplication {
        name = "fdnix-${name}";
        inherit text runtimeInputs;
      });
      meta = { inherit description; };
    };
  program = package: {
    type = "app";
    program = lib.getExe package;
    meta = { inherit (package.meta) description; };
  };
in
{
  inherit tree;
  apps = {
    default = program fdnix;
    fdnix = program fdnix;
    extract = program extract;
    embed = program embed;
    search = program search;

    services = app {
      name = "services";
      description = "Starts the local AWS emulators of the tests and prints what to export; Ctrl-C stops them";
      runtimeInputs = [ nodejs_24 ];
      text = ''exec node ${tree}/test/emulators/services.ts "$@"'';
    };

    deploy = app {
      name = "deploy";
      description = "The AWS deployment: diff, deploy or destroy; --help tells its flags";
      runtimeInputs = [
        nodejs_24
        awscli2
      ];
      # The images hold the pinned nixpkgs unless a flag says otherwise, because the last flag wins.
      text = ''exec node ${tree}/src/infra/deploy.ts ${
        lib.optionalString (indexed ? rev) "--revision ${indexed.rev}"
      } "$@"'';
    };
  }
  // lib.optionalAttrs stdenvNoCC.hostPlatform.isLinux {
    push = app {
      name = "push";
      description = "Copies the images to a registry, under tags made from their content, and prints their digests as JSON";
      runtimeInputs = [
        skopeo
        awscli2
        jq
        coreutils
      ];
      text = ''
        IMAGES=${
          lib.escapeShellArg (
            lib.concatStringsSep "\n" (
              lib.mapAttrsToList (_: image: "${image.imageName} ${image.passthru.stream}") images
            )
          )
        }
        ${builtins.readFile ./push.sh}
      '';
    };
  };
}
